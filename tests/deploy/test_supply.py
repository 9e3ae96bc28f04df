"""What is installed: pinned with hashes, and listed in a bill of materials."""

import hashlib
import importlib.util
import json
import re
from importlib.metadata import PackageNotFoundError, metadata
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
# What may be installed beside a program under Apache-2.0 without changing what that one may be
# given away under: permissive licences, and weak copyleft of files or of a library.
FITTING = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MIT-0", "MIT-CMU"),
    *("PSF-2.0", "Zlib"),
    *("LGPL-3.0-only", "LGPL-3.0-or-later", "MPL-2.0"),
}


def lock(name: str) -> str:
    return (ROOT / f"requirements/{name}.txt").read_text("utf-8")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


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
    text = "".join(lock(name) for name in SBOM.PROGRAMS[program])
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    packages = [one for one in document["components"] if one["type"] == "library"]
    pins = re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)
    assert {one["purl"] for one in packages} == {
        f"pkg:pypi/{normal(name)}@{of}" for name, of in pins
    }
    hashes = [
        one["hashes"][0]["content"] for part in packages for one in part["externalReferences"]
    ]
    assert sorted(hashes) == sorted(re.findall(r"sha256:([0-9a-f]{64})", text))
    references = [one["bom-ref"] for one in document["components"]]
    assert document["dependencies"][0]["dependsOn"] == references
    assert len(set(references)) == len(references)


def test_whatever_is_installed_is_in_one_of_the_bills() -> None:
    """But what only builds, tests or trains."""
    locks = {file.stem for file in (ROOT / "requirements").glob("*.txt")}
    assert {name for names in SBOM.PROGRAMS.values() for name in names} == locks - {
        *("build", "dev", "uv")
    }
    # What the Debian package carries is what it is built from.
    wheels = (ROOT / "tools/package_wheels.py").read_text("utf-8")
    carried = set(re.findall(r'ROOT / "requirements/([\w-]+)\.txt"', wheels))
    assert carried == set(SBOM.PROGRAMS["edge-page"])


def test_nets_that_ship_are_in_the_bill_as_they_are() -> None:
    shipped = sorted((ROOT / "gateway").rglob("*.onnx"))
    listed = [
        one
        for one in json.loads(SBOM.bill("gateway"))["components"]
        if one["type"] == "machine-learning-model"
    ]
    assert [one["name"] for one in listed] == [str(one.relative_to(ROOT)) for one in shipped]
    assert [one["hashes"][0]["content"] for one in listed] == [
        hashlib.sha256(one.read_bytes()).hexdigest() for one in shipped
    ]


def test_every_package_says_its_licence_and_it_goes_with_ours() -> None:
    names = {
        normal(name)
        for names in SBOM.PROGRAMS.values()
        for one in names
        for name, _, _ in SBOM.packages(lock(one))
    }
    table = SBOM.LICENCES["licences"]
    assert set(table) == names
    assert set(SBOM.LICENCES["bundled"]) <= names
    for name, expression in table.items():
        assert set(re.split(r" (?:OR|AND) ", expression)) & FITTING, name
        assert " OR " in expression or set(expression.split(" AND ")) <= FITTING, name


def test_licences_are_those_that_the_packages_themselves_state() -> None:
    seen = 0
    for name, expression in SBOM.LICENCES["licences"].items():
        try:
            said = metadata(name).get("License-Expression")
        except PackageNotFoundError:
            continue
        seen += said is not None
        assert said in {None, expression}, name
    assert seen > 30


def test_no_page_and_no_message_tells_to_install_what_is_not_pinned() -> None:
    """`pip install plomba[…]` would take whatever bears that name on an index, of any version."""
    told = re.compile(r"pip install (?!--require-hashes|--no-)[^\n]*")
    files = [
        path
        for folder in ("cloud_sync", "deploy", "docs", "drivers", "edge", "gateway")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".service", ".sh", ".toml"}
    ]
    found = {str(one.relative_to(ROOT)): told.findall(one.read_text("utf-8")) for one in files}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_the_same_requirements_give_the_same_bytes(tmp_path: Path) -> None:
    SBOM.main(tmp_path / "dist")
    made = tmp_path / "dist" / "plomba-gateway.cdx.json"
    assert made.read_bytes() == SBOM.bill("gateway")
