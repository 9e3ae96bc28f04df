"""The commands as a person types them, over a small town."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloud_sync.signing import SigningKey
from drivers.reading import Evidence
from tests.gateway.shell import refusal, run, said
from tests.gateway.town import DEVICE, DEVICE_KEY, HOUSE, Town, local

HEAD = (
    "house,address,timezone,account,dwelling,point,kind,resource,meter,model,register,unit,"
    "exponent,digits,rate_max_per_h,installed_on,initial_value,device\n"
)
LINE = (
    "Садовая 12,Калуга,Europe/Moscow,4002,1,S1,dwelling,electricity,77,SDM120,1-0:1.8.0,kWh,"
    "-2,8,20,2026-09-01,100.00,sadovaya-12\n"
)
RAW = bytes.fromhex("0103044640e65d")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with one closed September of two lines."""
    folder = tmp_path / "data"
    said("init", "--data", folder)
    town = Town(folder)
    town.install("A1", town.point("P1"))
    town.install("A2", town.point("P2", "13"))
    town.read("A1", local(9, 20), 11_000)
    town.send()
    town.read("A1", local(9, 25), 10_500)
    town.read("A1", local(10, 1), 12_000, evidence=Evidence.of(RAW))
    town.send()
    town.ingest.process([town.seal_forged()], town.now_ms)
    town.store.close()
    said("close-period", "2026-09", "--data", folder)
    return folder


def test_init_makes_a_key_that_only_its_owner_can_read_and_keeps_it(tmp_path: Path) -> None:
    first = json.loads(said("init", "--data", tmp_path / "d", "--json"))
    assert (tmp_path / "d" / "gateway.key").stat().st_mode & 0o777 == 0o600
    assert json.loads(said("init", "--data", tmp_path / "d", "--json")) == first


