"""A period's bill lines and the explanation of each, as pages, as PDF, and its check by anyone.

`/check/…` is the one route that may be shown to the public: it asks for a line's code, which only
the paper has, answers a wrong one exactly as a line that never was, and says no more than whether
the line stands. A proxy that publishes it passes /check/ and /static/ on, and nothing else; it is
also where attempts are counted. The other routes are the operator's, as the whole site is.
"""

from collections import defaultdict
from decimal import Decimal
from functools import cached_property
from typing import Annotated, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.responses import HTMLResponse

from gateway.billing import Role
from gateway.closing_records import ClosingLine
from gateway.correcting import CorrectedLine
from gateway.explain import pdf, qr
from gateway.explain.assembly import explain, is_line_id
from gateway.explain.code import is_code_of
from gateway.explain.model import ExplainError, Page, Written
from gateway.explain.telling import check_url, register_name, tell
from gateway.explain.told import Explained
from gateway.sql.overview import LedgerOverview, look
from gateway.web.month import Month, MonthView
from gateway.web.site import Asked, Asking, Site
from gateway.web.texts import Words
from gateway.web.view import View

After = Annotated[str, Query(max_length=32)]
# A code has nineteen characters; what somebody added around it is not looked at beyond this.
CODE_CHARS_MAX = 64
# A QR code is a picture and nothing else.
PICTURE_POLICY = "default-src 'none'; sandbox"


def add_to(app: FastAPI, site: Site) -> None:
    """Add the routes."""
    routes = _Routes(site)
    app.get("/lines", response_class=HTMLResponse)(routes.lines)
    app.get("/lines/{line_id}.pdf")(routes.pdf)
    app.get("/lines/{line_id}/check.svg")(routes.picture)
    app.get("/lines/{line_id}", response_class=HTMLResponse)(routes.line)
    app.get("/check/{line_id}", response_class=HTMLResponse)(routes.check)


class Total(NamedTuple):
    """What billed lines of a resource add up to."""

    resource: str
    unit: str
    amount: Decimal


class LinesView(MonthView):
    """A house's lines of a period, page by page."""

    # More lines than this are read page by page.
    PAGE_LINES = 200

    def __init__(
        self, overview: LedgerOverview, asked: Asked, now_ms: int, period: str | None, after: str
    ) -> None:
        super().__init__(overview, asked, now_ms, period)
        self.after = after

    @cached_property
    def _page(self) -> Page:
        if self.house is None or self.period is None:
            return Page((), more=False)
        asked = (self.house.name, self.period, self.after, self.PAGE_LINES)
        return self._overview.explain.of_period(*asked)

    @property
    def lines(self) -> tuple[ClosingLine, ...]:
        """The lines of the page."""
        return self._page.lines

    @property
    def more(self) -> bool:
        """Whether there is another page."""
        return self._page.more

    @property
    def totals(self) -> list[Total]:
        """The billed lines of the page by resource, of dwellings: a house meter measures them."""
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for line in self.lines:
            if line.role == Role.BILLED and line.account is not None:
                sums[line.resource, line.unit] += line.consumption
        return [Total(*kind, amount) for kind, amount in sums.items()]

    def register(self, line: ClosingLine) -> str:
        """A line's register in words."""
        return register_name(line, self._words)


class LineView(View):
    """One line explained, on its house's page."""

    def __init__(
        self, overview: LedgerOverview, words: Words, now_ms: int, line_id: str, public_url: str
    ) -> None:
        found = explain(overview.explain, line_id)
        super().__init__(overview, found.line.house, words, now_ms)
        self.told: Explained = tell(found, words, public_url)
        self.is_house_line = found.line.account is None

    @property
    def here(self) -> str:
        """Nothing: the path says it all."""
        return ""


class _Routes:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._public_url = site.config.verification_url

    def lines(self, asked: Asking, period: Month = None, after: After = "") -> HTMLResponse:
        return self._site.page(
            asked,
            "lines.html",
            lambda overview, _house, _words, now_ms: LinesView(
                overview, asked, now_ms, period, after
            ),
        )

    def line(self, line_id: str, asked: Asking) -> HTMLResponse:
        try:
            return self._site.page(
                asked._replace(house=None),
                "line.html",
                lambda overview, _house, words, now_ms: LineView(
                    overview, words, now_ms, line_id, self._public_url
                ),
            )
        except ExplainError as error:
            raise HTTPException(404, asked.words("lines_no_line")) from error

    def pdf(self, line_id: str, asked: Asking) -> Response:
        told = self._told(line_id, asked)
        name = f'inline; filename="{told.line_id}.pdf"'
        return Response(
            pdf.of_line(told),
            media_type="application/pdf",
            headers={"content-disposition": name},
        )

    def picture(self, line_id: str, asked: Asking) -> Response:
        svg = qr.svg(self._told(line_id, asked).proof.url)
        headers = {"content-security-policy": PICTURE_POLICY}
        return Response(svg, media_type="image/svg+xml", headers=headers)

    def check(self, line_id: str, asked: Asking, d: str = "") -> HTMLResponse:
        given = d[:CODE_CHARS_MAX]
        with look(self._site.ledger) as overview:
            store = overview.explain
            written = store.written(line_id) if is_line_id(line_id) else None
            ours = is_code_of(written and written.line, given)
            if not ours or written is None:
                verdict = ("", "bad", asked.words("check_unknown"))
            else:
                correction = store.correction_of(line_id)
                verdict = _verdict(written, correction, asked.words)
        other = check_url("", line_id, quote(given)) + f"&lang={asked.words.other}"
        heading, tone, said = verdict
        return self._site.draw(
            asked, "check.html", status=200 if ours else 404,
            heading=heading, tone=tone, verdict=said, other=other,
        )  # fmt: skip

    def _told(self, line_id: str, asked: Asked) -> Explained:
        with look(self._site.ledger) as overview:
            try:
                found = explain(overview.explain, line_id)
            except ExplainError as error:
                raise HTTPException(404, asked.words("lines_no_line")) from error
        return tell(found, asked.words, self._public_url)


def _verdict(written: Written, correction: CorrectedLine | None, t: Words) -> tuple[str, str, str]:
    line = written.line
    heading = t("check_line", line.line_id, t.period(line.period))
    if written.withdrawal is not None:
        at = t.moment(written.withdrawal.at_ms, ZoneInfo(written.timezone))
        return heading, "bad", t("check_withdrawn", at)
    if correction is not None:
        period = t.period(correction.corrected_in)
        return heading, "doubt", t("check_corrected", correction.correction_id, period)
    return heading, "good", t("check_standing")
