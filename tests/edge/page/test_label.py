import json
from pathlib import Path

import pytest

from edge.page.label import FREE_TRIES, Label, new_code, normal
from edge.page.refusal import NotDone


class Watch:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


def labelled(folder: Path, code: str = "K7TD-4MPX\n", mode: int = 0o600) -> Label:
    path = folder / "page-code"
    path.touch(mode=mode)
    path.write_text(code)
    return Label(folder, Watch())


@pytest.mark.parametrize("given", ["K7TD-4MPX", "k7td4mpx", " K7TD 4MPX "])
def test_the_code_is_taken_as_people_copy_it(tmp_path: Path, given: str) -> None:
    assert labelled(tmp_path).opens(given)


@pytest.mark.parametrize("given", ["", "K7TD-4MPY", "K7TD-4MPX1", "ключ", "К7TD4MPX"])
def test_anything_else_does_not_open(tmp_path: Path, given: str) -> None:
    assert not labelled(tmp_path).opens(given)


def test_after_the_first_tries_each_costs_a_wait_that_grows(tmp_path: Path) -> None:
    watch = Watch()
    labelled(tmp_path)
    label = Label(tmp_path, watch)
    for _ in range(FREE_TRIES):
        assert not label.opens("WRONG-1")
    waits = []
    for _ in range(8):
        with pytest.raises(NotDone, match="code_wait"):
            label.opens("K7TD-4MPX")
        waits.append(label.wait_s())
        watch.s += label.wait_s()
        assert not label.opens("WRONG-1")
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    watch.s += 60
    assert label.opens("K7TD-4MPX")
    assert label.wait_s() == 0


def test_the_count_and_the_wait_survive_a_restart(tmp_path: Path) -> None:
    label = labelled(tmp_path)
    for _ in range(FREE_TRIES):
        label.opens("WRONG-1")
    again = Label(tmp_path, Watch())
    with pytest.raises(NotDone, match="code_wait"):
        again.opens("K7TD-4MPX")


def test_a_count_that_cannot_be_read_costs_a_wait_and_not_the_way_in(tmp_path: Path) -> None:
    (tmp_path / "page-tries.json").write_bytes(b"\xff{")
    watch = Watch()
    labelled(tmp_path)
    label = Label(tmp_path, watch)
    assert label.wait_s() == 2
    watch.s += 2
    assert label.opens("K7TD-4MPX")
    assert json.loads((tmp_path / "page-tries.json").read_text()) == {"wrong": 0}


@pytest.mark.parametrize(
    ("code", "mode"), [("", 0o600), ("12345", 0o600), ("A" * 65, 0o600), ("K7TD-4MPX", 0o644)]
)
def test_a_code_too_short_or_open_to_others_opens_nothing(
    tmp_path: Path, code: str, mode: int
) -> None:
    label = labelled(tmp_path, code, mode)
    assert not label.there()
    with pytest.raises(NotDone, match="no_code"):
        label.opens(code)


def test_a_new_code_is_private_and_opens(tmp_path: Path) -> None:
    before = labelled(tmp_path, mode=0o644)
    code = new_code(tmp_path)
    assert len(normal(code)) == 8
    assert (tmp_path / "page-code").stat().st_mode & 0o777 == 0o600
    assert before.opens(code)
