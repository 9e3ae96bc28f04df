"""A scan under way: line after line, shown as it goes, stopped by Ctrl-C without a loss.

Ctrl-C, SIGTERM and a lost terminal cancel what is being asked; the second time they mean it.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from drivers import profile
from drivers.driver import DriverError
from drivers.modbus.profile import ModbusProfile
from edge import app
from edge.commands.scan_view import View
from edge.config import EdgeConfig
from edge.scan.job import Job
from edge.scan.scan import scan
from edge.scan.searches import SECONDARY
from edge.scan.standing import Standing

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def scan_lines(jobs: Sequence[Job], config: EdgeConfig, view: View) -> list[str]:
    """Line after line; what went wrong, a text each. Being stopped ends all of them."""
    problems: list[str] = []
    for job in jobs:
        save = _saver(job, view)
        try:
            with _stoppable():
                await _scan(job, config, view, save)
        except asyncio.CancelledError:
            problems.append(
                f"stopped on line {job.line.name} after {job.notes.asked} questions: "
                "the same command goes on from here, --fresh starts over"
            )
            break
        except DriverError as error:
            problems.append(f"line {job.line.name}: {error}")
        finally:
            view.clear()
            if job.notes.asked:
                save()
    return problems


async def _scan(job: Job, config: EdgeConfig, view: View, save: Callable[[], None]) -> None:
    titles = ", then ".join(search.title for search in job.searches)
    view.tell(f"{job.line.name} at {job.line.url}: {job.remark or f'searching {titles}'}")
    for candidate in job.candidates(config):
        view.show(job, candidate)
    line = app.open_line(job.line)
    try:
        async for progress in scan(line, job.searches, job.notes, save):
            view.progress(job, progress)
            if progress.found is not None:
                view.show(job, job.candidates(config)[-1])
    finally:
        await line.close()
    _tell_counts(job, config, view)


def _saver(job: Job, view: View) -> Callable[[], None]:
    """Saves the notes of a job; that it cannot is said once, and the scan is worth going on."""
    is_told = False

    def save() -> None:
        nonlocal is_told
        try:
            job.save()
        except OSError as error:
            if not is_told:
                view.tell(
                    f"a stopped scan will start over: cannot write {job.path}: {error.strerror}"
                )
            is_told = True

    return save


def _tell_counts(job: Job, config: EdgeConfig, view: View) -> None:
    counts = job.counts(config)
    total = sum(counts.values())
    content = {standing.value: count for standing, count in counts.items()}
    view.event("line", {"line": job.line.name, "asked": job.notes.asked, "found": total} | content)
    if total:
        parts = [f"{count} {standing.value}" for standing, count in counts.items() if count]
        view.tell(f"{job.line.name}: {total} found: {', '.join(parts)}")
        _tell_of_unknown(job, config, view)
        return
    view.tell(
        f"{job.line.name}: nobody answered {job.notes.asked} questions: check power and wires, "
        f"and whether the meters are set to {job.line.bits_per_s} baud as this line is"
    )
    if any(search.title == SECONDARY for search in job.searches):
        view.tell("M-Bus meters that know no secondary addresses are found with --primary")


def _tell_of_unknown(job: Job, config: EdgeConfig, view: View) -> None:
    """How to find out what nobody recognised."""
    unknown = [one for one in job.candidates(config) if one.standing is Standing.UNKNOWN]
    if not unknown:
        return
    found = unknown[0].found
    where = f"--line {job.line.name} --address {found.address} --profile NAME"
    view.tell(f"to try a profile on an unknown meter: plomba-edge read {where}")
    if found.protocol == "modbus":
        view.tell(f"profiles that no search can recognise: {', '.join(_unrecognisable())}")


def _unrecognisable() -> list[str]:
    """The Modbus profiles that name no sign of their meter."""
    models = map(profile.load, profile.names())
    return [one.name for one in models if isinstance(one, ModbusProfile) and not one.signs]


@contextmanager
def _stoppable() -> Iterator[None]:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def stop() -> None:
        leave()
        if task is not None:
            task.cancel()

    # Whoever started it with nohup wants it to outlive the terminal.
    heard = [number for number in _STOPPING if signal.getsignal(number) != signal.SIG_IGN]

    def leave() -> None:
        for number in heard:
            loop.remove_signal_handler(number)

    for number in heard:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        leave()
