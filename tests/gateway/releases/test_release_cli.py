"""Releases at the keyboard: key, statement, keeping, rings, offers and where they stand."""

import json
from pathlib import Path

import pytest

from gateway.audit import check
from gateway.sql.audit import SqlAudit
from gateway.sql.word import WordLedger
from tests.gateway.releases.shop import Shop, a_folder
from tests.gateway.shell import refusal, said
from tests.servers.ledgers import open_store

WHO = ("--by", "Орлова")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A gateway with two devices, and a release key beside it."""
    folder = tmp_path / "data"
    said("init", "--data", folder, *WHO)
    shop = Shop(folder)
    shop.estate.store.close()
    said("release", "key", "--out", tmp_path / "release.key")
    return folder


def kept(data: Path, version: str = "0.2.0", arch: str = "amd64") -> str:
    here = data.parent
    made = a_folder(here / "made", version, arch)
    statement = here / f"{version}-{arch}.statement"
    key = here / "release.key"
    said("release", "sign", made, "--key", key, "--out", statement, "--remarks", "быстрее")
    words = (made, statement, "--release-key", f"{key}.pub", *WHO, "--data", data)
    return said("release", "add", *words)


def standing(data: Path) -> list[tuple[int, str, str]]:
    told = json.loads(said("release", "status", "0.2.0", "--json", "--data", data))
    return [(one["ring"], one["device"], one["standing"]) for one in told]


def test_a_release_goes_from_ring_to_ring(data: Path) -> None:
    assert kept(data) == "0.2.0 for amd64 is kept\n"
    (listed,) = json.loads(said("release", "list", "--json", "--data", data))
    assert (listed["version"], listed["arch"], listed["remarks"]) == ("0.2.0", "amd64", "быстрее")
    said("release", "ring", "edge-1", "--ring", 0, *WHO, "--data", data)
    why = refusal("release", "offer", "0.2.0", "--ring", 9, *WHO, "--data", data)
    assert "0.2.0 is not proved yet: ring 0 was not offered it yet" in why
    out = said("release", "offer", "0.2.0", "--ring", 0, *WHO, "--data", data)
    assert out == "0.2.0 offered to 1 devices of ring 0\n"
    assert standing(data) == [(0, "edge-1", "silent"), (9, "edge-2", "-")]
    assert "no device has answered yet" in refusal(
        "release", "offer", "0.2.0", "--ring", 9, "--soak", 0, *WHO, "--data", data
    )
    shop = Shop(data)
    shop.tell(shop.port.releases("0.2.0")[0], "running", shop.port.offers("0.2.0")[0].number)
    shop.estate.store.close()
    assert standing(data)[0] == (0, "edge-1", "running")
    said("release", "offer", "0.2.0", "--ring", 9, "--soak", 0, *WHO, "--data", data)
    assert standing(data)[1] == (9, "edge-2", "silent")
    assert "edge-1" in said("release", "status", "0.2.0", "--data", data)
    assert "0.2.0" in said("release", "list", "--data", data)


def test_past_a_ring_that_has_not_proved_it_goes_with_a_reason_alone(data: Path) -> None:
    kept(data)
    said("release", "ring", "edge-1", "--ring", 0, *WHO, "--data", data)
    offer = ("release", "offer", "0.2.0", "--ring", 9, "--anyway", *WHO, "--data", data)
    assert "--anyway needs --why" in refusal(*offer)
    said(*offer, "--why", "дыра в старой")
    store = open_store(data / "ledger.sqlite")
    log = SqlAudit(store.database.connection)
    check(log.entries())
    acts = [(one.act.actor, one.act.act, one.act.why) for one in log.entries()]
    (given,) = WordLedger(store.database.connection).given(None, 10)
    store.close()
    assert acts[-1] == ("Орлова", "release offer", "дыра в старой")
    assert [act for _, act, _ in acts[-3:-1]] == ["release add", "release ring"]
    assert (given.kind, given.told, given.device) == ("update", "0.2.0", "edge-2")


def test_a_device_gets_what_is_for_its_machine(data: Path) -> None:
    kept(data)
    kept(data, arch="arm64")
    offer = ("release", "offer", "0.2.0", "--ring", 9, *WHO, "--data", data)
    assert "it is not known which machine edge-1 is" in refusal(*offer)
    both = ("edge-1", "edge-2", "--ring", 9, "--arch", "arm64")
    said("release", "ring", *both, *WHO, "--data", data)
    assert said(*offer) == "0.2.0 offered to 2 devices of ring 9\n"
    assert said(*offer) == "0.2.0 offered to 0 devices of ring 9\n"
    said("release", "ring", "edge-1", "--ring", 9, "--arch", "armhf", *WHO, "--data", data)
    kept(data, "0.3.0")
    why = refusal("release", "offer", "0.3.0", "--ring", 9, *WHO, "--data", data)
    assert "edge-1 is armhf, and no release is for that" in why


def test_what_cannot_be_kept_or_offered_is_said_in_a_line(data: Path) -> None:
    kept(data)
    assert kept_again(data) == "0.2.0 for amd64 is kept already\n"
    none = refusal("release", "offer", "0.9.0", "--ring", 9, *WHO, "--data", data)
    assert "0.9.0 is not kept here" in none
    why = refusal("release", "ring", "nobody", "--ring", 0, *WHO, "--data", data)
    assert "no device 'nobody' that may speak" in why
    why = refusal("release", "key", "--out", data.parent / "release.key")
    assert "cannot create" in why
    empty = data.parent / "empty"
    empty.mkdir()
    words = ("--key", data.parent / "release.key", "--out", data.parent / "x")
    assert "empty/manifest.json as a file" in refusal("release", "sign", empty, *words)
    made = data.parent / "made/0.2.0-amd64"
    other = data.parent / "other.key"
    said("release", "key", "--out", other)
    statement = data.parent / "0.2.0-amd64.statement"
    add = ("release", "add", made, statement, *WHO, "--data", data, "--release-key")
    assert "not sealed by the release key" in refusal(*add, f"{other}.pub")
    assert "expected a public key" in refusal(*add, statement)


def kept_again(data: Path) -> str:
    here = data.parent
    words = (here / "made/0.2.0-amd64", here / "0.2.0-amd64.statement", *WHO, "--data", data)
    return said("release", "add", *words, "--release-key", here / "release.key.pub")
