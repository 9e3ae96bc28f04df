"""Backups of the embedded ledger: a copy with a sealed manifest, and the way back.

The manifest beside a copy names its SHA-256 and the head of the audit log, sealed with the
gateway's key: a copy that was changed, cut or exchanged on its way is refused before it replaces
anything. Going back is all or nothing, and keeps what it replaces under another name.

A device forgets a batch when it is receipted. What was receipted after the copy was made is in no
copy: the devices' next batches show it (`gateway/sql/lost.py`), and `command resend` asks for it.
A ledger on a server is backed up by the server's own means (docs/operations.md).
"""

import hashlib
import json
import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import cbor2

from cloud_sync import signing
from cloud_sync.signing import SealError, SigningKey, VerifyKey
from drivers.reading import from_ms
from gateway import audit
from gateway.audit import Act, By, Head
from gateway.handoff.csv import write_whole
from gateway.identity.carried import Carried, TakenBack, carry, taken_back
from gateway.identity.wired import ledger_of
from gateway.sql.audit import SqlAudit
from gateway.sql.engine import snapshot
from gateway.sql.identity import IdentityLedger
from gateway.sql.lost import Lost, lost_batches
from gateway.sql.store import open_store
from gateway.sqlite import backup as file_copy
from gateway.sqlite import schema
from gateway.store import StoreError

FORM = "plomba-backup-v1"
# What the seal is bound to, so that it is good for nothing else the key signs.
TOPIC = "plomba/backup-manifest"
SUFFIX = ".manifest.json"
# A manifest is some 500 bytes.
BYTES_MAX = 64 * 1024
RESTORED = "backup restore"


class Backup(NamedTuple):
    """A copy of the ledger: its file, when it was made, and what it holds."""

    file: Path
    at_ms: int
    sha256: str
    head: Head
    batches: int
    schema: str


class Restored(NamedTuple):
    """What a restore left: where the replaced ledger is, the acts that only it has, the gaps.

    `carried` is what it had taken back and the copy had not; None where it cannot be read.
    """

    backup: Backup
    aside: Path | None
    acts_gone: int
    forgotten_gone: int
    gaps: list[Lost]
    carried: Carried | None


