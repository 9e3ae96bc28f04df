"""Parsers of what comes over a network: from devices, gateways, registries and billing systems.

Where a seal or a checksum stands before a parser, the fuzzer would only ever spoil the seal: such
a parser is also fed payloads that are sealed here, as a device with a good key could.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import cast
from xml.etree.ElementTree import Element

import httpx

from cloud_sync import batch, certificates, command, enrolment, invitation, receipt, signing, state
from cloud_sync.batch import GENESIS, Batch
from cloud_sync.certificates import CertificateError
from cloud_sync.command import ReadNow, Report, Resend
from cloud_sync.enrolment import EnrolmentError
from cloud_sync.invitation import InvitationError
from cloud_sync.signing import SealError, SigningKey
from cloud_sync.topics import batch_topic, device_of
from cloud_sync.wire import WireError, encode
from drivers.reading import ClockState, Evidence, Readout, RegisterValue, Source, Unit, to_ms
from gateway.export.gis_zhkh import BASE, DEVICE_BASE, METERING
from gateway.gis import history, soap
from gateway.gis.model import GisError
from gateway.handoff import pull, webhook
from gateway.handoff.pull import PullError, PullPort, Served
from gateway.identity.gate import Gate
from gateway.layout import Layouts
from gateway.opening import Incoming
from gateway.opening import parse as parse_incoming
from gateway.quarantine import Refusal
from gateway.web import api
from simulators.fuzz.engine import Parser

_DEVICE = "edge-1"
_KEY = SigningKey.from_seed(bytes(range(32)))
_NEW_KEY = SigningKey.from_seed(bytes(range(1, 33)))
_NOON_MS = to_ms(datetime(2026, 11, 30, 12, tzinfo=UTC))
_GUID = "99999999-2222-4333-8444-555555555555"
_JSON_WORDS = (
    b"{", b"}", b"[", b"]", b'"', b":", b",", b"null", b"-1", b"1e400", b"\\ud800", b'{"x":',
    b'"x":[', b"\xff", b"true",
)  # fmt: skip
_TOPIC_WORDS = (
    b"/", b"+", b"#", b"\x00", b"\n", b"plomba/v1/", b"/batch", b"/command", b"-", "е".encode(),
    b"a" * 63,
)  # fmt: skip
_PEM_WORDS = (b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n", b"\n", b"=", b"MII")
_XML_WORDS = (
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"<?xml version='1.0' encoding='utf-7'?>", b"<a>", b"</a>",
    b"&amp;", b"&#0;", b"&#x1F600;", b"<![CDATA[", b"]]>", b" xmlns=''", b"\x00", b"\xff\xfe",
    b"9999-12-31", b"0001-01-01T00:00:00+14:00",
)  # fmt: skip


# A key of the kind that TLS takes; a seal's is another.
_P256_PEM = b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEK3eLhnv17hwRlNALrL/qMF15kiSI
s6Px4qDbnxB9ZWhNGagPyE82bkrFgWBNBCmVEm1bEg3XYLZ6eS1AfmaV5g==
-----END PUBLIC KEY-----
"""
# Made once, not anew: a finding is made again from the same seeds.
_REQUEST_PEM = """-----BEGIN CERTIFICATE REQUEST-----
MIHLMHMCAQAwETEPMA0GA1UEAwwGZWRnZS0xMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEumkrJGJzxhoanfOc88rSSC0b4WuJukXDBQ0aYfBvrjM61X7CtBpFnb5/
7oVmoTFar/mFD8IaSVr1IL6GLK2o6qAAMAoGCCqGSM49BAMCA0gAMEUCIQDbKy1c
FRni2qBeTYo4ZW2A0e2wBoXScoePROM5hFLgDgIgVu/GdhvUFGMO13wM/mbuCnls
Fr2Qg0X92KZV86PuCjI=
-----END CERTIFICATE REQUEST-----
"""
_ROOT_PEM = """-----BEGIN CERTIFICATE-----
MIIBZDCCAQugAwIBAgIUQP21ZkrQY24S9OXVjt6Y8dIPe7UwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwERnV6ejAeFw0yNjExMzAxMTAwMDBaFw0yNjEyMzAxMjAwMDBa
MA8xDTALBgNVBAMMBEZ1enowWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATxQtD6
0yKF20vl6lJ5pguPko/7VgXCdSZQjbwIsg9wmB6j5M+pMRKakI2ZICzGGkszyv+r
Et2gS+OaTxQwopzlo0UwQzAdBgNVHQ4EFgQUFYs8AFagIsqYFvoyfO8A+3+SPm0w
EgYDVR0TAQH/BAgwBgEB/wIBATAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZIzj0EAwID
RwAwRAIgQKjhKyk4I/e5abrbtt7wkVuyq/PMvOCUT5HbclDkQ6sCIAf+YEFtjjmx
PR7fvaMT9CqIRdDLX2alIBs+4Srh0qab
-----END CERTIFICATE-----
"""


