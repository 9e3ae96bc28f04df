"""A visit's record on A4, Russian or English, from the sealed bytes and the photos they name.

The paper shows what the seal covers and how to check it: the key's fingerprint, the record's
digest as text and as a QR code. The sealed bytes themselves are attached to the file, so the paper
holds its own proof.
"""

import hashlib
import io
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import segno

from cloud_sync import signing, typeset
from cloud_sync import visit as wire_visit
from cloud_sync.visit import (
    DeviceExchange,
    Exchange,
    First,
    Install,
    Level,
    Levels,
    Remove,
    Visit,
    When,
)
from cloud_sync.visit_texts import Language, sentence, what
from cloud_sync.visit_words import RESOURCES, UNITS, WORDS
from drivers.reading import ClockState, from_ms

_TEMPLATE = Path(__file__).with_name("visit.typ")
# One photo of each of 60 meters at the size a page makes them; more would not go by mail.
PICTURES_BYTES_MAX = 20 * 1024 * 1024
# As text on paper: groups that a person can compare.
_GROUP = 4
_QR_ERROR, _QR_BORDER = "m", 4


def of_visit(
    sealed: bytes,
    photos: Mapping[bytes, bytes],
    language: Language,
    zone: ZoneInfo,
    first: First | None = None,
) -> bytes:
    """The PDF of a sealed record; `photos` are JPEGs by their SHA-256, as many as are there.

    `first` is the batch by which the new meters' first readings reached the gateway.
    """
    visit = wire_visit.decode(signing.parse(sealed).payload)
    pictures = _pictures(visit, photos)
    data = _Paper(visit, language, zone).data(sealed, first, pictures)
    at_ms = visit.ended.ms
    try:
        return typeset.pdf_with(_TEMPLATE, data, at_ms, _files(photos, pictures))
    except typeset.PaperError:
        if not pictures:
            raise
        # A photo that is none to the typesetter: the record is worth more than its pictures.
        without = _Paper(visit, language, zone).data(sealed, first, {})
        return typeset.pdf_with(_TEMPLATE, without, at_ms, {})


def code_of(visit: Visit, sealed: bytes) -> str:
    """What the QR code says: whose record it is, and the digest of its sealed bytes."""
    return f"plomba:visit:{visit.device}:{visit.number}:{hashlib.sha256(sealed).hexdigest()}"


def _pictures(visit: Visit, photos: Mapping[bytes, bytes]) -> dict[bytes, str]:
    """The photos that are shown, by the names of their files: the first of each meter first."""
    ranked = [
        (place, install.photos[place])
        for install in visit.installs
        for place in range(len(install.photos))
    ]
    room = PICTURES_BYTES_MAX
    shown: dict[bytes, str] = {}
    for _, name in sorted(ranked, key=lambda one: one[0]):
        jpeg = photos.get(name)
        if jpeg is None or name in shown or len(jpeg) > room:
            continue
        if hashlib.sha256(jpeg).digest() == name:
            shown[name] = f"{name.hex()}.jpg"
            room -= len(jpeg)
    return shown


def _files(photos: Mapping[bytes, bytes], pictures: Mapping[bytes, str]) -> dict[str, bytes]:
    return {file: photos[name] for name, file in pictures.items()}


