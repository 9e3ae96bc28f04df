"""The page of disputes: who waits for an answer and until when, and photos under review.

It only looks, as the whole site does: a dispute is taken and answered by the commands that the page
names, each with its entry in the audit log.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import HTMLResponse

from gateway.photo.keeping import FOLDER, PhotoFiles, PhotoGoneError
from gateway.resident.dispute import Dispute, Doubtful, State, Step
from gateway.resident.submission import normal
from gateway.sql.overview import look
from gateway.web.lines import PICTURE_POLICY
from gateway.web.site import Asking, Site
from gateway.web.view import View


class DisputesView(View):
    """A house with what its residents do not agree with."""

    @cached_property
    def doubtful(self) -> Sequence[Doubtful]:
        """What was confirmed against advice and waits for a person."""
        if self.house is None:
            return ()
        return self._overview.disputes.against_advice(self.house.name, self.ROWS_MAX)

    def is_late(self, dispute: Dispute) -> bool:
        """Whether its term is over."""
        return dispute.is_late(self.now_ms)

    @staticmethod
    def taken(dispute: Dispute) -> Step | None:
        """Who has it, and since when."""
        return next((one for one in dispute.steps if one.state is State.IN_WORK), None)

    @staticmethod
    def lines(said: str) -> list[str]:
        """A text by its lines, without those that hold nothing."""
        return [line for line in said.splitlines() if line.strip()]


def add_to(app: FastAPI, site: Site, data: Path) -> None:
    """Add the routes; `data` is the gateway's folder, which has the photos."""
    files = PhotoFiles(data / FOLDER)

    def disputes(asked: Asking) -> HTMLResponse:
        return site.page(asked, "disputes.html", DisputesView)

    def photo(number: str) -> Response:
        with look(site.ledger) as overview:
            found = overview.disputes.photo_of(normal(number) or "")
        if found is None:
            raise HTTPException(404)
        try:
            jpeg = files.read(*found)
        except PhotoGoneError as error:
            raise HTTPException(404) from error
        headers = {"content-security-policy": PICTURE_POLICY}
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    app.get("/disputes", response_class=HTMLResponse)(disputes)
    app.get("/disputes/photo/{number}.jpg")(photo)
