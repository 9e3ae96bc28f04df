"""The pages, the PDF and the public check over the site, and the command."""

import io
import json
import re
from pathlib import Path

import httpx
import pypdf
import pytest
import segno
from click.testing import CliRunner

from gateway.__main__ import main
from gateway.config import LEDGER_FILE, WebConfig
from gateway.explain import pdf, qr
from tests.gateway.explain.bills import FIRST, PUBLIC, WATER, close, explained, month, told
from tests.gateway.town import Town
from tests.servers.ledgers import create_app

NASTY = '<script>alert(1)</script> #set text("x") $x$ \\ @a <b>'


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    town.install("A1", town.point("P2"))
    town.read("W1", month(10), 14_750, WATER)
    town.read("A1", month(10), 19_500)
    town.send()
    close(town, 9)
    return town


async def get(town: Town, path: str, language: str = "ru") -> httpx.Response:
    config = WebConfig(public_url=PUBLIC)
    app = create_app(town.folder / LEDGER_FILE, lambda: town.now_ms, config)
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.get(path, headers={"accept-language": language})


def plain(content: bytes) -> str:
    """A PDF's text, with the spaces typesetting makes undone."""
    pages = (page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    return re.sub(r"[\s\u2060]+", "", "".join(pages))


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_page_and_pdf_say_the_same(town: Town, language: str) -> None:
    page = await get(town, f"/lines/{FIRST}", language)
    paper = await get(town, f"/lines/{FIRST}.pdf?lang={language}")
    assert paper.headers["content-type"] == "application/pdf"
    shown = re.sub(r"[\s\u2060]+", "", page.text)
    text = plain(paper.content)
    one = told(town, language=language)
    rows = [*one.about, *one.sum.rows, one.sum.total]
    rows += [row for section in one.sections for row in section.rows]
    for said in [one.title, *(row.value for row in rows), one.proof.code, one.proof.url]:
        bare = re.sub(r"[\s\u2060]+", "", said)
        assert bare in shown.replace("&#39;", "'").replace("&lt;", "<")
        # Typesetting may hyphenate a word at the end of a line.
        assert bare.replace("-", "") in text.replace("-", "").replace("\u2010", "")


def test_a_pdf_is_the_same_bytes_each_time_and_accessible(town: Town) -> None:
    content = pdf.of_line(told(town))
    assert content == pdf.of_line(told(town))
    reader = pypdf.PdfReader(io.BytesIO(content))
    assert reader.trailer["/Root"]["/Lang"] == "ru"
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.metadata is not None
    assert reader.metadata.title == f"Расшифровка начисления. Строка {FIRST}"
    assert reader.metadata.creation_date is not None
    assert (
        int(reader.metadata.creation_date.timestamp()) == explained(town).line.closed_at_ms // 1000
    )
    assert len(reader.pages) <= 2


async def test_what_is_stored_becomes_neither_markup_nor_typesetting(town: Town) -> None:
    with town.store.transaction() as connection:
        connection.execute("UPDATE house SET address = ?", (NASTY,))
        connection.execute("UPDATE meter SET model = ?", (NASTY,))
    assert "<script>alert" not in (await get(town, f"/lines/{FIRST}")).text
    assert re.sub(r"\s", "", NASTY) in plain(pdf.of_line(told(town)))


async def test_the_lines_of_a_period_are_listed_with_sums(town: Town) -> None:
    page = (await get(town, "/lines", "en")).text
    assert f'href="/lines/{FIRST}"' in page
    assert "14.750" in page
    assert page.count('class="pill s0"') == 2
    assert 'aria-current="page">Bill lines' in page
    assert (await get(town, "/lines?period=2026-08")).status_code == 200
    for wrong in ("2026-13", "x", "2026-9"):
        assert (await get(town, f"/lines?period={wrong}")).status_code == 404
    assert FIRST not in (await get(town, f"/lines?period=2026-09&after={FIRST}")).text.replace(
        f"after={FIRST}", ""
    )


@pytest.mark.parametrize(
    "line", ["2026-09-000009", "x", "%00", "..%2f..%2fetc", "2026-09-000001%0a", "<b>"]
)
async def test_what_is_no_line_is_not_found_in_one_line(town: Town, line: str) -> None:
    for path in (f"/lines/{line}", f"/lines/{line}.pdf", f"/lines/{line}/check.svg"):
        answer = await get(town, path, "en")
        assert answer.status_code == 404
        assert "\n" not in answer.text


async def test_pages_are_hardened_and_load_nothing_foreign(town: Town) -> None:
    for path in (f"/lines/{FIRST}", "/lines", f"/check/{FIRST}?d=x", f"/lines/{FIRST}/check.svg"):
        answer = await get(town, path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", answer.text)
        loaded = re.findall(r'(?:src|<link[^>]*href)="([^"]*)"', answer.text)
        assert all(re.match(r"/(?!/)", link) for link in loaded)


async def test_the_check_says_standing_and_nothing_of_who_pays(town: Town) -> None:
    code = explained(town).code
    page = await get(town, f"/check/{FIRST}?d={code}", "en")
    assert page.status_code == 200
    assert "and it stands" in page.text
    for secret in ("40112", "Лесная", "W1", "14.750", "Калуга"):
        assert secret not in page.text


async def test_a_wrong_code_and_no_line_are_answered_alike(town: Town) -> None:
    code = explained(town).code
    wrong = await get(town, f"/check/{FIRST}?d=AAAA-AAAA-AAAA-AAAA", "en")
    absent = await get(town, "/check/2026-09-000009?d=AAAA-AAAA-AAAA-AAAA", "en")
    assert wrong.status_code == absent.status_code == 404
    assert wrong.text == absent.text.replace("2026-09-000009", FIRST)
    assert "no such line" in wrong.text
    for hostile in ("", "%00", "%3Cb%3E", code[:-1], f"{code}A", "%D0%96", "A" * 200):
        answer = await get(town, f"/check/{FIRST}?d={hostile}")
        assert answer.status_code == 404
        assert "<b>" not in answer.text.split("<h1>")[1]


async def test_a_withdrawn_line_is_found_and_told_so(town: Town) -> None:
    code = explained(town).code
    with town.store.transaction() as connection:
        connection.execute(
            "INSERT INTO withdrawal VALUES (1, ?, 'Иванова', 'не тот тариф')", (month(10),)
        )
    assert explained(town).code == code
    page = (await get(town, f"/check/{FIRST}?d={code}", "en")).text
    assert "withdrawn 1 Oct 2026, 00:00" in page
    assert "не тот тариф" not in page
    assert "не тот тариф" in (await get(town, f"/lines/{FIRST}")).text


def test_the_qr_code_is_the_link(town: Town) -> None:
    url = told(town).proof.url
    assert qr.svg(url).startswith(b"<?xml")
    drawn = io.BytesIO()
    segno.make(url, error="m", micro=False).save(
        drawn, kind="svg", border=4, xmldecl=True, omitsize=True, light="#fff"
    )
    assert qr.svg(url) == drawn.getvalue()
    assert qr.svg(url) != qr.svg(url + "x")


def test_the_command_tells_writes_and_prints_json(town: Town, tmp_path: Path) -> None:
    town.store.close()
    known = ["--data", str(town.folder)]
    run = CliRunner().invoke
    said = run(main, ["explain", FIRST, *known, "--lang", "en"])
    assert said.exit_code == 0, said.output
    assert "Total: 14.750 m³" in said.output.replace("\u202f", " ")
    whole = json.loads(run(main, ["explain", FIRST, *known, "--json"]).output)
    assert whole["sum"]["total"]["value"] == "14,750 м³"
    file = tmp_path / "bill.pdf"
    bill = ["--account", "40112", "--period", "2026-09", "--pdf", str(file)]
    assert run(main, ["explain", *known, *bill]).exit_code == 0
    text = plain(file.read_bytes())
    assert text.count("Расшифровканачисления") >= 2
    assert "95,00кВт·ч" in text


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["2026-09-000009"], 1, "no line is called '2026-09-000009'"),
        (["--account", "1", "--period", "2026-09"], 1, "account '1' has no line in 2026-09"),
        (["--account", "40112", "--period", "september"], 1, "september"),
        ([], 2, "give a LINE, or --account and --period"),
        ([FIRST, "--account", "40112"], 2, "give a LINE, or --account and --period"),
        ([FIRST, "--pdf", "/dev/null/all.pdf"], 1, "cannot write /dev/null/all.pdf"),
    ],
)
def test_the_command_refuses_in_one_line(
    town: Town, arguments: list[str], status: int, said: str
) -> None:
    town.store.close()
    result = CliRunner().invoke(main, ["explain", *arguments, "--data", str(town.folder)])
    assert result.exit_code == status
    assert said in result.output


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"host": "::1", "port": 81}, "http://[::1]:81"),
        ({"public_url": "https://bills.example.org"}, "https://bills.example.org"),
    ],
)
def test_papers_name_the_public_address_else_the_pages_own(
    given: dict[str, object], url: str
) -> None:
    assert WebConfig.model_validate(given).verification_url == url


def test_a_public_address_in_clear_is_refused() -> None:
    with pytest.raises(ValueError, match="expected an https:// address"):
        WebConfig(public_url="http://bills.example.org")