def parsers() -> Iterator[Parser]:
    """The rows of the table."""
    yield from _sealed()
    yield from _enrolling()
    yield from _papers()
    yield from _registries()
    yield from _billing()


def _batch() -> Batch:
    values = (RegisterValue("1-0:1.8.0", 1_234_567, -2, Unit.KWH),)
    readout = Readout(
        meter="10000001", captured_at_ms=_NOON_MS, clock_state=ClockState.SYNCHRONISED,
        clock_error_s=1, status=0, source=Source.DAILY, evidence=Evidence.of(b"\1\3\4"),
        values=values,
    )  # fmt: skip
    return Batch(
        version=1, device=_DEVICE, sequence=1, previous=GENESIS, signed_at_ms=_NOON_MS,
        clock_state=ClockState.SYNCHRONISED, clock_error_s=1, boot=bytes(8), uptime_ms=60_000,
        software="plomba", readouts=(readout,),
    )  # fmt: skip


def _sealed() -> Iterator[Parser]:
    payload = batch.encode(_batch())
    sealed = _KEY.seal(payload, batch_topic(_DEVICE))
    told = receipt.Receipt(1, _DEVICE, 7, bytes(32), ((9, 11),), ((8, 8),), _NOON_MS)
    orders = (ReadNow(("10000001",)), Resend(1, 7), Report())
    commands = (
        command.Command(1, _DEVICE, 5, _NOON_MS, _NOON_MS + 60_000, order) for order in orders
    )
    report = state.encode(state.DeviceState(state="online", problems={"1": "no answer"}))
    answer = command.Answer(
        1, _DEVICE, 5, _NOON_MS, ClockState.SYNCHRONISED, "done", "read", report
    )
    yield Parser("seal", signing.parse, (SealError,), (sealed, _KEY.seal(b"", "")), is_cbor=True)
    yield Parser(
        "incoming", _incoming, (Refusal,),
        (batch_topic(_DEVICE).encode() + b"\n" + sealed, b"plomba/v1/edge-1/state\n" + sealed),
        _TOPIC_WORDS,
    )  # fmt: skip
    yield Parser("incoming-payload", _incoming_payload, (Refusal,), (sealed,), is_cbor=True)
    yield Parser(
        "topic", lambda data: device_of(data.decode("utf-8", "replace")), (),
        (b"plomba/v1/edge-1/state", b"plomba/v1/edge-1/batch", b"plomba/v1/+/receipt"),
        _TOPIC_WORDS,
    )  # fmt: skip
    yield _cbor("batch", batch.decode, payload)
    yield Parser("batch-columns", _columns, (WireError,), (payload,), is_cbor=True)
    yield _cbor("receipt", receipt.decode, receipt.encode(told))
    yield _cbor("command", command.decode, *map(command.encode, commands))
    yield _cbor("command-answer", command.decode_answer, command.encode_answer(answer))
    yield Parser("state", state.decode, (), (report, b'{"state":"offline"}'), _JSON_WORDS)


def _cbor(name: str, run: Callable[[bytes], object], *seeds: bytes) -> Parser:
    return Parser(name, run, (WireError,), seeds, is_cbor=True)


def _incoming(data: bytes) -> object:
    topic, _, payload = data.partition(b"\n")
    return parse_incoming(Incoming(topic.decode("utf-8", "replace"), payload))


def _incoming_payload(data: bytes) -> object:
    """What a broker gives on the topic of a batch."""
    return parse_incoming(Incoming(batch_topic(_DEVICE), data))


def _columns(data: bytes) -> object:
    """A batch by the form of one before it, where it has that form; it must say the same so."""
    known, forms = batch.encode(_batch()), Layouts(readings_min=1)
    forms.learn((b"", len(known)), known, _batch())
    columns = forms.read((b"", len(data)), data)
    whole = batch.decode(data)
    if columns is None:
        return None
    read = (columns.device, columns.sequence, columns.previous, columns.boot)
    times = (columns.signed_at_ms, columns.uptime_ms, columns.captured_ms.tolist())
    said = [value.mantissa for one in whole.readouts for value in one.values]
    at = [one.captured_at_ms for one in whole.readouts]
    if (*read, *times, columns.mantissas.tolist()) != (
        *(whole.device, whole.sequence, whole.previous, whole.boot),
        *(whole.signed_at_ms, whole.uptime_ms, at, said),
    ):
        raise AssertionError("read by its form a batch says something else")
    return said


