"""Named statements of a .sql file: each begins with a line ``-- name: what-it-does``."""

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: (\S+)\n", re.MULTILINE)


def named(file: Path) -> dict[str, str]:
    """The statements by name; ValueError for a name given twice."""
    _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) < len(names):
        raise ValueError(f"{file.name} gives a name twice")
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}
