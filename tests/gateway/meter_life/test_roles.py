"""What each register of a point is for."""

import pytest

from gateway.billing import Role
from gateway.meter_life.roles import role_of

TWO = ("1-0:1.8.0", "1-0:1.8.1", "1-0:1.8.2")
THREE = (*TWO, "1-0:1.8.3")
PROSUMER = ("1-0:1.8.0", "1-0:2.8.0")
BOTH = (*TWO, "1-0:2.8.0", "1-0:2.8.1", "1-0:2.8.2")
B, C, X = Role.BILLED, Role.CHECK, Role.EXPORT


@pytest.mark.parametrize(
    ("resource", "registers", "roles"),
    [
        ("electricity", ("1-0:1.8.0",), (B,)),
        ("electricity", ("1-0:1.8.1", "1-0:1.8.2"), (B, B)),
        ("electricity", TWO, (C, B, B)),
        ("electricity", THREE, (C, B, B, B)),
        ("electricity", PROSUMER, (B, X)),
        ("electricity", BOTH, (C, B, B, C, X, X)),
        ("electricity", ("1-0:3.8.0", "1-0:4.8.0"), (B, X)),
        ("cold-water", ("8-0:1.0.0",), (B,)),
        # Of heat, C = 2 is a volume and nothing is given back.
        ("heat", ("6-0:1.0.0", "6-0:2.0.0"), (B, B)),
    ],
)
def test_the_registers_of_a_point(
    resource: str, registers: tuple[str, ...], roles: tuple[Role, ...]
) -> None:
    assert tuple(role_of(resource, one, registers) for one in registers) == roles


def test_all_registers_of_a_check_meter_are_checks() -> None:
    assert role_of("electricity", "1-0:1.8.1", TWO, is_check_meter=True) is Role.CHECK