def _enrolling() -> Iterator[Parser]:
    key = _KEY.public.public_bytes
    enrol = enrolment.Enrol(1, _DEVICE, "House", key, _REQUEST_PEM, bytes(16))
    renew = enrolment.Renew(1, _DEVICE, _REQUEST_PEM)
    rotate = enrolment.Rotate(1, _DEVICE, _NEW_KEY.public.public_bytes)
    given = enrolment.Answer(1, _DEVICE, "House", "", "", key, "mqtt.example", 8883)
    refused = enrolment.Refused(1, "expired", "the invitation has ended")
    errors = (EnrolmentError, CertificateError)
    rows: tuple[tuple[str, Callable[[bytes], object], bytes], ...] = (
        ("enrol", enrolment.open_enrol, enrolment.seal_enrol(enrol, _KEY)),
        ("enrol-sealed", _sealed_enrol, encode(enrol)),
        ("renew", enrolment.peek_renew, enrolment.seal_renew(renew, _KEY)),
        ("renew-sealed", _sealed_renew, encode(renew)),
        ("rotate", enrolment.peek_rotate, enrolment.seal_rotate(rotate, _KEY, _NEW_KEY)),
        ("rotate-sealed", _sealed_rotate, encode(rotate)),
        ("enrol-answer", enrolment.decode_answer, enrolment.encode_answer(given)),
        ("enrol-refused", enrolment.decode_refused, enrolment.encode_answer(refused)),
    )
    for name, run, seed in rows:
        yield Parser(name, run, errors, (seed,), is_cbor=True)
    yield Parser(
        "knock-address", _knocked, (), (b"192.0.2.7", b"2001:db8::7", b"::ffff:192.0.2.7"),
        (b":", b"::", b"%eth0", b".", b"\xb2"),
    )  # fmt: skip


def _knocked(data: bytes) -> object:
    return Gate().admits(data.decode("latin-1"), 0.0)


def _sealed_enrol(payload: bytes) -> object:
    asked = enrolment.open_enrol(_KEY.seal(payload, enrolment.purpose(_DEVICE, "enrol")))
    return asked, certificates.parse_request(asked.csr)


def _sealed_renew(payload: bytes) -> object:
    body = _KEY.seal(payload, enrolment.purpose(_DEVICE, "renew"))
    asked, _ = enrolment.peek_renew(body)
    enrolment.check_renew(body, _DEVICE, _KEY.public)
    return asked, certificates.parse_request(asked.csr)


def _sealed_rotate(payload: bytes) -> object:
    inner = _NEW_KEY.seal(payload, enrolment.purpose(_DEVICE, "rotate-to"))
    body = _KEY.seal(inner, enrolment.purpose(_DEVICE, "rotate"))
    enrolment.check_rotate(body, _DEVICE, _KEY.public)
    return enrolment.peek_rotate(body)


def _papers() -> Iterator[Parser]:
    (root,) = certificates.parse_certificates(_ROOT_PEM)
    invited = invitation.Invitation(
        gateway="https://gateway.example:8443", house="House", device=_DEVICE,
        expires_at_ms=_NOON_MS, ca_sha256=root.fingerprint, ca=root.pem,
        secret=invitation.secret_text(bytes(16)),
    )  # fmt: skip
    yield Parser(
        "invitation", invitation.parse, (InvitationError,),
        (invitation.to_text(invited).encode(),), _JSON_WORDS,
    )  # fmt: skip
    yield Parser(
        "certificate-request", lambda data: certificates.parse_request(data.decode("latin-1")),
        (CertificateError,), (_REQUEST_PEM.encode(),), _PEM_WORDS,
    )  # fmt: skip
    yield Parser(
        "public-key", signing.VerifyKey.from_pem, (signing.KeyFileError,),
        (_KEY.public.to_pem(), _P256_PEM), (*_PEM_WORDS, b"MCowBQYDK2VwAyEA", root.pem.encode()),
    )  # fmt: skip
    yield Parser(
        "certificates", lambda data: certificates.parse_certificates(data.decode("latin-1")),
        (CertificateError,), (root.pem.encode(), root.pem.encode() * 2), _PEM_WORDS,
    )  # fmt: skip


