"""What a Modbus profile may not say besides what no profile may (`drivers/profile_check.py`).

One wire register in two values would be billed twice, a counter must be able to reach the number
at which it rolls over, and no request may touch what must not be read.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from drivers.modbus import plan
from drivers.modbus.plan import Block
from drivers.modbus.profile import ModbusProfile, ModbusRegister, Sign
from drivers.modbus.values import Kind, is_float, width
from drivers.register import EXACT

_LAST_ADDRESS = 0xFFFF


class _Span(NamedTuple):
    """Wire registers, both ends included, and what they are for."""

    function: int
    first: int
    last: int
    owner: str

    def meets(self, other: "_Span") -> bool:
        return (
            self.function == other.function
            and self.first <= other.last
            and other.first <= self.last
        )

    def __str__(self) -> str:
        return f"{self.owner} (function {self.function}, {self.first:#06x} to {self.last:#06x})"


def check(profile: ModbusProfile) -> None:
    """ValueError if `profile` contradicts itself."""
    for register in profile.registers:
        _check_scales(register)
        _check_reach(register)
        _check_absent(register)
    for sign in profile.signs:
        _check_sign(sign)
    values = [span for register in profile.registers for span in _spans(register)]
    others = list(_other_spans(profile))
    forbidden = [_Span(s.function, s.first, s.last, "unreadable") for s in profile.unreadable]
    for span in [*values, *others, *forbidden]:
        if span.last > _LAST_ADDRESS or span.last < span.first:
            raise ValueError(f"address: {span} ends behind 0xFFFF or before it begins")
    _refuse_shared(values)
    _refuse_forbidden([*values, *others], forbidden)
    _refuse_forbidden(list(_requests(profile, others)), forbidden)


def _requests(profile: ModbusProfile, others: list[_Span]) -> Iterator[_Span]:
    """What goes over the wire; ValueError where the meter's limits forbid a request."""
    blocks = list(plan.blocks(profile))
    for span in others:
        alone = Block(span.function, span.first, span.last - span.first + 1)
        blocks += plan.cheapest(profile, [alone])
    for one in blocks:
        yield _Span(one.function, one.address, one.end - 1, "a request")


def _check_scales(register: ModbusRegister) -> None:
    """An integer counts whole steps of its resolution, so that scaling it is always exact."""
    for part in register.parts:
        if not part.scale.is_finite() or part.scale <= 0:
            raise ValueError(f"{register.obis}: scale: expected a positive number")
        steps = EXACT.scaleb(part.scale, -register.exponent)
        if not is_float(part.place.kind) and steps != steps.to_integral_value():
            raise ValueError(
                f"{register.obis}: scale {part.scale} is finer than 1e{register.exponent}"
            )


def _check_reach(register: ModbusRegister) -> None:
    """A counter can only roll over at a number that its bytes can hold."""
    if is_float(register.kind):
        return
    highest = sum(
        EXACT.multiply(_limits(part.place.kind)[1], part.scale)
        for part in register.parts
        if not is_float(part.place.kind)
    )
    if EXACT.scaleb(Decimal(highest), -register.exponent) < 10**register.digits - 1:
        raise ValueError(
            f"{register.obis}: digits: {register.kind} never shows {register.digits} digits of "
            f"1e{register.exponent} {register.unit}"
        )


def _check_absent(register: ModbusRegister) -> None:
    if register.absent is not None and len(register.absent) != 4 * register.place.count:
        raise ValueError(f"{register.obis}: absent: expected {4 * register.place.count} hex digits")


def _check_sign(sign: Sign) -> None:
    where = f"signs: {sign.address:#06x}"
    if sum(one is not None for one in (sign.text, sign.words, sign.kind)) != 1:
        raise ValueError(f"{where}: expected exactly one of text, words, kind")
    if sign.kind is None:
        if sign.low is not None or sign.high is not None:
            raise ValueError(f"{where}: low and high are limits of a kind")
        if sign.text is not None and not sign.text.isascii():
            raise ValueError(f"{where}: text: expected ASCII, got {sign.text!r}")
        return
    low, high = sign.low, sign.high
    if low is None or high is None or not (low.is_finite() and high.is_finite()):
        raise ValueError(f"{where}: expected low and high, both finite")
    least, most = _limits(sign.kind)
    if not least <= low <= high <= most:
        raise ValueError(
            f"{where}: low and high: expected {least} up to {most} in this order, got {low} "
            f"and {high}"
        )


def _limits(kind: Kind) -> tuple[Decimal, Decimal]:
    """The lowest and the highest number of a kind."""
    if is_float(kind):
        return Decimal("-Infinity"), Decimal("Infinity")
    bits = 16 * width(kind)
    if kind.startswith("u"):
        return Decimal(0), Decimal(2**bits - 1)
    return Decimal(-(2 ** (bits - 1))), Decimal(2 ** (bits - 1) - 1)


def _spans(register: ModbusRegister) -> Iterator[_Span]:
    for part in register.parts:
        place = part.place
        last = place.address + place.count - 1
        yield _Span(place.function, place.address, last, register.obis)


def _other_spans(profile: ModbusProfile) -> Iterator[_Span]:
    """What a search and the check of a serial number read."""
    place = profile.identification
    if place is not None:
        last = place.address + place.count - 1
        yield _Span(place.function, place.address, last, "identification")
    for sign in profile.signs:
        yield _Span(sign.function, sign.address, sign.address + _size(sign) - 1, "signs")


def _size(sign: Sign) -> int:
    """How many wire registers a sign takes."""
    if sign.text is not None:
        return -(-len(sign.text) // 2)
    if sign.words is not None:
        return len(sign.words) // 4
    return width(sign.kind) if sign.kind is not None else 1


def _refuse_shared(values: list[_Span]) -> None:
    """A wire register in two values would be billed twice: a sum beside its own terms."""
    for first, second in pairwise(sorted(values)):
        if first.meets(second):
            raise ValueError(
                f"the registers at {first.first:#06x} and {second.first:#06x} overlap: "
                f"{first.owner} and {second.owner} would count them twice"
            )


def _refuse_forbidden(asked: list[_Span], forbidden: list[_Span]) -> None:
    for span in asked:
        for hole in forbidden:
            if span.meets(hole):
                raise ValueError(f"unreadable: {span} touches {hole}")
