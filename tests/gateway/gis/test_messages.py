"""What a foreign server may send, what a signer may give back, and what we make of both."""

import asyncio
import contextlib
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.export.gis_zhkh import request, sort
from gateway.gis import soap
from gateway.gis.model import Accepted, Ack, Failed, Fault, GisError, Refused, Working
from gateway.gis.parsing import DEPTH_MAX, parsed
from gateway.gis.signer import CommandSigner
from gateway.gis.soap import Sender
from gateway.handoff import target
from tests.gateway.closed import a_closed, devices
from tests.gateway.gis.office import ORGANISATION, SHARED
from tests.gateway.gis_schema import needs_schema

BASE, METERING = soap.BASE, soap.METERING
NUMBER = "11111111-2222-4333-8444-555555555555"
THEIRS = "99999999-2222-4333-8444-555555555555"
NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
SIGN = Path(__file__).with_name("signing_program.py")


def answer(content: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{soap.SOAP}" xmlns:b="{BASE}" xmlns:m="{METERING}"><s:Body>'
        f"{content}</s:Body></s:Envelope>"
    ).encode()


def state(content: str, number: str = "3", about: str = THEIRS) -> bytes:
    return answer(
        f'<m:getStateResult b:version="10.0.1.1"><b:RequestState>{number}</b:RequestState>'
        f"<b:MessageGUID>{about}</b:MessageGUID>{content}</m:getStateResult>"
    )


def body() -> bytes:
    found = sort([a_closed(register="1-0:1.8.0")], devices("10000001"))
    return request([(one, NUMBER) for one in found.reports], "signed-data-container")


@needs_schema
def test_an_envelope_holds_header_and_body_as_the_schemas_want_them() -> None:
    sender = Sender(ORGANISATION, as_operator=True)
    root = etree.fromstring(sender.envelope(body(), NUMBER, NOW))
    header, content = root[0][0], root[1][0]
    schemas = SHARED / "gis-zhkh-14.4.0.1"
    etree.XMLSchema(etree.parse(schemas / "lib/hcs-base.xsd")).assertValid(header)
    types = schemas / "device-metering/hcs-device-metering-types.xsd"
    etree.XMLSchema(etree.parse(types)).assertValid(content)
    assert header.findtext(f"{{{BASE}}}Date") == "2026-11-01T09:30:00.000+00:00"
    assert content.get("Id") == "signed-data-container"
    asked = etree.fromstring(sender.asking(THEIRS, NUMBER, NOW))[1][0]
    etree.XMLSchema(etree.parse(schemas / "lib/hcs-base.xsd")).assertValid(asked)


def test_a_signed_body_is_sent_byte_for_byte() -> None:
    signed = b'<?xml version="1.0"?>\n<a  x="1" ><!-- as it came --></a>\n'
    envelope = Sender(ORGANISATION, as_operator=False).envelope(signed, NUMBER, NOW)
    assert b'<a  x="1" ><!-- as it came --></a>' in envelope
    assert b"IsOperatorSignature" not in envelope


def test_a_receipt_is_believed_if_it_is_ours() -> None:
    def ack(ours: str) -> bytes:
        return answer(
            f"<b:AckRequest><b:Ack><b:MessageGUID>{THEIRS}</b:MessageGUID>"
            f"<b:RequesterMessageGUID>{ours}</b:RequesterMessageGUID></b:Ack></b:AckRequest>"
        )

    assert soap.acknowledged(ack(NUMBER), NUMBER) == Ack(THEIRS, NUMBER)
    with pytest.raises(GisError, match=f"expected the receipt of {NUMBER}, got that of {THEIRS}"):
        soap.acknowledged(ack(THEIRS), NUMBER)
    with pytest.raises(GisError, match="expected an AckRequest, got getStateResult"):
        soap.acknowledged(state(""), NUMBER)


