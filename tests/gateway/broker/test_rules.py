"""The broker's rules as text, their files, and when the broker is told; without a broker."""

import asyncio
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.broker import files, rules
from gateway.broker.keeper import Keeper, revocations, texts
from gateway.broker.model import Listener, Plan, RulesError, Tls
from gateway.broker.reload import by_command, by_signal
from tests.gateway.broker.walls import Realm

PLAN = Plan(
    folder=Path("/etc/mosquitto/plomba"),
    tls=Tls(Path("/etc/ca.pem"), Path("/etc/broker.pem"), Path("/etc/broker.key")),
    devices=Listener("", 8883, 20_000),
    collectors=Listener("127.0.0.1", 8884, 16),
    collector_names=("plomba-gateway",),
    store=None,
)


class Speakers:
    """Whoever a test says may speak."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    def speaking(self) -> list[str]:
        return self.names


class Broker:
    """Counts how often it was told, or cannot be told."""

    def __init__(self) -> None:
        self.told = 0
        self.is_away = False

    async def reload(self) -> None:
        if self.is_away:
            raise RulesError("it is away")
        self.told += 1


def test_both_doors_ask_for_a_certificate_and_take_the_name_from_it() -> None:
    head, *doors = rules.configuration(PLAN).split("\nlistener ")
    # mosquitto applies it to what comes after it.
    options = [line for line in head.splitlines() if line and not line.startswith("#")]
    assert options[0] == "per_listener_settings true"
    assert [door.splitlines()[0] for door in doors] == ["8883", "8884 127.0.0.1"]
    for door, acl, places in zip(doors, ("devices", "collectors"), (20_000, 16), strict=True):
        said = door.splitlines()
        for line in (
            "tls_version tlsv1.3",
            "require_certificate true",
            "use_identity_as_username true",
            "use_username_as_clientid true",
            "allow_anonymous false",
            "crlfile /etc/mosquitto/plomba/crl.pem",
            f"acl_file /etc/mosquitto/plomba/{acl}.acl",
            f"max_connections {places}",
        ):
            assert said.count(line) == 1


def test_the_five_defaults_that_lose_messages_or_sessions_are_changed() -> None:
    said = rules.configuration(PLAN)
    for option in (
        "max_queued_messages 20000",
        "max_inflight_messages 64",
        "persistence true",
        "autosave_interval 60",
        "use_username_as_clientid true",
        "max_packet_size 263680",
    ):
        assert f"\n{option}\n" in said


def test_a_device_has_four_lines_and_a_collector_the_other_side() -> None:
    assert rules.device_rules(["edge-1"]).splitlines()[2:] == [
        "user edge-1",
        "topic write plomba/v1/edge-1/batch",
        "topic write plomba/v1/edge-1/state",
        "topic read plomba/v1/edge-1/receipt",
        "topic read plomba/v1/edge-1/command",
    ]
    assert rules.collector_rules(["plomba-gateway"]).splitlines()[2:] == [
        "user plomba-gateway",
        "topic read plomba/v1/+/batch",
        "topic read plomba/v1/+/state",
        "topic write plomba/v1/+/receipt",
        "topic write plomba/v1/+/command",
    ]


def test_a_name_that_could_write_a_rule_of_its_own_is_left_out() -> None:
    odd = ["a\ntopic #", "edge 1", "#", "+", "", "Edge", "edge-1\n", "a/b", "plomba-gateway"]
    assert rules.sorted_out([*odd, "edge-2", "edge-1"], ["plomba-gateway"]) == (
        ["edge-1", "edge-2"],
        sorted(odd),
    )
    with pytest.raises(RulesError, match="expected a collector's name"):
        rules.collector_rules(["a\ntopic #"])
    with pytest.raises(RulesError, match="a path that a broker could not read"):
        rules.configuration(PLAN._replace(folder=Path("/etc\nallow_anonymous true")))


@given(st.lists(st.text(max_size=70)))
def test_whatever_devices_are_called_each_rule_is_one_device_s_own(names: list[str]) -> None:
    sound, odd = rules.sorted_out(names, ["plomba-gateway"])
    assert sorted([*sound, *odd]) == sorted(set(names))
    user = ""
    for line in rules.device_rules(sound).splitlines()[1:]:
        if line.startswith("user "):
            user = line.removeprefix("user ")
        elif line:
            access, topic = line.removeprefix("topic ").split(" ")
            assert access in {"read", "write"}
            assert topic.startswith(f"plomba/v1/{user}/")
            assert "+" not in topic
            assert "#" not in topic


def test_files_are_written_where_they_differ_and_for_the_folder_s_group(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    assert files.write(folder, {"a": b"1", "b": b"2"}) == ["a", "b"]
    assert files.write(folder, {"a": b"1", "b": b"3"}) == ["b"]
    assert files.write(folder, {"a": b"1", "b": b"3"}) == []
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o640
    assert (folder / "a").stat().st_gid == folder.stat().st_gid
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]


def test_rights_that_somebody_changed_are_put_back(tmp_path: Path) -> None:
    """A mosquitto that cannot read its rules at a reload lets everybody do everything."""
    folder = tmp_path / "rules"
    files.write(folder, {"a": b"1", "b": b"2"})
    (folder / "a").chmod(0)
    (folder / "b").chmod(0o644)
    assert files.write(folder, {"a": b"1", "b": b"2"}) == ["a", "b"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o640}


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RulesError, match="cannot write the broker's rules to"):
        files.write(tmp_path / "file/rules", {"a": b"1"})


@pytest.fixture
def crl(tmp_path: Path) -> Path:
    path = tmp_path / "crl.pem"
    path.write_bytes(Realm(tmp_path / "realm").crl.read_bytes())
    return path


def renew(crl: Path) -> None:
    crl.write_bytes(crl.read_bytes() + b"more")


async def test_the_broker_is_told_at_the_start_and_after_every_change(
    tmp_path: Path, crl: Path
) -> None:
    speakers, broker = Speakers("edge-1"), Broker()
    plan = PLAN._replace(folder=tmp_path / "rules")
    keeper = Keeper(plan, crl, speakers, broker.reload)
    assert set(keeper.bring_up()) == set(texts(plan, [], b""))
    for _ in range(3):
        await keeper.tell()
    assert (keeper.bring_up(), broker.told) == ([], 1)
    speakers.names = []
    assert keeper.bring_up() == [rules.DEVICE_RULES]
    await keeper.tell()
    renew(crl)
    assert keeper.bring_up() == [rules.REVOKED]
    await keeper.tell()
    assert broker.told == 3
    # The next process cannot know whether the last one came to tell.
    again = Keeper(plan, crl, speakers, broker.reload)
    assert again.bring_up() == []
    await again.tell()
    assert broker.told == 4


async def test_a_broker_that_was_away_is_told_later(tmp_path: Path, crl: Path) -> None:
    speakers, broker = Speakers("edge-1"), Broker()
    keeper = Keeper(PLAN._replace(folder=tmp_path / "r"), crl, speakers, broker.reload)
    keeper.bring_up()
    broker.is_away = True
    for _ in range(2):
        with pytest.raises(RulesError, match="it is away"):
            await keeper.tell()
    broker.is_away = False
    assert keeper.bring_up() == []
    await keeper.tell()
    assert broker.told == 1


def test_without_a_revocation_list_nothing_is_written(tmp_path: Path) -> None:
    keeper = Keeper(PLAN._replace(folder=tmp_path / "r"), tmp_path / "none", Speakers(), None)
    with pytest.raises(RulesError, match=r"no revocation list .*none .*plomba-gateway ca"):
        keeper.bring_up()
    (tmp_path / "none").write_bytes(b"-----BEGIN CERTIFICATE-----")
    with pytest.raises(RulesError, match="is not a revocation list: expected whole"):
        revocations(tmp_path / "none")
    assert not (tmp_path / "r").exists()


def test_a_revocation_list_that_is_written_just_now_is_not_taken(tmp_path: Path, crl: Path) -> None:
    """Without its list mosquitto would let in whoever was revoked."""
    speakers = Speakers("edge-1")
    keeper = Keeper(PLAN._replace(folder=tmp_path / "r"), crl, speakers, None)
    keeper.bring_up()
    whole = crl.read_bytes()
    for part in (b"", whole[:200], whole[:-5], whole + whole[:100], whole.replace(b"M", b"-", 1)):
        crl.write_bytes(part)
        with pytest.raises(RulesError, match="is not a revocation list"):
            revocations(crl)
        with capture_logs() as logs:
            assert [keeper.bring_up(), keeper.bring_up()] == [[], []]
        assert [one["log_level"] for one in logs] == ["error"]
        crl.write_bytes(whole)
        assert keeper.bring_up() == []
    # Who may speak is written all the same.
    crl.unlink()
    speakers.names = []
    assert keeper.bring_up() == [rules.DEVICE_RULES]
    crl.write_bytes(whole + whole)
    assert keeper.bring_up() == [rules.REVOKED]


def test_a_signal_reaches_the_process_of_the_pid_file(tmp_path: Path) -> None:
    script = "import signal; print('ready', flush=True); signal.sigwait([signal.SIGHUP])"
    blocked = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP]); {script}"
    with subprocess.Popen([sys.executable, "-c", blocked], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (tmp_path / "pid").write_text(f"{process.pid}\n")
        asyncio.run(by_signal(tmp_path / "pid"))
        assert process.wait(60) == 0
        assert process.returncode != -signal.SIGHUP
    with pytest.raises(RulesError, match="cannot tell the broker"):
        asyncio.run(by_signal(tmp_path / "pid"))


@pytest.mark.parametrize("written", ["", "0", "-1", "1", "mosquitto"])
async def test_a_pid_file_that_names_no_process_signals_nobody(
    tmp_path: Path, written: str
) -> None:
    (tmp_path / "pid").write_text(written)
    with pytest.raises(RulesError, match="cannot tell the broker"):
        await by_signal(tmp_path / "pid")


async def test_a_command_that_fails_says_what_it_said() -> None:
    await by_command((sys.executable, "-c", ""))
    with pytest.raises(RulesError, match="ended with 3: no such unit"):
        await by_command(
            (
                sys.executable,
                "-c",
                "import sys; print('no such unit', file=sys.stderr); sys.exit(3)",
            )
        )
    with pytest.raises(RulesError, match="cannot run /nowhere"):
        await by_command(("/nowhere",))
