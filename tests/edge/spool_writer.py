"""A process that appends batches for as long as it lives, and says so only when they are stored.

python -m tests.edge.spool_writer FOLDER
"""

import sys
from pathlib import Path

from edge.spool import Spool

MAX_BYTES = 64 * 1024 * 1024


def content(sequence: int, previous: bytes) -> bytes:
    """The batch with that number after that predecessor: any other content would be a reuse."""
    return b"batch %d after " % sequence + previous + bytes(sequence % 3000)


def main() -> None:
    spool = Spool(Path(sys.argv[1]), max_bytes=MAX_BYTES)
    while True:
        sequence = spool.append(content, readings=1)
        sys.stdout.write(f"{sequence}\n")
        sys.stdout.flush()
        if sequence % 7 == 0:
            spool.acknowledge(sequence - 5)


if __name__ == "__main__":
    main()
