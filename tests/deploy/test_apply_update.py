"""Root's part of an update: built, switched to, watched, gone back from; a power cut anywhere.

The versions here are programs of some lines that judge as they are told and beat when systemd is
asked how often the agent was started; what is real is the updater, the build and the switch.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.test_releases import LIB, Shelf, pip, shelf

__all__ = ["pip", "shelf"]

PROGRAM = """
import json, sys
from pathlib import Path
here = Path("{{folder}}")

def main():
    words = sys.argv[1:]
    if words in ([], ["--version"]):
        print("plomba-edge, version {version}")
    elif words[:2] == ["update", "check"]:
        print((here / "judgement").read_text())
    elif words == ["beat"] and {beats}:
        note = json.loads((here / "opt/trial.json").read_text())
        path = here / "state/updates/health.json"
        beat = json.loads(path.read_text())["beat"] + 1
        said = dict(version="{version}", instance="a", nonce=note["nonce"], beat=beat)
        path.write_text(json.dumps(said | dict(waiting="", answering=2, connected=True, late=[])))
"""
SYSTEMCTL = """#!/bin/sh
echo "$1" >> {folder}/asked
case "$1" in show) {folder}/opt/current/bin/plomba-edge beat; echo {restarts} ;; esac
"""
OLD = {
    "version": "1.0.0",
    "instance": "o",
    "nonce": "",
    "beat": 1,
    "waiting": "",
    "answering": 2,
    "connected": True,
    "late": [],
}


# How long a version that is well may take to say so: no machine that runs this test is so slow.
PATIENT_S = 120
# And one that says nothing at all, however long it is given.
SHORT_S = 3


class Site:
    """A device on which 1.0.0 runs."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.folder = shelf, shelf.folder
        self.updates = self.folder / "state/updates"
        self.updates.mkdir(parents=True)
        self.staged = Path()
        shelf.ok("install-release", str(self.release("1.0.0")))
        (self.updates / "health.json").write_text(json.dumps(OLD))
        self.systemctl()

    def release(self, version: str, *, beats: bool = True) -> Path:
        program = PROGRAM.replace("{{folder}}", str(self.folder)).replace("{beats}", str(beats))
        braces = program.replace("{version}", "@").replace("{", "{{").replace("}", "}}")
        return self.shelf.release(version, braces.replace("@", "{version}"))

    def systemctl(self, restarts: int = 0) -> None:
        path = self.folder / "systemctl"
        path.write_text(SYSTEMCTL.format(folder=self.folder, restarts=restarts))
        path.chmod(0o755)

    def ready(self, version: str, /, *, beats: bool = True, **said: object) -> None:
        """A release lies ready, and the version that runs thinks of it what is said."""
        release = self.release(version, beats=beats)
        manifest = hashlib.sha256((release / "manifest.json").read_bytes()).hexdigest()
        self.staged = release.rename(self.updates / manifest)
        judged = {"number": 7, "version": version, "refused": "", "runs": "1.0.0"}
        (self.folder / "judgement").write_text(json.dumps(judged | {"manifest": manifest} | said))
        (self.updates / "ready").write_bytes(f"{version} {said}".encode())

    def apply(self, start_s: float = PATIENT_S) -> dict[str, Any]:
        """What the updater leaves behind; a sign of the new version it waits for so long."""
        places = ["--state", self.folder / "state", "--prefix", self.shelf.prefix]
        more = ["--arch", "amd64", "--systemctl", self.folder / "systemctl", "--look", "0.05"]
        bounds = ["--bounds", str(start_s), str(PATIENT_S), "0.3", str(PATIENT_S)]
        ran = subprocess.run(
            [sys.executable, "-IB", LIB / "apply-update", *places, *more, *bounds],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert not (self.shelf.prefix / "trial.json").exists()
        return self.outcome

    @property
    def outcome(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads((self.shelf.prefix / "update.json").read_text())
        return said

    def cut(self, version: str, **changes: object) -> None:
        """The power went while a trial of `version` was under way."""
        note = {"version": version, "before": "1.0.0", "number": 7, "ready": "r", "nonce": "n"}
        (self.shelf.prefix / "trial.json").write_text(json.dumps(note | {"health": OLD} | changes))

    def asked(self, word: str) -> int:
        return (self.folder / "asked").read_text().split().count(word)


@pytest.fixture
def site(shelf: Shelf) -> Site:
    return Site(shelf)


def test_a_version_that_is_well_stays_and_is_looked_at_once(site: Site) -> None:
    site.ready("1.1.0")
    said = site.apply()
    assert (said["outcome"], said["number"], said["version"]) == ("running", 7, "1.1.0")
    assert said["ready"] == hashlib.sha256((site.updates / "ready").read_bytes()).hexdigest()
    assert site.shelf.current == "1.1.0"
    assert (site.asked("restart"), site.asked("try-restart")) == (1, 1)
    before = sorted(path.name for path in site.updates.iterdir())
    site.apply()
    assert site.asked("restart") == 1
    assert sorted(path.name for path in site.updates.iterdir()) == before


def test_one_that_never_beats_goes_and_is_noted_as_failed(site: Site) -> None:
    site.ready("1.1.0", beats=False)
    said = site.apply(SHORT_S)
    assert (said["outcome"], said["reason"]) == ("rolled-back", "no sign of it within 3 s")
    assert said["failed"] == {"1.1.0": 7}
    assert site.shelf.current == "1.0.0"
    assert site.asked("restart") == 2


def test_a_crash_loop_is_seen_by_what_systemd_counts(site: Site) -> None:
    site.systemctl(restarts=4)
    site.ready("1.1.0")
    assert site.apply()["reason"] == "it ended and was started again and again"
    assert site.shelf.current == "1.0.0"


def spoiled_wheel(staged: Path) -> None:
    next((staged / "wheels").glob("plomba*")).write_bytes(b"evil")


def other_manifest(staged: Path) -> None:
    manifest = staged / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")


def linked_wheel(staged: Path) -> None:
    wheel = next((staged / "wheels").glob("plomba*"))
    wheel.unlink()
    wheel.symlink_to("/etc/hostname")


def missing(staged: Path) -> None:
    (staged / "manifest.json").unlink()


@pytest.mark.parametrize("spoil", [spoiled_wheel, other_manifest, linked_wheel, missing])
def test_what_was_exchanged_after_it_was_fetched_is_refused(
    site: Site, spoil: Callable[[Path], None]
) -> None:
    site.ready("1.1.0")
    spoil(site.staged)
    assert site.apply()["outcome"] == "refused"
    assert site.shelf.current == "1.0.0"
    assert not (site.folder / "asked").exists()


def test_what_a_link_leads_to_is_not_copied_where_others_may_read_it(site: Site) -> None:
    """Root may read all, and what it builds may be read by all: by the agent's user too."""
    secret = site.folder / "of-root-alone"
    secret.write_text("root:$y$a-hash-of-a-password")
    site.ready("1.1.0")
    wheel = next((site.staged / "wheels").glob("plomba*"))
    wheel.unlink()
    wheel.symlink_to(secret)
    assert site.apply()["outcome"] == "refused"
    held = (path for path in site.shelf.prefix.rglob("*") if path.is_file())
    assert not [path for path in held if b"a-hash-of-a-password" in path.read_bytes()]


def test_a_pipe_in_the_place_of_the_manifest_keeps_nobody_waiting(site: Site) -> None:
    site.ready("1.1.0")
    (site.staged / "manifest.json").unlink()
    os.mkfifo(site.staged / "manifest.json")
    assert site.apply()["outcome"] == "refused"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"refused": "not-newer: 1.1.0"}, "not-newer: 1.1.0"),
        ({"runs": "0.9.0"}, "0.9.0 judged, but 1.0.0 is current"),
        ({"version": "1.2.0"}, "the manifest is of 1.1.0, not 1.2.0"),
    ],
)
def test_what_the_running_version_does_not_want_is_not_built(
    site: Site, said: dict[str, object], reason: str
) -> None:
    site.ready("1.1.0", **said)
    told = site.apply()
    assert (told["outcome"], told["reason"]) == ("refused", reason)
    assert site.shelf.current == "1.0.0"


