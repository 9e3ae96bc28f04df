"""A person decides about a claim: it is brought among the readings, in doubt, and decided there.

So the claim is accepted or rejected exactly as any reading in doubt is: with a reason, the rising
register, the limit beyond which it takes two, the audit log. What a closing had chosen before
stays on record.
"""

from typing import Protocol

from gateway.claims.choosing import QUALITIES, RULE, name
from gateway.claims.model import ClaimError
from gateway.claims.ports import CLAIM_COPIES, AsReading, ChoosingPort, Open
from gateway.model import Finding, Severity, State
from gateway.review.reference import Reference


class DecidingPort(ChoosingPort, Protocol):
    """What deciding asks of storage."""

    def open_claim(self, number: int) -> Open | None:
        """One claim, settled or not."""

    def serial(self, register_no: int) -> str:
        """The meter a register is of."""


def reference_of(claims: DecidingPort, number: int) -> Reference:
    """The reading that a claim is or would be; ClaimError where there is no such claim."""
    claim = _claim(claims, number)
    serial = claims.serial(claim.register_no)
    return Reference(serial, claim.obis, claim.at_ms, CLAIM_COPIES + number)


def bring(claims: DecidingPort, number: int, actor: str, now_ms: int) -> None:
    """Bring a claim among the readings, in the transaction of the decision about it.

    So a claim whose decision is refused stays where it was.
    """
    claim = _claim(claims, number)
    if claim.state is None:
        said = f"{name(claim)} was brought before a person by {actor}"
        verdict = Finding(RULE, Severity.WARNING, QUALITIES[claim.source], said)
        claims.store(claim, AsReading(claim.mantissa, State.SUSPECT), [verdict], now_ms)


def _claim(claims: DecidingPort, number: int) -> Open:
    claim = claims.open_claim(number)
    if claim is None:
        raise ClaimError(f"there is no claim-{number}: see claims list")
    return claim
