"""What a scan knows of a line so far, kept on the disk so that it can go on where it stopped.

Ctrl-C, a dropped ssh session and a pulled plug are everyday ends of a search that takes minutes.
The notes are small and plain; notes of another question, or that cannot be read, are not used and
that is said.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from drivers.driver import Found
from edge import files

# 250 meters with their remarks are a tenth of this.
_FILE_BYTES_MAX = 1024 * 1024


class NotebookError(ValueError):
    """Notes that are of no use for this scan; the text says why."""


class Notebook(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How far the scan of a line is: search number `at` is under way, `todo` is left of it.

    `todo` is None for a search that has not begun. `searches` are the titles of all of them.
    """

    url: str
    searches: tuple[str, ...]
    began: str
    at: int = 0
    todo: tuple[str, ...] | None = None
    asked: int = 0
    found: list[Found] = []

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be searched."""
        return self.at >= len(self.searches)

    def add(self, found: Found) -> bool:
        """Note a meter; False if it is there already."""
        if any(_same(found, other) for other in self.found):
            return False
        self.found.append(found)
        return True

    def save(self, path: Path) -> None:
        """Write it; OSError if that cannot be done."""
        files.replace(path, msgspec.json.encode(self))


def path_of(state_dir: Path, line: str) -> Path:
    """Where the notes of a line are."""
    return state_dir / f"scan-{line}.json"


def forget(state_dir: Path, lines: Sequence[str]) -> None:
    """Let a search of these lines begin anew; notes that cannot be removed are used again."""
    for line in lines:
        with suppress(OSError):
            path_of(state_dir, line).unlink(missing_ok=True)


def load(path: Path, url: str, searches: Sequence[str]) -> Notebook | None:
    """The notes for these searches, None if there are none.

    NotebookError for notes that cannot be read, or of another scan that was stopped.
    """
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            raise NotebookError(f"{path} is not a scan's notes")
        noted = msgspec.json.decode(path.read_bytes(), type=Notebook)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotebookError(f"cannot read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotebookError(f"{path} is damaged: {error}") from error
    if noted.complete and (noted.url, noted.searches) != (url, tuple(searches)):
        return None
    if noted.url != url:
        raise NotebookError(f"the scan that was stopped was of {noted.url}")
    if noted.searches != tuple(searches):
        raise NotebookError(f"the scan that was stopped was of {', '.join(noted.searches)}")
    return noted


def _same(one: Found, other: Found) -> bool:
    """Whether two findings are one meter, found at one address or by both of its addresses."""
    if one.protocol != other.protocol:
        return False
    if type(one.address) is type(other.address):
        return one.address == other.address
    return one.secondary is not None and one.secondary == other.secondary
