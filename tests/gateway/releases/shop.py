"""A gateway that keeps releases, and devices that may ask for them."""

import hashlib
import json
from pathlib import Path
from typing import Any

from cloud_sync import release, release_road
from cloud_sync.release import Release
from cloud_sync.release_road import Asked, Told
from cloud_sync.signing import SigningKey
from gateway.releases.files import ReleaseFiles
from gateway.releases.model import Kept, Place
from gateway.releases.wired import server_of
from gateway.sql.releases import SqlReleases
from tests.gateway.estate import GATEWAY_KEY, MIDNIGHT_MS, Estate

NOW_MS = MIDNIGHT_MS
RELEASE_KEY = SigningKey.from_seed(b"r" * 32)
SOURCE = "192.0.2.7"


def a_folder(folder: Path, version: str = "0.2.0", arch: str = "amd64") -> Path:
    """A release of two wheels of some bytes."""
    made = folder / f"{version}-{arch}"
    (made / "wheels").mkdir(parents=True)
    for name in ("plomba", "other"):
        (made / f"wheels/{name}-{version}.whl").write_bytes(name.encode() * 40_000)
    said = {
        "format": 1,
        "version": version,
        "arch": arch,
        "spool": 1,
        "files": {
            str(path.relative_to(made)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(made.rglob("*.whl"))
        },
    }
    (made / "manifest.json").write_text(json.dumps(said))
    return made


def a_statement(made: Path, key: SigningKey = RELEASE_KEY, **changes: Any) -> bytes:
    raw = (made / "manifest.json").read_bytes()
    said = json.loads(raw)
    files = [path for path in made.rglob("*") if path.is_file()]
    fields: dict[str, Any] = {
        "version": 1,
        "software": said["version"],
        "arch": said["arch"],
        "manifest": hashlib.sha256(raw).digest(),
        "files": len(files),
        "spool": 1,
        "bytes": sum(path.stat().st_size for path in files),
        "made_at_ms": NOW_MS,
        "remarks": "",
    }
    return release.seal(Release(**(fields | changes)), key)


class Shop:
    """`edge` and `other` of the estate are devices; releases are added by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.estate = Estate(folder / "ledger.sqlite")
        self.port = SqlReleases(self.estate.store.database.connection)
        self.files = ReleaseFiles(folder)
        self.server = server_of(self.estate.store, GATEWAY_KEY, folder)

    def keep(self, version: str = "0.2.0", arch: str = "amd64") -> Kept:
        made = a_folder(self.folder / "made", version, arch)
        sealed = a_statement(made)
        said = self.files.add(made, sealed, RELEASE_KEY.public)
        with self.estate.store.transaction():
            self.port.add(Kept(0, version, arch, said.manifest, sealed, NOW_MS, "Orlova"))
        return self.port.releases(version)[0]

    def place(self, device: str = "edge-1") -> Place:
        return next(one for one in self.port.places(None) if one.device == device)

    def offer(self, kept: Kept, number: int = 5, device: str = "edge-1") -> None:
        with self.estate.store.transaction():
            self.port.offer(self.place(device), kept.release_no, number, NOW_MS)

    def ask(self, kept: Kept, file: str, offset: int = 0) -> tuple[bytes, int]:
        """What edge-1 gets of a file."""
        asked = Asked(1, "edge-1", NOW_MS, kept.manifest, file, offset)
        body = release_road.sealed_ask(asked, self.estate.edge.key)
        answer = self.server.answer(body, SOURCE, NOW_MS)
        return release_road.opened_part(answer, asked, GATEWAY_KEY.public)

    def tell(self, kept: Kept, step: str, number: int = 5, reason: str = "") -> None:
        runs = kept.software if step == "running" else "0.1.0"
        told = Told(
            *(1, "edge-1", NOW_MS, number, kept.manifest, kept.software, runs),
            *(step, reason),  # type: ignore[arg-type]
        )
        body = release_road.sealed_ask(told, self.estate.edge.key)
        answer = self.server.answer(body, SOURCE, NOW_MS)
        release_road.check_heard(answer, told, GATEWAY_KEY.public)

    @property
    def standing(self) -> list[str]:
        return [one.standing for one in self.port.offers("0.2.0")]
