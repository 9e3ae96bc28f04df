"""A release of a few bytes, and a gateway that gives it out."""

import hashlib
import json
from pathlib import Path
from typing import Any

from cloud_sync import release
from cloud_sync.release import MANIFEST, Release
from cloud_sync.signing import SigningKey
from edge.update.judging import Wish
from edge.update.places import Own

KEY = SigningKey.from_seed(b"r" * 32)
OWN = Own("0.1.0", "amd64", 1)
WHEELS = {"wheels/plomba-0.2.0.whl": b"ours" * 100, "wheels/other-1.0.whl": b"theirs" * 50}


class Shop:
    """Gives parts of `part` bytes; what was asked is remembered."""

    def __init__(self, files: dict[str, bytes] = WHEELS, part: int = 100, **changes: Any) -> None:
        said = {
            "format": 1,
            "version": "0.2.0",
            "arch": "amd64",
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in WHEELS.items()},
        }
        raw = json.dumps(said | changes.pop("manifest", {})).encode()
        self.files = {MANIFEST: raw, **files}
        self.part = part
        self.asked: list[tuple[str, int]] = []
        total = sum(map(len, WHEELS.values())) + len(raw)
        fields: dict[str, Any] = {
            "version": 1,
            "software": "0.2.0",
            "arch": "amd64",
            "manifest": hashlib.sha256(raw).digest(),
            "files": 3,
            "bytes": total,
            "spool": 1,
            "made_at_ms": 0,
            "remarks": "",
        }
        self.release = Release(**(fields | changes))

    def ask(self, name: str, offset: int) -> tuple[bytes, int]:
        self.asked.append((name, offset))
        data = self.files[name]
        return data[offset : offset + self.part], len(data)

    def wish(self, number: int = 7, key: SigningKey = KEY) -> Wish:
        return Wish(1, number, release.seal(self.release, key))


def a_file(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