def _registries() -> Iterator[Parser]:
    ack = _soap(
        f"<b:AckRequest><b:Ack><b:MessageGUID>{_GUID}</b:MessageGUID><b:RequesterMessageGUID>"
        f"{_GUID}</b:RequesterMessageGUID></b:Ack></b:AckRequest>"
    )
    fault = _soap(
        "<s:Fault><faultcode>s:Server</faultcode><faultstring>no</faultstring><detail><b:Fault>"
        "<b:ErrorCode>EXP1</b:ErrorCode><b:ErrorMessage>no</b:ErrorMessage></b:Fault></detail>"
        "</s:Fault>"
    )
    imported = _state(
        f"<m:ImportResult><b:TransportGUID>{_GUID}</b:TransportGUID><b:GUID>{_GUID}</b:GUID>"
        "<b:UpdateDate>2026-11-01T10:00:00+03:00</b:UpdateDate></m:ImportResult><m:ImportResult>"
        f"<b:TransportGUID>{_GUID}</b:TransportGUID><b:Error><b:ErrorCode>X</b:ErrorCode>"
        "<b:Description>no</b:Description></b:Error></m:ImportResult>"
    )
    known = _state(
        "<m:exportMeteringDeviceHistoryResult><m:MeteringDeviceRootGUID>"
        f"{_GUID}</m:MeteringDeviceRootGUID><m:OneRateDeviceValue><m:Values><m:CurrentValue>"
        f'<d:MeteringValue xmlns:d="{DEVICE_BASE}">12.5</d:MeteringValue>'
        "<m:DateValue>2026-11-01</m:DateValue>"
        f'<d:EnterIntoSystem xmlns:d="{DEVICE_BASE}">2026-11-01T10:00:00+03:00'
        "</d:EnterIntoSystem></m:CurrentValue></m:Values></m:OneRateDeviceValue>"
        "</m:exportMeteringDeviceHistoryResult><m:PagedOutput><m:LastPage>true</m:LastPage>"
        "</m:PagedOutput>"
    )
    yield Parser(
        "gis-receipt", lambda data: soap.acknowledged(data, _GUID), (GisError,), (ack, fault),
        _XML_WORDS,
    )  # fmt: skip
    yield Parser("gis-state", _gis_state, (GisError,), (imported, fault), _XML_WORDS)
    yield Parser("gis-history", _gis_history, (GisError,), (known,), _XML_WORDS)


def _soap(content: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{soap.SOAP}" xmlns:b="{BASE}" xmlns:m="{METERING}">'
        f"<s:Body>{content}</s:Body></s:Envelope>"
    ).encode()


def _state(content: str) -> bytes:
    return _soap(
        "<m:getStateResult><b:RequestState>3</b:RequestState>"
        f"<b:MessageGUID>{_GUID}</b:MessageGUID>{content}</m:getStateResult>"
    )


def _gis_state(data: bytes) -> object:
    told = soap.state_of(data, _GUID)
    return soap.results(told) if isinstance(told, Element) else told


def _gis_history(data: bytes) -> object:
    told = soap.state_of(data, _GUID)
    if not isinstance(told, Element):
        return told
    found = history.page(told)
    registers = {0: ("8-0:1.0.0", Unit.M3)}
    return found, [history.values(one, registers, "113") for one in found.readings]


class _OneEvent:
    """A ledger with one event, for what a cursor asks of it."""

    def event(self, number: int) -> Served | None:
        return Served(number, b"{}") if number == 1 else None


def _billing() -> Iterator[Parser]:
    ledger = cast("PullPort", _OneEvent())
    cursor = pull.cursor(Served(1, b"{}")).encode()
    yield Parser(
        "pull-cursor", lambda data: pull.place(data.decode("latin-1"), ledger), (PullError,),
        (cursor, b""), (b"=", b"_", b"-", b"\xff", b"\xb2"),
    )  # fmt: skip
    yield Parser(
        "pull-acknowledgement", api.acknowledgement, (PullError,),
        (b'{"cursor":"' + cursor + b'"}',), _JSON_WORDS,
    )  # fmt: skip
    yield Parser(
        "webhook-answer", _retry_after, (), (b"120", b"Wed, 21 Oct 2026 07:28:00 GMT"),
        (b"1e9", b"inf", b"nan", b"-1", b"\xb2"),
    )  # fmt: skip


def _retry_after(data: bytes) -> object:
    return webhook.retry_after_s(httpx.Response(429, headers=[(b"retry-after", data)]))
