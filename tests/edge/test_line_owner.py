"""One owner of a device's lines at a time."""

from pathlib import Path

import pytest

from edge.line_owner import LinesInUse, owning_lines
from edge.spool import Spool


def test_a_second_owner_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    with (
        owning_lines(tmp_path),
        pytest.raises(LinesInUse, match="another plomba-edge scan or read"),
        owning_lines(tmp_path),
    ):
        pass
    with owning_lines(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_the_agent_is_named_with_the_way_to_stop_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=2**24)
    with (
        owning_lines(tmp_path, is_agent=True),
        pytest.raises(LinesInUse, match="systemctl stop plomba-edge"),
        owning_lines(tmp_path),
    ):
        pass
    spool.close()


def test_where_there_is_no_state_nobody_runs(tmp_path: Path) -> None:
    with owning_lines(tmp_path / "none"):
        assert list(tmp_path.iterdir()) == []


def test_a_state_folder_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LinesInUse, match="Not a directory"), owning_lines(tmp_path / "file"):
        pass
