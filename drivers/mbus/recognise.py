"""Which profile fits a meter that was found: its header must be of the kind, and the records there.

The header alone is not enough: one maker sends kWh from one model and GJ from the next under the
same version. So a profile counts only if each of its registers finds its one record in the
telegrams at hand. Telegrams that are encrypted are judged by their headers.
"""

from collections.abc import Sequence
from functools import cache

from drivers import profile
from drivers.driver import FrameError, WrongMeter
from drivers.mbus.picking import check_kind, choose, encryption
from drivers.mbus.profile import MbusProfile
from drivers.mbus.telegram import Telegram


def recognise(telegrams: Sequence[Telegram]) -> tuple[str, ...]:
    """The names of the profiles that fit one readout of a meter, best first.

    Best is the one that says most narrowly which meters it means, then the one that takes most.
    """
    fitting = [one for one in _profiles() if telegrams and _fits(one, telegrams)]
    fitting.sort(key=lambda one: (-_narrowness(one), -len(one.registers), one.name))
    return tuple(one.name for one in fitting)


def _fits(model: MbusProfile, telegrams: Sequence[Telegram]) -> bool:
    try:
        check_kind(model, telegrams[0], "here")
        if encryption(telegrams) is not None:
            # An unreadable meter would fit every profile that does not name its maker.
            return bool(model.makers)
        choose(model, telegrams)
    except (WrongMeter, FrameError):
        return False
    return True


def _narrowness(model: MbusProfile) -> int:
    return sum(map(bool, (model.makers, model.versions, model.media)))


@cache
def _profiles() -> tuple[MbusProfile, ...]:
    known = map(profile.load, profile.names())
    return tuple(one for one in known if isinstance(one, MbusProfile))
