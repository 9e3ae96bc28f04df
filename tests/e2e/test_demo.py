"""The whole way with real processes: a balance that adds up, also when everything is shot at.

The short rounds here run with every check; `make chaos` runs fifty.
"""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROUNDS = int(os.environ.get("PLOMBA_CHAOS_ROUNDS", "4"))
SEED = int(os.environ.get("PLOMBA_CHAOS_SEED", "1"))
# A round is a pause of at most this and a kill; the demo must outlast all rounds.
PAUSE_S_MAX = 2.5
START_S = 180
STOP_S = 600

pytestmark = [pytest.mark.processes, pytest.mark.timeout(1800)]


def _demo(data: Path, minutes: float, broker: str) -> subprocess.Popen[str]:
    options = ["--minutes", str(minutes), "--data", str(data), "--broker", broker]
    return subprocess.Popen(
        [sys.executable, "-m", "simulators", "demo", "--headless", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _balance(demo: subprocess.Popen[str], timeout_s: float) -> dict[str, Any]:
    out, err = demo.communicate(timeout=timeout_s)
    assert demo.returncode == 0, err[-2000:]
    balance: dict[str, Any] = json.loads(out)
    return balance


def _adds_up(balance: dict[str, Any]) -> None:
    assert balance["polled"] > 0
    assert balance["polled"] == balance["signed"] == balance["delivered"] == balance["stored"]
    assert balance["stored"] == balance["accepted"] + balance["suspect"] + balance["rejected"]
    assert balance["accepted"] > 0
    assert balance["handed_to_billing"] > 0
    assert balance["lost"] == 0
    assert balance["duplicated"] == 0


def test_the_demo_ends_with_a_balance_and_its_bill_lines_lead_back_to_bytes(
    tmp_path: Path,
) -> None:
    data = tmp_path / "demo"
    _adds_up(_balance(_demo(data, 0.5, "embedded"), START_S + 30 + STOP_S))

    def gateway(*words: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "gateway", *words], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    exported = tmp_path / "closing.csv"
    gateway("export", "csv", "--out", str(exported), "--data", str(data / "gateway"))
    with exported.open(encoding="utf-8", newline="") as file:
        lines = [row["line_id"] for row in csv.DictReader(file)]
    line = random.Random(SEED).choice(lines)
    evidence = tmp_path / "evidence"
    gateway("trace", line, "--out", str(evidence), "--data", str(data / "gateway"))
    (batch,) = evidence.glob("*.cose")
    (key,) = evidence.glob("*.pem")
    gateway("verify", str(batch), "--public-key", str(key))


@pytest.mark.mosquitto
def test_killing_edge_broker_and_gateway_loses_nothing_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    data = tmp_path / "demo"
    chance = random.Random(SEED)
    minutes = (ROUNDS * PAUSE_S_MAX + 20) / 60
    demo = _demo(data, minutes, "mosquitto")
    pids = [data / f"{name}.pid" for name in ("edge", "gateway", "mosquitto")]
    deadline = time.monotonic() + START_S
    while not all(pid.exists() for pid in pids):
        assert time.monotonic() < deadline, "the demo did not start its processes"
        assert demo.poll() is None, demo.stderr and demo.stderr.read()
        time.sleep(0.1)
    killed = 0
    while killed < ROUNDS:
        time.sleep(chance.uniform(0.1, PAUSE_S_MAX))
        try:
            os.kill(int(chance.choice(pids).read_text()), signal.SIGKILL)
        except ProcessLookupError:
            continue  # It is between a death and its restart: this round is shot again.
        killed += 1
    balance = _balance(demo, minutes * 60 + STOP_S)
    _adds_up(balance)
