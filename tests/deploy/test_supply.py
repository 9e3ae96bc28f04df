"""What is installed, and how the gateway is run: pinned, listed, without rights."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/cloud/plomba-gateway.service"
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)


def _sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "tools/sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SBOM = _sbom()


@pytest.mark.parametrize(
    "file", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda f: f.name
)
def test_every_package_is_pinned_with_hashes(file: Path) -> None:
    assert SBOM.packages(file.read_text("utf-8"))


@pytest.mark.parametrize("line", ["click", "click>=8", "click==8.1", "git+https://x/y"])
def test_a_package_that_is_not_pinned_is_no_package(line: str) -> None:
    with pytest.raises(ValueError, match="expected a package with its version and hashes"):
        SBOM.packages(line)


@pytest.mark.parametrize("program", SBOM.PROGRAMS)
def test_the_bill_of_materials_names_every_package_with_its_hashes(program: str) -> None:
    document = json.loads(SBOM.bill(program))
    text = (ROOT / f"requirements/{program}.txt").read_text("utf-8")
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    listed = {one["purl"] for one in document["components"]}
    pins = re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)
    assert listed == {f"pkg:pypi/{name.lower().replace('_', '-')}@{of}" for name, of in pins}
    hashes = [
        one["hashes"][0]["content"]
        for part in document["components"]
        for one in part["externalReferences"]
    ]
    assert sorted(hashes) == sorted(re.findall(r"sha256:([0-9a-f]{64})", text))
    assert document["dependencies"][0]["dependsOn"] == [
        one["bom-ref"] for one in document["components"]
    ]


def test_the_same_requirements_give_the_same_bytes(tmp_path: Path) -> None:
    SBOM.main(tmp_path / "dist")
    made = tmp_path / "dist" / "plomba-gateway.cdx.json"
    assert made.read_bytes() == SBOM.bill("gateway")


@needs_systemd
def test_systemd_accepts_the_gateways_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(
        re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE)
    )
    checked = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert UNIT.name not in checked.stderr


@needs_systemd
def test_the_gateways_unit_is_hardened() -> None:
    checked = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout[-300:]


def test_neither_program_runs_as_root() -> None:
    for unit in (UNIT, ROOT / "deploy/raspberry-pi/plomba-edge.service"):
        user = re.search(r"^User=(\S+)$", unit.read_text(), re.MULTILINE)
        assert user is not None
        assert user[1] not in {"root", "0"}