def test_a_version_that_cannot_judge_refuses(site: Site) -> None:
    site.ready("1.1.0")
    (site.folder / "judgement").write_text("nonsense")
    assert "the version that runs cannot judge" in site.apply()["reason"]


def test_a_link_or_a_pipe_is_no_note(site: Site) -> None:
    site.ready("1.1.0")
    note = site.updates / "ready"
    note.rename(site.updates / "elsewhere")
    note.symlink_to(site.updates / "elsewhere")
    places = ["--state", site.folder / "state", "--prefix", site.shelf.prefix]
    ran = subprocess.run([sys.executable, "-IB", LIB / "apply-update", *places], check=False)
    assert ran.returncode == 0
    assert not (site.shelf.prefix / "update.json").exists()


def test_a_trial_that_the_power_cut_goes_on(site: Site) -> None:
    site.shelf.ok("install-release", str(site.release("1.1.0")))
    site.cut("1.1.0")
    assert site.apply()["outcome"] == "running"
    site.shelf.ok("install-release", str(site.release("1.2.0", beats=False)))
    site.cut("1.2.0", before="1.1.0")
    assert site.apply(SHORT_S)["outcome"] == "rolled-back"
    assert site.shelf.current == "1.1.0"


def test_a_way_back_that_the_power_cut_is_gone_to_its_end(site: Site) -> None:
    site.shelf.ok("install-release", str(site.release("1.1.0")))
    site.cut("1.1.0", phase="back", reason="it hangs")
    assert site.apply()["reason"] == "it hangs"
    assert site.shelf.current == "1.0.0"
    site.cut("1.1.0", phase="back", reason="again")
    assert site.apply()["reason"] == "again"
    assert site.shelf.current == "1.0.0"


def test_a_trial_cut_before_the_switch_begins_anew(site: Site) -> None:
    site.ready("1.1.0")
    site.cut("1.1.0")
    assert site.apply()["outcome"] == "running"
    assert site.shelf.current == "1.1.0"


def test_a_trial_that_is_cut_again_and_again_is_given_up(site: Site) -> None:
    site.shelf.ok("install-release", str(site.release("1.1.0")))
    site.cut("1.1.0", resumes=5)
    assert site.apply()["reason"] == "its trial was cut short again and again"
    assert site.shelf.current == "1.0.0"


def test_what_a_package_brought_meanwhile_is_not_touched(site: Site) -> None:
    site.shelf.ok("install-release", str(site.release("1.1.0")))
    site.shelf.ok("install-release", str(site.release("1.2.0")))
    site.cut("1.1.0")
    said = site.apply()
    assert (said["outcome"], said["reason"]) == ("refused", "1.2.0 was installed meanwhile")
    assert site.shelf.current == "1.2.0"
