"""What a person's browser is shown where there is no such page, or the ledger cannot be read.

Whoever asks for something else than a page (a program, a page's own refreshing) gets JSON.
"""

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gateway.store import StoreError
from gateway.web.site import Asked, Site
from gateway.web.texts import Words, preferred

# As `Asking` bounds them: a language's name, and the list a browser sends of those it reads.
_CHOSEN_CHARS, _ACCEPT_CHARS = 8, 1000
_NOT_FOUND = 404


def add_to(app: FastAPI, site: Site) -> None:
    """Add the handlers."""

    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        if error.status_code != _NOT_FOUND or not _wants_page(request):
            return await http_exception_handler(request, error)
        asked = _asked(request)
        # Without words of ours the detail is the English phrase of the status.
        said = asked.words("no_page") if error.detail == "Not Found" else error.detail
        return site.draw(asked, "sorry.html", status=_NOT_FOUND, heading=said, detail="")

    async def unreadable(request: Request, error: Exception) -> Response:
        if not _wants_page(request):
            return JSONResponse({"status": "failed", "error": str(error)}, status_code=503)
        asked = _asked(request)
        heading = asked.words("unreadable")
        return site.draw(asked, "sorry.html", status=503, heading=heading, detail=str(error))

    app.exception_handler(HTTPException)(refused)
    app.exception_handler(StoreError)(unreadable)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _asked(request: Request) -> Asked:
    chosen = request.query_params.get("lang") or request.cookies.get("lang")
    accept = request.headers.get("accept-language", "")[:_ACCEPT_CHARS]
    return Asked(None, Words(preferred((chosen or "")[:_CHOSEN_CHARS], accept)), None)
