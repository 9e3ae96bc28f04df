"""What no browser sends: sizes that lie, lines that drag, odd names, methods and paths."""

import contextlib

from tests.abuse_resident.house import House, Visitor
from tests.abuse_resident.wire import line_to, request, told

FLAT = 2
HELD = 100
METHODS = ("PUT", "DELETE", "TRACE", "CONNECT", "OPTIONS", "PROPFIND", "get", "X" * 99)
PATHS = (
    "/static/../app.py",
    "/static/..%2f..%2fapp.py",
    "/static/%2e%2e/%2e%2e/%2e%2e/ledger.sqlite",
    "/static/..%5c..%5capp.py",
    "/static//etc/passwd",
    "/static/%00",
    "/static/resident.css%00.html",
    "//etc/passwd",
    "/upload/../ledger.sqlite",
    "/upload/..%2f..%2fledger.sqlite",
    "/upload/%2fetc%2fpasswd",
    "/upload/" + "a" * 22 + "%00",
    "/photo/../../ledger.sqlite",
    "/photo/..%2f1",
    "/photo/1%00",
    "/photo/-1",
    "/photo/" + "9" * 400,
    "/photo/0x1",
    "/photo/1/register/../../2",
    "/a/..%2f..%2fgateway.key.pdf",
    "/a/%00.pdf",
    "/done/..%2f..",
    "/history/..%2f..%2fledger.svg",
    "/history/99999999999999999999.svg",
    "/meter/1e9",
    "/check/act/..%2f..%2f",
    "/worker.js/../../app.py",
)
NEXT = (f"10.252.0.{number}" for number in range(256))
"""Addresses: what is not there is counted by them."""


def raw(house: House, resident: Visitor, method: str, path: str, **headers: str) -> int:
    """The status of one request, 0 where the line was hung up."""
    asked = request(method, path, resident.headers["x-forwarded-for"], None, resident.cookies)
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    answers = told(house.port, asked[:-2] + extra.encode("latin-1") + b"\r\n")
    return answers[0].status if answers else 0


def test_a_body_that_says_it_is_huge_is_not_waited_for(house: House) -> None:
    resident, register = house.resident(FLAT), house.register(FLAT)
    for path in ("/dispute", "/upload", f"/meter/{register}/photo", f"/meter/{register}/confirm"):
        for size in (str(10**12), "9" * 400, "-1", "1e3", "0x10", "+5"):
            assert raw(house, resident, "POST", path, content_length=size) in {0, 400, 413}, size


def test_a_body_that_goes_on_and_on_is_answered_and_kept_nowhere(house: House) -> None:
    resident, register = house.resident(FLAT), house.register(FLAT)
    asked = request("POST", f"/meter/{register}/photo", "10.254.0.1", None, resident.cookies)
    head = asked[:-2] + b"transfer-encoding: chunked\r\n\r\n"
    piece = b"%x\r\n" % 2**20 + bytes(2**20) + b"\r\n"
    with line_to(house.port) as line, line.makefile("rb") as stream:
        line.sendall(head + piece * 14)
        assert stream.readline().split()[1] == b"413"


def test_pieces_larger_than_announced_change_nothing(house: House) -> None:
    resident = house.resident(FLAT)
    proof = resident.proof()
    about = {"proof": proof, "register": str(house.register(FLAT)), "size": "10"}
    where = resident.post("/upload", data=about | {"sha256": "0" * 64}).headers["location"]
    for offset, content in (("0", bytes(11)), ("0", bytes(2**16 + 1)), ("5", b"x"), ("-1", b"x")):
        headers = {"upload-offset": offset, "x-proof": proof}
        answer = resident.ask("PATCH", where, content=content, headers=headers)
        assert 400 <= answer.status_code < 500
    assert resident.ask("HEAD", where).headers["upload-offset"] == "0"
    about["size"] = str(2**30)
    assert resident.post("/upload", data=about | {"sha256": "0" * 64}).status_code == 413
    statuses = [
        resident.post("/upload", data=about | {"size": "10", "sha256": "0" * 64}).status_code
        for _ in range(12)
    ]
    assert statuses[-1] == 429, "a session has ten at once"


def test_a_flood_of_headers_ends_its_own_line_alone(house: House) -> None:
    resident = house.resident(FLAT)
    for flood in (
        b"".join(b"x-%d: y\r\n" % n for n in range(20_000)),
        b"x: " + b"y" * 2_000_000 + b"\r\n",
        b"cookie: " + b"a=b; " * 60_000 + b"\r\n",
    ):
        asked = request("GET", "/meters")[:-2] + flood + b"\r\n"
        answers = told(house.port, asked)
        assert not answers or answers[0].status >= 400
    assert resident.get("/meters").status_code == 200


def test_lines_that_drag_keep_nobody_out(house: House) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(HELD):
            line = stack.enter_context(line_to(house.port))
            asked = request("POST", "/dispute", f"10.253.0.{number}", None, content_length="9999")
            line.sendall(asked[: len(asked) - number % 3])
        assert house.resident(FLAT).get("/meters").status_code == 200
        house.holds()


def test_another_method_is_no_way_in(house: House) -> None:
    resident = house.resident(FLAT)
    for method in METHODS:
        for path in ("/meters", "/leave", f"/meter/{house.register(FLAT)}/confirm"):
            assert raw(house, resident, method, path) in {0, 400, 404, 405}, (method, path)
    assert resident.get("/meters", headers={"x-http-method-override": "POST"}).status_code == 200
    assert resident.get("/meters?_method=DELETE").status_code == 200


def test_another_name_is_not_answered(house: House) -> None:
    for name in (b"evil.example", b"meters.example.evil.example", b"", b"a b", b"["):
        head = request("GET", "/").replace(b"host: meters.example", b"host: " + name)
        answers = told(house.port, head)
        assert not answers or answers[0].status == 400, name


def test_names_beside_the_host_lead_nobody_elsewhere(house: House) -> None:
    resident = house.resident(FLAT)
    for headers in (
        {"x-forwarded-host": "evil.example"},
        {"forwarded": "host=evil.example;proto=http"},
        {"x-original-url": "/leave"},
        {"x-rewrite-url": "/leave"},
    ):
        answer = resident.get("/", headers=headers)
        assert answer.headers["location"] == "/meters"
        assert "evil.example" not in resident.get("/meters", headers=headers).text
    two = request("GET", "/")[:-2] + b"host: evil.example\r\n\r\n"
    answers = told(house.port, two)
    assert not answers or answers[0].status == 400
    whole = told(house.port, request("GET", "http://evil.example/"))
    assert not whole or b"evil.example" not in whole[0].body


def test_two_lengths_are_not_two_requests(house: House) -> None:
    hidden = b"GET /static/resident.css HTTP/1.1\r\nhost: meters.example\r\n\r\n"
    asked = request("POST", "/dispute", form={})[:-2].replace(b"content-length: 0\r\n", b"")
    for both in (
        b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
        b"content-length: 0\r\ncontent-length: 99\r\n\r\n" + hidden,
        b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden,
        b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n" + hidden,
    ):
        heard = told(house.port, asked + both)
        assert all(one.headers.get("content-type") != "text/css; charset=utf-8" for one in heard)


def test_an_odd_path_is_no_file(house: House) -> None:
    resident = house.resident(FLAT)
    for path in PATHS:
        asked = request("GET", path, next(NEXT), None, resident.cookies)
        for one in told(house.port, asked):
            assert one.status in {400, 403, 404, 405, 422}, path
            for secret in (b"SQLite format", b"root:", b"create_app", b"PRIVATE KEY"):
                assert secret not in one.body
