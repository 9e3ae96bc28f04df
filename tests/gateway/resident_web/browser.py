"""A browser without JavaScript, as far as the tests of the resident's pages need one."""

import re
from html import unescape

import httpx
from fastapi import FastAPI

from tests.gateway.resident_web.memory import CODE, ORIGIN, TOKEN

HOST = ORIGIN.removeprefix("https://")


def client(app: FastAPI, *, at: str = "192.0.2.1") -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, client=(at, 1)),
        base_url=ORIGIN,
        headers={"origin": ORIGIN, "accept-language": "ru"},
    )


def proof_on(page: httpx.Response) -> str:
    found = re.search(r'name="proof" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.text
    return found[1]


def shown(page: httpx.Response) -> str:
    """What a page says, without its tags: a proof in them is chance, and may hold any digits."""
    return re.sub(r"<[^>]*>", " ", page.text)


def fields_on(page: httpx.Response, action: str) -> dict[str, str]:
    """The hidden and filled fields of the form with that action."""
    form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page.text, re.DOTALL)
    assert form is not None, page.text
    inputs = re.findall(r"<input[^>]*>", form[0])
    return {
        unescape(name[1]): unescape(value[1])
        for one in inputs
        if (name := re.search(r'name="([^"]*)"', one))
        and (value := re.search(r'value="([^"]*)"', one))
    }


async def come_in(http: httpx.AsyncClient, token: str = TOKEN, code: str = CODE) -> httpx.Response:
    """Through link and code to the list of meters."""
    page = await http.get(f"/l/{token}")
    await http.post(f"/l/{token}/code", data={"proof": proof_on(page)})
    return await http.post(
        f"/l/{token}/enter", data={"proof": proof_on(page), "code": code}, follow_redirects=True
    )
