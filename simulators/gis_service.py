"""A simulated ГИС ЖКХ: the asynchronous device-metering service on a loopback port.

It takes requests as the real one says it does (package 14.4.0.1): a receipt first, the result
when it is asked for, states 1 and 2 on the way. Requests are checked against the schemas where
these and lxml are at hand. A request number it knows gets its first receipt again; a TransportGUID
used twice is an error, as is whatever was chosen to be one. Under a seed the network is bad: the
answer is lost after the request was taken, cut short, late, or is a 5xx before anything happened.

What it has entered is kept in `entered`, so a test can see that nothing was entered twice.
"""

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from gateway.gis.model import GisError, new_guid
from gateway.gis.parsing import parsed

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
BASE = "http://dom.gosuslugi.ru/schema/integration/base/"
NSI = "http://dom.gosuslugi.ru/schema/integration/nsi-base/"
DEVICE = "http://dom.gosuslugi.ru/schema/integration/metering-device-base/"
METERING = "http://dom.gosuslugi.ru/schema/integration/device-metering/"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
NAMES = {"s": SOAP, "b": BASE, "n": NSI, "d": DEVICE, "m": METERING, "ds": DSIG}
SCHEMA = "gis-zhkh-14.4.0.1/device-metering/hcs-device-metering-types.xsd"
ENTERED_AT = "2026-11-01T12:00:00.000+03:00"


class Faults(NamedTuple):
    """How often, of a hundred requests, the road fails in each way."""

    refused: int = 0
    lost: int = 0
    truncated: int = 0
    slow: int = 0
    slow_s: float = 1.0


class Entry(NamedTuple):
    """Values that were entered for a device and period."""

    device: str
    period: tuple[str, str]
    values: tuple[str, ...]
    date: str
    transport: str


class Known(NamedTuple):
    """A reading in its books: `organisation` is empty where a citizen entered it."""

    device: str
    values: tuple[str, ...]
    date: str
    organisation: str = ""
    resource: str = ""
    entered: str = "2026-10-20T10:00:00.000+03:00"
    unit: str = ""


