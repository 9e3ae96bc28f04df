"""The manifest beside an export: which files, which period, and where the audit log then stood.

`FILE.manifest.json` holds the SHA-256 of every file of an export and the head of the audit log
with the export's own entry in it, sealed with the gateway's key. Whoever keeps it can show later
that a file is as it was written, and that the log was not cut off or written anew since. It is one
JSON object: `manifest`, and `seal`, a COSE_Sign1 message in hex over the SHA-256 (a CBOR byte
string) of the manifest as JSON with sorted keys and without spaces.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cbor2

from cloud_sync import signing
from cloud_sync.signing import SealError, SigningKey, VerifyKey
from gateway.audit import AuditError, Head, parse_head
from gateway.export.closed import ExportError
from gateway.handoff.csv import write_whole

SUFFIX = ".manifest.json"
FORM = "plomba-export-manifest-v1"
# What the seal is bound to, so that it is good for nothing else the key signs.
TOPIC = "plomba/export-manifest"
# A thousand files of ГИС ЖКХ with their names and hashes are some 200 KiB.
BYTES_MAX = 4 * 1024 * 1024


class Export(NamedTuple):
    """What was exported; `files` with their contents, in order."""

    period: str
    house: str
    form: str
    files: tuple[tuple[str, bytes], ...]
    lines: int
    left_out: int
    at_ms: int


def path_of(file: Path) -> Path:
    """Where the manifest of an export is whose first file is `file`."""
    return file.with_name(f"{file.name}{SUFFIX}")


def described(files: Iterable[tuple[str, bytes]]) -> list[dict[str, object]]:
    """Files by name, size and SHA-256."""
    return [
        {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files
    ]


def made(export: Export, head: Head, key: SigningKey) -> bytes:
    """The manifest of an export."""
    manifest = {
        **export._asdict(),
        "files": described(export.files),
        "manifest": FORM,
        "audit_head": str(head),
        "gateway_key": key.public.key_id.hex(),
    }
    document = {"manifest": manifest, "seal": key.seal(_payload(manifest), TOPIC).hex()}
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


def write(file: Path, content: bytes) -> None:
    """Write a manifest whole; ExportError if it cannot be."""
    try:
        write_whole(file, content)
    except OSError as error:
        raise ExportError(f"cannot write {file}: {error.strerror}") from error


def head_of(document: dict[str, Any], key: VerifyKey) -> Head:
    """The head that a manifest holds; AuditError if this gateway did not seal it so."""
    try:
        manifest = document["manifest"]
        parsed = signing.parse(bytes.fromhex(document["seal"]))
        key.verify(parsed, TOPIC)
        head = parse_head(manifest["audit_head"])
    except (SealError, KeyError, TypeError, ValueError) as error:
        raise AuditError(
            f"not a manifest that the key {key.fingerprint} sealed: {error}"
        ) from error
    if parsed.payload != _payload(manifest):
        raise AuditError("the manifest was changed after it was sealed")
    return head


def changed_files(document: dict[str, Any], folder: Path) -> list[str]:
    """The files of a manifest that lie in `folder` and are not as they were written."""
    return [
        one["name"]
        for one in document["manifest"]["files"]
        if (file := folder / Path(one["name"]).name).exists()
        and hashlib.sha256(file.read_bytes()).hexdigest() != one["sha256"]
    ]


def _payload(manifest: object) -> bytes:
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return cbor2.dumps(hashlib.sha256(text.encode()).digest())
