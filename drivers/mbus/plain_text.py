"""A unit spelled out behind VIF 7Ch or FCh, in either of the two orders that meters use.

EN 13757-3:2018, C.2 lets the VIFEs follow the VIF and puts length and text behind them; older
meters, and the documentation they follow, put the text straight behind the VIF and the VIFEs
last. Nothing in the telegram says which, but a length that runs out of the telegram or over
unprintable bytes is none: the old order is believed where it gives a text, then the new one.
"""

from typing import NamedTuple

from drivers.driver import FrameError

_EXTENSION = 0x80
# EN 13757-3:2018, 6.4.4: at most ten.
_VIFES_MAX = 10
# ISO 8859-1 without its two rows of control characters.
_PRINTABLE = frozenset(range(0x20, 0x7F)) | frozenset(range(0xA0, 0x100))


class PlainText(NamedTuple):
    """A unit, the VIFEs that qualify it, and where the block ends."""

    unit: bytes
    vifes: bytes
    end: int

    @property
    def is_text(self) -> bool:
        """Whether the unit can be read."""
        return _PRINTABLE.issuperset(self.unit)


def read(body: bytes, at: int) -> PlainText:
    """The block whose VIF stands at `at`; FrameError where `body` ends before it does."""
    if body[at] < _EXTENSION:
        unit, end = _unit(body, at + 1)
        return PlainText(unit, b"", end)
    try:
        old = _text_first(body, at + 1)
    except FrameError as error:
        return _vifes_first(body, at + 1) or _refuse(error)
    return old if old.is_text else _vifes_first(body, at + 1) or old


def _text_first(body: bytes, at: int) -> PlainText:
    unit, end = _unit(body, at)
    vifes = _chain(body, end)
    return PlainText(unit, vifes, end + len(vifes))


def _vifes_first(body: bytes, at: int) -> PlainText | None:
    try:
        vifes = _chain(body, at)
        unit, end = _unit(body, at + len(vifes))
    except FrameError:
        return None
    found = PlainText(unit, vifes, end)
    return found if found.is_text else None


def _unit(body: bytes, at: int) -> tuple[bytes, int]:
    """The text whose length stands at `at`, its last character first, and where it ends."""
    if at >= len(body):
        raise _ended_early("unit length", 1, 0)
    end = at + 1 + body[at]
    if end > len(body):
        raise _ended_early("unit", body[at], len(body) - at - 1)
    return body[at + 1 : end], end


def _chain(body: bytes, at: int) -> bytes:
    """The VIFEs from `at` on, up to the one without the extension bit."""
    for end in range(at, min(at + _VIFES_MAX, len(body))):
        if body[end] < _EXTENSION:
            return body[at : end + 1]
    if at + _VIFES_MAX <= len(body):
        raise FrameError(f"a record has more than {_VIFES_MAX} VIFEs")
    raise _ended_early("VIFE", 1, 0)


def _ended_early(what: str, expected: int, came: int) -> FrameError:
    return FrameError(f"the records end early: expected {expected} bytes of {what}, got {came}")


def _refuse(error: FrameError) -> PlainText:
    raise error
