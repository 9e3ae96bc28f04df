"""Heads of the audit log that were carried away: in manifests, in closing events, on paper.

An anchor is only worth something where nobody who can write the ledger can reach it. Manifests
are sealed by this gateway and lie with the exports; events lie with the billing systems, which are
asked for them as they came.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloud_sync.signing import VerifyKey
from gateway.audit import AuditError, Head, parse_head
from gateway.export import manifest

# The events of the largest house's year are some tens of MB.
BYTES_MAX = 64 * 1024 * 1024


def heads_in(file: Path, key: VerifyKey) -> list[Head]:
    """The heads a file holds; AuditError if it holds none, or is not what it was.

    A manifest (whose files, where they lie beside it, must be as they were written), JSON lines of
    events or an array of them, or a head a line.
    """
    with file.open("rb") as opened:
        data = opened.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise AuditError(f"{file}: expected at most {BYTES_MAX} bytes")
    try:
        heads = list(_heads(data.decode(), file, key))
    # JSON whose arrays are too deep is a RecursionError.
    except (AuditError, UnicodeDecodeError, RecursionError) as error:
        raise AuditError(f"{file}: {error}") from error
    if not heads:
        raise AuditError(f"{file}: expected a manifest, events with audithead, or heads; got none")
    return heads


def _heads(text: str, file: Path, key: VerifyKey) -> Iterator[Head]:
    for document in _documents(text):
        if isinstance(document, str):
            yield parse_head(document)
        elif "manifest" in document:
            yield manifest.head_of(document, key)
            if changed := manifest.changed_files(document, file.parent):
                raise AuditError(f"{', '.join(changed)} is not as it was exported")
        elif "audithead" in document:
            yield parse_head(str(document["audithead"]))


def _documents(text: str) -> Iterator[dict[str, Any] | str]:
    """JSON objects, whole or a line each, or else the lines themselves."""
    try:
        whole = json.loads(text)
    except ValueError:
        whole = [_line(line) for line in text.splitlines() if line.strip()]
    for one in whole if isinstance(whole, list) else [whole]:
        if isinstance(one, dict | str):
            yield one


def _line(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line.strip()
