"""What the agent says of itself: a line per event, whatever it is."""

import pytest
import structlog

from edge.commands.common import log_to_stderr


def test_a_defect_is_told_with_where_it_was_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stderr()
    try:
        {}["a word"]
    except KeyError:
        structlog.get_logger().exception("work failed", work="page")
    (line,) = capsys.readouterr().err.splitlines()
    assert 'event="work failed" work=page' in line
    assert f'File \\"{__file__}\\", line ' in line
    assert line.endswith("KeyError: 'a word'\"")
