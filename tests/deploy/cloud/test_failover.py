"""Three PostgreSQL servers as deploy/cloud has them, their primary killed under load.

What the page docs/standby.md promises: receipted readings lost 0, doubled 0, by the documented
scripts and nothing else.
"""

import subprocess
from collections.abc import Iterator

import pytest

from tests.servers import standbys
from tests.servers.flow import Flow
from tests.servers.standbys import NAMES, ScriptError, Standbys

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def nodes() -> Iterator[Standbys]:
    with standbys.started() as nodes:
        yield nodes


def whole(nodes: Standbys) -> str:
    """The leader, all nodes up and in step."""
    for name, node in nodes.nodes.items():
        if not node.runs:
            nodes.rejoin(name)
    nodes.wait_in_step(2)
    return nodes.leader()


def others(name: str) -> list[str]:
    return [one for one in NAMES if one != name]


def test_a_primary_killed_under_load_loses_nothing_receipted(nodes: Standbys) -> None:
    """One standby hangs, so only the other one has all: that one must lead."""
    old = whole(nodes)
    ahead, behind = others(old)
    with Flow(nodes.place()) as flow:
        flow.wait(3)
        receiver = nodes.nodes[behind].ask("SELECT pid FROM pg_stat_wal_receiver")
        subprocess.run(["kill", "-STOP", receiver], check=True)
        flow.wait(10)
        nodes.kill(old)
        # It ends before it reads what the primary had sent on: that may be more than the other has.
        subprocess.run(["kill", "-TERM", receiver], check=True)
        subprocess.run(["kill", "-CONT", receiver], check=True)
        assert nodes.failover() == ahead
        flow.wait(10)
        assert flow.failures > 0
        nodes.rejoin(old)
        nodes.wait_in_step(2)
        flow.wait(3)
        _end_a_commit_that_waits(nodes, flow)
        flow.wait(3)
    flow.judge(nodes.place())


def _end_a_commit_that_waits(nodes: Standbys, flow: Flow) -> None:
    """PostgreSQL then calls it done, with a warning; it gives no receipt all the same."""
    leader = nodes.nodes[nodes.leader()]
    for name in others(leader.name):
        nodes.kill(name)
    # Until then it may still be let go on by what they had said last.
    leader.until("SELECT count(*) = 0 FROM pg_stat_replication")
    waits = "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = 'plomba'"
    leader.until(f"SELECT count(*) = 1 {waits}")
    receipted, failures = flow.receipted, flow.failures
    leader.ask(f"SELECT pg_cancel_backend(pid) {waits}")
    flow.wait_for_failure(failures)
    assert flow.receipted == receipted
    for name in others(leader.name):
        nodes.rejoin(name)


def test_it_refuses_while_the_primary_answers(nodes: Standbys) -> None:
    leader = whole(nodes)
    with pytest.raises(ScriptError, match=f"{leader} leads and answers"):
        nodes.failover()


def test_it_refuses_where_the_missing_standby_may_have_more(nodes: Standbys) -> None:
    old = whole(nodes)
    lost, left = others(old)
    nodes.kill(lost)
    nodes.kill(old)
    with pytest.raises(ScriptError, match=f"may have receipted readings that {left} lacks"):
        nodes.failover()
    with pytest.raises(ScriptError, match="no standby follows it"):
        nodes.failover("--one-standby-lost")
    assert nodes.leader() == left


def test_a_fence_that_fails_stops_everything(nodes: Standbys) -> None:
    old = whole(nodes)
    nodes.kill(old)
    with pytest.raises(ScriptError, match=f"cannot fence {old} .*nothing was changed"):
        nodes.failover("--fence", "false")
    assert nodes.failover("--fence", "true") in others(old)


def test_a_primary_that_nobody_sees_answers_no_commit_any_more(nodes: Standbys) -> None:
    """It lives, cut off: both standbys have left it. What it wrote alone goes when it rejoins."""
    old = whole(nodes)
    place = nodes.cluster.read_text()
    nodes.cluster.write_text(place.replace(f"port={nodes.nodes[old].port}\n", "port=1\n"))
    nodes.script("failover.sh")
    nodes.cluster.write_text(place)
    cut_off = nodes.nodes[old]
    alone = cut_off.begin("CREATE TABLE written_alone ()")
    cut_off.until("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
    assert alone.poll() is None
    with pytest.raises(ScriptError, match="this node would lead beside it"):
        nodes.script("may-start.sh", old, cut_off.data)
    nodes.kill(old)
    alone.wait()
    assert alone.returncode != 0
    new = nodes.leader()
    nodes.rejoin(old)
    nodes.wait_in_step(2)
    assert nodes.nodes[new].ask("SELECT to_regclass('written_alone')") == ""
    assert cut_off.ask("SELECT to_regclass('written_alone')") == ""


def test_a_node_is_copied_where_it_cannot_be_rewound(nodes: Standbys) -> None:
    leader = whole(nodes)
    name = others(leader)[0]
    nodes.kill(name)
    nodes.rejoin(name, copy=True)
    nodes.wait_in_step(2)
    assert (nodes.nodes[name].folder / "data.old").exists()


def test_standbys_that_were_started_anew_are_asked_too(nodes: Standbys) -> None:
    """The power went everywhere, and one machine stays dark."""
    old = whole(nodes)
    nodes.nodes[old].ask("CREATE TABLE kept ()")
    for name in (old, *others(old)):
        nodes.kill(name)
    for name in others(old):
        nodes.nodes[name].start()
    new = nodes.failover()
    assert nodes.nodes[new].ask("SELECT to_regclass('kept')") == "kept"


def test_its_operator_sees_no_reading(nodes: Standbys) -> None:
    """The role of the scripts may promote, and not connect to the ledger."""
    leader = nodes.nodes[whole(nodes)]
    roles = "SELECT has_database_privilege(rolname, 'plomba', 'CONNECT') FROM pg_roles"
    for role in ("plomba_failover", "plomba_replication"):
        assert leader.ask(f"{roles} WHERE rolname = '{role}'") == "f"
