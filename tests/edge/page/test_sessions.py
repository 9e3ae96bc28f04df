from pathlib import Path

from edge.page.sessions import FILE, LIVES_S, SESSIONS_MAX, Sessions


class Watch:
    def __init__(self) -> None:
        self.s = 5.0

    def __call__(self) -> float:
        return self.s


def test_a_session_stands_until_it_ends(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, Watch())
    secret = sessions.begin()
    assert sessions.stands(secret)
    assert not sessions.stands("")
    assert not sessions.stands(secret + "x")
    sessions.end(secret)
    assert not sessions.stands(secret)


def test_it_survives_a_restart_and_its_secret_is_not_on_the_disk(tmp_path: Path) -> None:
    secret = Sessions(tmp_path, Watch()).begin()
    assert secret.encode() not in (tmp_path / FILE).read_bytes()
    assert Sessions(tmp_path, Watch()).stands(secret)


def test_only_running_time_is_counted_also_over_restarts(tmp_path: Path) -> None:
    watch = Watch()
    sessions = Sessions(tmp_path, watch)
    secret = sessions.begin()
    watch.s += LIVES_S / 2
    assert sessions.stands(secret)
    later = Watch()
    sessions = Sessions(tmp_path, later)
    later.s += LIVES_S / 2 - 1
    assert sessions.stands(secret)
    later.s += 2
    assert not sessions.stands(secret)


def test_of_too_many_the_oldest_ends(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, Watch())
    secrets = [sessions.begin() for _ in range(SESSIONS_MAX + 1)]
    assert [sessions.stands(one) for one in secrets] == [False] + [True] * SESSIONS_MAX


def test_a_file_that_cannot_be_read_costs_the_code_once_more(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"[[")
    sessions = Sessions(tmp_path, Watch())
    assert sessions.stands(sessions.begin())
    (tmp_path / FILE).write_text('[{"digest": "", "left_s": 1e300}]')
    assert not Sessions(tmp_path, Watch()).stands("")
