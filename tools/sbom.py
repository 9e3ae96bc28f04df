"""The bill of materials of what is installed: CycloneDX 1.6 from the hashed requirement files.

`python tools/sbom.py FOLDER` writes plomba-edge.cdx.json (the agent), plomba-edge-page.cdx.json
(the Debian package: the agent, the installer's page, and the pip that installs them),
plomba-gateway.cdx.json with the nets it reads photos with, and for what is installed beside them
where it is wanted (a key in a token, PostgreSQL, history in Parquet, serial numbers, NATS) one of
each name. The same requirements give the same bytes: the serial number is made of the content, and
no time stands in it. What pip checks before it installs (version and SHA-256 of every file) is what
is listed, each with its licence (tools/licences.toml).
"""

import hashlib
import json
import re
import sys
import tomllib
import uuid
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Which requirement files each is installed from.
PROGRAMS = {
    "edge": ("edge",),
    "edge-page": ("edge-page", "pip"),
    "gateway": ("gateway",),
    "history": ("history",),
    "nats": ("nats",),
    "postgres": ("postgres",),
    "serials": ("serials",),
    "token": ("token",),
}
# What ships with a program and is no package: nets that were trained here (docs/photo-model.md).
MODELS = {"gateway": "gateway/photo/models/*.onnx"}
LICENCES = tomllib.loads((ROOT / "tools/licences.toml").read_text("utf-8"))
_PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def packages(text: str) -> list[tuple[str, str, list[str]]]:
    """Name, version and SHA-256 of each package's files; ValueError for a line that pins none."""
    found: list[tuple[str, str, list[str]]] = []
    for entry in text.replace("\\\n", " ").splitlines():
        line = entry.strip()
        if not line or line.startswith(("#", "--")):
            continue
        pinned, hashes = _PINNED.match(line), _HASH.findall(line)
        if pinned is None or not hashes:
            raise ValueError(f"expected a package with its version and hashes, got {line[:80]!r}")
        found.append((pinned[1], pinned[2], hashes))
    return found


def component(name: str, version: str, hashes: list[str]) -> dict[str, object]:
    """A package; its files' hashes stand as references, for each platform has a file of its own."""
    normal = re.sub(r"[-_.]+", "-", name).lower()
    purl = f"pkg:pypi/{normal}@{version}"
    files = [{"type": "distribution", "url": purl, "hashes": [_sha256(one)]} for one in hashes]
    bundled = LICENCES["bundled"].get(normal)
    return {
        "type": "library",
        "bom-ref": purl,
        "name": normal,
        "version": version,
        **({"description": bundled} if bundled else {}),
        "licenses": [{"expression": LICENCES["licences"][normal]}],
        "purl": purl,
        "externalReferences": files,
    }


def model(file: Path, version: str) -> dict[str, object]:
    """A net that ships with a program: ours, under our licence."""
    place = str(file.relative_to(ROOT))
    return {
        "type": "machine-learning-model",
        "bom-ref": place,
        "name": place,
        "version": version,
        "hashes": [_sha256(hashlib.sha256(file.read_bytes()).hexdigest())],
        "licenses": [{"expression": "Apache-2.0"}],
    }


def bill(program: str) -> bytes:
    """The bill of materials of a program."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    texts = [(ROOT / f"requirements/{name}.txt").read_text("utf-8") for name in PROGRAMS[program]]
    own = f"pkg:pypi/{project['name']}@{project['version']}#{program}"
    components = [component(*one) for text in texts for one in packages(text)]
    models = sorted(ROOT.glob(MODELS[program])) if program in MODELS else []
    components += [model(one, project["version"]) for one in models]
    listed = json.dumps(components)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, own + listed)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": f"{project['name']}-{program}",
                "version": project["version"],
                "licenses": [{"expression": project["license"]}],
            }
        },
        "components": components,
        "dependencies": [{"ref": own, "dependsOn": [one["bom-ref"] for one in components]}],
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def main(folder: Path) -> None:
    """Write all the bills."""
    folder.mkdir(parents=True, exist_ok=True)
    for program in PROGRAMS:
        file = folder / f"plomba-{program}.cdx.json"
        file.write_bytes(bill(program))
        print(file)  # noqa: T201 - a tool's answer


def _sha256(digits: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digits}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
