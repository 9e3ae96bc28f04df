"""Parsers of files that people upload, bring from other programs, or write by hand.

They are asked over a ledger that knows one house; what they would enter is forgotten.
"""

import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from cloud_sync.private_file import KeyFileError
from cloud_sync.signing import SigningKey
from drivers import profile
from drivers.profile import ProfileError
from drivers.reading import Resource, Unit
from edge import config as edge_config
from edge import meter_keys
from edge.scan import notebook
from edge.scan.notebook import NotebookError
from gateway import (
    anchors,
    audit,
    config,
    contract_csv,
    device_csv,
    gis_devices,
    norms,
    registry_csv,
)
from gateway.acts import csv as acts_csv
from gateway.acts.port import Place as ActPlace
from gateway.audit import AuditError, Head
from gateway.balance import facts_csv
from gateway.claims import csv as claims_csv
from gateway.claims.model import ClaimError, ClaimSource
from gateway.config_base import ConfigError
from gateway.csv_lines import RegistryError
from gateway.export import manifest
from gateway.meter_life import files
from gateway.meter_life.relations import Place
from gateway.model import Kind as PointKind
from gateway.model import MeterCard, RegisterCard
from gateway.registry_csv import RegisterLine
from gateway.review import reference
from simulators.fuzz.engine import Parser
from simulators.photo import labels

_KEY = SigningKey.from_seed(bytes(range(32)))
_NOON_MS = 1_796_040_000_000
_GUID = "8a8b7c6d-1234-5678-9abc-0123456789a"
_CSV_WORDS = (
    b",", b";", b'"', b"\n", b"\r", b"\r\n", b"\xef\xbb\xbf", b"\x00", b"\xff", b"-1", b"1e5",
    b"NaN", b"0,5", b"9999-12-31", b"0001-01-01", b"9999-12", b"2026-02-30", b"2026-W01-1",
    b"2026-10-24T24:00", b"2026-10-24T10:00+23:59", "²".encode(), "٣".encode(), b"=1+1",
    b"../..", b"Europe", b"999999999999",
)  # fmt: skip
_TOML_WORDS = (
    b"[", b"]", b"[[", b"]]", b"=", b"'", b'"""', b"{", b"}", b".", b"#", b"\n", b"true",
    b"inf", b"nan", b"-1", b"1979-05-27", b"0x7fffffffffffffffff", b"\\uD800", b"\x00", b"'~'",
    b"'~nobody/x'", b"'\\u0000'", b"[]",
)  # fmt: skip


_REGISTRY = (
    "A,Street,UTC,1,1,P,dwelling,electricity,E1,M,1-0:1.8.0,kWh,-2,8,13.8,2026-10-01,10,e-1",
    "A,Street,UTC,,,H,house,heat,H1,M,6-0:1.0.0,Gcal,-3,7,2,2026-10-01,0,e-1",
)


class _Dial(NamedTuple):
    exponent: int = -2
    digits: int = 8


def _columns(columns: Collection[str], *lines: str) -> bytes:
    return "\n".join([",".join(columns), *lines]).encode()


_STANDING, _ = registry_csv.parse_lines(_columns(registry_csv.COLUMNS, *_REGISTRY))


def _card(line: RegisterLine) -> MeterCard:
    register = RegisterCard(1, line.register, line.unit, line.exponent, line.digits, 1, None, None)
    return MeterCard(1, line.meter, line.resource, (), (register,))