@dataclass
class GisService:
    """`errors` are told of chosen devices; `polls` is how often a state is asked before it is 3."""

    seed: int = 0
    errors: dict[str, tuple[str, str]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    polls: int = 2
    page: int = 1000
    must_sign: bool = False
    schemas: Path | None = None
    history: list[Known] = field(default_factory=list)
    entered: list[Entry] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    """Devices whose results are forgotten."""
    doubled: set[str] = field(default_factory=set)
    """Devices whose results are told twice."""

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self._requests: dict[str, str] = {}
        self._asked: dict[str, int] = {}
        self._results: dict[str, list[ET.Element]] = {}
        self._transports: set[str] = set()
        self._lock = threading.Lock()

    def fate(self) -> str:
        """What happens to a request on its way."""
        with self._lock:
            drawn = self._random.randrange(100)
        for name in ("refused", "lost", "truncated", "slow"):
            share: int = getattr(self.faults, name)
            if drawn < share:
                return name
            drawn -= share
        return ""

    def answer(self, message: bytes) -> tuple[int, bytes]:
        """Status and envelope for a request's envelope."""
        with self._lock:
            try:
                content = self._content(parsed(message))
            except GisError as error:
                return 500, _fault("Client", "SIM-XML", str(error))
            except _FaultError as fault:
                return 500, _fault(*fault.args)
        return 200, _envelope(content)

    def _content(self, root: ET.Element) -> ET.Element:
        header = root.find("s:Header/b:RequestHeader", NAMES)
        body = root.find("s:Body", NAMES)
        if header is None or body is None or len(body) != 1:
            raise _FaultError("Client", "SIM-ENVELOPE", "expected one header and one body")
        if not header.findtext("b:orgPPAGUID", "", NAMES):
            raise _FaultError("Client", "SIM-HEADER", "no orgPPAGUID")
        number = header.findtext("b:MessageGUID", "", NAMES)
        asked = body[0]
        self._validate(asked)
        self.answered.append(_local(asked))
        if _local(asked) == "getStateRequest":
            return self._state(asked.findtext("b:MessageGUID", "", NAMES))
        if self.must_sign and asked.find("ds:Signature", NAMES) is None:
            raise _FaultError("Client", "SIM-SIGN", "the request is not signed")
        return self._take(number, asked)

    def _validate(self, asked: ET.Element) -> None:
        said = None if self.schemas is None else _invalid(self.schemas, ET.tostring(asked))
        if said:
            raise _FaultError("Client", "SIM-XSD", said)

    def _take(self, number: str, asked: ET.Element) -> ET.Element:
        """The receipt; the same for a request that was taken before."""
        if number not in self._requests:
            ours = new_guid(self._random)
            self._requests[number] = ours
            self._asked[ours] = 0
            is_import = _local(asked) == "importMeteringDeviceValuesRequest"
            self._results[ours] = self._enter(asked) if is_import else self._page_of(asked)
        root = ET.Element(f"{{{BASE}}}AckRequest")
        ack = ET.SubElement(root, f"{{{BASE}}}Ack")
        _add(ack, BASE, "MessageGUID", self._requests[number])
        _add(ack, BASE, "RequesterMessageGUID", number)
        return root

    def _enter(self, asked: ET.Element) -> list[ET.Element]:
        found = []
        for told in asked.findall("m:MeteringDevicesValues", NAMES):
            device = told.findtext("m:MeteringDeviceRootGUID", "", NAMES)
            times = 0 if device in self.silent else 1 + (device in self.doubled)
            found += [self._entered(device, told)] * times
        return found

    def _entered(self, device: str, told: ET.Element) -> ET.Element:
        (current,) = told.findall("*/m:CurrentValue", NAMES)
        transport = current.findtext("b:TransportGUID", "", NAMES)
        result = ET.Element(f"{{{METERING}}}ImportResult")
        error = self.errors.get(device)
        if transport in self._transports:
            error = ("SIM-TRANSPORT", f"TransportGUID {transport} was used before")
        self._transports.add(transport)
        if error is None:
            _add(result, BASE, "GUID", device)
        _add(result, BASE, "TransportGUID", transport)
        if error is not None:
            about = ET.SubElement(result, f"{{{BASE}}}Error")
            _add(about, BASE, "ErrorCode", error[0])
            _add(about, BASE, "Description", error[1])
        else:
            self.entered.append(_entry(device, current, transport))
            _add(result, BASE, "UniqueNumber", f"SIM-{len(self.entered)}")
            _add(result, BASE, "UpdateDate", ENTERED_AT)
        return result

    def _state(self, number: str) -> ET.Element:
        if number not in self._asked:
            raise _FaultError("Client", "INT002012", f"no request {number}")
        self._asked[number] += 1
        done = self._asked[number] > self.polls
        root = ET.Element(f"{{{METERING}}}getStateResult", {f"{{{BASE}}}version": "10.0.1.1"})
        state = "3" if done else str(min(self._asked[number], 2))
        _add(root, BASE, "RequestState", state)
        _add(root, BASE, "MessageGUID", number)
        if done:
            root.extend(self._results[number])
        return root

    def _page_of(self, asked: ET.Element) -> list[ET.Element]:
        """The answer to a question for history: devices from the asked one on, a page full."""
        devices = sorted(
            {one.text or "" for one in asked.findall("m:MeteringDeviceRootGUID", NAMES)}
        )
        start = asked.findtext("m:ExportMeteringDeviceRootGUID", "", NAMES)
        first, last = (asked.findtext(f"m:inputDate{end}", "", NAMES) for end in ("From", "To"))
        told = {
            device: [
                one for one in self.history if one.device == device and first <= one.date <= last
            ]
            for device in devices
            if device >= start
        }
        wanted = [device for device, found in told.items() if found]
        if not wanted:
            error = ET.Element(f"{{{BASE}}}ErrorMessage")
            _add(error, BASE, "ErrorCode", "INT002012")
            _add(error, BASE, "Description", "Нет объектов для экспорта")
            return [error]
        page, rest = wanted[: self.page], wanted[self.page :]
        paged = ET.Element(f"{{{METERING}}}PagedOutput")
        name, text = ("ExportMeteringDeviceRootGUID", rest[0]) if rest else ("LastPage", "true")
        _add(paged, METERING, name, text)
        return [*(_history(device, told[device]) for device in page), paged]


class _FaultError(Exception):
    """Who is at fault, a code and words."""


def _entry(device: str, current: ET.Element, transport: str) -> Entry:
    values = [one.text or "" for one in current if _local(one).startswith("MeteringValue")]
    period = tuple(current.findtext(f"m:Period/b:{one}", "", NAMES) for one in ("Year", "Month"))
    date = current.findtext("m:DateValue", "", NAMES)
    return Entry(device, (period[0], period[1]), tuple(values), date, transport)


def _history(device: str, known: Sequence[Known]) -> ET.Element:
    root = ET.Element(f"{{{METERING}}}exportMeteringDeviceHistoryResult")
    _add(root, METERING, "MeteringDeviceRootGUID", device)
    kind = "OneRateDeviceValue" if known[0].resource else "ElectricDeviceValue"
    values = ET.SubElement(ET.SubElement(root, f"{{{METERING}}}{kind}"), f"{{{METERING}}}Values")
    for one in known:
        current = ET.SubElement(values, f"{{{METERING}}}CurrentValue")
        if one.resource:
            resource = ET.SubElement(current, f"{{{DEVICE}}}MunicipalResource")
            _add(resource, NSI, "Code", one.resource)
            _add(resource, NSI, "GUID", str(uuid.UUID(int=int(one.resource))))
            _add(current, DEVICE, "MeteringValue", one.values[0])
        else:
            for number, value in enumerate(one.values, 1):
                _add(current, DEVICE, f"MeteringValueT{number}", value)
        _add(current, DEVICE, "ReadingsSource", "организация" if one.organisation else "гражданин")
        if one.organisation:
            _add(current, DEVICE, "orgPPAGUID", one.organisation)
        _add(current, DEVICE, "EnterIntoSystem", one.entered)
        if one.unit:
            _add(current, METERING, "Unit", one.unit)
        _add(current, METERING, "DateValue", f"{one.date}T00:00:00.000+03:00")
    return root


def _add(parent: ET.Element, space: str, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{space}}}{name}").text = text


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _envelope(content: ET.Element) -> bytes:
    root = ET.Element(f"{{{SOAP}}}Envelope")
    ET.SubElement(root, f"{{{SOAP}}}Body").append(content)
    message: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return message


