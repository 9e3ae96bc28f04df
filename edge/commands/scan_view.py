"""What a person sees of a scan: meters on stdout as they appear, everything else on stderr.

On a terminal the last line of stderr is alive and says how far the search is; a file or a pipe
gets a line now and then instead. With --json stdout has one object per event.
"""

import json
import shutil
import sys
import time
from typing import Any

import click

from edge.scan.job import Job
from edge.scan.scan import Progress
from edge.scan.standing import Candidate, Standing

# Often enough to see in a log that it is alive, seldom enough to read the log.
SPARSE_S = 15.0
_CLEAR = "\r\x1b[K"
_STANDING = {
    Standing.NEW: "new",
    Standing.CONFIGURED: "known",
    Standing.OTHER: "DIFFERS",
    Standing.UNKNOWN: "unknown",
}


class View:
    """The screen of a scan."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._live = sys.stderr.isatty()
        self._said_s = time.monotonic()
        self._began_s = self._said_s
        self._title = ""
        self._asked = 0

    def tell(self, text: str) -> None:
        """A line for the person at the screen."""
        self.clear()
        click.echo(text, err=True)

    def clear(self) -> None:
        """Take the live line away, so that something else can be written."""
        if self._live:
            click.echo(_CLEAR, nl=False, err=True)

    def show(self, job: Job, candidate: Candidate) -> None:
        """A meter that was found."""
        self.clear()
        found = {"event": "found", "line": job.line.name} | document(candidate)
        click.echo(json.dumps(found) if self._as_json else row(candidate))
        sys.stdout.flush()

    def event(self, name: str, content: dict[str, Any]) -> None:
        """Something else that a program wants to know."""
        if self._as_json:
            self.clear()
            click.echo(json.dumps({"event": name} | content))

    def progress(self, job: Job, progress: Progress) -> None:
        """How far the search is."""
        now_s = time.monotonic()
        if progress.search.title != self._title:
            self._title, self._began_s = progress.search.title, now_s
        text = self._progress(job, progress, now_s - self._began_s)
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            click.echo(f"{_CLEAR}{text[:width]}", nl=False, err=True)
        elif now_s - self._said_s >= SPARSE_S:
            self._said_s = now_s
            click.echo(text, err=True)

    def _progress(self, job: Job, progress: Progress, took_s: float) -> str:
        step = progress.step
        count = len(job.notes.found)
        text = f"{job.line.name}: {_protocol(progress.search.protocol)} {step.where}"
        text += f", {step.asked} asked"
        if step.of is not None and step.of > step.asked:
            left_s = took_s / step.asked * (step.of - step.asked)
            text += f", about {step.of - step.asked} to go ({minutes(left_s)})"
        return f"{text}, {count} found. Ctrl-C stops and keeps them"


def row(candidate: Candidate) -> str:
    """A found meter as one line of text, and what a person should know below it."""
    found = candidate.found
    model = found.profiles[0] if found.profiles else "?"
    # A profile's name tells the maker.
    kinds = (found.medium,) if found.profiles else (found.manufacturer, found.medium)
    kind = " ".join(part for part in kinds if part)
    who = f"{_protocol(found.protocol)} {found.address}"
    shown = (
        f"{_STANDING[candidate.standing]:8}{who:24}{model:25} {found.identification or '':9}{kind}"
    )
    return "\n        ".join(part for part in (shown.rstrip(), candidate.remark) if part)


def document(candidate: Candidate) -> dict[str, Any]:
    """The same for programs."""
    return candidate.found._asdict() | {
        "standing": candidate.standing.value,
        "remark": candidate.remark,
    }


def minutes(duration_s: float) -> str:
    """A duration as m:ss."""
    return f"{int(duration_s) // 60}:{int(duration_s) % 60:02}"


def _protocol(name: str) -> str:
    return {"modbus": "Modbus", "mbus": "M-Bus"}[name]
