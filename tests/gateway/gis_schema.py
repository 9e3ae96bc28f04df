"""The schemas of ГИС ЖКХ 14.4.0.1 and an independent reading of a request, both by libxml2.

The schemas lie beside the repository (or where PLOMBA_SHARED says) and are never copied into it;
tests that need them are skipped where they are not.
"""

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from lxml import etree

_BESIDE = Path(__file__).parents[2] / ".." / "shared"
FOLDER = Path(os.environ.get("PLOMBA_SHARED", _BESIDE)) / "gis-zhkh-14.4.0.1"
TYPES = FOLDER / "device-metering" / "hcs-device-metering-types.xsd"
needs_schema = pytest.mark.skipif(
    not TYPES.exists(), reason=f"the schemas of ГИС ЖКХ are not at {FOLDER}; set PLOMBA_SHARED"
)
NAMES = {
    "m": "http://dom.gosuslugi.ru/schema/integration/device-metering/",
    "b": "http://dom.gosuslugi.ru/schema/integration/base/",
    "d": "http://dom.gosuslugi.ru/schema/integration/metering-device-base/",
    "n": "http://dom.gosuslugi.ru/schema/integration/nsi-base/",
}


class Value(NamedTuple):
    """One device of a request, as a reader who knows nothing of us understands it."""

    device: str
    kind: str
    resource: str
    values: tuple[str, ...]
    date: str
    transport: str
    period: tuple[str, str]


@cache
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(TYPES))


def check(request: bytes) -> None:
    schema().assertValid(etree.fromstring(request))


def read(request: bytes) -> list[Value]:
    root = etree.fromstring(request)
    assert etree.QName(root).localname == "importMeteringDeviceValuesRequest"
    return [_value(one) for one in root.findall("m:MeteringDevicesValues", NAMES)]


def house(request: bytes) -> str | None:
    return etree.fromstring(request).findtext("m:FIASHouseGuid", namespaces=NAMES)


def _value(device: etree._Element) -> Value:
    (current,) = device.findall("*/m:CurrentValue", NAMES)
    return Value(
        device.findtext("m:MeteringDeviceRootGUID", namespaces=NAMES),
        etree.QName(current.getparent()).localname,
        current.findtext("d:MunicipalResource/n:Code", "", NAMES),
        tuple(one.text for one in current if etree.QName(one).localname.startswith("MeteringV")),
        current.findtext("m:DateValue", namespaces=NAMES),
        current.findtext("b:TransportGUID", namespaces=NAMES),
        (
            current.findtext("m:Period/b:Year", namespaces=NAMES),
            current.findtext("m:Period/b:Month", namespaces=NAMES),
        ),
    )
