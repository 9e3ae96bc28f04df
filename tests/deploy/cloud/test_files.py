"""The files of deploy/cloud belong together: what one names, another one has."""

import re
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg.errors import InsufficientPrivilege

from gateway import config as configuration
from gateway.__main__ import main as gateway
from gateway.broker import nats
from gateway.broker.model import Listener, Plan, Tls
from gateway.sql import keeping
from gateway.sql.engine import snapshot
from gateway.sql.store import open_store
from tests.cloud_sync.brokers import Authority
from tests.servers.flow import Flow
from tests.servers.nats import NATS_SERVER
from tests.servers.standbys import Standbys, started

ROOT = Path(__file__).parents[3]
CLOUD = ROOT / "deploy/cloud"
SCRIPTS = sorted(CLOUD.rglob("*.sh"))
INSTALLED = "/usr/local/lib/plomba/"


def text(name: str) -> str:
    return (CLOUD / name).read_text("utf-8")


def settings(name: str) -> dict[str, str]:
    """The settings of a fragment of postgresql.conf."""
    return dict(re.findall(r"^(\w+) = (.*?)(?:\s+#.*)?$", text(f"postgres/{name}"), re.MULTILINE))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_shell_accepts_the_script_and_strangers_may_run_it(script: Path) -> None:
    subprocess.run(["sh", "-n", str(script)], check=True)
    assert script.name == "common.sh" or script.stat().st_mode & 0o111 == 0o111


def test_whatever_is_started_from_where_scripts_are_installed_is_there() -> None:
    files = [file for file in CLOUD.rglob("*") if file.is_file()]
    named = {
        name
        for file in files
        for name in re.findall(rf"{INSTALLED}([\w.-]+)", file.read_text("utf-8"))
    }
    assert named <= {script.name for script in SCRIPTS}
    assert {"may-start.sh", "archive-wal.sh", "base-backup.sh"} <= named


@pytest.mark.parametrize("unit", sorted(CLOUD.glob("*.service")), ids=lambda unit: unit.name)
def test_units_start_commands_that_exist(unit: Path) -> None:
    for words in re.findall(r"^ExecStart=\S+/plomba-gateway (.*)$", unit.read_text(), re.MULTILINE):
        command: Any = gateway
        for word in words.split():
            if word.startswith("-"):
                break
            command = command.commands[word]


def test_timers_have_their_services() -> None:
    for timer in CLOUD.glob("*.timer"):
        assert timer.with_suffix(".service").exists()


def test_commits_are_durable_and_nothing_ends_their_waiting() -> None:
    plain = settings("plomba.conf")
    assert {plain[name] for name in ("fsync", "full_page_writes", "synchronous_commit")} == {"on"}
    assert "statement_timeout" not in plain | settings("cluster.conf") | settings("archive.conf")
    assert "ANY 1" in settings("cluster.conf")["synchronous_standby_names"]
    # pg_rewind puts a former primary back only with it.
    assert plain["wal_log_hints"] == "on"


def test_who_comes_over_the_network_comes_by_tls_and_scram() -> None:
    rules = [line.split() for line in text("postgres/pg_hba.conf").splitlines() if line[:1] != "#"]
    assert rules[-1] == ["host", "all", "all", "all", "reject"]
    for kind, *_, method in rules[:-1]:
        assert (kind, method) in {
            ("local", "peer"),
            ("local", "scram-sha-256"),
            ("hostssl", "scram-sha-256"),
        }


def test_the_server_finds_no_mistake_in_settings_and_rules() -> None:
    """All fragments at once; a typing error in one would let a server start with a default."""
    with started(("n1",), ("plomba.conf", "archive.conf")) as nodes:
        node = nodes.nodes["n1"]
        assert node.ask("SELECT name, error FROM pg_file_settings WHERE error IS NOT NULL") == ""
        assert node.ask("SELECT line_number FROM pg_hba_file_rules WHERE error IS NOT NULL") == ""
        _reached_by_tls_only(nodes)
        _each_role_does_its_part(nodes)


