"""`plomba-sim year`: a town's year in virtual time on two roads, judged."""

import json
import tempfile
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from simulators.invariants import Finding
from simulators.year.judge import Judged, agreement, judge
from simulators.year.live import live

ROADS = (1, 2)
HOUSES_MAX = 2_000
MONTHS_MAX = 24


class Report(NamedTuple):
    """How a year ended: `findings` of both roads, and whether they agree."""

    seed: int
    houses: int
    months: int
    digests: tuple[str, ...]
    findings: list[Finding]
    counts: list[dict[str, int]]

    @property
    def held(self) -> bool:
        """Whether all invariants held."""
        return all(finding.held for finding in self.findings)

    def document(self) -> dict[str, object]:
        """For JSON."""
        return self._asdict() | {
            "held": self.held,
            "findings": [finding._asdict() for finding in self.findings],
        }

    def text(self) -> str:
        """For people."""
        head = f"seed {self.seed}, {self.houses} houses, {self.months} months"
        lines = [
            f"  {'held' if one.held else 'BROKE':6}{one.name:46}{one.checked:>9} looked at"
            + (f": {one.detail}" if one.detail else "")
            for one in self.findings
        ]
        counts = ", ".join(f"{name} {count}" for name, count in self.counts[0].items())
        return "\n".join([head, *lines, f"  {counts}", f"  ledger {self.digests[0][:16]}"])


def simulate(
    seed: int, houses: int, months: int, *, jobs: int = 1, only: Collection[int] = ()
) -> Report:
    """The year of a seed on both roads, judged."""
    judged = list(_on_roads(partial(_one, seed, houses, months, only), jobs))
    findings = [
        finding._replace(name=f"{finding.name}, road {road}")
        for road, one in zip(ROADS, judged, strict=True)
        for finding in one.findings
    ]
    findings.append(agreement(judged[0].standing, judged[1].standing))
    digests = tuple(one.standing.digest for one in judged)
    return Report(seed, houses, months, digests, findings, [one.counts for one in judged])


def _on_roads(run: "partial[Judged]", jobs: int) -> Iterator[Judged]:
    if jobs == 1:
        yield from map(run, ROADS)
        return
    with ProcessPoolExecutor(min(jobs, len(ROADS))) as pool:
        yield from pool.map(run, ROADS)


def _one(seed: int, houses: int, months: int, only: Collection[int], road: int) -> Judged:
    with tempfile.TemporaryDirectory(prefix="plomba-year-") as folder:
        return judge(live(seed, houses, months, Path(folder), road=road, only=only))


@click.command()
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=1, help="How many seeds, from --seed on.")
@click.option("--houses", type=click.IntRange(1, HOUSES_MAX), default=200, show_default=True)
@click.option("--months", type=click.IntRange(1, MONTHS_MAX), default=12, show_default=True)
@click.option("--only", type=int, multiple=True, help="Live in this house of the town only.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, help="2: both roads at once.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per seed.")
def year(
    *,
    seed: int,
    seeds: int,
    houses: int,
    months: int,
    only: tuple[int, ...],
    jobs: int,
    as_json: bool,
) -> None:
    """Live a town's year with exchanges, outages, late and wrong readings, and judge the bills.

    Each seed is lived through on two roads, that is in two orders of arrival, which must end in
    the same ledger. Exit status 1 if anything broke.
    """
    broken = []
    for one in range(seed, seed + seeds):
        began = time.monotonic()
        report = simulate(one, houses, months, jobs=jobs, only=only)
        said = json.dumps(report.document()) if as_json else report.text()
        click.echo(said)
        click.echo(f"seed {one}: {time.monotonic() - began:.0f} s", err=True)
        if not report.held:
            broken.append(one)
    if broken:
        again = f"plomba-sim year --seed {broken[0]} --houses {houses} --months {months}"
        raise click.ClickException(f"{len(broken)} of {seeds} years broke, run again: {again}")
