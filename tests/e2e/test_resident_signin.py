"""A resident who signs in: through a provider, by number and code, and next time by the phone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from gateway.config_resident import ResidentConfig
from tests.cloud_sync.brokers import HOST, free_port
from tests.e2e import phone as phones
from tests.e2e.phone import SIZE
from tests.e2e.test_resident import shot
from tests.gateway.photo.photos import encoded
from tests.gateway.resident.block import Block, account
from tests.gateway.resident.provider import Oidc, serving
from tests.gateway.resident.signing import bill_code, entries, standard

chromium = phones.chromium
pytestmark = pytest.mark.chromium


class Gate:
    """The pages of a block on this machine's own name, which browsers take as secure."""

    def __init__(self, folder: Path) -> None:
        self.block = Block(folder)
        self.block.contact(1)
        self.oidc = Oidc()
        self.oidc.now_s = lambda: self.block.now_ms // 1000
        self.folder = folder
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"

    @contextmanager
    def served(self) -> Iterator[None]:
        """The listener with two ways to sign in."""
        resident = ResidentConfig(
            host=HOST,
            port=self.port,
            public_url=self.url,
            sign_in=(standard(self.oidc, self.folder),),
            passkeys=True,
        )
        with phones.listening(self.block, resident, "tests.gateway.photo.readers:Unsure"):
            yield


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    gate = Gate(tmp_path)
    with serving(gate.oidc), gate.served():
        yield gate
    gate.block.town.store.close()


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(
        viewport=SIZE, device_scale_factor=2, is_mobile=True, has_touch=True, locale="ru-RU"
    )
    context.set_default_timeout(phones.PATIENCE_MS)
    yield context
    context.close()


