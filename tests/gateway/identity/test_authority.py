"""The gateway's own authority over the years: what an earlier one issued still holds."""

from pathlib import Path

import pytest

from cloud_sync.certificates import TlsKey, parse_certificates
from gateway.identity.authority import PrivateAuthority, StandingAuthority, renew_issuing
from gateway.identity.enrolling import Doorkeeper
from tests.gateway.identity.town_hall import NOW_MS, SOURCE, TERMS, TownHall, a_card


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


def test_a_running_gateway_issues_by_the_new_one_as_soon_as_it_stands(
    hall: TownHall, folder: Path
) -> None:
    keeper = Doorkeeper(hall.ledger, StandingAuthority(lambda: PrivateAuthority(folder, 90)), TERMS)
    first, second = a_card("edge-7"), a_card("edge-8", b"8" * 32)
    given = keeper.enrol(first.enrol(hall.invite()), SOURCE, NOW_MS).chain
    old_key = (folder / "issuing.key").read_bytes()
    renew_issuing(folder, folder.parent / "root.key", NOW_MS)
    # Cut short between its two files: what stood before goes on.
    new_key = (folder / "issuing.key").read_bytes()
    replace(folder / "issuing.key", old_key)
    assert issuer(keeper.renew(first.renew(), SOURCE, NOW_MS).chain) == "town issuing 1"
    replace(folder / "issuing.key", new_key)
    made = keeper.enrol(second.enrol(hall.invite()), SOURCE, NOW_MS).chain
    assert (issuer(given), issuer(made)) == ("town issuing 1", "town issuing 2")


def replace(file: Path, content: bytes) -> None:
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(file)


def issuer(chain: str) -> str:
    return parse_certificates(chain)[1].subject
