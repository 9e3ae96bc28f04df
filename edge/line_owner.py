"""A line has one owner: the agent, a scan or a read, never two of them.

Two masters on one pair of wires spoil each other's answers, and over a TCP converter nothing else
would keep them apart. The lock is on the state directory itself, so there is no file to leave
behind, it ends with its process whatever kills that, and a root who scans leaves nothing the
agent's user could stumble over.

A visit is different: nobody should have to stop the agent to look at a meter. Whoever locks the
folder of the visits wants the lines; an agent that waits for such (`plomba-edge run --wait`) lets
go of them after the read under way and takes them again when that lock is gone.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge import files, spool
from edge.head_file import is_locked

VISITS = "visits"
"""The folder whose lock says that a visit wants the lines."""


_ANOTHER_COMMAND = (
    "another plomba-edge scan or read is using the lines of this device: wait for its end"
)
_ANOTHER_VISIT = (
    "another visit has the lines of this device (its page, or plomba-edge commission): end it first"
)


class LinesInUse(Exception):
    """Another process of this device asks its meters; the text says what to do."""


@contextmanager
def owning_lines(state_dir: Path, *, is_agent: bool = False) -> Iterator[None]:
    """Own this device's lines for a while; LinesInUse if somebody does.

    The agent opens its spool first, which tells it from commands; these yield to it.
    """
    try:
        descriptor = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        # Where there is no state yet, no agent runs.
        yield
        return
    except OSError as error:
        raise LinesInUse(
            f"cannot look into {state_dir} whether the agent is running: {error.strerror}; "
            "use the agent's user (sudo -u plomba …) or root"
        ) from error
    try:
        if not is_agent and spool.in_use(state_dir):
            raise LinesInUse(
                "the agent is running and a line has one owner: "
                "stop it first (sudo systemctl stop plomba-edge), start it again afterwards"
            )
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def wanting_lines(state_dir: Path) -> Iterator[None]:
    """Have the agent let go of the lines for a while; LinesInUse if another visit has them.

    OSError where the folder of the visits cannot be used.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.make_folder(state_dir / VISITS)
    descriptor = os.open(state_dir / VISITS, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(descriptor, _ANOTHER_VISIT)
        yield
    finally:
        os.close(descriptor)


def are_wanted(state_dir: Path) -> bool:
    """Whether a visit wants the lines."""
    return is_locked(state_dir / VISITS)


def _lock(descriptor: int, otherwise: str = _ANOTHER_COMMAND) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LinesInUse(otherwise) from error