def with_keys(page: Page) -> tuple[CDPSession, str]:
    """A phone that keeps keys and knows its owner's finger."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    about = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": about})
    return session, made["authenticatorId"]


def keys_in(session: CDPSession, authenticator: str) -> list[dict[str, Any]]:
    found = session.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})
    return list(found["credentials"])


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def large_enough(page: Page) -> None:
    for one in page.locator("a:visible, button:visible, summary:visible, input:visible").all():
        box = one.bounding_box()
        if box is None or box["x"] < 0:
            continue
        assert box["height"] >= 48, (page.url, one.inner_text(), box)
    page.evaluate("document.documentElement.style.fontSize = '225%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZE["width"], page.url
    page.evaluate("document.documentElement.style.fontSize = ''")


def link_after_a_slip(page: Page, code: str) -> None:
    heading(page, "Привяжите лицевой счёт")
    assert "code=" not in page.url
    large_enough(page)
    shot(page, "s2-linking")
    page.get_by_label("Номер лицевого счёта").fill(account(1))
    page.get_by_label("Код из квитанции").fill(code[:-1])
    page.get_by_role("button", name="Привязать").click()
    expect(page.get_by_role("alert")).to_contain_text("нужно 8 знаков, введено 7")
    expect(page.get_by_label("Код из квитанции")).to_be_focused()
    shot(page, "s3-wrong")
    page.get_by_label("Код из квитанции").fill(code.lower())
    page.get_by_role("button", name="Привязать").click()


def test_an_account_elsewhere_a_bill_and_then_the_phone_alone(
    phone: BrowserContext, gate: Gate
) -> None:
    page = phone.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    session, authenticator = with_keys(page)
    page.goto(gate.url)
    expect(page.get_by_role("button", name="Войти с этим телефоном")).to_be_visible()
    large_enough(page)
    shot(page, "s1-begin")
    page.get_by_role("link", name="Войти через Банк").click()
    link_after_a_slip(page, bill_code(gate.block))
    wrong.clear()  # the browser itself tells of the status 422
    heading(page, "Ваши счётчики")
    shot(page, "s4-meters")
    page.get_by_role("link", name="Вход и помещения").click()
    heading(page, "Ваши помещения")
    large_enough(page)
    shot(page, "s5-dwellings")
    page.get_by_role("link", name="Вход с этим телефоном").click()
    shot(page, "s6-phone")
    page.get_by_role("button", name="Запомнить этот телефон").click()
    expect(page.get_by_text("Запомнен:").first).to_be_visible()
    large_enough(page)
    shot(page, "s7-remembered")
    (kept,) = keys_in(session, authenticator)
    assert kept["rpId"] == "localhost"
    assert kept["isResidentCredential"]
    page.get_by_role("button", name="Выйти").click()
    page.get_by_role("button", name="Войти с этим телефоном").click()
    heading(page, "Ваши счётчики")
    ((count,),) = gate.block.rows("SELECT sign_count FROM resident_passkey")
    assert count == keys_in(session, authenticator)[0]["signCount"]
    page.goto(f"{gate.url}/phone")
    page.get_by_role("button", name="Забыть").click()
    heading(page, "Нужно войти ещё раз")
    page.goto(gate.url)
    page.get_by_role("button", name="Войти с этим телефоном").click()
    expect(page.get_by_role("alert")).to_contain_text("Этот телефон не подошёл")
    shot(page, "s8-forgotten")
    assert [one for one in wrong if "status of 4" not in one] == []
    acts = {one.act.act for one in entries(gate.block)}
    assert {
        "resident sign-in", "resident linked", "resident passkey added", "resident passkey removed",
    } <= acts  # fmt: skip


def test_a_link_and_its_code_are_enough_to_remember_a_phone_and_paper_is_not(
    phone: BrowserContext, gate: Gate
) -> None:
    page = phone.new_page()
    with_keys(page)
    page.goto(f"{gate.url}/l/{gate.block.paper_link()}")
    page.get_by_label("Номер лицевого счёта").fill(account(1))
    page.get_by_role("button", name="Войти").click()
    heading(page, "Ваши счётчики")
    page.goto(f"{gate.url}/phone")
    expect(page.locator("main")).to_contain_text("так телефон не запомнить")
    expect(page.locator("#passkey-add")).to_have_count(0)
    shot(page, "s9-paper")
    page.goto(f"{gate.url}/l/{gate.block.mail_link()}")
    page.get_by_role("button", name="Получить код").click()
    given = page.get_by_label("Код из сообщения")
    # The letter is there when this page is.
    expect(given).to_be_visible()
    given.fill(sent_code(gate))
    page.get_by_role("button", name="Войти").click()
    heading(page, "Ваши счётчики")
    page.goto(f"{gate.url}/phone")
    page.get_by_role("button", name="Запомнить этот телефон").click()
    expect(page.get_by_text("Запомнен:").first).to_be_visible()
    page.get_by_role("button", name="Выйти").click()
    page.get_by_role("button", name="Войти с этим телефоном").click()
    heading(page, "Ваши счётчики")
    expect(page.locator(".where")).to_contain_text("кв. 1")
    rows = gate.block.rows("SELECT provider FROM resident_identity")
    assert rows == [("passkey",)]


def test_a_phone_that_does_not_know_its_owner_lets_nobody_in(
    phone: BrowserContext, gate: Gate
) -> None:
    page = phone.new_page()
    session, authenticator = with_keys(page)
    page.goto(gate.url)
    page.get_by_role("link", name="Войти через Банк").click()
    page.get_by_label("Номер лицевого счёта").fill(account(1))
    page.get_by_label("Код из квитанции").fill(bill_code(gate.block))
    page.get_by_role("button", name="Привязать").click()
    heading(page, "Ваши счётчики")
    page.goto(f"{gate.url}/phone")
    page.get_by_role("button", name="Запомнить этот телефон").click()
    expect(page.get_by_text("Запомнен:").first).to_be_visible()
    page.get_by_role("button", name="Выйти").click()
    about = {"authenticatorId": authenticator, "isUserVerified": False}
    session.send("WebAuthn.setUserVerified", about)
    page.get_by_role("button", name="Войти с этим телефоном").click()
    expect(page.get_by_role("alert")).to_contain_text("Телефон ничего не прислал")
    # A copy of the phone that signed less often than the phone did.
    session.send("WebAuthn.setUserVerified", about | {"isUserVerified": True})
    with gate.block.town.store.transaction() as connection:
        connection.execute("UPDATE resident_passkey SET sign_count = 1000")
    page.get_by_role("button", name="Войти с этим телефоном").click()
    expect(page.get_by_role("alert")).to_contain_text("Этот телефон не подошёл")


def test_a_photo_waits_for_its_own_dwelling(
    phone: BrowserContext, gate: Gate, tmp_path: Path
) -> None:
    photo = tmp_path / "meter.jpg"
    photo.write_bytes(encoded(Image.new("RGB", (640, 480), "grey")))
    page = phone.new_page()
    page.goto(gate.url)
    page.get_by_role("link", name="Войти через Банк").click()
    # The way back from the provider ends here; another navigation would cross it.
    page.wait_for_url("**/dwellings/add")
    for flat in (1, 2):
        page.goto(f"{gate.url}/dwellings/add")
        page.get_by_label("Номер лицевого счёта").fill(account(flat))
        page.get_by_label("Код из квитанции").fill(bill_code(gate.block, flat))
        page.get_by_role("button", name="Привязать").click()
        heading(page, "Ваши счётчики")
    page.get_by_role("link", name="Сфотографировать").click()
    expect(page.locator("html.scripted")).to_be_attached()
    phone.set_offline(True)
    page.locator("#photo").set_input_files(photo)
    expect(page.locator("#progress-text")).to_contain_text("сохранено в телефоне")
    phone.route("**/upload", lambda asked: asked.abort())
    phone.set_offline(False)
    page.goto(f"{gate.url}/dwellings")
    waits = page.get_by_text("Фото ждут отправки: 1")
    expect(waits).to_be_visible()
    phone.unroute("**/upload")
    with page.expect_response("**/upload") as sent:
        page.get_by_role("button", name="Открыть Лесная 5, кв. 1").click()
    assert sent.value.status == 404, "it is of the other dwelling"
    expect(waits).to_be_visible()
    phone.clear_cookies()  # as after half an hour
    page.goto(gate.url)
    expect(waits).to_be_visible()
    with page.expect_response("**/proof") as sent:
        page.get_by_role("link", name="Войти через Банк").click()
    assert sent.value.status == 403, "no dwelling is chosen"
    heading(page, "Ваши помещения")
    expect(waits).to_be_visible()
    page.get_by_role("button", name="Открыть Лесная 5, кв. 2").click()
    expect(page.get_by_role("link", name="Проверить цифры")).to_be_visible()


def test_who_came_by_a_link_is_shown_the_ways_that_there_are(
    phone: BrowserContext, gate: Gate
) -> None:
    page = phone.new_page()
    page.goto(f"{gate.url}/l/{gate.block.paper_link()}")
    page.get_by_label("Номер лицевого счёта").fill(account(1))
    page.get_by_role("button", name="Войти").click()
    page.get_by_role("link", name="Вход и помещения").click()
    large_enough(page)
    shot(page, "s10-ways")
    page.get_by_role("link", name="Войти через Банк").click()
    heading(page, "Привяжите лицевой счёт")


def test_without_a_script_signing_in_is_the_same(chromium: Browser, gate: Gate) -> None:
    context = chromium.new_context(viewport=SIZE, locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto(gate.url)
    expect(page.get_by_role("button", name="Sign in with this phone")).to_be_hidden()
    page.get_by_role("link", name="Sign in with Bank").click()
    heading(page, "Link your personal account")
    page.get_by_label("Number of the personal account").fill(account(1))
    page.get_by_label("Code from the bill").fill(bill_code(gate.block))
    page.get_by_role("button", name="Link").click()
    heading(page, "Your meters")
    page.goto(f"{gate.url}/phone")
    expect(page.locator("main")).to_contain_text("This browser cannot do that")
    context.close()


def sent_code(gate: Gate) -> str:
    """The code in the newest letter; playwright's loop runs in this thread, so in another one."""
    thread = threading.Thread(target=gate.block.send)
    thread.start()
    thread.join()
    return next(one for one in gate.block.box.letters[-1].text.split() if one.isdigit())
