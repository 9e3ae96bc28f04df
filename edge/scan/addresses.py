"""Addresses as an installer writes them: `1-247`, or `5,7,20-30`."""

# Unit 255 and 0 stand behind some Modbus TCP gateways; no line knows a higher address.
HIGHEST = 255
_DIGITS_MAX = 3


def parse(text: str) -> tuple[int, ...]:
    """The addresses of `text`, ascending, none twice; ValueError in one line otherwise."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (one.strip() for one in part.partition("-"))
        ends = (first, last) if dash else (first, first)
        if not all(end.isascii() and end.isdigit() and len(end) <= _DIGITS_MAX for end in ends):
            raise ValueError(f"expected addresses like 1-247 or 5,7,20-30, got {text!r}")
        low, high = map(int, ends)
        if not low <= high <= HIGHEST:
            raise ValueError(f"expected addresses from 0 to {HIGHEST}, low to high, got {part!r}")
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def spell(addresses: tuple[int, ...]) -> str:
    """The same the other way round, as short as it can be."""
    runs: list[list[int]] = []
    for address in addresses:
        if runs and address == runs[-1][1] + 1:
            runs[-1][1] = address
        else:
            runs.append([address, address])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