def test_a_line_leads_back_to_the_meters_bytes_and_the_batch_verifies_offline(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "evidence"
    found = json.loads(said("trace", "2026-09-000001", "--data", data, "--out", out, "--json"))
    assert found["line"]["closing_value"] == "120.00"
    assert found["reading"]["state"] == "accepted"
    assert found["evidence"] == {"kind": "raw", "data": RAW.hex()}
    assert found["verdicts"] == []
    assert (found["batch"]["device"], found["batch"]["sequence"]) == (DEVICE, 2)
    batch_file, key_file = (Path(name) for name in found["files"])
    assert (batch_file.name, key_file.name) == (f"{DEVICE}-2.cose", f"{DEVICE}.pem")
    assert key_file.read_bytes() == DEVICE_KEY.public.to_pem()
    checked = json.loads(said("verify", batch_file, "--public-key", key_file, "--json"))
    assert checked["verified"] is True
    assert checked["hash"] == found["batch"]["hash"]
    assert "verified: batch 2" in said("verify", batch_file)
    assert "verified: batch 2" in said("verify", batch_file, "--data", data)
    said("init", "--data", tmp_path / "elsewhere")
    assert "has the key" in refusal("verify", batch_file, "--data", tmp_path / "elsewhere")


def test_a_trace_reads_well_without_json(data: Path) -> None:
    told = said("trace", "2026-09-000001", "--data", data)
    assert "billed    20.00 kWh: from 100.00 (installation) to 120.00" in told
    assert f"meter     raw {RAW.hex()}" in told
    assert "the signature holds" in told


def test_a_carried_line_says_that_no_reading_stands_behind_it(data: Path) -> None:
    told = said("trace", "2026-09-000002", "--data", data)
    assert "method    carried: no accepted reading in the period" in told
    assert "reading   none" in told


def test_a_changed_batch_and_a_foreign_key_are_refused(data: Path, tmp_path: Path) -> None:
    said("trace", "2026-09-000001", "--data", data, "--out", tmp_path)
    batch_file = tmp_path / f"{DEVICE}-2.cose"
    foreign = tmp_path / "foreign.pem"
    foreign.write_bytes(SigningKey.from_seed(bytes(32)).public.to_pem())
    assert "unknown-key" in refusal("verify", batch_file, "--public-key", foreign)
    content = bytearray(batch_file.read_bytes())
    content[-1] ^= 1
    batch_file.write_bytes(content)
    assert "bad-signature" in refusal("verify", batch_file)


def test_export_writes_the_last_closed_period(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "lines.csv"
    said("export", "csv", "--data", data, "--out", out)
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["line_id"] for row in rows] == ["2026-09-000001", "2026-09-000002"]
    assert rows[0]["consumption"] == "20.00"
    assert rows[0]["house"] == HOUSE


def test_balance_review_and_quarantine_show_what_became_of_everything(data: Path) -> None:
    balance = json.loads(said("balance", "--data", data, "--json"))
    assert balance["delivered"] == balance["stored"] == 3
    assert (balance["accepted"], balance["suspect"], balance["rejected"]) == (2, 1, 0)
    assert (balance["quarantined"], balance["lines"]) == (1, 2)
    (doubt,) = map(json.loads, said("review", "--data", data, "--json").splitlines())
    assert (doubt["meter"], doubt["rule"], doubt["value"]) == ("A1", "V-NEG", "105.00")
    (refused,) = map(json.loads, said("quarantine", "--data", data, "--json").splitlines())
    assert refused["reason"] == "bad-signature"
    assert "bad-signature: 1 refused, 0 of them no longer kept" in said(
        "quarantine", "--data", data
    )


def test_a_period_is_closed_once(data: Path) -> None:
    assert "already closed" in refusal("close-period", "2026-09", "--data", data)
    assert "already closed" in refusal("close-period", "2026-09", "--house", HOUSE, "--data", data)
    assert "no house is called 'X'" in refusal("close-period", "--house", "X", "--data", data)


def test_lines_are_delivered_once_to_every_target_without_a_running_gateway(
    data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "billing"
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'data = "{data}"\n[[billing.targets]]\nkind = "csv"\nname = "files"\n'
        f'directory = "{folder}"\n'
    )
    closed = json.loads(said("close-period", "--config", config, "--json"))
    assert closed["period"] == "2026-10"
    assert json.loads(said("outbox", "deliver", "--config", config, "--json"))["tried"] == 2
    assert json.loads(said("outbox", "deliver", "--config", config, "--json"))["tried"] == 0
    assert [path.name for path in folder.iterdir()] == ["2026-10-000001-Лесная-5.csv"]
    balance = json.loads(said("balance", "--config", config, "--json"))
    assert (balance["lines"], balance["handed_to_billing"]) == (4, 2)
    assert "acknowledged" in said("outbox", "list", "--config", config)
    assert "nothing refused" in refusal("outbox", "retry", "--config", config)


def test_a_registry_file_is_entered_whole_or_every_bad_line_is_named(tmp_path: Path) -> None:
    folder, file = tmp_path / "d", tmp_path / "houses.csv"
    said("init", "--data", folder)
    bad = LINE.replace("kWh", "miles").replace("77", "78")
    file.write_text(HEAD + LINE + bad + LINE.replace("2026-09-01", "soon").replace("77", "79"))
    result = run("registry", "import", file, "--data", folder)
    assert result.exit_code == 1
    assert "2 problems, nothing was entered" in result.stderr
    assert "line 3, column unit" in result.stderr
    assert "line 4, column installed_on" in result.stderr
    assert said("registry", "list", "--data", folder, "--json") == ""
    file.write_text(HEAD + LINE)
    assert "new: 1 house" in said("registry", "import", file, "--data", folder)
    assert "new: nothing" in said("registry", "import", file, "--data", folder)
    (listed,) = map(json.loads, said("registry", "list", "--data", folder, "--json").splitlines())
    assert (listed["meter"], listed["initial_value"]) == ("77", "100.00")


def test_a_device_and_an_exchange_are_entered_by_command(tmp_path: Path) -> None:
    folder, file, pem = tmp_path / "d", tmp_path / "houses.csv", tmp_path / "key.pem"
    said("init", "--data", folder)
    file.write_text(HEAD + LINE)
    said("registry", "import", file, "--data", folder)
    pem.write_bytes(DEVICE_KEY.public.to_pem())
    device = ("registry", "add-device", "sadovaya-12", "--public-key", pem, "--data", folder)
    assert DEVICE_KEY.public.fingerprint in said(*device, "--house", "Садовая 12")
    assert "expected a house" in refusal(*device, "--house", "nowhere")
    exchange = ("registry", "exchange", "S1", "--installed", "88", "--model", "SDM120")
    exchange += ("--initial", "1-0:1.8.0=0", "--at", "2026-10-05T12:00+03:00", "--data", folder)
    final = ("--final", "1-0:1.8.0=250.00")
    assert "has the meter 77, not 76" in refusal(*exchange, *final, "--removed", "76")
    assert "88 installed" in said(*exchange, *final, "--removed", "77")
    (listed,) = map(json.loads, said("registry", "list", "--data", folder, "--json").splitlines())
    assert listed["meter"] == "88"
    assert run(*exchange, "--removed", "88", "--final", "lots").exit_code == 2


@pytest.mark.sqlite_only("a data directory without a ledger")
@pytest.mark.parametrize(
    "command",
    [("balance",), ("close-period",), ("trace", "2026-09-000001"), ("review",), ("run",)],
)
def test_a_directory_that_was_never_initialised_is_one_line(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    told = refusal(*command, "--data", tmp_path / "typo")
    assert "run plomba-gateway init" in told or "broker" in told
    assert not (tmp_path / "typo").exists()


def test_data_and_config_at_once_is_wrong_usage(tmp_path: Path) -> None:
    assert run("balance", "--data", tmp_path, "--config", tmp_path / "x").exit_code == 2


def test_without_either_a_gateway_toml_here_is_expected(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "gateway", "balance"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "give --data DIR or --config gateway.toml" in ran.stderr


def test_a_missing_or_broken_configuration_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    assert "cannot read" in refusal("balance", "--config", config)
    config.write_text('data = "d"\nbrocker = 1\n')
    assert "brocker: unknown key" in refusal("run", "--config", config)


def test_a_key_file_others_can_read_is_refused(data: Path, tmp_path: Path) -> None:
    (data / "gateway.key").chmod(0o644)
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'data = "{data}"\nbroker = {{ host = "127.0.0.1", port = 1883, without_tls = true }}\n'
    )
    assert "run chmod 600" in refusal("run", "--config", config)


def test_certificates_that_cannot_be_used_are_refused(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'data = "{data}"\n[broker]\nhost = "mqtt.example.org"\n'
        'tls = { ca = "none.pem", cert = "none.pem", key = "none.key" }\n'
    )
    assert "broker.tls: cannot use" in refusal("run", "--config", config)


def test_a_webhook_without_its_secret_is_refused(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'data = "{data}"\nbroker = {{ host = "127.0.0.1", without_tls = true }}\n'
        "web = { enabled = false }\n"
        '[[billing.targets]]\nkind = "webhook"\nname = "erp"\nurl = "https://erp.example.org"\n'
        'secret_file = "erp.secret"\n'
    )
    assert "target erp:" in refusal("run", "--config", config)
    secret = tmp_path / "erp.secret"
    secret.write_text("hunter2")
    secret.chmod(0o644)
    assert "has rights 0644, expected 0600: run chmod 600" in refusal("run", "--config", config)
    secret.chmod(0o600)
    assert "expected a webhook secret" in refusal("run", "--config", config)


@pytest.mark.sqlite_only("a new file is migrated at once")
def test_a_device_without_the_clouds_libraries_says_so_in_one_line(tmp_path: Path) -> None:
    # None in sys.modules is how Python itself marks a module that cannot be imported.
    script = "import sys; sys.modules['alembic'] = None; from gateway.__main__ import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", script, "init", "--data", str(tmp_path / "d")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr == (
        "Error: alembic is not installed here: install plomba with its gateway extra\n"
    )
