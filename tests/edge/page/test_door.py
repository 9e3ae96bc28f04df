"""Who is let in: the device's own names, forms of its own, the label's code."""

import re
from pathlib import Path

import httpx
import pytest

from edge.page.door import host_of
from edge.page.label import FREE_TRIES
from tests.edge.page.browser import client, come_in, proof_on, send
from tests.edge.page.site import CODE, DEVICE, Site


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("10.42.0.1:8080", "10.42.0.1"),
        ("Riser-1.local", "riser-1.local"),
        ("[::1]:8080", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[::ffff:10.42.0.1]:8080", "10.42.0.1"),
        ("[fe80::1%25wlan0]:80", "fe80::1"),
    ],
)
def test_a_host_is_told_from_its_port_and_spelling(header: str, host: str) -> None:
    assert host_of(header) == host


def test_only_this_devices_addresses_and_names_are_answered(site: Site) -> None:
    port = site.port
    for host in ("evil.example", f"evil.example:{port}", "10.42.0.1", "", "127.0.0.1.evil.example"):
        told = httpx.get(f"{site.url}/enter", headers={"host": host})
        assert told.status_code == 421, host
        assert "form" not in told.text
    for host in (f"127.0.0.1:{port}", "localhost", DEVICE, f"{DEVICE}.local:{port}"):
        assert httpx.get(f"{site.url}/enter", headers={"host": host}).status_code == 200, host


def test_every_answer_says_what_a_browser_may_do_with_it(http: httpx.Client) -> None:
    for path in ("/enter", "/nothing", "/static/page.css", "/static/../door.py"):
        told = http.get(path)
        policy = told.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert told.headers["x-content-type-options"] == "nosniff"
        assert ("cache-control" in told.headers) is not path.startswith("/static/p")
        assert "server" not in told.headers


def test_without_the_code_there_is_only_the_door(http: httpx.Client) -> None:
    for path in ("/", "/meters", "/meter/0", "/scan", "/visit/1/record-ru.pdf", "/doctor"):
        assert http.get(path).url.path == "/enter", path
    told = http.get("/point/101")
    assert 'content="0;url=/point/101?again=1"' in told.text
    assert str(http.get("/point/101?again=1").url).endswith("/enter?next=/point/101")
    page = http.get("/enter")
    for path in ("/begin", "/scan", "/finish", "/meter/0/photo", "/give-up"):
        told = http.post(path, data={"proof": proof_on(page)})
        assert told.status_code == 401, path


def test_the_code_opens_and_the_cookie_is_for_this_site_alone(http: httpx.Client) -> None:
    page = http.get("/enter")
    told = http.post("/enter", data={"proof": proof_on(page), "code": CODE}, follow_redirects=False)
    assert (told.status_code, told.headers["location"]) == (303, "/")
    cookies = told.headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert all("HttpOnly" in one and "SameSite=strict" in one for one in cookies)
    assert http.get("/").url.path == "/"


@pytest.mark.parametrize("where", ["//evil.example", "/finish", "http://evil.example", "/point/0"])
def test_nobody_is_sent_elsewhere_after_the_code(http: httpx.Client, where: str) -> None:
    page = http.get("/enter", params={"next": where})
    sent = {"proof": proof_on(page), "code": CODE, "next": where}
    told = http.post("/enter", data=sent, follow_redirects=False)
    assert told.headers["location"] == "/"


def test_wrong_codes_are_told_and_cost_a_wait_also_for_the_right_one(tmp_path: Path) -> None:
    # The wait is of seconds: on this clock none of them passes.
    with Site(tmp_path, clock_s=lambda: 1000.0).served() as site:
        for _ in range(FREE_TRIES):
            # Another browser is no way around it.
            with client(site) as http:
                told = come_in(http, "WRONG-22")
                assert (told.status_code, "Код не подошёл" in told.text) == (403, True)
        with client(site) as http:
            told = come_in(http)
            assert told.status_code == 429
            assert "подождите" in told.text
            assert http.get("/").url.path == "/enter"


def test_a_form_without_its_proof_is_not_ours(inside: httpx.Client) -> None:
    good = proof_on(inside.get("/begin"))
    elsewhere = {"origin": "http://evil.example"}
    for data, headers in (
        ({"name": "A"}, {}),
        ({"name": "A", "proof": "0" * 64}, {}),
        ({"name": "A", "proof": good}, elsewhere),
        ({"name": "A", "proof": good}, {"origin": "null"}),
        ({"name": "A", "proof": good}, {"sec-fetch-site": "cross-site"}),
    ):
        told = inside.post("/begin", data=data, headers=headers)
        assert told.status_code == 403, (data, headers)
    assert inside.get("/begin").url.path == "/begin", "nothing was begun"


def test_the_proof_of_another_browser_is_none(site: Site, inside: httpx.Client) -> None:
    with client(site) as other:
        come_in(other)
        foreign = proof_on(other.get("/begin"))
    assert inside.post("/begin", data={"name": "A", "proof": foreign}).status_code == 403


def test_whoever_leaves_is_out(inside: httpx.Client) -> None:
    told = send(inside, inside.get("/"), "/leave")
    assert told.url.path == "/enter"
    assert inside.get("/").url.path == "/enter"


def test_it_speaks_russian_and_english(http: httpx.Client) -> None:
    assert 'lang="ru"' in http.get("/enter").text
    assert "The code on the label" in http.get("/enter?lang=en").text
    assert 'lang="en"' in http.get("/enter").text
    assert not re.search(r"[А-Яа-я]", http.get("/enter").text.replace("Русский", ""))
