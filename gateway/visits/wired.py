"""Visits as the running gateway has them: the keepers at its door and the folder of photos."""

from pathlib import Path

from cloud_sync.signing import Sealer
from gateway.photo.keeping import PhotoFiles
from gateway.sql.store import SqlStore
from gateway.sql.visits import SqlOffice
from gateway.visits.keeping import Keeper
from gateway.visits.photos import FOLDER, PhotoKeeper
from gateway.visits.pointing import Pointer

READER = "gateway.visits.nothing:Reader"
# Pictures come one by one from an installer's device; residents have processes of their own.
LOOKERS = 1


def files_of(data: Path) -> PhotoFiles:
    """The photos below the data directory."""
    return PhotoFiles(data / FOLDER)


def keepers_of(store: SqlStore, key: Sealer, data: Path) -> tuple[Keeper, PhotoKeeper, Pointer]:
    """Who takes records, photos, and questions for points."""
    office = SqlOffice(store)
    keeper = Keeper(office, key)
    return keeper, PhotoKeeper(office, keeper, files_of(data)), Pointer(office.visits, keeper, key)
