"""The search among secondary addresses as a plan without any wires.

A mask that only one meter fits ends at that meter. One that several fit is split at an open place
into narrower masks, and those are searched before anything else; so what is left is a short list of
text at any time, `todo`, and a search begun with that list goes on where the other one stood.

The identification is split from its last digit on: meters of one delivery share the digits in
front, and splitting those first would ask ten questions for each without telling any two apart.
Medium, manufacturer and version come after it; only meters with equal identifications need them.

A split asks for the likely values of its place and leaves a *remainder* behind: the mask with stars
there and the values at which meters were seen, such as `FFFFFFF*FFFFFFFF:5`. Where masks collide
there are at least two meters. If the likely values showed fewer, an answer was lost, and they are
asked for again, and the unlikely ones too (digits A to E do not belong into an identification, but
some meters have them).

`56:` in front of a mask means meters that send high bytes first.
"""

from collections.abc import Iterable
from typing import NamedTuple

from drivers.mbus import address, header, media
from drivers.mbus.header import Identity

HIGH_FIRST = "56:"
START = (address.ANY, HIGH_FIRST + address.ANY)

# Two meters with one identification are most often of two makers. These are asked for by name,
# any other is found by the bytes of its number.
# fmt: off
_MAKERS = (
    "ABB", "ACW", "AMT", "APA", "BMT", "DME", "DWZ", "EFE", "ELS", "ELV", "EMH",
    "EMU", "ESY", "GAV", "HYD", "INV", "ITR", "ITW", "KAM", "LGB", "LGZ", "LSE",
    "LUG", "MET", "MTX", "NES", "NZR", "PAD", "QDS", "REL", "SAP", "SEN", "SIE",
    "SLB", "SON", "SPX", "SVM", "TCH", "TEC", "WEP", "ZEN", "ZRI", "ZRM",
)
# fmt: on
_DECIMAL, _BEYOND_DECIMAL = tuple("0123456789"), tuple("ABCDE")
# FFh is the wildcard and cannot be asked for.
_BYTES = tuple(f"{value:02X}" for value in range(0xFF))
_AND = "."
# Stands among the values seen for a meter that need not be there.
_NOBODY = "-"
_VALUES = frozenset("0123456789ABCDEF" + _AND + _NOBODY)
# Fewer meters than these at one mask do not collide.
_COLLIDING = 2
# What one step of a search leaves behind is at most one remainder for each place, and the values
# of a place; ten times that is nobody's notes of a search.
TODO_MAX = 4096


class _Place(NamedTuple):
    """Where a mask can be split, and into what."""

    at: slice
    likely: tuple[str, ...]
    unlikely: tuple[str, ...] = ()


def _maker_digits(letters: str) -> str:
    identity = Identity("00000000", letters, 0, media.OTHER)
    return header.encode_identity(identity)[4:6].hex().upper()


def _media() -> _Place:
    """Media that the standard names first, its reserved ones after."""
    named = tuple(c for c in _BYTES if not media.name(int(c, 16)).startswith("reserved"))
    return _Place(slice(14, 16), named, tuple(c for c in _BYTES if c not in named))


_PLACES = (
    *(
        _Place(slice(digit, digit + 1), _DECIMAL, _BEYOND_DECIMAL)
        for digit in reversed(range(address.ID_DIGITS))
    ),
    _media(),
    _Place(slice(8, 12), tuple(map(_maker_digits, _MAKERS)), tuple("FF" + b for b in _BYTES)),
    _Place(slice(8, 10), _BYTES),
    _Place(slice(12, 14), _BYTES),
)


