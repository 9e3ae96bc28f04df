"""The shared folder of real telegrams with other programs' expectations of them.

It lies beside the repository (or where PLOMBA_SHARED says) and is never copied into it. Tests that
need it are skipped by name where it is absent, and everything else still runs.
"""

import os
from pathlib import Path

import pytest

from edge.decode import parse_hex

_BESIDE = Path(__file__).parents[3] / "shared"
FOLDER = Path(os.environ.get("PLOMBA_SHARED", _BESIDE)) / "mbus-frames"

LIBMBUS = sorted(FOLDER.glob("libmbus/*.hex"))
ERRORS = sorted(FOLDER.glob("libmbus/error-frames/*.hex"))
UNUSUAL = sorted(FOLDER.glob("libmbus/unsupported-frames/*.hex"))
MBUSPARSER = sorted(FOLDER.glob("mbusparser/*.txt"))
SOUND = LIBMBUS + MBUSPARSER

needs_telegrams = pytest.mark.skipif(
    not SOUND, reason=f"the shared telegrams are not at {FOLDER}; set PLOMBA_SHARED"
)


def name(path: Path) -> str:
    """The short name of a telegram, for test ids and tables of exceptions."""
    return path.stem


def telegram_bytes(path: Path) -> bytes:
    """The bytes of the first telegram in the file."""
    return parse_hex(path.read_text("utf-8"))
