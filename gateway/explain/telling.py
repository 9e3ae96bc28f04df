"""An explanation in words: what a resident reads, in Russian or English.

Numbers are plain decimals as the language writes them, times are the house's own.
"""

from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from gateway.billing import Method, Role
from gateway.closing_records import ClosingLine
from gateway.explain.findings import reason_told
from gateway.explain.marks import checks_section, mark_section
from gateway.explain.model import Explanation, Origin, Part, PartKind
from gateway.explain.told import Banner, Explained, Figure, Proof, Row, Section, Sum
from gateway.web.texts import Words

_MEASURED = {Method.ACTUAL, Method.INTERPOLATED, Method.CHECK}
_MINUS = "\u2212"


def tell(explanation: Explanation, t: Words, public_url: str) -> Explained:
    """The explanation in the language of `t`; the verification link begins with `public_url`."""
    told = _Telling(explanation, t)
    line = explanation.line
    return Explained(
        language=t.language,
        title=t("explain_title"),
        number=t("explain_number", line.line_id),
        line_id=line.line_id,
        about=tuple(told.about()),
        method=t(f"way_{line.method}"),
        method_tone="good" if line.method in ("actual", "check") else "doubt",
        figures=told.figures(),
        banners=tuple(told.banners()),
        sum=told.sum(),
        sections=tuple(told.sections()),
        proof=told.proof(public_url),
        closed_at_ms=line.closed_at_ms,
        house=line.house,
        period=line.period,
    )


def register_name(line: ClosingLine, t: Words) -> str:
    """The resource and, where a meter has several registers, which of them."""
    name, which = t(line.resource), which_register(line.register, t)
    return f"{name}, {which}" if which else name


def which_register(obis: str, t: Words) -> str:
    """Which of a meter's registers that is, in words; nothing for the only one."""
    quantity, tariff = obis.split(":")[1].split(".")[0::2]
    if obis.startswith("1-"):
        if quantity == "2":
            return t("tariff_export")
        if quantity in ("3", "4"):
            return t("tariff_reactive")
        return t("tariff_number", tariff) if tariff != "0" else ""
    if obis.startswith("6-") and quantity == "2":
        return t("heat_volume")
    return ""


def check_url(public_url: str, line_id: str, code: str) -> str:
    """The link that says whether the ledger has a line."""
    return f"{public_url.rstrip('/')}/check/{quote(line_id)}?d={code}"