class _Ledger:
    """A ledger with one house, which keeps nothing it is given."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        answers: dict[str, object] = {
            "houses": {"A", "B"},
            "house_points": {"A-H": "A"},
            "dials": {"E1": {"1-0:1.8.0": _Dial()}},
            "last_closed": {"A": "2025-12"},
            "meters": {one.meter: _card(one) for one in _STANDING},
            "standing": _STANDING,
            "gis_devices": {},
        }
        empty: object = []
        return lambda *_given: answers.get(name, empty)

    def transaction(self) -> AbstractContextManager[object]:
        return nullcontext()

    def accounts(self, *_numbers: Collection[str]) -> dict[str, str]:
        return {"1": "A"}

    def places(self, *asked: str) -> Any:
        if asked:
            return [claims_csv.Place("E1", "Europe/Moscow")] if asked[0] == "E1" else []
        dwelling = Place("A", "electricity", PointKind.DWELLING)
        return {"P": dwelling, "Q": dwelling, "H": dwelling._replace(kind=PointKind.HOUSE)}

    @property
    def book(self) -> "_Ledger":
        return self

    registry = book


_LEDGER: Any = _Ledger()


def parsers() -> Iterator[Parser]:
    """The rows of the table."""
    yield from _entered()
    yield from _settings()
    yield from _carried()
    yield _photo_labels()


def _photo_labels() -> Parser:
    data = _photo_header() + b"".join(
        (
            b"a/1.jpg\t00123.456\todometer\t5+3\t1 2 90 2.5 90 30 1 31\n",
            b"2.png\t77\tlcd\t\t\n",
            b"3.png\t0,5\todometer\t3+1\t\r\n",
        )
    )
    words = (b"\t", b"\n", b"..", b"/", b"\\", b"5+3", b"10+9", b"lcd", b"nan", b"-1", b".", b",")
    return Parser("photo-labels", labels.parse, (labels.LabelError,), (data,), words)


def _photo_header() -> bytes:
    return "\t".join(labels.HEADER).encode() + b"\n"


def _csv(
    name: str, run: Callable[[bytes], object], columns: Collection[str], *lines: str
) -> Parser:
    data = _columns(columns, *lines)
    return Parser(
        name, run, (RegistryError, ClaimError), (data, data.replace(b",", b";")), _CSV_WORDS
    )


def _entered() -> Iterator[Parser]:
    author = files.Author("N", "fuzz", _NOON_MS, "f.csv")
    yield _csv(
        "registry-csv", registry_csv.parse_lines, registry_csv.COLUMNS, *_REGISTRY
    )  # fmt: skip
    yield _csv("devices-csv", partial(gis_devices.import_csv, _LEDGER), gis_devices.COLUMNS,
               f"E1,{_GUID}1,245,,{_GUID}2", f"H1,{_GUID}3,233,{_GUID}4,{_GUID}2")  # fmt: skip
    yield _csv(
        "device-keys-csv",
        partial(device_csv.import_csv, _LEDGER),
        device_csv.COLUMNS,
        f"e-1,{'0a' * 32},2026-10-05T12:00+03:00,A",
        f"e-2,{'0b' * 32},2026-10-05T12:00Z,",
    )
    yield _csv("contracts-csv", partial(contract_csv.import_contracts, _LEDGER),
               contract_csv.COLUMNS, "A,,2026-01,20,25,no,reading")  # fmt: skip
    yield _csv("norms-csv", partial(norms.import_norms, _LEDGER), norms.NORM_COLUMNS,
               "A,1,8-0:1.0.0,m3,2026-01,4.2")  # fmt: skip
    yield _csv("seasons-csv", partial(norms.import_seasons, _LEDGER), norms.SEASON_COLUMNS,
               "A,2026-10-01,2027-04-30", "B,2026-10-01,")  # fmt: skip
    yield _csv("areas-csv", partial(facts_csv.import_areas, _LEDGER), facts_csv.AREA_COLUMNS,
               "A,1,dwelling,60.5,2,2026-09-01", "A,A-H,heating,,,2026-09-01")  # fmt: skip
    yield _csv("house-norms-csv", partial(facts_csv.import_norms, _LEDGER),
               facts_csv.NORM_COLUMNS, "A,cold-water,m3,0.03,4.2,2026-01-01,n 12")  # fmt: skip
    yield _csv("verifications-csv", partial(files.import_verifications, _LEDGER, author=author),
               (*files.VERIFICATION_COLUMNS, *files.VERIFICATION_OPTIONAL),
               "E1,2026-01-01,6y,1,N,fit,,1-0:1.8.0=12.5")  # fmt: skip
    yield _csv("seals-csv", partial(files.import_seals, _LEDGER, author=author),
               files.SEAL_COLUMNS, "E1,1,cover,2026-01-02,N,2026-02-01,,")  # fmt: skip
    yield _csv("relations-csv", partial(files.import_relations, _LEDGER, author=author),
               (*files.RELATION_COLUMNS, *files.RELATION_OPTIONAL),
               "P,behind,H,2026-01-01,")  # fmt: skip
    yield _csv("acts-csv", partial(acts_csv.parse, known_of=_known), acts_csv.COLUMNS,
               "access-refused,12,2026-11-03,N,1,,,,",
               "interference,17,2026-11-15,N,1,P,1-0:1.8.0,1.5,2026-11-01")  # fmt: skip
    yield _csv("claims-csv", _claims, claims_csv.COLUMNS, "E1,1-0:1.8.0,2026-10-24,12.5,r 1")
    yield _csv("policies-csv", claims_csv.read_policies, claims_csv.POLICY_COLUMNS,
               "A,2026-01,inspection > photo > resident > gis-zhkh,3,1,2")  # fmt: skip


def _known(_accounts: set[str], _points: set[str]) -> acts_csv.Known:
    units: Mapping[str, Unit] = {"1-0:1.8.0": Unit.KWH}
    place = ActPlace("1", Resource.ELECTRICITY, units)
    return acts_csv.Known({"1": date(2026, 11, 30)}, {"P": place})


def _claims(data: bytes) -> object:
    source = next(iter(ClaimSource))
    return claims_csv.read_claims(data, _LEDGER, source, "N", _NOON_MS)


def _settings() -> Iterator[Parser]:
    edge = (
        b'[device]\nname = "e-1"\nkey = "k"\ngateway_key = "g"\nstate_dir = "s"\ntimezone = "UTC"\n'
        b'[broker]\nhost = "b"\nca = "c"\ncert = "d"\ncert_key = "e"\n'
        b'[[lines]]\nname = "l"\nurl = "tcp://h:1"\nbaud = 9600\n[[lines.meters]]\nserial = "1"\n'
        b'profile = "eastron_sdm120"\naddress = 1\n'
    )
    gateway = (
        b'data = "d"\n[broker]\nhost = "localhost"\nwithout_tls = true\n'
        b'[web]\nhost = "127.0.0.1"\nport = 8080\n'
    )
    own = resources.files("drivers")
    yield Parser("edge-toml", _edge, (edge_config.ConfigError,), (edge,), _TOML_WORDS)
    yield Parser("gateway-toml", _as_file(config.load), (ConfigError,), (gateway,), _TOML_WORDS)
    for protocol, name in (("modbus", "eastron_sdm120.toml"), ("mbus", "kamstrup_multical.toml")):
        yield Parser(
            f"profile-{protocol}", partial(profile.parse, file=name), (ProfileError,),
            ((own / protocol / "profiles" / name).read_bytes(),), _TOML_WORDS,
        )  # fmt: skip
    yield Parser(
        "meter-keys", _as_file(meter_keys.load), (KeyFileError,),
        (b'12345678 = "' + b"0" * 32 + b'"\n',), _TOML_WORDS,
    )  # fmt: skip


def _edge(data: bytes) -> object:
    path = Path("/nonexistent/edge.toml")
    return edge_config.parse(data.decode("utf-8", "replace"), path)


def _carried() -> Iterator[Parser]:
    head = Head(12, bytes(32))
    export = manifest.Export("2026-10", "A", "csv", (("a.csv", b"x"),), 1, 0, _NOON_MS)
    made = manifest.made(export, head, _KEY)
    event = f'{{"audithead":"{head}"}}\n'.encode()
    words = (
        b"[",
        b'{"manifest":',
        b"null",
        b"{}",
        b'"',
        b"1",
        b"\xff",
        b"\n",
        b'"files":',
        b"0" * 5000,
    )
    yield Parser(
        "anchors", _as_file(lambda path: anchors.heads_in(path, _KEY.public)), (AuditError,),
        (made, event * 2, f"{head}\n".encode()), words,
    )  # fmt: skip
    yield Parser(
        "audit-head", lambda data: audit.parse_head(data.decode("latin-1")), (AuditError,),
        (str(head).encode(),), (b":", b"_", b"\xb2"),
    )  # fmt: skip
    yield Parser(
        "reading-reference", lambda data: reference.parse(data.decode("latin-1")), (ValueError,),
        (b"A1/1-0:1.8.0@2026-09-25T00:00:00Z#1~2",), _CSV_WORDS,
    )  # fmt: skip
    yield Parser(
        "scan-notes", _as_file(lambda path: notebook.load(path, "tcp://h:1", ["1"])),
        (NotebookError,), (b'{"url":"tcp://h:1","searches":["1"],"began":"2026-11-30"}',), words,
    )  # fmt: skip


def _as_file(load: Callable[[Path], object]) -> Callable[[bytes], object]:
    """`load` over a file of its own that is gone when it has been read."""

    def run(data: bytes) -> object:
        descriptor, name = tempfile.mkstemp(prefix="plomba-fuzz-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            return load(Path(name))
        finally:
            Path(name).unlink()

    return run
