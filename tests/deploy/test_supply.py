"""What is installed: pinned with hashes, and listed in a bill of materials."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


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
