"""Ports for servers that are told their number, and for doors behind which nobody is to listen.

A port the kernel has just called free is anybody's until its server has it, and again between a
kill and the next start: a server of another worker may take it, or the near end of any connection.
These ports are none that Linux gives away by itself, no worker has another one's, and each is given
anew only when all others were.
"""

import itertools
import os
import secrets
import socket

# Above the last port that browsers refuse (10080), below those that demos take (from 22000,
# simulators/demo/brokers.py) and those that Linux gives away (from 32768).
_FIRST, _END = 12_000, 22_000
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_COUNT = (_END - _FIRST) // _WORKERS
# After a crash xdist goes on with a worker of a higher number.
_MINE = range(_FIRST + _COUNT * (_WORKER % _WORKERS), _FIRST + _COUNT * (_WORKER % _WORKERS + 1))
# Two runs on one machine hardly begin at the same place.
_TURN = itertools.islice(itertools.cycle(_MINE), secrets.randbelow(_COUNT), None)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has, and that nobody but the caller will be given."""
    for port in itertools.islice(_TURN, _COUNT):
        with socket.socket() as probe:
            if _is_free(probe, port):
                return port
    raise RuntimeError(f"expected a free port in {_MINE}, found none")


def _is_free(probe: socket.socket, port: int) -> bool:
    """Whether it can be had: not another program's, nor one that is not let go of yet."""
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