def _fault(who: str, code: str, words: str) -> bytes:
    fault = ET.Element(f"{{{SOAP}}}Fault")
    ET.SubElement(fault, "faultcode").text = f"soap:{who}"
    ET.SubElement(fault, "faultstring").text = "the request is not valid"
    detail = ET.SubElement(ET.SubElement(fault, "detail"), f"{{{BASE}}}Fault")
    _add(detail, BASE, "ErrorCode", code)
    _add(detail, BASE, "ErrorMessage", words)
    return _envelope(fault)


def _invalid(schemas: Path, element: bytes) -> str:
    """What the schema says against an element; nothing where lxml or the schemas are missing."""
    if find_spec("lxml") is None or not (schemas / SCHEMA).exists():
        return ""
    etree, schema = _schema(schemas / SCHEMA)
    return "" if schema.validate(etree.fromstring(element)) else str(schema.error_log.last_error)


@cache
def _schema(path: Path) -> tuple[Any, Any]:
    # A library of the tests, without types.
    etree = import_module("lxml.etree")
    return etree, etree.XMLSchema(etree.parse(str(path)))


@contextmanager
def serving(service: GisService, port: int = 0) -> Iterator[str]:
    """Serve `service` on this machine while the block runs; the endpoint's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = self.rfile.read(int(self.headers["content-length"]))
            fate = service.fate()
            if fate == "refused":
                self._reply(503, b"not now")
                return
            status, answer = service.answer(message)
            if fate == "slow":
                time.sleep(service.faults.slow_s)
            if fate == "lost":
                self.close_connection = True
                return
            self._reply(status, answer[: len(answer) // 2] if fate == "truncated" else answer)

        def _reply(self, status: int, answer: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "text/xml; charset=utf-8")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

        def handle(self) -> None:
            """A client that went away is none of our concern."""
            try:
                super().handle()
            except ConnectionError:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/DeviceMeteringAsync"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
