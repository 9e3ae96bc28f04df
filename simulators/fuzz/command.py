"""`plomba-sim fuzz`: every parser of the table, for a time or for a number of inputs."""

import json
import os
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import click

from simulators.fuzz.engine import Finding, Found, fuzz
from simulators.fuzz.table import parsers

# A worker with all libraries loaded takes a quarter of this: more is an input that grew.
MEMORY_BYTES_MAX = 2 * 1024**3


@click.command("fuzz")
@click.option("--minutes", type=click.FloatRange(min=0.01), help="For so long, over all parsers.")
@click.option("--inputs", type=click.IntRange(1), help="Or so many inputs a parser.  [2000]")
@click.option("--seed", type=int, default=1, show_default=True, help="Where inputs come from.")
@click.option("--parser", "names", multiple=True, help="Only this parser; may be repeated.")
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [one a core]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(
    *,
    minutes: float | None,
    inputs: int | None,
    seed: int,
    names: tuple[str, ...],
    jobs: int | None,
    as_json: bool,
) -> None:
    """Feed spoiled bytes to every parser that faces a network, a bus or an upload.

    Exit 1 if one of them neither took nor properly refused an input.
    """
    if minutes is not None and inputs is not None:
        raise click.UsageError("expected --minutes or --inputs, got both")
    unknown = sorted(set(names) - parsers().keys())
    if unknown:
        raise click.BadParameter(f"no parser {unknown[0]!r}; there are: {', '.join(parsers())}")
    chosen = names or tuple(parsers())
    jobs = min(jobs or os.cpu_count() or 1, len(chosen))
    each_s = None if minutes is None else minutes * 60 * jobs / len(chosen)
    found = []
    for one in _run(chosen, seed, inputs or 2000, each_s, jobs):
        found.append(one)
        if not as_json:
            _say(one)
    if as_json:
        click.echo(json.dumps([_told(one) for one in sorted(found)], ensure_ascii=False))
    count = sum(len(one.findings) for one in found)
    if count:
        raise click.ClickException(f"{count} findings in {sum(one.inputs for one in found)} inputs")


def _run(
    names: tuple[str, ...], seed: int, inputs: int, each_s: float | None, jobs: int
) -> Iterator[Found]:
    # A fresh process each: what one parser leaves behind must not be another's finding.
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _bounded) as pool:
        waiting = [pool.submit(_one, name, seed, inputs, each_s) for name in names]
        for done in as_completed(waiting):
            yield done.result()


def _bounded() -> None:
    """An input that fills the memory becomes a MemoryError, and so a finding."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))


def _one(name: str, seed: int, inputs: int, each_s: float | None) -> Found:
    ends_s = time.monotonic() + (each_s or 0.0)
    if each_s is None:
        return fuzz(parsers()[name], seed, lambda done: done < inputs)
    return fuzz(parsers()[name], seed, lambda _done: time.monotonic() < ends_s)


def _say(one: Found) -> None:
    click.echo(f"{one.parser:22} {one.inputs:9} inputs {one.lines:6} lines {one.kept:5} kept")
    for finding in one.findings:
        click.echo(f"  {finding.said}\n  {finding.data.hex()}")


def _told(one: Found) -> dict[str, Any]:
    def shown(finding: Finding) -> dict[str, str]:
        return {"input": finding.data.hex(), "said": finding.said}

    return one._asdict() | {"findings": [shown(finding) for finding in one.findings]}
