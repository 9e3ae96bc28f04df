"""What all screens share: who asks, how a screen is drawn, and how something is refused."""

from collections.abc import Awaitable, Callable

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from edge.page import door, forms
from edge.page.label import Label
from edge.page.refusal import NotDone
from edge.page.sessions import Sessions
from edge.page.texts import LANGUAGES, Speech, preferred

# Refusals whose reason stands beside their text, in its own words.
_TELLING = frozenset({"disk", "visit"})
# Ours are far shorter; a search's words go with them.
_REFERER_CHARS_MAX = 1000
# Refusals after which the screen one came from is no more use; their texts name the way on.
_ELSEWHERE = frozenset({"signed_out", "no_page", "no_visit"})
Answer = Callable[[Request], Awaitable[Response]]


class Front:
    """The screens of one device, called `device`."""

    def __init__(self, device: str, label: Label, sessions: Sessions) -> None:
        self.device, self.label, self.sessions = device, label, sessions
        self._templates = Environment(
            loader=PackageLoader("edge.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def speech(self, request: Request) -> Speech:
        """The language chosen here or before, else the browser's."""
        chosen = request.query_params.get("lang") or request.cookies.get(door.LANGUAGE, "")
        accepted = request.headers.get("accept-language", "")[:1000]
        return Speech(preferred(chosen[:8], accepted))

    def draw(
        self, request: Request, template: str, *, status: int = 200, **about: object
    ) -> HTMLResponse:
        """A screen in the visitor's language; its forms are proven by the form's cookie."""
        kept = door.cookie(request, door.FORM)
        secret = kept or door.fresh()
        # Only a screen that was looked at can be looked at again in the other language.
        about.setdefault("here", request.url.path if request.method == "GET" else "/")
        about.setdefault("inside", True)
        drawn = self._templates.get_template(template).render(
            t=self.speech(request), proof=door.proof(secret), device=self.device, **about
        )
        response = HTMLResponse(drawn, status)
        if not kept:
            door.put(response, door.FORM, secret)
        chosen = request.query_params.get("lang")
        if chosen in LANGUAGES:
            door.put(response, door.LANGUAGE, chosen)
        return response

    async def form(self, request: Request) -> dict[str, str]:
        """The fields of a form of ours; NotDone for one that may be somebody else's."""
        sent = await forms.fields(request)
        door.require_ours(request, sent.get("proof", ""))
        return sent

    async def file(self, request: Request, name: str, most: int) -> bytes:
        """The file of a form of ours, of at most `most` bytes."""
        sent, data = await forms.file_of(request, name, most)
        door.require_ours(request, sent.get("proof", ""))
        return data

    def require(self, request: Request) -> None:
        """NotDone for whoever has not given the label's code."""
        if not self.sessions.stands(door.cookie(request, door.SESSION)):
            raise NotDone("signed_out", 401)

    def guarded(self, answer: Answer) -> Answer:
        """`answer` only to whoever has given the label's code."""

        async def guarded(request: Request) -> Response:
            self.require(request)
            return await answer(request)

        return guarded

    def inside(
        self, path: str, *, get: Answer | None = None, post: Answer | None = None
    ) -> list[Route]:
        """The routes of a screen behind the code."""
        routes = []
        if get is not None:
            routes.append(Route(path, self.guarded(get), methods=["GET"]))
        if post is not None:
            routes.append(Route(path, self.guarded(post), methods=["POST"]))
        return routes

    def refused(self, request: Request, refusal: NotDone) -> Response:
        """What went wrong and what to do, as a screen."""
        if refusal.kind == "signed_out" and request.method == "GET":
            return self._to_the_door(request)
        t = self.speech(request)
        key = f"sorry_{refusal.kind}"
        return self.draw(
            request, "problem.html", status=refusal.status, what=t(key, refusal.detail),
            detail=refusal.detail if refusal.kind in _TELLING else "", todo=t(f"{key}_do"),
            here="/", back="" if refusal.kind in _ELSEWHERE else came_from(request),
        )  # fmt: skip

    def _to_the_door(self, request: Request) -> Response:
        """Ask for the code; a point's label brings people back to that point then."""
        path = request.url.path
        if not path.startswith("/point/"):
            return to("/enter")
        if "again" in request.query_params:
            return to(f"/enter?next={path}")
        # A phone's camera opened it: some browsers send a strict cookie only from page to page.
        return self.draw(request, "again.html", path=path)


def came_from(request: Request) -> str:
    """The screen of ours on which a form was sent, as a path; "" where that is not known."""
    referer = request.headers.get("referer", "")
    if request.method != "POST" or len(referer) > _REFERER_CHARS_MAX:
        return ""
    host = f"http://{request.headers.get('host', '')}"
    path = referer.removeprefix(host)
    return path if referer.startswith(f"{host}/") and not path.startswith("//") else ""


def to(path: str) -> RedirectResponse:
    """Go on there, with GET."""
    return RedirectResponse(path, 303)
