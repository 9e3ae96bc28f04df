"""The notes about an update in the state folder, and what of old releases is still kept."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from cloud_sync.signing import KeyFileError, VerifyKey
from edge import files
from edge.update import judging
from edge.update.judging import Unwanted, Wish
from edge.update.places import KEY, Places

WANTED, READY = "wanted", "ready"
_KEY_BYTES_MAX = 4096
_HEX_CHARS = 64


class Shelf:
    """What lies in updates/. Writing raises OSError."""

    def __init__(self, places: Places) -> None:
        self._folder = places.updates
        self._package = places.package

    def key(self) -> VerifyKey | None:
        """The release key the package carries; None where it carries none."""
        try:
            with (self._package / KEY).open("rb") as file:
                return VerifyKey.from_pem(file.read(_KEY_BYTES_MAX))
        except FileNotFoundError:
            return None
        except (OSError, KeyFileError) as error:
            raise Unwanted("no-release-key", f"{self._package / KEY}: {error}") from error

    def wish(self) -> Wish | None:
        """What is wanted; None for nothing, and for a note that cannot be read."""
        try:
            return judging.decode(self._read(WANTED))
        except (OSError, Unwanted):
            return None

    def want(self, wish: Wish) -> None:
        """Note what is wanted instead of what was."""
        files.make_folder(self._folder)
        (self._folder / READY).unlink(missing_ok=True)
        files.replace(self._folder / WANTED, judging.encode(wish))

    def ready(self) -> str:
        """SHA-256 in hex of the note that the release is whole; "" while there is none."""
        try:
            return hashlib.sha256(self._read(READY)).hexdigest()
        except OSError:
            return ""

    def say_ready(self, wish: Wish) -> None:
        """Tell root that the release is whole; told again, root looks again."""
        files.replace(self._folder / READY, judging.encode(wish))

    def forget(self, wish: Wish) -> None:
        """It is wanted no more; what was wanted meanwhile stays."""
        if self.wish() != wish:
            return
        (self._folder / READY).unlink(missing_ok=True)
        (self._folder / WANTED).unlink(missing_ok=True)

    def release(self, manifest: bytes) -> Path:
        """The folder of the release with that manifest."""
        return self._folder / manifest.hex()

    def keep(self, manifests: Sequence[bytes]) -> None:
        """Throw away all releases but these."""
        self._keep({manifest.hex() for manifest in manifests})

    def make_place(self, manifest: bytes) -> None:
        """Of the releases but that one the newest stays, for its wheels."""
        others = [path for path in self._releases() if path.name != manifest.hex()]
        newest = max(others, key=lambda path: path.stat().st_mtime, default=None)
        self._keep({manifest.hex()} | ({newest.name} if newest is not None else set()))

    def _keep(self, names: set[str]) -> None:
        for path in self._releases():
            if path.name not in names:
                shutil.rmtree(path)

    def known(self, but: bytes) -> list[Path]:
        """Folders in which a wheel may lie already."""
        others = [path / "wheels" for path in self._releases() if path.name != but.hex()]
        return [self._package / "release/wheels", *others]

    def _releases(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        found = [path for path in self._folder.iterdir() if len(path.name) == _HEX_CHARS]
        return [path for path in found if path.is_dir() and not path.is_symlink()]

    def _read(self, name: str) -> bytes:
        with (self._folder / name).open("rb") as file:
            return file.read(judging.WISH_BYTES_MAX + 1)
