"""What is said of a process' memory and time."""

import os
import subprocess
import sys

import pytest

from simulators.fleet.check import judge
from simulators.fleet.figures import Figures
from simulators.fleet.fleet import FILES_BESIDE, files_for
from simulators.fleet.folder import FleetError
from simulators.fleet.history import Standing
from simulators.fleet.meters import Plan
from simulators.fleet.watch import Growth, used


@pytest.mark.parametrize(
    ("rss", "flat", "slope"),
    [
        ([100.0] * 11, True, 0.0),
        ([50.0] * 9 + [100.0] * 11, True, 0.0),
        ([100.0 + at / 10 for at in range(11)], True, 0.1),
        ([100.0 + at for at in range(11)], False, 1.0),
        ([100.0] * 10, False, 0.0),  # too short to tell
        ([100.0 - at for at in range(11)], True, -1.0),
        ([100.0] * 10 + [0.0], False, -4.545),  # it has ended
    ],
)
def test_memory_is_flat_when_ten_minutes_grow_below_two_per_cent(
    rss: list[float], flat: bool, slope: float
) -> None:
    told = Growth(1, rss).document()
    assert (told["flat"], told["mb_per_minute"]) == (flat, slope)


def test_a_process_is_counted_with_its_children() -> None:
    alone = used(os.getpid())
    child = subprocess.Popen(
        [sys.executable, "-c", "b = bytes(50_000_000); print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        assert used(os.getpid()).rss_mb > alone.rss_mb + 5
        assert alone.cpu_s > 0
    finally:
        child.communicate(b"\n")
    assert used(child.pid).rss_mb == 0


def test_percentiles_are_within_their_step() -> None:
    figures = Figures()
    for hundredths in range(1, 101):
        figures.receipted(1, hundredths / 100)
    told = figures.percentiles()
    assert told["receipt_p50_s"] == pytest.approx(0.50, rel=0.05)
    assert told["receipt_p99_s"] == pytest.approx(0.99, rel=0.05)


def test_too_few_file_descriptors_are_told_in_a_line_that_says_what_to_do() -> None:
    with pytest.raises(FleetError, match=r"10000 connections need 10100 .* LimitNOFILE=10100"):
        files_for(10_000, 4096)
    assert files_for(10_000, 20_000) == 10_000 + FILES_BESIDE


def test_a_mixed_fleet_has_a_cabinet_in_ten() -> None:
    plan = Plan("fleet", 20, 0, "2026-09-01")
    assert [plan.meters_of(number) for number in range(20)] == [100, *[1] * 9] * 2
    assert len(list(plan.lines(range(20)))) == 1 + 218


A, B, C = (bytes([number]) * 32 for number in (1, 2, 3))
WHOLE = [(1, A, bytes(32)), (2, B, A), (3, C, B)]


@pytest.mark.parametrize(
    ("links", "verdict"),
    [
        (WHOLE, (0, 0, 0)),
        (WHOLE[:2], (1, 0, 0)),
        (WHOLE[1:], (1, 0, 0)),
        ([], (3, 0, 0)),
        ([*WHOLE, WHOLE[2]], (0, 1, 0)),
        ([WHOLE[0], (2, B, C), WHOLE[2]], (0, 0, 1)),
        ([*WHOLE[:2], (3, A, B)], (0, 0, 1)),
        ([*WHOLE, (4, A, C)], (0, 0, 0)),  # stored, its receipt is on the way
    ],
)
def test_the_ledger_is_judged_by_the_devices_books(
    links: list[tuple[int, bytes, bytes]], verdict: tuple[int, int, int]
) -> None:
    standing = Standing(head=4, through=3, through_hash=C, kept={}, above={})
    assert judge(standing, links) == verdict