@pytest.mark.parametrize(("who", "is_ours"), [("soap:Client", True), ("soap:Server", False)])
def test_a_fault_says_whose_it_is(who: str, is_ours: bool) -> None:
    fault = answer(
        f"<s:Fault><faultcode>{who}</faultcode><faultstring>bad</faultstring><detail><b:Fault>"
        "<b:ErrorCode>AUT011003</b:ErrorCode><b:ErrorMessage>Нет\n прав</b:ErrorMessage>"
        "</b:Fault></detail></s:Fault>"
    )
    assert soap.acknowledged(fault, NUMBER) == Fault("AUT011003", "Нет прав", is_ours)
    bare = answer(f"<s:Fault><faultcode>{who}</faultcode><faultstring>bad</faultstring></s:Fault>")
    assert soap.state_of(bare, THEIRS) == Fault(who.partition(":")[2], "bad", is_ours)


def test_states_and_results_are_read_as_they_stand() -> None:
    assert soap.state_of(state("", "1"), THEIRS) == Working(1)
    assert soap.state_of(state("", "2"), THEIRS) == Working(2)
    failed = state(
        "<b:ErrorMessage><b:ErrorCode>X1</b:ErrorCode><b:Description>всё</b:Description>"
        "</b:ErrorMessage>"
    )
    assert soap.state_of(failed, THEIRS) == Failed("X1", "всё")
    done = soap.state_of(
        state(
            f"<m:ImportResult><b:GUID>{THEIRS}</b:GUID><b:TransportGUID>{NUMBER.upper()}"
            "</b:TransportGUID><b:UniqueNumber>7</b:UniqueNumber>"
            "<b:UpdateDate>2026-11-01T12:00:00+03:00</b:UpdateDate></m:ImportResult>"
            f"<m:ImportResult><b:TransportGUID>{THEIRS}</b:TransportGUID>"
            "<b:Error><b:ErrorCode>A</b:ErrorCode><b:Description>раз</b:Description></b:Error>"
            "<b:Error><b:ErrorCode>B</b:ErrorCode><b:Description>два</b:Description></b:Error>"
            "</m:ImportResult>"
        ),
        THEIRS,
    )
    assert not isinstance(done, Working | Failed | Fault)
    assert soap.results(done) == [
        Accepted(NUMBER, THEIRS, "7", "2026-11-01T12:00:00+03:00"),
        Refused(THEIRS, "A, B", "раз; два"),
    ]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "not XML"),
        (b"<html><body>login</body></html>", "expected a SOAP envelope, got html"),
        (b"<a><b></a>", "not XML"),
        (answer(""), "one element"),
        (answer("<x/><x/>"), "one element"),
        (state("", "7"), "expected the request state 1, 2 or 3, got '7'"),
        (state("", "3", NUMBER), "expected the state of"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "SOAP forbids"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "SOAP forbids"),
        (b"<a>" * (DEPTH_MAX + 1) + b"</a>" * (DEPTH_MAX + 1), "deep"),
        (b"<a>&lol;</a>", "not XML"),
        (b'<!DOCTYPE a PUBLIC "x" "http://127.0.0.1/x.dtd"><a/>', "SOAP forbids"),
        (b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd">%x;]><a/>', "SOAP forbids"),
        (b"<a>" * (DEPTH_MAX + 1), "deep"),
        (b'<a x="' + b"y" * 5_000_000 + b'"/>', "expected a SOAP envelope, got a"),
        (b"<a " + b" ".join(b'x%d="1"' % n for n in range(20_000)) + b"/>", "got a"),
        (b'<a x="1" x="2"/>', "not XML"),
        (b"<a>\x00</a>", "not XML"),
        (b"<a>\xff\xfe</a>", "not XML"),
        ("<a>я</a>".encode("cp1251"), "not XML"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "not XML: unknown encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "not XML: multi-byte"),
        (b'<?xml version="1.0" encoding="hex"?><a/>', "not XML"),
        (b'<?xml version="1.0" encoding="utf-16"?><a/>', "not XML"),
        ("<a/>".encode("utf-16"), "expected a SOAP envelope, got a"),
        (b"\xef\xbb\xbf<a/>", "expected a SOAP envelope, got a"),
        (state("")[:-20], "not XML"),
        (state("") + b"<more/>", "not XML"),
        (answer("<!-- nothing -->"), "one element"),
        (answer("<s:Fault/>").replace(b"s:Body", b"s:Bodi"), "expected a SOAP body"),
        (b"PK\x03\x04", "not XML"),
    ],
)
def test_what_cannot_be_an_answer_is_refused_in_one_line(sent: bytes, said: str) -> None:
    for read in (soap.state_of, soap.acknowledged):
        with pytest.raises(GisError) as refusal:
            read(sent, THEIRS)
        assert "\n" not in str(refusal.value)
    with pytest.raises(GisError, match=said):
        soap.state_of(sent, THEIRS)


