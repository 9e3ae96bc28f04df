"""The first boot: papers to their places, the claim off the card, and again whatever happens."""

import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from tests.deploy.cards import CARD, a_card, program

KEY = "ssh-ed25519 AAAA anna"


class System:
    """The system's programs: writes down what it was told; those named fail."""

    def __init__(self, *failing: str) -> None:
        self.told: list[str] = []
        self._failing = failing

    def __call__(self, words: Sequence[str]) -> int:
        line = " ".join(words)
        self.told.append(line)
        return int(any(line.startswith(one) for one in self._failing))


@pytest.fixture(scope="module")
def boot() -> ModuleType:
    return program("first_boot.py")


def test_papers_are_in_their_places_with_the_rights_of_secrets(
    boot: ModuleType, tmp_path: Path
) -> None:
    papers, system = a_card(tmp_path / "card") / "plomba", System()
    boot.first_boot(boot.Places(papers, tmp_path), system)
    state = tmp_path / "var/lib/plomba"
    for name in ("invitation.json", "points.cbor", "page-code", "edge.toml"):
        assert stat.S_IMODE((state / name).stat().st_mode) == 0o600
    profile = tmp_path / "etc/NetworkManager/system-connections/plomba-setup.nmconnection"
    assert stat.S_IMODE(profile.stat().st_mode) == 0o600
    assert "systemctl start --no-block" in system.told[-1]
    assert "plomba-edge.service" in system.told[-1]


def test_the_claim_leaves_the_card(boot: ModuleType, tmp_path: Path) -> None:
    papers = a_card(tmp_path / "card") / "plomba"
    boot.first_boot(boot.Places(papers, tmp_path), System())
    assert not (papers / "invitation.json").exists()
    assert not (papers / "page-code").exists()
    assert not (papers / "plomba-setup.nmconnection").exists()
    assert not (papers / "points.cbor").exists()
    assert (papers / "done").exists()


def test_it_is_done_once(boot: ModuleType, tmp_path: Path) -> None:
    papers = a_card(tmp_path / "card") / "plomba"
    boot.first_boot(boot.Places(papers, tmp_path), System())
    (tmp_path / "var/lib/plomba/edge.toml").write_text("# changed since\n")
    again = System()
    boot.first_boot(boot.Places(papers, tmp_path), again)
    assert again.told == []
    assert (tmp_path / "var/lib/plomba/edge.toml").read_text() == "# changed since\n"


def test_after_a_cut_it_goes_on(boot: ModuleType, tmp_path: Path) -> None:
    papers = a_card(tmp_path / "card", user="installer", ssh_key=KEY) / "plomba"
    places = boot.Places(papers, tmp_path)
    for step in ("chown", "systemctl enable"):
        (tmp_path / "home/installer/.ssh/authorized_keys").unlink(missing_ok=True)
        with pytest.raises(boot.FirstBootError, match="ended with 1"):
            boot.first_boot(places, System(step))
        assert not (papers / "done").exists()
    boot.first_boot(places, System())
    assert (papers / "done").exists()
    claim = tmp_path / "var/lib/plomba/invitation.json"
    assert claim.read_text() == '{"secret":"s"}\n'


def test_a_cut_while_the_card_is_erased_spoils_no_paper(boot: ModuleType, tmp_path: Path) -> None:
    papers, state = a_card(tmp_path / "card") / "plomba", tmp_path / "var/lib/plomba"
    places = boot.Places(papers, tmp_path)
    with pytest.raises(boot.FirstBootError):
        boot.first_boot(places, System("systemctl enable"))
    # As the cut left it: overwritten and not yet removed.
    for name in ("invitation.json", "page-code", "plomba-setup.nmconnection"):
        (papers / name).write_bytes(bytes(10))
    boot.first_boot(places, System())
    assert (state / "invitation.json").read_text() == '{"secret":"s"}\n'
    assert (state / "page-code").read_text() == "12345678\n"
    assert "psk=secret" in (places.connections / "plomba-setup.nmconnection").read_text()
    assert not (papers / "page-code").exists()


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_papers_are_on_disk_before_they_are_erased(tmp_path: Path) -> None:
    """A copy's name is in a folder of its own, which a cut may take back until it is written."""
    papers, root = a_card(tmp_path / "card") / "plomba", tmp_path / "root"
    told = ["-f", "-e", "trace=sync,unlink,rename", "-o", str(tmp_path / "calls")]
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import pathlib, first_boot as b;"
        "b.first_boot(b.Places(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])), lambda _: 0)"
    )
    words = [sys.executable, "-c", code, str(CARD), str(papers), str(root)]
    done = subprocess.run(["strace", *told, *words], capture_output=True, text=True, check=False)
    if "PTRACE" in done.stderr:
        pytest.skip("no program may be traced here")
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    erased = next(n for n, one in enumerate(calls) if f'unlink("{papers}' in one)
    copied = max(n for n, one in enumerate(calls) if ".new" in one and "rename" in one)
    assert any(" sync()" in one for one in calls[copied:erased])


