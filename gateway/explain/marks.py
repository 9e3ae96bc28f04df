"""How a line's opening or closing value is told: when, by whom, from where, and is it sealed."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from gateway.evidence import Verdict
from gateway.explain.checks import checks
from gateway.explain.findings import told as said_of
from gateway.explain.model import Mark, Origin
from gateway.explain.told import Row, Section
from gateway.web.texts import Words

# A hyphen between word joiners: no line is broken there.
_HYPHEN = "\u2060-\u2060"
_READ = (Origin.READING, Origin.PERSON)


def mark_section(title: str, mark: Mark, unit: str, t: Words, zone: ZoneInfo) -> Section:
    """The section of a value."""
    return Section(title, tuple(_rows(mark, unit, t, zone)))


def _rows(mark: Mark, unit: str, t: Words, zone: ZoneInfo) -> Iterator[Row]:
    at = mark.at
    model = f", {at.model}" if at.model else ""
    yield Row(t("mark_value"), f"{t.number(at.value)} {t.unit(unit)}")
    name = t("mark_at") if mark.origin in _READ else t("mark_at_act")
    yield Row(name, t.moment(at.at_ms, zone), t("mark_zone", zone))
    yield Row(t("explain_meter"), f"{at.meter}{model}")
    yield _how(mark, t, zone)
    if mark.seal is not None and not mark.seal.broken:
        clock = t(f"clock_{mark.seal.clock}", mark.seal.clock_error_s)
        yield Row(t("mark_clock"), clock, tone="doubt" if mark.seal.clock == "U" else "")
    yield _signature(mark, t)
    if mark.state:
        tone = "good" if mark.state == "accepted" else "doubt"
        yield Row(t("mark_state"), t(f"reading_{mark.state}"), tone=tone)


def _how(mark: Mark, t: Words, zone: ZoneInfo) -> Row:
    if mark.origin is Origin.READING and mark.seal is not None:
        source = mark.seal.source
        note = t(f"source_{source}") if source else ""
        return Row(t("mark_how"), t("origin_reading", mark.seal.device), note)
    if mark.told is None:
        return Row(t("mark_how"), t(f"origin_{mark.origin}"))
    told = mark.told
    note = "; ".join(
        part
        for part in (
            t("entered_by", told.actor, t.moment(told.at_ms, zone)),
            said_of(told.why, t, zone),
            t("mark_reference", told.reference) if told.reference else "",
        )
        if part
    )
    return Row(t("mark_how"), t(f"brought_{told.source}"), note)


def _signature(mark: Mark, t: Words) -> Row:
    name, seal = t("mark_signature"), mark.seal
    if seal is None:
        return Row(name, t(f"signature_of_{mark.origin}"))
    key = t("signature_key", seal.fingerprint, f"{seal.device}/{seal.sequence}")
    if seal.broken:
        return Row(name, t("signature_broken"), f"{seal.broken}; {key}", "bad")
    return Row(name, t("signature_holds"), key, "good")


def checks_section(closing: Mark, opening: Mark, t: Words, zone: ZoneInfo) -> Section:
    """What the rules said of the closing value, and what was found about the opening one."""
    remarks = [_found(one, t, zone) for one in opening.verdicts]
    if closing.seal is None:
        rows = [_found(one, t, zone) for one in closing.verdicts]
        notes = [] if rows else [t("checks_none")]
    else:
        version = closing.seal.rules_version
        rows = [
            Row(_named(one.rule, t), t("check_passed"), tone="good")
            if one.found is None
            else _found(one.found, t, zone)
            for one in checks(version, closing.verdicts)
        ]
        notes = [t("checks_of", version)]
    if remarks:
        rows += [Row(t("checks_opening"), ""), *remarks]
    return Section(t("checks_title"), tuple(rows), tuple(notes), wide=True)


def _named(rule: str, t: Words) -> str:
    """A rule in words, with its id in one piece."""
    said = t(f"rule_{rule}") if t.has(f"rule_{rule}") else t("rule_other")
    return f"{said}\u00a0· {rule.replace('-', _HYPHEN)}"


def _found(found: Verdict, t: Words, zone: ZoneInfo) -> Row:
    rule = found.rule
    keys = (f"found_{rule}_{found.severity}", f"found_{rule}", "check_found")
    said = next(key for key in keys if t.has(key))
    detail = said_of(found.detail, t, zone)
    return Row(_named(rule, t), t(said), detail, "bad" if found.severity == "E" else "doubt")
