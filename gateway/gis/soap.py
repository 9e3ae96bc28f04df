"""The SOAP messages of ГИС ЖКХ's device-metering service (package 14.4.0.1), written and read.

A request's body is put between envelope and header byte for byte, so what a signer has signed
is what is sent. Answers are checked for what they must be: the element the operation promises,
the message that was asked about, a known state.
"""

from datetime import datetime
from typing import Final
from xml.etree.ElementTree import Element, register_namespace, tostring

from gateway.export.gis_zhkh import BASE, METERING
from gateway.export.xml import child
from gateway.gis.model import (
    Accepted,
    Ack,
    Failed,
    Fault,
    GisError,
    Refused,
    Result,
    Working,
)
from gateway.gis.parsing import parsed
from gateway.handoff.target import words

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
IMPORT_VALUES = "urn:importMeteringDeviceValues"
EXPORT_HISTORY = "urn:exportMeteringDeviceHistory"
GET_STATE = "urn:getState"

_OPEN = f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{SOAP}">'
_DONE_STATE: Final = "3"
# What a person is shown of an error; a stack trace is not for them.
WORDS_CHARS_MAX = 2000


class Sender:
    """Writes envelopes in the name of an organisation. `as_operator`: its system's own signature.

    A message number and the time are the caller's.
    """

    def __init__(self, organisation: str, *, as_operator: bool) -> None:
        self._organisation = organisation
        self._as_operator = as_operator

    def envelope(self, body: bytes, message_guid: str, now: datetime) -> bytes:
        """The whole message around a request's (signed) element."""
        header = self._header(message_guid, now)
        return b"".join(
            (
                _OPEN.encode(),
                *(b"<soap:Header>", header, b"</soap:Header>"),
                *(b"<soap:Body>", without_declaration(body), b"</soap:Body>"),
                b"</soap:Envelope>\n",
            )
        )

    def asking(self, gis_guid: str, message_guid: str, now: datetime) -> bytes:
        """The question what became of the request ГИС ЖКХ calls `gis_guid`."""
        root = Element(f"{{{BASE}}}getStateRequest")
        child(root, f"{{{BASE}}}MessageGUID", gis_guid)
        return self.envelope(_bytes(root), message_guid, now)

    def _header(self, message_guid: str, now: datetime) -> bytes:
        root = Element(f"{{{BASE}}}RequestHeader")
        child(root, f"{{{BASE}}}Date", now.isoformat(timespec="milliseconds"))
        child(root, f"{{{BASE}}}MessageGUID", message_guid)
        child(root, f"{{{BASE}}}orgPPAGUID", self._organisation)
        if self._as_operator:
            child(root, f"{{{BASE}}}IsOperatorSignature", "true")
        return _bytes(root)


def without_declaration(document: bytes) -> bytes:
    """A document's element alone, to stand inside another one."""
    text = document.strip()
    if text.startswith(b"<?xml"):
        text = text.partition(b"?>")[2].strip()
    return text


def _bytes(root: Element) -> bytes:
    register_namespace("base", BASE)
    return tostring(root)


def acknowledged(answer: bytes, message_guid: str) -> Ack | Fault:
    """What came back for a request; GisError for what cannot be an answer to it."""
    content = _content(answer)
    if isinstance(content, Fault):
        return content
    if content.tag != f"{{{BASE}}}AckRequest":
        raise GisError(f"expected an AckRequest, got {_local(content)}")
    ack = Ack(
        _text(content, f"{{{BASE}}}Ack/{{{BASE}}}MessageGUID"),
        _text(content, f"{{{BASE}}}Ack/{{{BASE}}}RequesterMessageGUID"),
    )
    if ack.message_guid.lower() != message_guid:
        raise GisError(f"expected the receipt of {message_guid}, got that of {ack.message_guid}")
    return ack


def state_of(answer: bytes, gis_guid: str) -> Element | Working | Failed | Fault:
    """A finished request's getStateResult, or why there is none (yet)."""
    content = _content(answer)
    if isinstance(content, Fault):
        return content
    if content.tag != f"{{{METERING}}}getStateResult":
        raise GisError(f"expected a getStateResult, got {_local(content)}")
    about = _text(content, f"{{{BASE}}}MessageGUID")
    if about.lower() != gis_guid.lower():
        raise GisError(f"expected the state of {gis_guid}, got that of {about}")
    state = _text(content, f"{{{BASE}}}RequestState")
    if state in {"1", "2"}:
        return Working(int(state))
    if state != _DONE_STATE:
        raise GisError(f"expected the request state 1, 2 or 3, got {state!r}")
    error = content.find(f"{{{BASE}}}ErrorMessage")
    return content if error is None else Failed(*_said(error))


def results(state: Element) -> list[Result]:
    """What became of each device's values in a finished import."""
    return [_result(one) for one in state.findall(f"{{{METERING}}}ImportResult")]


def _result(found: Element) -> Result:
    transport = _text(found, f"{{{BASE}}}TransportGUID").lower()
    errors = found.findall(f"{{{BASE}}}Error")
    if errors:
        codes, told = zip(*map(_said, errors), strict=True)
        return Refused(transport, ", ".join(codes), "; ".join(told)[:WORDS_CHARS_MAX])
    return Accepted(
        transport,
        found.findtext(f"{{{BASE}}}GUID", ""),
        found.findtext(f"{{{BASE}}}UniqueNumber", ""),
        _text(found, f"{{{BASE}}}UpdateDate"),
    )


def _said(error: Element) -> tuple[str, str]:
    """Code and description, on one line each."""
    code = error.findtext(f"{{{BASE}}}ErrorCode", "")
    told = error.findtext(f"{{{BASE}}}Description") or error.findtext(f"{{{BASE}}}ErrorMessage")
    return _line(code) or "no code", _line(told or "")


def _content(answer: bytes) -> Element | Fault:
    """The one element of an answer's body."""
    root = parsed(answer)
    if root.tag != f"{{{SOAP}}}Envelope":
        raise GisError(f"expected a SOAP envelope, got {_local(root)}")
    body = root.find(f"{{{SOAP}}}Body")
    if body is None or len(body) != 1:
        raise GisError("expected a SOAP body with one element in it")
    content = body[0]
    return _fault(content) if content.tag == f"{{{SOAP}}}Fault" else content


def _fault(fault: Element) -> Fault:
    detail = fault.find(f"detail/{{{BASE}}}Fault")
    who = fault.findtext("faultcode", "").rpartition(":")[2]
    code, told = (who, "") if detail is None else _said(detail)
    said = told or _line(fault.findtext("faultstring", ""))
    return Fault(code, said, is_ours=who.partition(".")[0] == "Client")


def _text(parent: Element, path: str) -> str:
    text = (parent.findtext(path) or "").strip()
    if not text:
        name = path.rpartition("}")[2]
        raise GisError(f"expected {name} in {_local(parent)}, got none")
    return text


def _line(text: str) -> str:
    return words(text)[:WORDS_CHARS_MAX]


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]