@given(st.binary() | st.text(alphabet="<>/&;![]?ab =\"'", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(sent: bytes) -> None:
    with contextlib.suppress(GisError):
        parsed(sent)


@given(st.binary(max_size=40), st.integers(0, 600))
def test_an_answer_with_a_hole_is_read_or_refused(dirt: bytes, at: int) -> None:
    whole = state(
        f"<m:ImportResult><b:TransportGUID>{NUMBER}</b:TransportGUID>"
        "<b:UpdateDate>2026-11-01T12:00:00+03:00</b:UpdateDate></m:ImportResult>"
    )
    with contextlib.suppress(GisError):
        found = soap.state_of(whole[:at] + dirt + whole[at + 7 :], THEIRS)
        assert isinstance(found, Working | Failed | Fault) or soap.results(found) is not None


def test_foreign_words_move_no_cursor() -> None:
    fault = answer(
        "<s:Fault><faultcode>s:Server</faultcode><faultstring>a&#x9b;2J&#x202e;b</faultstring>"
        "</s:Fault>"
    )
    assert soap.state_of(fault, THEIRS) == Fault("Server", "a 2J b", is_ours=False)
    assert target.refused("HTTP 400 \x1b[2Jgone\r\n").error == "HTTP 400 [2Jgone"


def test_a_billion_laughs_are_not_laughed() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    with pytest.raises(GisError, match="SOAP forbids"):
        parsed(f"{bomb}]><a>&j;</a>".encode())


def signer(*arguments: str) -> CommandSigner:
    return CommandSigner((sys.executable, str(SIGN), *arguments), 20.0)


async def test_what_the_signer_signed_is_what_is_sent() -> None:
    signed = await signer()(body())
    assert b"<ds:Signature" in signed
    assert b"1300.00" in signed


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("unsigned", "expected a ds:Signature in what the signer gave back, got none"),
        ("changed", "the signer gave back another request than it was given"),
        ("failing", "the signer failed with status 3: no token in the slot"),
        ("silent", "the answer is not XML"),
        ("endless", "the signer gave back"),
    ],
)
async def test_a_signer_is_not_believed_blindly(how: str, said: str) -> None:
    with pytest.raises(GisError, match=said):
        await signer(how)(body())


async def test_a_signer_that_hangs_is_ended(tmp_path: Path) -> None:
    named = tmp_path / "pid"
    named.touch()
    hanging = ("sh", "-c", 'echo $$ >"$0"; exec sleep 60', str(named))
    async with asyncio.timeout(60):
        while not named.read_text():  # ended before it came to say who it is
            with pytest.raises(GisError, match=r"no answer in 0\.5 s"):
                await CommandSigner(hanging, 0.5)(body())
    with pytest.raises(ProcessLookupError):
        os.kill(int(named.read_text()), 0)


async def test_a_signer_that_is_not_there_is_named() -> None:
    with pytest.raises(GisError, match="cannot run the signer /nowhere"):
        await CommandSigner(("/nowhere",), 1.0)(body())
