"""An act as it is told: what was signed, and beside it what has become of it by now.

The page and the PDF both draw these rows and nothing else, so what one shows the other shows.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from cloud_sync.signing import VerifyKey
from drivers.reading import from_ms
from gateway.explain.telling import which_register
from gateway.explain.told import Figure, Proof, Row, Section
from gateway.resident.act import Act, Check, How, Kept, Outlook
from gateway.web.texts import Words

# What became of a claim (gateway/claims/list.py), in a word of the texts and its tone.
_NOW: Final = {
    "chosen": ("counts", "good"),
    "confirmed": ("counts", "good"),
    "accepted": ("counts", "good"),
    "agrees": ("agrees", "good"),
    "in review": ("review", "doubt"),
    "contradicts": ("review", "doubt"),
    "rejected": ("rejected", "bad"),
    "unneeded": ("unneeded", ""),
    "lost": ("lost", "doubt"),
}
_ANSWERS: Final = {"yes": "act_answer_yes", "no": "act_answer_no"}


class ActTold(NamedTuple):
    """An act, told in one language. `issued_at_ms`: when it was signed."""

    language: str
    title: str
    number: str
    subtitle: str
    about: tuple[Row, ...]
    value: Figure
    sections: tuple[Section, ...]
    proof: Proof
    issued_at_ms: int


def act_url(public_url: str, number: str, code: str) -> str:
    """The link that says whether an act was issued."""
    return f"{public_url.rstrip('/')}/check/act/{quote(number)}?d={code}"


def tell(
    act: Act,
    kept: Kept,
    outlook: Outlook | None,
    key: VerifyKey,
    *,
    words: Words,
    public_url: str,
    now_ms: int,
) -> ActTold:
    """The act in the language of `words`, with what has become of it at `now_ms`."""
    told = _Telling(act, words)
    return ActTold(
        language=words.language,
        title=words("act_title"),
        number=act.number,
        subtitle=told.subtitle(),
        about=tuple(told.about()),
        value=told.value(),
        sections=(told.taken(), told.checked(), told.means(outlook, now_ms)),
        proof=Proof(
            title=words("act_proof"),
            code_name=words("act_code"),
            code=kept.code,
            url=act_url(public_url, act.number, kept.code),
            scan=words("act_scan"),
            offline=words("act_offline", key.fingerprint),
            commands=(),
        ),
        issued_at_ms=kept.made_at_ms,
    )


class _Telling:
    def __init__(self, act: Act, t: Words) -> None:
        self._act = act
        self._t = t
        self._zone = ZoneInfo(act.timezone)

    def subtitle(self) -> str:
        day = from_ms(self._act.given_at_ms).astimezone(self._zone).date()
        return self._t("act_number", self._act.number, self._t.date(day))

    def about(self) -> Iterator[Row]:
        t, act = self._t, self._act
        place = t("explain_dwelling", act.dwelling)
        yield Row(t("explain_address"), f"{act.address}, {place}")
        yield Row(t("account"), act.account)
        yield Row(t("explain_meter"), act.meter)
        yield Row(t("act_register"), self._register(), act.register)
        utc = from_ms(act.given_at_ms).isoformat(sep=" ", timespec="seconds")
        utc = t("act_utc", utc.removesuffix("+00:00"))
        yield Row(t("act_given"), t.moment(act.given_at_ms, self._zone), utc)
        yield Row(t("act_for_period"), t.period(act.period))

    def value(self) -> Figure:
        t, act = self._t, self._act
        return Figure(
            t("act_said"), t.number(Decimal(act.value)), t.unit(act.unit), self._register()
        )

    def taken(self) -> Section:
        t, act = self._t, self._act
        rows = [Row(t("act_how"), t(f"act_how_{act.how}"))]
        if act.how is How.PHOTO:
            rows.append(self._recognised())
            if act.taken_at_ms:
                moment = t.moment(act.taken_at_ms, self._zone)
                rows.append(Row(t("act_photo_time"), moment, t("act_photo_time_note")))
            digest = act.photo.hex()
            rows.append(Row(t("act_photo_hash"), f"{digest[:32]} {digest[32:]}"))
        return Section(t("act_taken"), tuple(rows))

    def checked(self) -> Section:
        t = self._t
        if not self._act.checks:
            return Section(t("act_checks"), (), (t("act_checks_none"),))
        rows = tuple(self._answer(one) for one in self._act.checks)
        return Section(t("act_checks"), rows, wide=True)

    def means(self, outlook: Outlook | None, now_ms: int) -> Section:
        t = self._t
        at = t("act_means_at", t.moment(now_ms, self._zone))
        notes = (t("act_means_note"), t("act_if_nothing"))
        if outlook is None:
            return Section(t("act_means"), (Row(at, t("act_now_unknown")),), notes)
        name, tone = _now(outlook)
        return Section(
            t("act_means"),
            (Row(at, t(f"act_now_{name}", t.period(outlook.period)), "", tone),),
            notes,
        )

    def _register(self) -> str:
        t, act = self._t, self._act
        name = t(act.resource) if t.has(act.resource) else act.register
        which = which_register(act.register, t)
        return f"{name}, {which}" if which else name

    def _recognised(self) -> Row:
        t, act = self._t, self._act
        name = t("act_recognised")
        if not act.recognised:
            return Row(name, t("act_recognised_none"))
        shown = act.recognised.replace(".", "," if t.language == "ru" else ".")
        if "?" in act.recognised:
            return Row(name, shown, t("act_recognised_open"))
        same = Decimal(act.recognised) == Decimal(act.value)
        return Row(name, shown, t("act_recognised_same" if same else "act_recognised_other"))

    def _answer(self, check: Check) -> Row:
        t = self._t
        asked = check.asked_ru if t.language == "ru" else check.asked_en
        key = _ANSWERS.get(check.answer)
        return Row(asked, t(key) if key else check.answer)


def _now(outlook: Outlook) -> tuple[str, str]:
    """The word for how a value stands: a closing's where it had one, else what is to come."""
    if outlook.state in _NOW:
        return _NOW[outlook.state]
    if outlook.is_closed:
        return "late", "doubt"
    return ("asked", "doubt") if outlook.in_review else ("waiting", "good")
