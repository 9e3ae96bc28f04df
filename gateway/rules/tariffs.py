"""V-TOU: the tariff registers of a meter together advance as far as its total.

Each of the n + 1 registers shows its value cut off, so sum and total may stand n + 1 units of the
last digit apart. What they were apart when the meter was installed is granted: some meters count
their tariffs only from the day these were programmed. All registers of the answer are in doubt
together, for nobody can say which of them is wrong.

Nothing is compared unless every tariff was read: a meter with a tariff that is not registered
would look like a wrong one.
"""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.model import Finding, Severity
from gateway.rules.subject import Candidate, Dial, History, Shown

RULE = "V-TOU"
# Time integrals (D = 8) add up; maxima, averages and instantaneous values do not.
_INTEGRAL = "8"
_TARIFFS_MIN = 2


class Sum(NamedTuple):
    """A total with its tariffs by their names, and what they were apart from the beginning.

    `names` are all of them. Registers pass their last digit, each in its time, so they are
    compared modulo `capacity`.
    """

    total: str
    tariffs: tuple[str, ...]
    apart: int
    capacity: int
    names: frozenset[str]

    def beyond(self, mantissas: dict[str, int]) -> int:
        """How far sum and total are apart, signed; all the registers must be in `mantissas`."""
        tariffs = sum([mantissas[name] for name in self.tariffs])
        apart = (tariffs - mantissas[self.total] - self.apart) % self.capacity
        return apart if 2 * apart <= self.capacity else apart - self.capacity

    def agrees(self, mantissas: dict[str, int]) -> bool:
        """Whether the registers can stand so together."""
        return abs(self.beyond(mantissas)) <= len(self.tariffs) + 1


class Part(NamedTuple):
    """A register that may be part of a sum, with the mantissa it was installed with."""

    obis: str
    dial: Dial
    initial: int | None


def sums(parts: Iterable[Part]) -> list[Sum]:
    """The sums that registers of one meter make."""
    stems: dict[str, list[Part]] = {}
    for part in parts:
        stems.setdefault(stem(part.obis), []).append(part)
    found = [_sum(members) for key, members in stems.items() if key.split(".")[-1] == _INTEGRAL]
    return [one for one in found if one is not None]


def stem(obis: str) -> str:
    """A register's name without its tariff."""
    return obis.partition("*")[0].rpartition(".")[0]


def check(candidate: Candidate, _history: History) -> Finding | None:
    """An error where the tariffs that came with the reading do not add up to the total."""
    company, dial = candidate.company, candidate.dial
    if not company.shown:
        return None
    own = Shown(candidate.obis, dial, candidate.mantissa, company.initial, None)
    mine = stem(candidate.obis)
    if any(stem(name) == mine for name in company.absent + company.strange):
        return None
    members = [one for one in (own, *company.shown) if stem(one.obis) == mine]
    mantissas = {one.obis: one.mantissa for one in members}
    for one in sums(Part(member.obis, member.dial, member.initial) for member in members):
        if not one.agrees(mantissas):
            return _finding(one, mantissas, dial)
    return None


def _sum(members: list[Part]) -> Sum | None:
    total = [part for part in members if _tariff(part.obis) == 0]
    tariffs = [part for part in members if _tariff(part.obis) > 0]
    if len(total) != 1 or len(tariffs) < _TARIFFS_MIN:
        return None
    alike = {(part.dial.unit, part.dial.exponent) for part in members}
    initials = [part.initial for part in tariffs if part.initial is not None]
    begun = total[0].initial
    if len(alike) > 1 or begun is None or len(initials) < len(tariffs):
        return None
    capacity = min(part.dial.capacity for part in members)
    names = tuple(sorted(part.obis for part in tariffs))
    return Sum(
        total[0].obis, names, sum(initials) - begun, capacity, frozenset((total[0].obis, *names))
    )


def _tariff(obis: str) -> int:
    return int(obis.partition("*")[0].rpartition(".")[2])


def _finding(one: Sum, mantissas: dict[str, int], dial: Dial) -> Finding:
    shown = " + ".join(dial.text(mantissas[name]) for name in one.tariffs)
    detail = (
        f"tariffs {shown} and total {dial.text(mantissas[one.total])} are "
        f"{dial.text(one.beyond(mantissas))} further apart than at the installation, "
        f"at most {dial.text(len(one.tariffs) + 1)} are rounding"
    )
    return Finding(RULE, Severity.ERROR, "3.6.9", detail)
