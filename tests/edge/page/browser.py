"""A browser without JavaScript: forms are sent as they stand on the page."""

import re
import time
from html import unescape

import httpx

from tests.edge.page.site import CODE, Site


def client(site: Site, *, language: str = "ru") -> httpx.Client:
    headers = {"accept-language": language}
    return httpx.Client(base_url=site.url, headers=headers, follow_redirects=True, timeout=60)


def proof_on(page: httpx.Response) -> str:
    found = re.search(r'name="proof" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.text
    return found[1]


def come_in(http: httpx.Client, code: str = CODE) -> httpx.Response:
    page = http.get("/enter")
    return http.post("/enter", data={"proof": proof_on(page), "code": code, "next": ""})


def fields_on(page: httpx.Response, action: str) -> dict[str, str]:
    """The hidden and filled fields of the form with that action."""
    form = re.search(
        rf'<form method="post" action="{re.escape(action)}".*?</form>', page.text, re.DOTALL
    )
    assert form is not None, page.text
    inputs = re.findall(r"<input[^>]*>", form[0])
    return {
        unescape(name[1]): unescape(value[1])
        for one in inputs
        if (name := re.search(r'name="([^"]*)"', one))
        and (value := re.search(r'value="([^"]*)"', one))
    }


def send(http: httpx.Client, page: httpx.Response, action: str, **given: str) -> httpx.Response:
    """Send the form with that action as it stands on `page`, and what a person adds."""
    return http.post(action, data=fields_on(page, action) | given)


def title_of(page: httpx.Response) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page.text, re.DOTALL)
    assert found is not None, page.text
    return unescape(found[1].strip())


def busy(page: httpx.Response) -> bool:
    """Whether the page asks to be fetched again."""
    return '<noscript><meta http-equiv="refresh"' in page.text


def settled(http: httpx.Client, path: str, within_s: float = 240.0) -> httpx.Response:
    """The page once what it waits for is over, as a browser without script fetches it."""
    ends_s = time.monotonic() + within_s
    page = http.get(path)
    while busy(page):
        assert time.monotonic() < ends_s, f"{path} is busy after {within_s} s: {title_of(page)}"
        time.sleep(0.1)
        page = http.get(path)
    return page


def until(http: httpx.Client, path: str, words: str, within_s: float = 240.0) -> httpx.Response:
    """The page once it says these words."""
    ends_s = time.monotonic() + within_s
    page = http.get(path)
    while words not in page.text:
        assert time.monotonic() < ends_s, f"{path} does not say {words!r}: {title_of(page)}"
        time.sleep(0.1)
        page = http.get(path)
    return page