class _Telling:
    def __init__(self, explanation: Explanation, t: Words) -> None:
        self._of = explanation
        self._line = explanation.line
        self._t = t
        self._zone = ZoneInfo(explanation.written.timezone)

    def about(self) -> Iterator[Row]:
        t, line = self._t, self._line
        place = t("explain_whole_house")
        if line.dwelling is not None:
            place = t("explain_dwelling", line.dwelling)
        yield Row(t("explain_address"), f"{self._of.written.address}, {place}")
        if line.account is not None:
            yield Row(t("account"), line.account)
        yield Row(t("explain_period"), t.period(line.period))
        yield Row(t("explain_resource"), register_name(line, t), line.register)
        meters = (line.opening_meter, line.closing_meter)
        same = meters[0] == meters[1]
        yield Row(t("explain_meter"), meters[0] if same else t("explain_meters", *meters))
        if line.behind:
            yield Row(t("explain_behind"), line.behind)

    def figures(self) -> tuple[Figure, ...]:
        t, line = self._t, self._line
        unit = t.unit(line.unit)
        return (
            self._figure("explain_opening", line.opening_value, line.opening_at_ms),
            self._figure("explain_closing", line.closing_value, line.closing_at_ms),
            Figure(
                t("explain_consumption"),
                self._number(line.consumption),
                unit,
                t.period(line.period),
            ),
        )

    def _figure(self, key: str, value: Decimal, at_ms: int) -> Figure:
        unit = self._t.unit(self._line.unit)
        return Figure(self._t(key), self._number(value), unit, self._time(at_ms))

    def banners(self) -> Iterator[Banner]:
        t, of = self._t, self._of
        if any(mark.seal and mark.seal.broken for mark in (of.opening, of.closing)):
            yield Banner(t("banner_broken"), "bad")
        withdrawal = of.written.withdrawal
        if withdrawal is not None:
            said = t("banner_withdrawn", self._time(withdrawal.at_ms), withdrawal.why)
            yield Banner(said, "bad")
            if withdrawal.by_line:
                said = t("banner_replaced", withdrawal.by_line)
                yield Banner(said, "bad", withdrawal.by_line)
        if self._line.replaces:
            said = t("banner_replaces", self._line.replaces)
            yield Banner(said, "", self._line.replaces)
        if of.correction is not None and not of.correction.difference:
            yield Banner(t("banner_confirmed"), "good")
        elif of.correction is not None:
            yield Banner(t("banner_corrected", self._amount(of.correction.difference)), "doubt")
        elif of.owed:
            yield Banner(t("banner_owed"), "doubt")
        if self._line.role != Role.BILLED:
            yield Banner(t(f"role_{self._line.role}"), "")

    def sum(self) -> Sum:
        t = self._t
        rows = tuple(self._summand(part) for part in self._of.parts)
        total = Row(t("sum_total"), self._amount(self._line.consumption))
        return Sum(t("sum_title"), rows, total)

    def _summand(self, part: Part) -> Row:
        t = self._t
        if part.kind is not PartKind.METER:
            tone = "bad" if part.kind is PartKind.REMAINDER else ""
            return Row(t(f"sum_{part.kind}"), self._amount(part.amount), tone=tone)
        closing, opening = self._number(part.closing), self._number(part.opening)
        said = f"{closing} {_MINUS} {opening}"
        if part.rollovers:
            said += t("sum_rolled", part.rollovers, self._number(part.full))
        if part.factor != "1":
            said = t("sum_factor", said, self._factor(part.factor))
        return Row(f"{t('explain_meter')} {part.meter}: {said}", self._amount(part.amount))

    def sections(self) -> Iterator[Section]:
        t, of, unit = self._t, self._of, self._line.unit
        if of.opening.at == of.closing.at:
            yield mark_section(t("mark_same"), of.closing, unit, t, self._zone)
        else:
            yield mark_section(t("explain_opening"), of.opening, unit, t, self._zone)
            yield mark_section(t("explain_closing"), of.closing, unit, t, self._zone)
        if self._line.reason:
            yield self._estimate()
        yield checks_section(of.closing, of.opening, t, self._zone)
        decisions = tuple(self._decisions())
        if decisions:
            yield Section(t("decisions_title"), decisions)
        if of.correction is not None:
            yield self._correction()
        yield self._chain()
        yield self._handed()

    def _estimate(self) -> Section:
        t, line = self._t, self._line
        if line.method in (Method.ACTUAL, Method.CHECK):
            rows = [Row(t("estimate_what"), self._reason(line.reason))]
            return Section(t("estimate_note"), tuple(rows))
        rows = [Row(t("estimate_how"), self._reason(line.reason))]
        if line.method == Method.AVERAGE:
            rows += [Row(t("estimate_from"), "")] * bool(self._of.past)
            rows += [
                Row(
                    t.period(one.period),
                    self._amount(one.used),
                    t(f"way_{one.method}"),
                    "",
                    one.line_id,
                )
                for one in self._of.past
                if one.method in _MEASURED
            ]
        notes: tuple[str, ...] = ()
        if self._of.owed:
            notes = (t("estimate_owed"),)
        elif self._of.correction is not None:
            notes = (t("estimate_settled"),)
        return Section(t("estimate_title"), tuple(rows), notes)

    def _decisions(self) -> Iterator[Row]:
        t = self._t
        for mark in dict.fromkeys((self._of.opening, self._of.closing)):
            for one in mark.decisions:
                said = t(f"decided_{one.act}")
                if one.standing == "proposed":
                    said += t("decided_proposed")
                who = t("decided_by", one.actor, self._time(one.at_ms))
                value = self._number(mark.at.value)
                yield Row(value, f"{said}: {who}", one.why)

    def _correction(self) -> Section:
        t, one = self._t, self._of.correction
        if one is None:
            return Section("", ())
        rows = (
            Row(t("correction_was"), self._amount(one.billed), t(f"way_{one.billed_method}")),
            Row(t("correction_is"), self._amount(one.consumption), t(f"way_{one.method}")),
            Row(t("correction_difference"), self._amount(one.difference), self._reason(one.reason)),
            Row(t("correction_in"), t.period(one.corrected_in), one.correction_id),
        )
        return Section(t("correction_title"), rows)

    def _chain(self) -> Section:
        t, of = self._t, self._of
        rows = []
        if of.before is not None:
            rows.append(Row(t(f"chain_{of.join}"), of.before, link=of.before))
        elif of.opening.origin is Origin.INSTALLATION:
            rows.append(Row(t("chain_first"), self._time(of.opening.at.at_ms)))
        if of.after is not None:
            rows.append(Row(t("chain_after"), of.after, link=of.after))
        return Section(t("chain_title"), tuple(rows), wide=True)

    def _handed(self) -> Section:
        t = self._t
        rows = tuple(
            Row(
                one.target,
                t(f"handed_{one.state}", self._time(one.at_ms))
                if one.state == "acknowledged"
                else t(f"handed_{one.state}", one.error),
                tone={"acknowledged": "good", "refused": "bad"}.get(one.state, ""),
            )
            for one in self._of.handed
        )
        return Section(t("handed_title"), rows, () if rows else (t("handed_none"),))

    def proof(self, public_url: str) -> Proof:
        t, line_id = self._t, self._line.line_id
        seal = self._of.closing.seal
        commands = [f"plomba-gateway trace {line_id} --out evidence"]
        if seal is not None:
            name = f"evidence/{seal.device}-{seal.sequence}.cose"
            commands.append(f"plomba-gateway verify {name} --public-key evidence/{seal.device}.pem")
        return Proof(
            title=t("proof_title"),
            code_name=t("proof_code"),
            code=self._of.code,
            url=check_url(public_url, line_id, self._of.code),
            scan=t("proof_scan"),
            offline=t("proof_offline"),
            commands=tuple(commands),
        )

    def _reason(self, reason: str) -> str:
        return reason_told(reason, self._t, self._zone)

    def _time(self, moment_ms: int) -> str:
        return self._t.moment(moment_ms, self._zone)

    def _number(self, value: Decimal) -> str:
        return self._t.number(value).replace("-", _MINUS)

    def _amount(self, value: Decimal) -> str:
        return f"{self._number(value)} {self._t.unit(self._line.unit)}"

    def _factor(self, factor: str) -> str:
        return factor if "/" in factor else self._number(Decimal(factor))