def make(ledger: Path, folder: Path, key: SigningKey, at_ms: int) -> Backup:
    """Copy the ledger into `folder`; StoreError leaves no copy that looks whole."""
    file = folder / f"ledger-{from_ms(at_ms):%Y%m%dT%H%M%SZ}.sqlite"
    if file.exists():
        raise StoreError(f"{file} is there already: nothing is overwritten")
    part = file.with_name(f".{file.name}.part")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        file_copy.copy(ledger, part)
        backup = _described(part, at_ms)._replace(file=file)
        # The manifest first: a copy under its name is always one that can be checked.
        write_whole(_manifest_of(file), _sealed(backup, key))
        part.rename(file)
        file_copy.sync(file)
    except OSError as error:
        raise StoreError(f"cannot write {file}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return backup


def prune(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest `keep` copies of a folder; which went."""
    old = sorted(folder.glob("ledger-*.sqlite"), reverse=True)[keep:]
    for file in old:
        file.unlink()
        _manifest_of(file).unlink(missing_ok=True)
    return old


def check(file: Path, key: VerifyKey) -> Backup:
    """The copy `file`, as it was made by this gateway; StoreError in one line if it is not."""
    backup = _manifest(file, key)
    try:
        found = _sha256(file)
    except OSError as error:
        raise StoreError(f"cannot read {file}: {error.strerror}") from error
    if found != backup.sha256:
        raise StoreError(
            f"{file} has the SHA-256 {found[:16]}…, its manifest says {backup.sha256[:16]}…: it"
            " was changed or cut, take another backup"
        )
    if file_copy.check(file) == schema.head():
        with snapshot(file) as connection:
            audit.check(SqlAudit(connection).entries(), backup.head)
    return backup


def restore(file: Path, ledger: Path, key: VerifyKey, by: By, now_ms: int) -> Restored:
    """Put a copy in the ledger's place; StoreError or AuditError leaves everything as it was."""
    backup = check(file, key)
    if ledger.exists():
        file_copy.close_log(ledger)
    new = ledger.with_name(f".{ledger.name}.restored")
    aside = ledger.with_name(f"{ledger.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
    try:
        shutil.copyfile(file, new)
        new.chmod(0o600)
        taken = _taken_back(ledger, now_ms)
        gaps, carried = _brought_up(new, backup, taken, by, now_ms)
        gone = _acts_after(ledger, backup.head) if ledger.exists() else []
        replaced = ledger.exists()
        file_copy.replace(ledger, new, aside)
    except OSError as error:
        raise StoreError(f"cannot restore {ledger}: {error.strerror}") from error
    finally:
        for suffix in ("", *file_copy.BESIDE):
            new.with_name(new.name + suffix).unlink(missing_ok=True)
    forgets = sum(act == audit.FORGET for act in gone)
    return Restored(backup, aside if replaced else None, len(gone), forgets, gaps, carried)


def _brought_up(
    new: Path, backup: Backup, taken: TakenBack | None, by: By, now_ms: int
) -> tuple[list[Lost], Carried | None]:
    """The copy at this program's schema, its log checked and with the entry of its return."""
    with closing(open_store(new)) as store, store.transaction():
        log = SqlAudit(store.database.connection)
        audit.check(log.entries(), backup.head)
        made = f"{from_ms(backup.at_ms):%Y-%m-%dT%H:%M:%SZ}"
        after = f"{backup.batches} batches, log {backup.head}"
        carried = None if taken is None else carry(taken, ledger_of(store), by, now_ms)
        if carried is not None:
            told = ", ".join(f"{what} {count}" for what, count in carried._asdict().items())
            after += f"; still taken back: {told}"
        log.append(Act(now_ms, *by, RESTORED, backup.file.name, "", f"as of {made}: {after}", ""))
        return lost_batches(store.database.connection), carried


def _taken_back(ledger: Path, now_ms: int) -> TakenBack | None:
    """What the ledger about to be replaced believes no more; None where it cannot be read."""
    if not ledger.exists():
        return None
    try:
        with snapshot(ledger) as connection:
            return taken_back(IdentityLedger(connection), now_ms)
    except (StoreError, ValueError):
        return None


def _acts_after(ledger: Path, head: Head) -> list[str]:
    """What the ledger about to be replaced had logged since; nothing where it cannot be read."""
    try:
        with snapshot(ledger) as connection:
            entries = SqlAudit(connection).entries()
            return [one.act.act for one in entries if one.number > head.number]
    except StoreError:
        return []


def _described(file: Path, at_ms: int) -> Backup:
    with snapshot(file) as connection:
        head = audit.check(SqlAudit(connection).entries())
        (batches,) = connection.execute("SELECT count(*) FROM batch").fetchone()
    return Backup(file, at_ms, _sha256(file), head, batches, schema.head())


def _manifest_of(file: Path) -> Path:
    return file.with_name(f"{file.name}{SUFFIX}")


def _sealed(backup: Backup, key: SigningKey) -> bytes:
    said = {
        "manifest": FORM,
        "file": backup.file.name,
        "at_ms": backup.at_ms,
        "sha256": backup.sha256,
        "audit_head": str(backup.head),
        "batches": backup.batches,
        "schema": backup.schema,
        "gateway_key": key.public.key_id.hex(),
    }
    document = {"manifest": said, "seal": key.seal(_payload(said), TOPIC).hex()}
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


def _manifest(file: Path, key: VerifyKey) -> Backup:
    path = _manifest_of(file)
    try:
        with path.open("rb") as opened:
            document: Any = json.loads(opened.read(BYTES_MAX))
        said = document["manifest"]
        seal = signing.parse(bytes.fromhex(document["seal"]))
        key.verify(seal, TOPIC)
        head = audit.parse_head(said["audit_head"])
        backup = Backup(file, said["at_ms"], said["sha256"], head, said["batches"], said["schema"])
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}: a copy is good with it") from error
    except (SealError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise StoreError(
            f"{path} is no manifest that the key {key.fingerprint} sealed: {error}"
        ) from error
    if seal.payload != _payload(said) or said["file"] != file.name:
        raise StoreError(f"{path} was changed after it was sealed, or belongs to another file")
    return backup


def _payload(said: object) -> bytes:
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return cbor2.dumps(hashlib.sha256(text.encode()).digest())


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
