"""Who vouches for devices: the gateway's own authority, or an external one.

The private authority is a folder: the root's certificate, and an issuing authority below it whose
key stays here (0600). The root's key is written once, to a file that a person takes away; nothing
but making a new issuing authority ever needs it again. The old one then stays beside the new one:
what it issued is believed only beside a revocation list of its own. An external authority makes
certificates in its own time: what devices ask for waits in the ledger until `ca import` brings the
answer.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cloud_sync.authority import Authority, Profile, Revoked
from cloud_sync.certificates import (
    Certificate,
    CertificateError,
    Request,
    chain_of,
    load_certificates,
    parse_certificates,
    read_text,
)
from cloud_sync.signing import KeyFileError
from gateway import files
from gateway.identity.model import IdentityError
from gateway.identity.ports import IdentityPort

# [P] A root is made once in a house's life with the system; an issuing one is replaced long before
# its end, so that everything it issued ends within it.
ROOT_DAYS = 20 * 365
ISSUING_DAYS = 5 * 365
# [P] A server's certificate is renewed by a person: what browsers allow at most.
SERVER_DAYS = 397
# No certificate of ours lives longer, so none that was revoked before that is believed anyway.
LIFE_DAYS_MAX = 825
# A broker that got no new list for this long refuses everybody, so the list is made daily.
CRL_DAYS = 7
ROOT_FILE, _ISSUING, _KEY = "root.pem", "issuing.pem", "issuing.key"
# Those before it, by their numbers, each with its .key.
_FORMER = "issuing-{}.pem"
CRL_FILE = "crl.pem"
# The broker reads it, which is another user; a list of serial numbers is no secret.
_CRL_RIGHTS = 0o644


Stamp = tuple[tuple[int, int] | None, ...]
"""What changes whenever a file is put in another's place."""


class Certifier(Protocol):
    """Whoever makes the certificates of devices."""

    @property
    def roots(self) -> str:
        """What devices believe servers by, PEM."""

    def certify(self, request: Request, now_ms: int) -> Certificate | None:
        """A device's certificate at once, None if it will come later."""

    def chain(self, pem: str) -> str:
        """A certificate with the authorities below the root, PEM, as a device shows it."""


class PrivateAuthority:
    """The authority in a folder."""

    def __init__(self, folder: Path, device_days: float) -> None:
        self.folder = folder
        self._device_days = device_days
        if not (folder / ROOT_FILE).exists():
            raise IdentityError(f"no authority in {folder}: run plomba-gateway ca init")
        self.root = load_certificates(folder / ROOT_FILE)[0]
        self._issuing = Authority.load(folder / _ISSUING, folder / _KEY)
        former = sorted(folder.glob(_FORMER.format("*")))
        self._former = [Authority.load(file, file.with_suffix(".key")) for file in former]

    @property
    def issuing(self) -> Certificate:
        """The certificate of the authority that is kept online."""
        return self._issuing.certificate

    @property
    def roots(self) -> str:
        """The root, PEM."""
        return self.root.pem

    @property
    def crl_file(self) -> Path:
        """Where the revocation list is kept for the broker."""
        return self.folder / CRL_FILE

    def certify(self, request: Request, now_ms: int) -> Certificate | None:
        """A device's certificate."""
        return self._issuing.issue(Profile.DEVICE, request, now_ms, self._device_days)

    def issue(
        self, profile: Profile, request: Request, now_ms: int, days: float, names: Sequence[str]
    ) -> Certificate:
        """A certificate that a person asked for."""
        return self._issuing.issue(profile, request, now_ms, days, names)

    def chain(self, pem: str) -> str:
        """The certificate and that of the authority which issued it."""
        (leaf,) = parse_certificates(pem)
        known = [self.issuing, *(one.certificate for one in self._former)]
        return "".join(one.pem for one in chain_of(leaf, [*known, self.root])[:-1])

    def write_crl(self, identities: IdentityPort, now_ms: int) -> Path:
        """Make the revocation list anew; the file is the old one or the new one, never between.

        It holds a list of each issuing authority: without one a broker refuses what it issued.
        What the standing one names stays, also where the ledger went back and knows nothing of it.
        """
        number = identities.next_crl_number()
        forgotten = self.forgotten(identities, now_ms)
        lists = [
            one.revocation_list(
                [*identities.revoked(one.certificate.name, now_ms), *forgotten[one]],
                *(number, now_ms, CRL_DAYS),
            )
            for one in (self._issuing, *self._former)
        ]
        files.replace(self.crl_file, "".join(lists).encode("ascii"), _CRL_RIGHTS)
        return self.crl_file

    def forgotten(self, identities: IdentityPort, now_ms: int) -> dict[Authority, list[Revoked]]:
        """By authority, what the standing list names and the ledger does not hold as revoked."""
        held = identities.revoked_serials()
        since_ms = now_ms - LIFE_DAYS_MAX * 86_400_000
        return {
            one: [
                named
                for named in self._named(one)
                if named.serial not in held and named.at_ms > since_ms
            ]
            for one in (self._issuing, *self._former)
        }

    def _named(self, authority: Authority) -> list[Revoked]:
        try:
            return authority.listed(read_text(self.crl_file))
        except CertificateError:
            return []  # none yet, or one that nobody can read: the new one takes its place


