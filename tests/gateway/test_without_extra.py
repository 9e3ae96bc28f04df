"""The commands on a machine that has the base packages alone, such as the one on the wall."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gateway.__main__ import main
from tests.gateway.town import DEVICE_KEY, Town, local

ROOT = Path(__file__).parents[2]
# The packages of the extra "gateway" by the names they are imported by, and what they bring.
PACKAGES = (
    *("alembic", "fastapi", "httpx", "influxdb-client", "influxdb_client", "jinja2", "numpy"),
    *("onnxruntime", "pillow", "PIL", "pillow-heif", "pillow_heif"),
    *("joserfc", "pyarrow", "pygal", "segno", "standardwebhooks", "typst", "webauthn"),
)
EXTRA = (*PACKAGES, "psycopg", "uvicorn", "sqlalchemy", "starlette", "httpcore", "anyio", "rich")
WITHOUT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRA!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from gateway.__main__ import main
main()
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_every_package_of_the_extra_is_kept_away() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {one.partition(">")[0] for one in project["optional-dependencies"]["gateway"]}
    assert named <= set(EXTRA)


def test_a_batch_is_verified_without_the_gateways_packages(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    town.read("A1", local(10, 1), 11_000)
    batch, key = tmp_path / "b-1.cose", tmp_path / "b.pem"
    batch.write_bytes(town.seal().payload)
    key.write_bytes(DEVICE_KEY.public.to_pem())
    done = run("verify", str(batch), "--public-key", str(key))
    assert (done.returncode, done.stderr) == (0, "")
    assert "verified: batch 1" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("gis", "send"), ("outbox", "deliver"), ("run",)])
def test_commands_explain_themselves_without_them(arguments: tuple[str, ...]) -> None:
    done = run(*arguments, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage:" in done.stdout


def test_every_command_is_there() -> None:
    told = run("--help").stdout
    assert all(f"  {name}" in told for name in main.commands)


def test_a_ledger_on_a_server_asks_for_what_it_needs(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('data = "data"\n[ledger]\nserver = "host=127.0.0.1 dbname=plomba"\n')
    done = run("database", "digest", "--config", str(config))
    assert done.returncode == 1
    assert done.stderr == (
        "Error: a ledger on PostgreSQL needs psycopg:"
        " pip install --require-hashes -r requirements/postgres.txt\n"
    )