def test_a_device_without_a_radio_has_its_first_boot(boot: ModuleType, tmp_path: Path) -> None:
    papers = a_card(tmp_path / "card") / "plomba"
    boot.first_boot(boot.Places(papers, tmp_path), System("raspi-config", "nmcli"))
    assert (papers / "done").exists()


def test_an_enrolled_device_gets_no_claim_back(boot: ModuleType, tmp_path: Path) -> None:
    state = tmp_path / "var/lib/plomba"
    state.mkdir(parents=True)
    (state / "enrolled.json").write_text("{}")
    papers = a_card(tmp_path / "card") / "plomba"
    boot.first_boot(boot.Places(papers, tmp_path), System())
    assert not (state / "invitation.json").exists()


def test_the_examples_configuration_gives_way_and_no_other(
    boot: ModuleType, tmp_path: Path
) -> None:
    state = tmp_path / "var/lib/plomba"
    state.mkdir(parents=True)
    example = Path(__file__).parents[2] / "deploy/raspberry-pi/edge.example.toml"
    (state / "edge.toml").write_text(example.read_text())
    papers = a_card(tmp_path / "card") / "plomba"
    boot.first_boot(boot.Places(papers, tmp_path), System())
    assert (state / "edge.toml").read_text() == (papers / "edge.toml").read_text()


def test_a_state_partition_comes_first_and_the_read_only_root_last(
    boot: ModuleType, tmp_path: Path
) -> None:
    papers, system = a_card(tmp_path / "card", state_partition=True) / "plomba", System()
    boot.first_boot(boot.Places(papers, tmp_path), system)
    assert system.told[0] == "/usr/lib/plomba-edge/split-card"
    assert "plomba-edge-readonly on" in system.told[-2]


def test_a_card_that_cannot_be_cut_works_in_one_piece(boot: ModuleType, tmp_path: Path) -> None:
    papers = a_card(tmp_path / "card", state_partition=True) / "plomba"
    # The read-only root refuses a card whose state has no partition.
    system = System("/usr/lib/plomba-edge/split-card", "/usr/lib/plomba-edge/plomba-edge-readonly")
    boot.first_boot(boot.Places(papers, tmp_path), system)
    assert (papers / "done").exists()
    assert system.told[-1].startswith("systemctl start --no-block plomba-edge.service")


def test_who_may_log_in_is_made_where_cloud_init_was_not(boot: ModuleType, tmp_path: Path) -> None:
    papers = a_card(tmp_path / "card", user="installer", ssh_key=KEY) / "plomba"
    system = System("id")
    boot.first_boot(boot.Places(papers, tmp_path), system)
    assert any(line.startswith("useradd --create-home") for line in system.told)
    assert "raspi-config nonint do_hostname lesnaya-5-01" in system.told
    assert "raspi-config nonint do_change_timezone Europe/Moscow" in system.told
    keys = tmp_path / "home/installer/.ssh/authorized_keys"
    assert keys.read_text() == f"{KEY}\n"
    assert "systemctl enable ssh.service" in system.told


def test_no_keys_of_ssh_yet_hold_up_no_first_boot(boot: ModuleType, tmp_path: Path) -> None:
    papers = a_card(tmp_path / "card", user="installer", ssh_key=KEY) / "plomba"
    system = System("systemctl enable --now ssh.service", "systemctl start --no-block ssh.service")
    boot.first_boot(boot.Places(papers, tmp_path), system)
    assert (papers / "done").exists()


def test_what_would_go_on_after_a_cut_goes_with_the_last_step(
    boot: ModuleType, tmp_path: Path
) -> None:
    papers = a_card(tmp_path / "card") / "plomba"
    units = tmp_path / "etc/systemd/system"
    again = [units / name / boot.AGAIN for name in ("", "multi-user.target.wants")]
    again[1].parent.mkdir(parents=True)
    for unit in again:
        unit.touch()
    places = boot.Places(papers, tmp_path)
    with pytest.raises(boot.FirstBootError):
        boot.first_boot(places, System("systemctl enable"))
    assert all(unit.exists() for unit in again)
    boot.first_boot(places, System())
    assert not any(unit.exists() for unit in again)


@pytest.mark.parametrize("content", ["", "[]", '{"plomba_card": 2}', "\xff"])
def test_a_spoiled_card_is_refused(boot: ModuleType, tmp_path: Path, content: str) -> None:
    papers = a_card(tmp_path / "card") / "plomba"
    (papers / "card.json").write_text(content, "latin-1")
    with pytest.raises(boot.FirstBootError, match="expected"):
        boot.first_boot(boot.Places(papers, tmp_path), System())
    assert (papers / "invitation.json").exists()
