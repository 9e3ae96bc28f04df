"""The gateway's own authority over the years: what an earlier one issued still holds."""

from pathlib import Path

import pytest

from cloud_sync.certificates import TlsKey, parse_certificates
from gateway.identity.authority import PrivateAuthority, renew_issuing
from tests.gateway.identity.town_hall import NOW_MS, SOURCE, TownHall, a_card


@pytest.fixture
def folder(hall: TownHall) -> Path:
    return hall.ca.folder


def test_a_certificate_goes_with_the_authority_that_issued_it(hall: TownHall, folder: Path) -> None:
    given = hall.keeper.enrol(a_card().enrol(hall.invite()), SOURCE, NOW_MS).chain
    renew_issuing(folder, folder.parent / "root.key", NOW_MS)
    assert PrivateAuthority(folder, 90).chain(parse_certificates(given)[0].pem) == given


def test_a_renewal_that_was_cut_short_keeps_the_true_old_key(hall: TownHall, folder: Path) -> None:
    old, key = hall.ca.issuing, (folder / "issuing.key").read_bytes()
    for name in ("issuing.key", "issuing.pem"):
        (folder / name.replace("issuing", "issuing-1")).hardlink_to(folder / name)
    (folder / "issuing.key").unlink()
    TlsKey.generate().save(folder / "issuing.key")
    renew_issuing(folder, folder.parent / "root.key", NOW_MS)
    made = PrivateAuthority(folder, 90)
    assert (made.issuing.subject, old.subject) == ("town issuing 2", "town issuing 1")
    assert (folder / "issuing-1.key").read_bytes() == key
    with hall.store.transaction():
        listed = made.write_crl(hall.ledger.identities, NOW_MS).read_text("ascii")
    assert listed.count("BEGIN X509 CRL") == 2
