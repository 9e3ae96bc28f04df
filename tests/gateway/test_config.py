import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from drivers.reading import Resource, Unit
from gateway import config

RULES = """
data = "d"
[broker_rules]
directory = "mosquitto"
ca = "ca.pem"
cert = "broker.pem"
key = "broker.key"
crl = "crl.pem"
"""
FULL = """
data = "state"

[broker]
host = "mqtt.example.org"
tls = { ca = "ca.pem", cert = "gateway.pem", key = "gateway-tls.key" }

[web]
port = 8090

[billing]
auto_close = true

[[billing.targets]]
kind = "csv"
name = "files"
directory = "out"

[[billing.targets]]
kind = "webhook"
name = "erp"
url = "https://billing.example.org/hook"
secret_file = "webhook.secret"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(config.ConfigError) as caught:
        config.load(written(folder, text))
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_paths_count_from_the_files_own_folder(tmp_path: Path) -> None:
    loaded = config.load(written(tmp_path, FULL))
    assert loaded.data == tmp_path / "state"
    assert loaded.ledger_file == tmp_path / "state" / "ledger.sqlite"
    assert loaded.key_file == tmp_path / "state" / "gateway.key"
    assert loaded.broker is not None
    assert loaded.broker.tls is not None
    assert loaded.broker.tls.ca == tmp_path / "ca.pem"
    assert loaded.billing.targets[0].name == "files"
    assert loaded.billing.target_names == ("files", "erp")


def test_the_page_stays_on_this_machine_unless_told_otherwise(tmp_path: Path) -> None:
    assert config.load(written(tmp_path, 'data = "d"')).web.host == "127.0.0.1"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, FULL)
    script = (
        "import sys, pathlib; from gateway import config;"
        "broker = config.load(pathlib.Path(sys.argv[1])).broker; print(broker.host, broker.port)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env={**os.environ, "PLOMBA_GATEWAY_BROKER__HOST": "other.example.org"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["other.example.org", "8883"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "data: missing"),
        ('data = "d"\nbroker = { port = 1 }', "broker.host: missing"),
        ('data = "d"\nbroker = { host = "h", prot = 1 }', "broker.prot: unknown key"),
        ('data = "d"\nbroker = { host = "h" }', "broker: h in clear would let anybody"),
        ('data = "d"\nbroker = { host = "::1" }', "broker: ::1 in clear would let anybody"),
        ('data = "d"\nbroker = { host = "h", without_tls = true }', "for a broker on this machine"),
        (f"{RULES}pid_file = 'p'\nreload = ['r']", "broker_rules: give pid_file or reload"),
        (f"{RULES}engine = 'other'", "broker_rules.engine"),
        (f"{RULES}engine = 'nats'\nreplicas = 2", "broker_rules.replicas"),
        (
            'data = "d"\ningest = { share = "a", partitions = 2 }',
            "ingest: give share or partitions",
        ),
        ('data = "d"\ningest = { share = "a/b" }', "ingest.share"),
        (f"{RULES}look_every_s = 60", "broker_rules.look_every_s"),
        (f"{RULES}devices = {{ port = 1, host = 'a b', connections_max = 1 }}", "devices.host"),
        ('data = "d"\nweb = { port = 70000 }', "web.port"),
        ('data = "d"\ncolour = 1', "colour: unknown key"),
        (FULL.replace("https://", "http://"), "https://"),
        (FULL.replace('"erp"', '"files"'), "share a name"),
        (FULL.replace('"webhook"\n', '"fax"\n'), "fax"),
        ("data = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_that_names_the_key(
    tmp_path: Path, text: str, named: str
) -> None:
    assert named in refusal(tmp_path, text)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match="cannot read"):
        config.load(tmp_path / "nowhere.toml")


def test_limits_of_one_person_are_the_defaults_with_the_files_over_them(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('data = "d"\n[review.two_person_above]\nheat = { Gcal = 1.5, GJ = 0 }\n')
    limits = config.load(file).review.limits
    assert limits[Resource.HEAT, Unit.GCAL] == Decimal("1.5")
    assert limits[Resource.HEAT, Unit.GJ] == 0
    assert limits[Resource.COLD_WATER, Unit.M3] == 30
    assert (Resource.COLD_WATER, Unit.KWH) not in limits


@pytest.mark.parametrize("key", ["server", "reader", "owner"])
def test_readings_go_to_another_machine_over_a_tls_that_knows_it(tmp_path: Path, key: str) -> None:
    """Without it libpq asks for TLS and believes whoever answers, or does without."""

    def load(*words: str) -> object:
        told = {"server": "dbname=plomba"} | {key: " ".join(words)}
        lines = "".join(f'{name} = "{text}"\n' for name, text in told.items())
        return config.load(written(tmp_path, f'data = "d"\n[ledger]\n{lines}')).ledger

    for near in ("host=/run/postgresql", "host=127.0.0.1,::1", "host = 'localhost'", "port=5432"):
        assert load(near, "dbname=plomba")
    for far in ("host=db1,db2", "host=localhost,db2", "hostaddr=10.0.0.7", "host = 'db1'"):
        for mode in ("", "sslmode=prefer", "sslmode=require", "sslmode=verify-ca"):
            with pytest.raises(config.ConfigError, match=rf"{key}: expected sslmode=verify-full"):
                load(far, mode)
        assert load(far, "sslmode=verify-full", "sslrootcert=/etc/plomba/db-ca.pem")
