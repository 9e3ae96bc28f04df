"""How a device gets its identity, renews it and exchanges its signing key.

The keys are born here and stay here; what leaves is a request signed by both. Every step can be
cut short and repeated: the same keys ask again and get the same answer, every file is either the
old one or the new one, and `enrolled.json`, written last, says that all of them are there.
"""

from collections.abc import Callable
from pathlib import Path

from cloud_sync import enrolment as words
from cloud_sync import invitation as paper
from cloud_sync.certificates import (
    Certificate,
    CertificateError,
    TlsKey,
    chain_of,
    load_certificates,
    parse_certificates,
)
from cloud_sync.enrolment import Answer, Enrol, EnrolmentError, Renew, Rotate
from cloud_sync.invitation import Invitation, InvitationError
from cloud_sync.ladder import is_due
from cloud_sync.signing import Sealer, VerifyKey
from cloud_sync.token_uri import TokenUri
from edge import files, https, identity
from edge.config import ConfigError, EdgeConfig
from edge.enrolled import FILE, Enrolled, load, save
from edge.https import Away, Response

Post = Callable[[str, str, bytes, str, int], Response]
"""`edge.https.post`, or what a test puts in its place: url, path, body, roots, limit."""

_OK = 200


class NotEnrolled(Exception):
    """The gateway refused, or something here is not in order; the text says what to do."""


class NotYet(Exception):
    """It may go well later: the gateway is away, or an authority takes its time."""


def enrol(config: EdgeConfig, invitation: Path, post: Post = https.post) -> Enrolled:
    """Enrol with an invitation, which is erased at the end; NotEnrolled or NotYet otherwise."""
    _check_places(config, invitation)
    invited = _read(invitation, config)
    key, tls_key = born(config)
    body = words.seal_enrol(
        Enrol(
            version=1,
            device=config.device.name,
            house=invited.house,
            signing_key=key.public.public_bytes,
            csr=tls_key.request(config.device.name),
            secret=invited.secret_bytes,
        ),
        key,
    )
    answer = _asked(post, invited.gateway, words.ENROL_PATH, body, invited.ca)
    _checked(answer, config, tls_key, _roots(answer, invited))
    enrolled = Enrolled(
        device=config.device.name,
        house=answer.house,
        gateway=invited.gateway,
        broker_host=answer.broker_host,
        broker_port=answer.broker_port,
    )
    _keep(config, answer, enrolled)
    _erase(invitation)
    return enrolled


def erase_used(config: EdgeConfig, invitation: Path) -> bool:
    """Erase the invitation this device is in by, if it is still there; NotEnrolled if it stays.

    One that came later, or is to another house, is left for whoever put it there.
    """
    known = load(config.device.state_dir)
    try:
        came_ns = invitation.stat().st_mtime_ns
    except OSError:  # not there, or in a folder that is none of ours
        return False
    if known is None or came_ns > (config.device.state_dir / FILE).stat().st_mtime_ns:
        return False
    invited = _read(invitation, config)
    if (invited.gateway, invited.house) != (known.gateway, known.house):
        return False
    _erase(invitation)
    return True


def born(config: EdgeConfig) -> tuple[Sealer, TlsKey]:
    """Both keys, made now where they are missing."""
    key = identity.load_or_make(config.device.key)
    path = _place(config.broker.cert_key)
    if not path.exists():
        _folder(path)
        identity.bear(path, TlsKey.generate().save)
    return key, TlsKey.load(path)


def renew(config: EdgeConfig, now_ms: int, post: Post = https.post) -> Certificate | None:
    """A new certificate once the last third of the old one's life has begun; None before."""
    standing = certificate(config)
    if not is_due(standing.valid_from_ms, standing.valid_to_ms, now_ms):
        return None
    tls_key = TlsKey.load(_place(config.broker.cert_key))
    key = identity.signing_key(config.device.key)
    device = config.device.name
    body = words.seal_renew(Renew(1, device, tls_key.request(device)), key)
    roots = _text(_place(config.broker.ca))
    answer = _asked(post, _gateway(config), words.RENEW_PATH, body, roots)
    leaf = _checked(answer, config, tls_key, parse_certificates(roots))
    if leaf.valid_to_ms <= standing.valid_to_ms:
        raise NotYet("the new certificate is not there yet")
    _write(_place(config.broker.cert), answer.chain.encode("ascii"))
    return leaf


def rotate(config: EdgeConfig, post: Post = https.post) -> tuple[VerifyKey, VerifyKey]:
    """Exchange the signing key; the old and the new public one.

    The new one waits beside the old one until the gateway knows it, so nothing is ever signed with
    a key that is known to nobody.
    """
    both = vouch(config, post)
    identity.switch(config.device.key)
    return both


def vouch(config: EdgeConfig, post: Post = https.post) -> tuple[VerifyKey, VerifyKey]:
    """Have the gateway know the new signing key, which waits on; the old and the new public one."""
    old = identity.signing_key(config.device.key)
    new = identity.load_or_make(next_key(config))
    message = Rotate(1, config.device.name, new.public.public_bytes)
    body = words.seal_rotate(message, old, new)
    roots = _text(_place(config.broker.ca))
    _asked(post, _gateway(config), words.ROTATE_PATH, body, roots)
    return old.public, new.public


