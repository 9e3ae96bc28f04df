"""Labels for a batch of cards: what an installer needs in the hand, eight to a sheet of A4.

One code joins the device's own Wi-Fi, the other opens its page with the code typed already: the
code stands after the `#`, so that no log of any server on the way ever sees it. The sheet opens as
much as the cards do until they are used, and is kept like them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cloud_sync import typeset
from cloud_sync.points import PAGE_ADDRESS
from drivers.reading import from_ms
from gateway.cards.model import Card
from gateway.explain import qr

_TEMPLATE = Path(__file__).with_name("labels.typ")
# A code is read out and typed in groups of four.
_GROUP: Final = 4

_TEXTS: Final = {
    "ru": {
        "title": "Карты устройств",
        "wifi": "1. Wi-Fi",
        "page": "2. Страница",
        "network": "сеть",
        "password": "пароль",
        "code": "код страницы",
        "hint": "Телефон скажет, что в сети нет интернета: останьтесь в ней.",
        "until": "карта действует до {until}, один раз",
    },
    "en": {
        "title": "Device cards",
        "wifi": "1. Wi-Fi",
        "page": "2. Page",
        "network": "network",
        "password": "password",
        "code": "code of the page",
        "hint": "The phone will say that this network has no internet: stay on it.",
        "until": "the card is good until {until}, once",
    },
}


def pdf(cards: Sequence[Card], *, language: str, now_ms: int) -> bytes:
    """The labels of a batch as a PDF; `language` is ru or en."""
    words = _TEXTS[language]
    data = {
        "language": language,
        "title": words["title"],
        "labels": [_label(card, language) for card in cards],
    }
    return typeset.pdf(_TEMPLATE, data, now_ms)


def page_address(card: Card) -> str:
    """Where a phone that has joined the device's Wi-Fi opens its page."""
    return f"{PAGE_ADDRESS}/enter#{card.page_code}"


def wifi_text(card: Card) -> str:
    """What phones join a network by; names and passphrases of ours hold nothing to be escaped."""
    return f"WIFI:T:WPA;S:{card.ssid};P:{card.passphrase};;"


def _label(card: Card, language: str) -> dict[str, object]:
    words = _TEXTS[language]
    day = from_ms(card.invitation.expires_at_ms).date()
    until = day.isoformat() if language == "en" else f"{day:%d.%m.%Y}"
    return {
        "device": card.device,
        "house": card.invitation.house,
        "wifi": words["wifi"],
        "wifi_qr": list(qr.svg(wifi_text(card))),
        "page": words["page"],
        "page_qr": list(qr.svg(page_address(card))),
        "address": PAGE_ADDRESS,
        "rows": [
            [words["network"], card.ssid],
            [words["password"], _grouped(card.passphrase)],
            [words["code"], _grouped(card.page_code)],
        ],
        "hint": words["hint"],
        "until": words["until"].format(until=until),
    }


def _grouped(text: str) -> str:
    """In groups with thin gaps: what is copied off the paper has no spaces in it."""
    return "\u2009".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))
