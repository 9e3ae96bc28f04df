"""What a maker's own record of flags says: tamper, reverse flow, leak.

The status byte of the header has no standard bits for them, and what makers put into a record of
flags differs from model to model. So a profile names the record by its very bytes (DIB and VIB),
the versions of the meter whose document was read, and the bits; nothing else is taken.
"""

from collections.abc import Sequence

from drivers.mbus.profile import MbusProfile
from drivers.mbus.telegram import Telegram
from drivers.reading import MeterStatus


def told(profile: MbusProfile, telegrams: Sequence[Telegram]) -> MeterStatus:
    """The states that the flags of a readout tell."""
    status = MeterStatus.OK
    for flags in profile.flags:
        heading = bytes.fromhex(flags.record)
        for telegram in telegrams:
            if telegram.version not in flags.versions:
                continue
            for record in telegram.records:
                if record.dib + record.vib == heading:
                    bits = int.from_bytes(record.data, "little")
                    status |= _states(bits, flags.tamper, MeterStatus.TAMPER)
                    status |= _states(bits, flags.reverse_flow, MeterStatus.REVERSE_FLOW)
                    status |= _states(bits, flags.leak, MeterStatus.LEAK)
    return status


def _states(bits: int, mask: int, state: MeterStatus) -> MeterStatus:
    return state if bits & mask else MeterStatus.OK