def next_key(config: EdgeConfig) -> Path | TokenUri:
    """Where a new signing key waits."""
    return identity.next_of(config.device.key)


def certificate(config: EdgeConfig) -> Certificate:
    """The certificate in use; CertificateError if there is none."""
    return load_certificates(_place(config.broker.cert))[0]


def _check_places(config: EdgeConfig, invitation: Path) -> None:
    if config.broker.cert is None:
        raise NotEnrolled("broker.ca, cert and cert_key are missing: what is got goes there")
    known = load(config.device.state_dir)
    if known is not None:
        erase_used(config, invitation)
        raise NotEnrolled(
            f"{config.device.name} is enrolled in {known.house} already; its certificate is "
            "renewed by itself"
        )


def _read(path: Path, config: EdgeConfig) -> Invitation:
    try:
        with path.open("rb") as file:
            invited = paper.parse(file.read(paper.INVITATION_BYTES_MAX + 1))
    except OSError as error:
        raise NotEnrolled(f"no invitation in {path}: {error.strerror}") from error
    except InvitationError as error:
        raise NotEnrolled(f"{path}: {error}") from error
    if invited.device not in ("", config.device.name):
        raise NotEnrolled(
            f"{path} invites {invited.device}, this device is {config.device.name} (device.name)"
        )
    house = "" if config.enrolment is None else config.enrolment.house
    if house not in ("", invited.house):
        raise NotEnrolled(f"{path} invites into {invited.house}, enrolment.house is {house}")
    return invited


def _asked(post: Post, url: str, path: str, body: bytes, roots: str) -> Answer:
    """The gateway's answer; NotYet if it is away, NotEnrolled with its reason if it refuses."""
    try:
        response = post(url, path, body, roots, words.ANSWER_BYTES_MAX)
        if response.status == _OK:
            return words.decode_answer(response.body)
    except Away as error:
        raise NotYet(str(error)) from error
    except EnrolmentError as error:
        raise NotYet(f"{url} answered something else: {error}") from error
    raise _refusal(url, response)


def _refusal(url: str, response: Response) -> NotEnrolled | NotYet:
    try:
        refused = words.decode_refused(response.body)
    except EnrolmentError:
        return NotYet(f"{url} answered with status {response.status}")
    said = f"the gateway refused: {refused.reason}: {refused.detail}"
    return NotYet(said) if refused.reason == "too-often" else NotEnrolled(said)


def _roots(answer: Answer, invited: Invitation) -> list[Certificate]:
    """The roots of an answer, which must hold the one that was invited by."""
    try:
        roots = parse_certificates(answer.authorities)
    except CertificateError as error:
        raise NotEnrolled(f"the gateway's authorities: {error}") from error
    if invited.ca_sha256 not in {one.fingerprint for one in roots}:
        raise NotEnrolled("the gateway names other authorities than the invitation does")
    return roots


def _checked(
    answer: Answer, config: EdgeConfig, tls_key: TlsKey, roots: list[Certificate]
) -> Certificate:
    """The certificate of an answer, which must be for this device and its key; NotYet if none."""
    if not answer.chain:
        raise NotYet(
            "the gateway knows this device now; its authority has yet to make the certificate"
        )
    try:
        leaf, *between = parse_certificates(answer.chain)
        chain_of(leaf, [*between, *roots])
    except CertificateError as error:
        raise NotEnrolled(f"the certificate that came: {error}") from error
    if (leaf.subject, leaf.key_sha256) != (config.device.name, tls_key.key_sha256):
        raise NotEnrolled(f"the certificate that came is for {leaf.subject} or for another key")
    return leaf


def _keep(config: EdgeConfig, answer: Answer, enrolled: Enrolled) -> None:
    gateway_key = VerifyKey(answer.gateway_key).to_pem()
    _write(_place(config.broker.ca), answer.authorities.encode("ascii"))
    _write(config.device.gateway_key, gateway_key)
    _write(_place(config.broker.cert), answer.chain.encode("ascii"))
    try:
        config.device.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        save(config.device.state_dir, enrolled)
    except OSError as error:
        raise NotEnrolled(f"cannot write into {config.device.state_dir}: {error}") from error


def _erase(invitation: Path) -> None:
    """The secret has been used and is worth nothing; a card that is read-only keeps its file."""
    try:
        invitation.unlink()
    except OSError as error:
        raise NotEnrolled(
            f"enrolled, but {invitation} cannot be erased: {error.strerror}; it is worth nothing "
            "any more, remove it by hand"
        ) from error


def _gateway(config: EdgeConfig) -> str:
    known = load(config.device.state_dir)
    if known is None:
        raise ConfigError("not enrolled yet: run plomba-edge enroll with an invitation")
    return known.gateway


def _place(path: Path | None) -> Path:
    if path is None:
        raise ConfigError("broker.ca, cert and cert_key: missing, please add them")
    return path


def _text(path: Path) -> str:
    return "".join(one.pem for one in load_certificates(path))


def _write(path: Path, data: bytes) -> None:
    _folder(path)
    try:
        files.replace(path, data)
    except OSError as error:
        raise NotEnrolled(f"cannot write {path}: {error.strerror}") from error


def _folder(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NotEnrolled(f"cannot create {path.parent}: {error.strerror}") from error
