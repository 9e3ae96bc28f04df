"""The page of the audit log: who did what, the newest first, with the head to be noted down.

A person, an act and a subject are links to all that is told of them. The page shows what stands in
the log; that it is whole is checked by the command that the page names.
"""

from functools import cached_property
from typing import Annotated
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse

from gateway.audit import TEXT_CHARS_MAX, Entry, Head
from gateway.people.retention import EXPIRED
from gateway.sql.overview import LedgerOverview
from gateway.web.site import Asked, Asking, Site
from gateway.web.view import View

# A number of SQLite and PostgreSQL alike.
NUMBER_MAX = 2**63 - 1

Below = Annotated[int, Query(ge=1, le=NUMBER_MAX)]
Find = Annotated[str, Query(max_length=TEXT_CHARS_MAX)]


class AuditView(View):
    """The log below an entry, all of it or what has to do with one word."""

    ENTRIES_MAX = 50

    def __init__(
        self, overview: LedgerOverview, asked: Asked, now_ms: int, *, below: int, find: str
    ) -> None:
        super().__init__(overview, asked.house, asked.words, now_ms)
        self._audit, self._below, self.find = overview.audit, below, find

    @property
    def here(self) -> str:
        """The query that leads back to the same part of the log, for the language switch."""
        return self.link(self.find, self._below)

    @cached_property
    def head(self) -> Head:
        """The end of the log."""
        return self._audit.head()

    @cached_property
    def _found(self) -> list[Entry]:
        return self._audit.page(self._below, self.find, self.ENTRIES_MAX + 1)

    @property
    def entries(self) -> list[Entry]:
        """A page of it."""
        return self._found[: self.ENTRIES_MAX]

    @property
    def older(self) -> str:
        """The query of the next page, empty where there is none."""
        more = len(self._found) > self.ENTRIES_MAX
        return self.link(self.find, self.entries[-1].number) if more else ""

    @property
    def newest(self) -> str:
        """The query of the first page, empty on it."""
        return self.link(self.find) if self._below < NUMBER_MAX else ""

    @staticmethod
    def told(entry: Entry, text: str) -> str:
        """A text of an entry, empty where it went with time."""
        return "" if entry.forgotten_by and text == EXPIRED else text

    def link(self, find: str = "", below: int = NUMBER_MAX) -> str:
        """The query of a page of the log."""
        told = {"house": self.house.name if self.house else "", "find": find}
        if below < NUMBER_MAX:
            told["below"] = str(below)
        return "?" + urlencode({name: value for name, value in told.items() if value})


def add_to(app: FastAPI, site: Site) -> None:
    """Add the route."""

    def audit(asked: Asking, below: Below = NUMBER_MAX, find: Find = "") -> HTMLResponse:
        return site.page(
            asked,
            "audit.html",
            lambda overview, _house, _words, now_ms: AuditView(
                overview, asked, now_ms, below=below, find=find
            ),
        )

    app.get("/audit", response_class=HTMLResponse)(audit)