class Descent:
    """What is still to be asked: `take` a mask, ask it, then say what came of it.

    `is_thorough` asks for the unlikely values always: that takes half as long again, and finds a
    meter with a digit from A to E beside two with the same digits after it.
    """

    def __init__(self, todo: Iterable[str] = START, *, is_thorough: bool = False) -> None:
        self._todo = [_checked(entry) for entry in todo]
        if len(self._todo) > TODO_MAX:
            raise ValueError(f"expected at most {TODO_MAX} masks, got {len(self._todo)}")
        self._is_thorough = is_thorough

    @property
    def todo(self) -> tuple[str, ...]:
        """What is still to be searched, the next first."""
        return tuple(self._todo)

    def take(self) -> str | None:
        """The next mask to be asked; None at the end."""
        while self._todo:
            entry = self._todo.pop(0)
            if "*" not in entry:
                return entry
            self._todo[:0] = self._rest(entry)
        return None

    def _rest(self, remainder: str) -> list[str]:
        """What a remainder stands for now that the likely values were asked for."""
        stars, _, values = remainder.rpartition(":")
        place = _place_of(_parts(stars)[1])
        seen = values.split(_AND) if values else []
        is_missing = len(seen) < _COLLIDING
        again = [value for value in place.likely if value not in seen] if is_missing else []
        rest = place.unlikely if is_missing or self._is_thorough else ()
        return _children(stars, place, (*again, *rest))

    def seen(self, entry: str, meters: int = 1) -> None:
        """That many answered to `entry`, which was taken: its remainder has fewer to look for."""
        for index, other in enumerate(self._todo):
            stars, _, values = other.rpartition(":")
            if "*" in stars:
                if _is_child(entry, stars):
                    value = entry[stars.find("*") : stars.rfind("*") + 1]
                    known = values.split(_AND) if values else []
                    self._todo[index] = f"{stars}:{_AND.join([*known, *[value] * meters])}"
                return

    def split(self, entry: str, meters: int = _COLLIDING) -> bool:
        """Go deeper: ask narrower masks than `entry`, behind which are at least so many meters.

        False where it has no open place.
        """
        place = _open_place(entry)
        if place is None:
            return False
        prefix, mask = _parts(entry)
        stars = prefix + _put(mask, place.at, "*" * (place.at.stop - place.at.start))
        values = _AND.join([_NOBODY] * (_COLLIDING - meters))
        self._todo[:0] = [*_children(stars, place, place.likely), f"{stars}:{values}"]
        return True

    def doubt(self, entry: str, full: str) -> None:
        """Ask whether the meter `full`, which alone was heard at `entry`, hides another one.

        Meters of one delivery may answer in the same instant with telegrams that differ in a digit
        of the identification and in the checksum. Together they are heard as the bits that both
        have, and that may be the sound telegram of the one whose digit has fewer.
        """
        place = _open_place(entry)
        if place is None or place.likely is not _DECIMAL:
            return
        prefix, mask = _parts(entry)
        heard = int(full[place.at], 16)
        hidden = [one for one in _DECIMAL if int(one) & heard == heard != int(one)]
        self._todo[:0] = _children(prefix + mask, place, hidden)


def is_named(entry: str) -> bool:
    """Whether no digit of the identification is open any more."""
    return "F" not in _parts(entry)[1][: address.ID_DIGITS]


def is_open(entry: str) -> bool:
    """Whether every digit of the identification is open."""
    return set(_parts(entry)[1][: address.ID_DIGITS]) == {"F"}


def mask_of(entry: str) -> tuple[str, bool]:
    """The mask of an entry that was taken, and whether it is for high bytes first."""
    prefix, mask = _parts(entry)
    return mask, bool(prefix)


def _checked(entry: str) -> str:
    """`entry` in full; ValueError for what no search leaves behind."""
    prefix, mask = _parts(entry)
    stars, colon, seen = mask.partition(":")
    if not colon and "*" not in mask:
        return prefix + address.parse(mask)
    if not colon or "*" not in stars or not set(seen) <= _VALUES:
        raise ValueError(f"expected a mask with stars and the values seen, got {entry!r}")
    address.parse(stars.replace("*", "0"))
    _place_of(stars)
    return prefix + mask


def _parts(entry: str) -> tuple[str, str]:
    if entry.startswith(HIGH_FIRST):
        return HIGH_FIRST, entry.removeprefix(HIGH_FIRST)
    return "", entry


def _place_of(stars: str) -> _Place:
    at = slice(stars.find("*"), stars.rfind("*") + 1)
    place = next((one for one in _PLACES if one.at == at), None)
    if place is None or "*" * (at.stop - at.start) != stars[at]:
        raise ValueError(f"no search splits a mask at the stars of {stars!r}")
    return place


def _open_place(entry: str) -> _Place | None:
    """Where `entry` is split next."""
    _, mask = _parts(entry)
    return next((place for place in _PLACES if set(mask[place.at]) == {"F"}), None)


def _is_child(entry: str, stars: str) -> bool:
    return len(entry) == len(stars) and all(
        wanted in {"*", digit} for digit, wanted in zip(entry, stars, strict=True)
    )


def _children(stars: str, place: _Place, values: Iterable[str]) -> list[str]:
    prefix, mask = _parts(stars)
    return [prefix + _put(mask, place.at, value) for value in values]


def _put(mask: str, at: slice, value: str) -> str:
    return mask[: at.start] + value + mask[at.stop :]