def test_the_node_of_nats_is_one_that_nats_accepts(tmp_path: Path) -> None:
    """With the rules that the gateway writes, and certificates where it looks for them."""
    certificate = Authority(tmp_path).issue("localhost")
    (tmp_path / "plomba").mkdir()
    tls = Tls(certificate.ca, certificate.certificate, certificate.key)
    listener = Listener("127.0.0.1", 8883, 100)
    plan = Plan(tmp_path / "plomba", tls, listener, listener, ("plomba-gateway",), None)
    plan = plan._replace(engine="nats", partitions=8)
    (tmp_path / "plomba" / nats.CONFIGURATION).write_text(nats.configuration(plan))
    (tmp_path / "plomba" / nats.ACCOUNTS).write_text(nats.accounts(plan, ["edge-1"]))
    main = text("nats/nats.conf")
    for name, there in (
        ("/etc/nats/certs/root.pem", tls.ca),
        ("/etc/nats/certs/mq1.example.pem", tls.certificate),
        ("/etc/nats/certs/mq1.example.key", tls.key),
        ("/var/lib/nats", tmp_path / "store"),
        ("/run/nats", tmp_path),
    ):
        assert name in main
        main = main.replace(name, str(there))
    (tmp_path / "nats.conf").write_text(main)
    asked = [str(NATS_SERVER), "-t", "-c", str(tmp_path / "nats.conf")]
    checked = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_gateway_accepts_the_clusters_example(tmp_path: Path) -> None:
    example = text("gateway.cluster.example.toml")
    for number in "123":
        example = example.replace(f"<db{number}>", f"db{number}.example")
        example = example.replace(f"<mq{number}>", f"mq{number}.example")
    assert "<" not in re.sub(r"(?m)#.*$", "", example)
    for name in ("writer.password", "reader.password", "plomba-gateway.key"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "gateway.toml").write_text(example)
    config = configuration.load(tmp_path / "gateway.toml")
    assert config.ledger is not None
    assert config.broker is not None
    assert config.broker_rules is not None
    assert config.ledger.writer_place.conninfo.count(".example") == 3
    # As many seats as there can be collectors, and each has a name that the broker lets in.
    assert config.ingest.partitions >= len(config.broker_rules.collector_names)
    assert config.broker.client_id in config.broker_rules.collector_names


def _reached_by_tls_only(nodes: Standbys) -> None:
    words = f"host=127.0.0.1 port={nodes.nodes['n1'].port} dbname=plomba user=plomba_owner"
    told = nodes.environment()
    for mode, answer in (("disable", 2), ("require", 0)):
        conninfo = f"{words} sslmode={mode} sslrootcert= passfile={nodes.folder}/pgpass"
        asked = ["psql", "-XAtc", "SELECT 1", conninfo]
        done = subprocess.run(asked, env=told, capture_output=True, check=False)
        assert done.returncode == answer, done.stderr


def _each_role_does_its_part(nodes: Standbys) -> None:
    """The owner makes the tables, the writer takes batches in, the reader only looks."""
    reader = nodes.place("plomba_reader")
    writer = replace(nodes.place("plomba_writer"), reader=reader)
    assert keeping.init(nodes.place(), writer).to_run == ()
    with Flow(writer) as flow:
        flow.wait(2)
    flow.judge(writer)
    with snapshot(writer) as look:
        (batches,) = look.execute("SELECT count(*) FROM batch").fetchone()
    assert batches >= flow.receipted
    with closing(open_store(reader)) as store, pytest.raises(InsufficientPrivilege):
        store.ledger.count({"batches": 1})


def test_the_containers_hold_together() -> None:
    """Read as YAML and by their own references: no container engine is asked here."""
    compose = yaml.safe_load(text("container/compose.yaml"))
    volumes, services = compose["volumes"], compose["services"]
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            known = source in volumes or source.startswith("/etc/plomba")
            assert known or (CLOUD / "container" / source).resolve().exists(), volume
        for other in service.get("depends_on", ()):
            assert other in services
    build = services["gateway"]["build"]
    context = (CLOUD / "container" / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).exists()


def test_the_images_are_plain_names_with_a_tag() -> None:
    compose = yaml.safe_load(text("container/compose.yaml"))
    built = compose["services"]["gateway"]["image"]
    named = {one["image"] for one in compose["services"].values()} - {built}
    froms = re.findall(r"^FROM (\S+)", text("container/Containerfile"), re.MULTILINE)
    for image in (*named, *froms):
        assert re.fullmatch(r"[a-z-]+:[\w.-]+", image), image
        assert not image.endswith(":latest")


def test_the_container_is_built_of_what_is_there() -> None:
    recipe = text("container/Containerfile")
    stages = set(re.findall(r"^FROM \S+ AS (\w+)", recipe, re.MULTILINE))
    copies = re.findall(r"^COPY (--from=(\w+) )?(.*) \S+$", recipe, re.MULTILINE)
    assert copies
    for _, stage, sources in copies:
        if stage:
            assert stage in stages
        else:
            assert all((ROOT / source).exists() for source in sources.split())
    assert re.findall(r"^USER (.*)", recipe, re.MULTILINE)[-1] == "900:900"
    (entry,) = re.findall(r'^ENTRYPOINT \["(.*?)"', recipe, re.MULTILINE)
    assert entry == "/opt/plomba/bin/plomba-gateway"
