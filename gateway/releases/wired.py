"""Releases as the running gateway has them."""

from pathlib import Path

from cloud_sync.signing import Sealer
from gateway.releases.files import ReleaseFiles
from gateway.releases.serving import Server
from gateway.sql.releases import SqlReleases
from gateway.sql.store import SqlStore
from gateway.sql.visits import SqlOffice
from gateway.visits.keeping import Keeper


def server_of(store: SqlStore, key: Sealer, data: Path) -> Server:
    """Who answers devices that fetch a release."""
    office = SqlOffice(store)
    port = SqlReleases(store.database.connection)
    return Server(office, port, ReleaseFiles(data), Keeper(office, key), key)