class _Paper:
    """The words of one record in one language."""

    def __init__(self, visit: Visit, language: Language, zone: ZoneInfo) -> None:
        self._visit = visit
        self._language = language
        self._words = WORDS[language]
        self._zone = zone

    def data(
        self, sealed: bytes, first: First | None, pictures: Mapping[bytes, str]
    ) -> dict[str, object]:
        """What the template shows."""
        visit, words = self._visit, self._words
        digest = hashlib.sha256(sealed).hexdigest()
        return {
            "language": self._language,
            "words": words,
            "title": words[visit.kind].format(number=visit.number),
            "number": f"{visit.device} · {visit.number}",
            "facts": self._facts(first),
            "checks": [
                {
                    "what": what(one, self._language),
                    "text": sentence(one, self._language),
                    "ok": one.ok,
                }
                for one in visit.checks
            ],
            "meters": [
                self._meter(number, one, pictures) for number, one in enumerate(visit.installs, 1)
            ],
            "gone": self._gone(),
            "remarks": visit.remarks,
            "pictures": [
                {"file": file, "caption": self._caption(name)} for name, file in pictures.items()
            ],
            "pictures_left": len(visit.photos) - len(pictures),
            "fingerprint": _grouped(signing.key_id_of(sealed).hex()),
            "digest": _grouped(digest),
            "qr": _qr(code_of(visit, sealed)),
            "sealed": list(sealed),
        }

    def _facts(self, first: First | None) -> list[dict[str, str]]:
        visit, words = self._visit, self._words
        rows = [
            ("house", visit.house or words["unknown"]),
            ("device", visit.device),
            ("installer", visit.installer),
            ("began", self._when(visit.started)),
            ("ended", self._when(visit.ended)),
            ("software", visit.software),
        ]
        rows += [
            ("old_device", f"{event.old_device} ({len(event.meters)})")
            for event in visit.events
            if isinstance(event, DeviceExchange)
        ]
        if first is not None:
            rows.append(("first", words["first_is"].format(number=first.sequence)))
        return [{"name": words[name], "value": value} for name, value in rows]

    def _meter(
        self, number: int, install: Install, pictures: Mapping[bytes, str]
    ) -> dict[str, Any]:
        words = self._words
        dial = {level.obis: level for level in install.dial}
        return {
            "number": number,
            "serial": install.serial,
            "model": install.model,
            "resource": RESOURCES[self._language][install.resource],
            "wire": f"{install.line} · {install.address}",
            "point": install.point or words["no_point"],
            "has_point": bool(install.point),
            "place": install.place,
            "at": self._when(install.at),
            "levels": [
                {
                    "obis": level.obis,
                    "value": self._value(level),
                    "dial": self._value(dial[level.obis]) if level.obis in dial else "",
                }
                for level in install.levels
            ],
            "seen": bool(install.dial),
            "seal": install.seal or words["no_seal"],
            "signal": words["signal"].format(
                answered=install.answered,
                asked=install.asked,
                slowest=self._number(Decimal(install.slowest_ms).scaleb(-3)),
            ),
            "good": install.answered == install.asked,
            "remark": install.remark,
            "photos": len(install.photos),
            "shown": sum(name in pictures for name in install.photos),
            "replaces": self._replaced(install.serial),
        }

    def _replaced(self, serial: str) -> str:
        for event in self._visit.events:
            if isinstance(event, Exchange) and event.new.serial == serial:
                return self._words["replaces"].format(serial=event.old_serial)
        return ""

    def _gone(self) -> list[dict[str, Any]]:
        rows: list[tuple[str, Exchange | Remove, When, str]] = []
        for event in self._visit.events:
            if isinstance(event, Exchange):
                rows.append((event.old_serial, event, event.new.at, event.new.serial))
            elif isinstance(event, Remove):
                rows.append((event.serial, event, event.at, ""))
        return [
            {
                "serial": serial,
                "at": self._when(at),
                "final": self._final(event.final),
                "source": self._words[f"final_{event.final_source}"],
                "reason": event.reason,
                "by": by or self._words["nothing"],
            }
            for serial, event, at, by in rows
        ]

    def _final(self, levels: Levels) -> list[str]:
        return [f"{level.obis}: {self._value(level)}" for level in levels]

    def _caption(self, name: bytes) -> str:
        install = next(one for one in self._visit.installs if name in one.photos)
        return " · ".join(part for part in (install.serial, install.place) if part)

    def _value(self, level: Level) -> str:
        unit = UNITS[self._language].get(level.unit, level.unit)
        return f"{self._number(level.value)}\u00a0{unit}"

    def _number(self, value: Decimal) -> str:
        text = format(value, "f").replace("-", "\u2212")
        return text.replace(".", ",") if self._language == "ru" else text

    def _when(self, when: When) -> str:
        if when.clock_state is ClockState.RELATIVE:
            passed = str(timedelta(seconds=when.ms // 1000))
            return self._words["relative"].format(passed=passed, boot=when.boot.hex()[:_GROUP])
        moment = from_ms(when.ms).astimezone(self._zone)
        text = moment.strftime("%d.%m.%Y %H:%M" if self._language == "ru" else "%Y-%m-%d %H:%M")
        unsure = when.clock_state is ClockState.UNSYNCHRONISED
        return f"{text} {self._words['unsure']}" if unsure else text


def _grouped(text: str) -> str:
    return " ".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _qr(text: str) -> str:
    out = io.BytesIO()
    code = segno.make(text, error=_QR_ERROR, micro=False)
    code.save(out, kind="svg", border=_QR_BORDER, xmldecl=True, omitsize=True, light="#fff")
    return out.getvalue().decode()
