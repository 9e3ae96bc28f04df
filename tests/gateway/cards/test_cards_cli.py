"""`plomba-gateway cards`: a batch for a house, and a device that enrols by what is on its card."""

import io
import json
import re
from pathlib import Path

import pypdf
import pytest

from cloud_sync import invitation as paper
from cloud_sync import points
from cloud_sync.signing import SigningKey
from edge import config as edge_config
from tests.e2e.enrolment_house import HOUSE, Office, enrol, listed, office

__all__ = ["office"]

ARCHIVE = b"!<arch>\ndebian-binary   1704067200  0     0     100644  4         `\n2.0\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "plomba-edge_0.1.0_arm64.deb"
    path.write_bytes(ARCHIVE)
    return path


def make(office: Office, package: Path, *words: str) -> Path:
    """A batch; its folder."""
    out = office.folder / "batch"
    office.ok("cards", "--house", HOUSE, "--package", str(package), "--out", str(out), *words)
    return out


def test_a_batch_is_one_act_and_a_claim_each(office: Office, package: Path) -> None:
    out = make(office, package, "--count", "3", "--prefix", "house-a", "--by", "Orlova")
    folders = sorted(path.name for path in out.iterdir() if path.is_dir())
    assert folders == ["house-a-01", "house-a-02", "house-a-03"]
    claims = [paper.parse((out / one / "plomba/invitation.json").read_bytes()) for one in folders]
    assert [one.device for one in claims] == folders
    assert len({one.secret for one in claims}) == 3
    log = office.ok("audit", "list", "--json").splitlines()
    acts = [json.loads(line)["act"] for line in log]
    assert acts.count("cards") == 1
    assert acts.count("invite") == 3
    # The next batch goes on where this one ended.
    again = json.loads(
        office.ok(
            *("cards", "--house", HOUSE, "--package", str(package), "--json"),
            *("--out", str(office.folder / "next"), "--count", "1", "--prefix", "house-a"),
        )
    )
    assert [one["device"] for one in again["cards"]] == ["house-a-04"]


def test_the_waiting_points_are_the_gateways_word(office: Office, package: Path) -> None:
    out = make(office, package, "--device", "house-a-07")
    key = SigningKey.load(office.config.key_file).public
    found = points.opened((out / "house-a-07/plomba/points.cbor").read_bytes(), key)
    assert (found.house, found.device) == (HOUSE, "house-a-07")
    assert found.points


def test_the_labels_say_what_the_cards_hold(office: Office, package: Path) -> None:
    out = make(office, package, "--count", "9", "--prefix", "house-a", "--lang", "en")
    pdf = pypdf.PdfReader(io.BytesIO((out / "labels.pdf").read_bytes()))
    assert len(pdf.pages) == 2
    text = "".join(re.sub(r"\s", "", page.extract_text()) for page in pdf.pages)
    for folder in (path for path in out.iterdir() if path.is_dir()):
        assert folder.name in text
        assert (folder / "plomba/page-code").read_text().strip() in text
    profile = (out / "house-a-09/plomba/plomba-setup.nmconnection").read_text()
    psk = re.search(r"^psk=(.+)$", profile, re.MULTILINE)
    assert psk is not None
    assert psk[1] in text


async def test_a_device_enrols_by_its_card_once(
    office: Office, package: Path, tmp_path: Path
) -> None:
    out = make(office, package, "--device", "house-a-07")
    state = tmp_path / "device"
    state.mkdir()
    papers = out / "house-a-07/plomba"
    (state / "invitation.json").write_bytes((papers / "invitation.json").read_bytes())
    text = (papers / "edge.toml").read_text().replace("/var/lib/plomba", str(state))
    config = edge_config.parse(text, state / "edge.toml")
    async with office.door():
        known = await enrol(config)
    assert (known.device, known.house) == ("house-a-07", HOUSE)
    assert not (state / "invitation.json").exists()
    (invited,) = [one for one in listed(office, "invite", "list") if one["device"] == "house-a-07"]
    assert invited["state"] == "used"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--device", "Haus A"), "expected a name like lesnaya-5-01"),
        (("--device", "a", "--valid", "14d", "--country", "Russia"), "a country of two letters"),
        (("--device", "a", "--clock", "ds3231,x=1"), "the name of a clock chip"),
        (("--count", "2", "--prefix", "x" * 60), "a prefix of at most 55"),
    ],
)
def test_what_cannot_be_made_is_said_in_a_line(
    office: Office, package: Path, words: tuple[str, ...], said: str
) -> None:
    out = office.folder / "batch"
    line = office.refused(
        *("cards", "--house", HOUSE, "--package", str(package), "--out", str(out)), *words
    )
    assert said in line
    assert "\n" not in line
    assert not out.exists()
    assert listed(office, "invite", "list") == []


def test_a_batch_that_cannot_be_written_leaves_no_claims(office: Office, package: Path) -> None:
    out = make(office, package, "--device", "house-a-01")
    before = listed(office, "invite", "list")
    line = office.refused(
        *("cards", "--house", HOUSE, "--package", str(package), "--out", str(out)),
        *("--device", "house-a-01"),
    )
    assert "a card is not written over" in line
    assert listed(office, "invite", "list") == before


@pytest.mark.parametrize(
    "words",
    [("--device", "a", "--count", "5"), ("--device", "a", "--prefix", "b"), ("--count", "2"), ()],
)
def test_names_are_given_or_numbered_and_never_half_of_either(
    office: Office, package: Path, words: tuple[str, ...]
) -> None:
    out = str(office.folder / "batch")
    result = office.run("cards", "--house", HOUSE, "--package", str(package), "--out", out, *words)
    assert result.exit_code == 2
    assert "give --device, or --count and --prefix" in result.stderr


def test_a_house_nobody_knows_gets_no_cards(office: Office, package: Path) -> None:
    line = office.refused(
        *("cards", "--house", "Z", "--package", str(package), "--device", "z-1"),
        *("--out", str(office.folder / "batch")),
    )
    assert "expected a house of the registry" in line
