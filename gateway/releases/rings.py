"""Rings: a version goes to a few devices first, and on only after it has proved itself there.

The ring before must have had it long enough: nobody there went back, everybody who answered runs
it, and somebody did. Devices that are silent hold nobody up: some always are.
"""

from collections.abc import Iterable

from gateway.releases.model import Offer, Place

HOUR_MS = 3_600_000


def before(ring: int, places: Iterable[Place]) -> int | None:
    """The ring that has to prove a version before `ring` gets it; None for the first there is."""
    inner = [place.ring for place in places if place.ring < ring]
    return max(inner, default=None)


def lacks(ring: int, offers: Iterable[Offer], now_ms: int, soak_h: float) -> str:
    """Why a version may not go beyond `ring` yet; "" if it may."""
    here = [offer for offer in offers if offer.ring == ring]
    if not here:
        return f"ring {ring} was not offered it yet"
    bad = [one for one in here if one.standing in {"rolled-back", "refused"} and not _had_it(one)]
    if bad:
        first = bad[0]
        return (
            f"ring {ring}: {first.device} {first.standing}: {first.reason or first.answer_reason}"
        )
    busy = [one.device for one in here if one.standing in {"offered", "fetching"}]
    if busy:
        return f"ring {ring}: {busy[0]} does not run it yet ({len(busy)} in all)"
    running = [one for one in here if one.standing == "running"]
    if not running:
        return f"ring {ring}: no device has answered yet"
    soaked_h = (now_ms - max(one.step_at_ms for one in running)) / HOUR_MS
    if soaked_h < soak_h:
        return f"ring {ring} runs it since {soaked_h:.1f} hours, expected {soak_h:g} at least"
    return ""


def _had_it(offer: Offer) -> bool:
    """Whether a device refused because it runs that version, or a newer one, already."""
    return (offer.reason or offer.answer_reason).startswith("not-newer")
