"""The check of an electronic act by anyone, on the operator's site and on the residents' pages.

A number alone gets the answer of a number that never was; with the code, which only the paper has,
the page says what the paper says of the meter, and nothing of the person: no address, no account.
The signature is checked at that moment, over the stored bytes. As with /check/ of bill lines, a
proxy that publishes this counts attempts; 80 bits of code are beyond them anyway.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Cookie, FastAPI, Header, Query
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from cloud_sync.signing import VerifyKey
from gateway.explain.told import Row
from gateway.resident.act import Act, ActError, Kept, is_code_of, opened
from gateway.resident.act_telling import act_url
from gateway.resident.submission import normal
from gateway.sql.engine import Place, snapshot
from gateway.sql.receipts import ActLook
from gateway.web.texts import Words, preferred

# Numbers and codes have some twenty characters; what somebody added is not looked at beyond this.
_CHARS_MAX = 64
PUBLIC_KEY_FILE = "gateway.pem"
"""Beside the private one (gateway/commands/running.py)."""

Chosen = Annotated[str | None, Query(max_length=8)]
Kept_ = Annotated[str | None, Cookie(alias="lang", max_length=8)]
Accepted = Annotated[str, Header(alias="accept-language", max_length=1000)]


def add_act_routes(
    app: FastAPI, place: Place, public: VerifyKey | None, *, style: str = "/static/page.css"
) -> None:
    """Add the route. `public` checks the seals; `style` is the app's stylesheet, beside seal.svg.

    Without a key (a ledger without its gateway's folder) the page says that it cannot check.
    """
    templates = Environment(
        loader=PackageLoader("gateway.web"), autoescape=True, undefined=StrictUndefined
    )

    def check(
        number: str, d: str = "", lang: Chosen = None, kept: Kept_ = None, accept: Accepted = ""
    ) -> HTMLResponse:
        words, given = Words(preferred(lang or kept, accept)), d[:_CHARS_MAX]
        with snapshot(place) as connection:
            found = ActLook(connection).kept(normal(number) or "")
        is_ours = is_code_of(found, given)
        rows, tone, key = _verdict(found if is_ours else None, public, words)
        drawn = templates.get_template("act_check.html").render(
            t=words, rows=rows, tone=tone, verdict=words(key),
            style=style, icon=style.rpartition("/")[0] + "/seal.svg",
            other=act_url("", number, given) + f"&lang={words.other}",
        )  # fmt: skip
        return HTMLResponse(drawn, 200 if is_ours else 404)

    app.get("/check/act/{number}", response_class=HTMLResponse)(check)


def public_key(data: Path) -> VerifyKey | None:
    """The gateway's public key, which `init` puts into its folder; None where there is none."""
    try:
        return VerifyKey.from_pem((data / PUBLIC_KEY_FILE).read_bytes())
    except FileNotFoundError:
        return None


def _verdict(
    kept: Kept | None, public: VerifyKey | None, words: Words
) -> tuple[list[Row], str, str]:
    """What the page shows, its tone, and the key of what it says."""
    if kept is None:
        return [], "bad", "act_check_unknown"
    if not kept.sealed:
        return [], "doubt", "act_check_forgotten"
    if public is None:
        return [], "doubt", "act_check_no_key"
    try:
        return list(_rows(opened(kept, public), words)), "good", "act_check_valid"
    except ActError:
        return [], "bad", "act_check_broken"


def _rows(act: Act, t: Words) -> Iterator[Row]:
    yield Row(t("act_check_number"), act.number)
    yield Row(t("explain_meter"), act.meter, act.register)
    yield Row(t("act_said"), f"{t.number(Decimal(act.value))} {t.unit(act.unit)}")
    yield Row(t("act_given"), t.moment(act.given_at_ms, ZoneInfo(act.timezone)))
