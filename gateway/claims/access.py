"""Premises kept closed to the controller: what their resident says of a meter does not count.

ПП 354 п. 60(1): after two acts of refusal, until an inspection, figures that the consumer submits
(also by photo or through ГИС ЖКХ) are not billed by. What a device signed, and what an inspector
read, is nobody's word and counts. The claim is kept as any other, with why it did not count.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drivers.reading import from_ms
from gateway.billing import CLOSING_TOLERANCE_MS
from gateway.claims.model import SUBMITTED
from gateway.claims.ports import Open
from gateway.estimation.refusal import AccessAct, unheard


class Access(NamedTuple):
    """The refusals and inspections of a house, and whose each metering point is."""

    zone: ZoneInfo
    acts: Sequence[AccessAct] = ()
    accounts: Mapping[int, str] = {}

    def why_not(self, claim: Open) -> str | None:
        """Why a claim does not count; None where it may, or where it counts already."""
        resource, account = claim.dial.resource, self.accounts.get(claim.key[0])
        if claim.state is not None or claim.source not in SUBMITTED:
            return None
        if resource is None or account is None:
            return None
        # A figure of the end of a day stands just after its midnight.
        day = from_ms(claim.at_ms - CLOSING_TOLERANCE_MS).astimezone(self.zone).date()
        return unheard(self.acts, (account, claim.key[0]), resource, day)