class StandingAuthority:
    """The authority in a folder as it is now: `ca renew-issuing` may replace it at any time.

    While its files are being replaced, or do not fit together, what stood before goes on.
    """

    def __init__(self, load: Callable[[], PrivateAuthority]) -> None:
        self._load = load
        self._authority = load()
        self._stamp: Stamp | None = None

    @property
    def roots(self) -> str:
        """The root, PEM."""
        return self._now().roots

    def certify(self, request: Request, now_ms: int) -> Certificate | None:
        """A device's certificate."""
        return self._now().certify(request, now_ms)

    def chain(self, pem: str) -> str:
        """The certificate and that of the authority which issued it."""
        return self._now().chain(pem)

    def _now(self) -> PrivateAuthority:
        stamp = self._stamped()
        if stamp != self._stamp:
            with suppress(CertificateError, IdentityError, KeyFileError, OSError):
                self._authority = self._load()
                self._stamp = stamp
        return self._authority

    def _stamped(self) -> "Stamp":
        found = (_stat(self._authority.folder / name) for name in (_ISSUING, _KEY))
        return tuple(None if one is None else (one.st_ino, one.st_mtime_ns) for one in found)


class ExternalAuthority:
    """An authority elsewhere, known by the certificates in `bundle`: roots and what is below."""

    def __init__(self, bundle: Path) -> None:
        self._bundle = load_certificates(bundle)
        self._roots = [one for one in self._bundle if one.issuer == one.name]
        if not self._roots:
            raise IdentityError(f"{bundle}: expected a root certificate among those in it")

    @property
    def root(self) -> Certificate:
        """The first root."""
        return self._roots[0]

    @property
    def roots(self) -> str:
        """All roots, PEM."""
        return "".join(one.pem for one in self._roots)

    def certify(self, request: Request, now_ms: int) -> Certificate | None:  # noqa: ARG002 - a port
        """None: it will come."""
        return None

    def chain(self, pem: str) -> str:
        """The certificate and what is between it and the root."""
        leaf = self.checked(pem)
        return "".join(one.pem for one in chain_of(leaf, self._bundle)[:-1])

    def checked(self, pem: str) -> Certificate:
        """The first certificate of a PEM text; CertificateError unless this authority made it."""
        leaf = parse_certificates(pem)[0]
        chain_of(leaf, self._bundle)
        return leaf


def create(folder: Path, root_key: Path, name: str, now_ms: int) -> PrivateAuthority:
    """Make root and issuing authority; the root's key goes to `root_key` and nowhere else."""
    if (folder / ROOT_FILE).exists():
        raise IdentityError(
            f"{folder} holds an authority already; everything it issued would be worth nothing: "
            "move it away yourself if that is what you want"
        )
    _make_folder(folder)
    root = Authority.root(f"{name} root", now_ms, ROOT_DAYS)
    issuing = root.subordinate(f"{name} issuing 1", now_ms, ISSUING_DAYS)
    issuing.save(folder / _ISSUING, folder / _KEY)
    try:
        root.save(folder / ROOT_FILE, root_key)
    except KeyFileError:  # a stick that is not there: the next attempt finds nothing in its way
        for file in (folder / _ISSUING, folder / _KEY):
            file.unlink()
        raise
    return PrivateAuthority(folder, SERVER_DAYS)


def renew_issuing(folder: Path, root_key: Path, now_ms: int) -> Certificate:
    """Put a new issuing authority before the old one, with the root's key brought back."""
    root = Authority.load(folder / ROOT_FILE, root_key)
    old = load_certificates(folder / _ISSUING)[0]
    stem, _, number = old.subject.rpartition(" ")
    issuing = root.subordinate(f"{stem} {int(number) + 1}", now_ms, ISSUING_DAYS)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        fresh = Path(name)
        issuing.save(fresh / _ISSUING, fresh / _KEY)
        former = folder / _FORMER.format(number)
        _keep(folder / _KEY, former.with_suffix(".key"))
        _keep(folder / _ISSUING, former)
        # Between these two the key does not fit, which is said; the next attempt puts it right.
        (fresh / _KEY).replace(folder / _KEY)
        (fresh / _ISSUING).replace(folder / _ISSUING)
    return issuing.certificate


def _keep(file: Path, name: Path) -> None:
    # What an attempt that was cut short has kept is the true one: `file` may be the new one by now.
    with suppress(FileExistsError):
        os.link(file, name)


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:
        return None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise IdentityError(f"cannot create {folder}: {error.strerror}") from error
