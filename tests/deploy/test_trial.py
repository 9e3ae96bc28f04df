"""A new version on trial: when it is well, when it has to go; root's notes through power cuts."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

LIB = Path(__file__).parents[2] / "deploy/raspberry-pi/package/lib"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plomba_trial", LIB / "trial.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


trial: Any = _load()
BOUNDS = trial.Bounds(start_s=30, bound_s=100, steady_s=10, still_s=15)
WELL = {
    "version": "0.2.0",
    "instance": "a",
    "nonce": "n",
    "waiting": "",
    "answering": 4,
    "connected": True,
    "late": [],
}


class Run:
    """A watch that is looked at each second."""

    def __init__(self, before: dict[str, object] | None = None, bounds: Any = BOUNDS) -> None:
        before = WELL | {"version": "0.1.0"} if before is None else before
        tried = trial.Trial("0.2.0", "0.1.0", 5, "r", "n", health=before)
        self.now_s, self.beat = 0, 0
        self.watch = trial.Watch(tried, 0, bounds)

    def until(self, seconds: int, health: dict[str, object] | None, restarts: int = 0) -> str:
        """The first verdict within so many seconds."""
        for _ in range(seconds):
            self.now_s += 1
            self.beat += 1
            said = {} if health is None else {"beat": self.beat, **health}
            verdict: str = self.watch.look(said, restarts, self.now_s)
            if verdict:
                return verdict
        return ""


def test_a_version_that_is_as_well_as_the_one_before_stays() -> None:
    run = Run()
    assert run.until(3, None) == ""
    assert run.until(11, WELL) == "well"
    assert run.now_s == 14


def test_one_that_never_shows_up_goes_early() -> None:
    assert Run().until(40, None) == "back: no sign of it within 30 s"
    other = Run().until(40, WELL | {"nonce": "of another trial"})
    assert other == "back: no sign of it within 30 s"
    assert Run().until(40, WELL | {"version": "0.1.0"}) == "back: no sign of it within 30 s"


def test_a_crash_loop_counts() -> None:
    assert Run().until(2, None, restarts=4).startswith("back: it ended")
    run = Run()
    for instance in "abc":
        assert run.until(4, WELL | {"instance": instance}) == ""
    assert run.until(4, WELL | {"instance": "d"}).startswith("back: it ended")


def test_one_that_stands_still_goes() -> None:
    assert Run().until(200, WELL | {"beat": 1, "waiting": "starting"}).startswith("back: ")
    run = Run()
    assert run.until(5, WELL) == ""
    # It beats no more: well for too short a time, and then never again.
    verdict = run.until(200, WELL | {"beat": 9, "late": ["line house"]})
    assert verdict == "back: it stands still after 100 s"


@pytest.mark.parametrize(
    ("lacking", "why"),
    [
        ({"late": ["uplink"]}, "back: parts of it stand still: uplink after 100 s"),
        ({"waiting": "no meters"}, "back: it waits: no meters after 100 s"),
        ({"answering": 1}, "back: 1 meters answer, expected 2 at least after 100 s"),
        ({"connected": False}, "back: it is not connected, the version before was after 100 s"),
    ],
)
def test_one_that_does_worse_than_before_goes(lacking: dict[str, object], why: str) -> None:
    run = Run()
    assert run.until(200, WELL | lacking) == why
    assert run.now_s == 100


def test_what_was_bad_before_is_not_its_fault() -> None:
    bad = {"connected": False, "answering": 0, "waiting": "no meters"}
    assert Run(WELL | bad).until(20, WELL | bad) == "well"
    assert Run({}).until(20, WELL | {"connected": False, "answering": 0}) == "well"


def test_a_note_that_was_left_behind_is_not_well() -> None:
    run = Run(bounds=BOUNDS._replace(still_s=50))
    assert run.until(60, WELL | {"beat": 7}) == ""


def test_being_well_must_last() -> None:
    run = Run()
    for _ in range(5):
        assert run.until(8, WELL) == ""
        assert run.until(2, WELL | {"connected": False}) == ""
    assert run.until(11, WELL) == "well"


def test_notes_survive_and_nonsense_is_none(tmp_path: Path) -> None:
    tried = trial.Trial("0.2.0", "0.1.0", 5, "r", "n", health=WELL)
    trial.note(tmp_path, tried)
    assert trial.under_way(tmp_path) == tried
    trial.end(tmp_path, tried, "rolled-back", "why")
    assert trial.under_way(tmp_path) is None
    said = trial.read(tmp_path / trial.OUTCOME)
    assert (said["outcome"], said["failed"]) == ("rolled-back", {"0.2.0": 5})
    trial.end(tmp_path, tried._replace(number=9), "running", "")
    assert trial.read(tmp_path / trial.OUTCOME)["failed"] == {}
    for nonsense in ("", "[]", "{", '{"version": 1, "other": 2}', "[" * 5000):
        (tmp_path / trial.TRIAL).write_text(nonsense)
        assert trial.under_way(tmp_path) is None
    # Links and pipes that the agent's user could put down are no notes.
    (tmp_path / "link").symlink_to(tmp_path / trial.OUTCOME)
    assert trial.read(tmp_path / "link") == {}
