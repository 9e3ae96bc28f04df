"""The simulated ГИС ЖКХ says what the real one's schemas allow, as far as they are at hand."""

import uuid
from datetime import UTC, datetime

import pytest
from lxml import etree

from gateway.export.gis_zhkh import request, sort
from gateway.gis import history, soap
from gateway.gis.soap import Sender
from simulators.gis_service import GisService, Known
from tests.gateway.closed import a_closed, devices
from tests.gateway.gis.office import ORGANISATION
from tests.gateway.gis_schema import FOLDER, TYPES, needs_schema

NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
METER = "10000001"
(DEVICE,) = devices(METER).values()
BASE = {"b": soap.BASE}


class Office:
    """Sends to a service and checks every answer."""

    def __init__(self, service: GisService) -> None:
        self._service = service
        self._sender = Sender(ORGANISATION, as_operator=False)

    def send(self, body: bytes) -> etree._Element:
        return self._said(self._sender.envelope(body, str(uuid.uuid4()), NOW))

    def result(self, ack: etree._Element) -> etree._Element:
        number = ack.findtext("b:Ack/b:MessageGUID", namespaces=BASE)
        while True:
            state = self._said(self._sender.asking(number, str(uuid.uuid4()), NOW))
            if state.findtext("b:RequestState", namespaces=BASE) == "3":
                return state

    def _said(self, envelope: bytes) -> etree._Element:
        _, answer = self._service.answer(envelope)
        (content,) = etree.fromstring(answer).find(f"{{{soap.SOAP}}}Body")
        if content.tag == f"{{{soap.SOAP}}}Fault":
            (content,) = content.find("detail")
        of_base = content.tag.startswith(f"{{{soap.BASE}}}")
        schema = FOLDER / "lib" / "hcs-base.xsd" if of_base else TYPES
        etree.XMLSchema(etree.parse(schema)).assertValid(content)
        return content


def values() -> bytes:
    found = sort([a_closed(register="1-0:1.8.0")], devices(METER))
    return request([(one, str(uuid.uuid4())) for one in found.reports], "signed-data-container")


def asked() -> bytes:
    return history.question([DEVICE], history.window("2026-10"))


def a_known(**changes: str) -> Known:
    return Known(DEVICE.device_guid, ("12.5",), "2026-10-20", **changes)


@needs_schema
@pytest.mark.parametrize(
    ("service", "body"),
    [
        (GisService(polls=2), values()),
        (GisService(errors={DEVICE.device_guid: ("INT1", "нет")}), values()),
        (GisService(), asked()),
        (GisService(history=[a_known()]), asked()),
        (GisService(history=[a_known(resource="1")]), asked()),
        (GisService(history=[a_known(organisation=ORGANISATION, unit="245")]), asked()),
    ],
    ids=["accepted", "refused", "nothing", "electricity", "water", "an organisation's"],
)
def test_receipts_states_and_results_are_valid(service: GisService, body: bytes) -> None:
    office = Office(service)
    office.result(office.send(body))


@needs_schema
def test_a_page_that_is_not_the_last_is_valid() -> None:
    other = str(uuid.UUID(int=1))
    service = GisService(page=1, history=[a_known(), a_known()._replace(device=other)])
    office = Office(service)
    body = history.question([DEVICE, DEVICE._replace(device_guid=other)], history.window("2026-10"))
    assert len(office.result(office.send(body))) == 4


@needs_schema
@pytest.mark.parametrize("must_sign", [True, False])
def test_a_fault_is_valid(must_sign: bool) -> None:
    office = Office(GisService(must_sign=must_sign, schemas=FOLDER.parent))
    body = values() if must_sign else values().replace(b"MeteringValueT1", b"MeteringValueT9")
    code = office.send(body).findtext("b:ErrorCode", namespaces=BASE)
    assert code == ("SIM-SIGN" if must_sign else "SIM-XSD")


@pytest.mark.parametrize(
    "message", [b"", b"<a", b"<a/>", b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', b"\xff"]
)
def test_what_is_no_message_is_a_fault(message: bytes) -> None:
    status, answer = GisService().answer(message)
    assert status == 500
    assert b"SIM-" in answer
