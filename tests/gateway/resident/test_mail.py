"""Against a real SMTP server: what a letter looks like there, and what each failure means."""

import contextlib
import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from gateway.resident.sending import Fate, SendError
from gateway.resident.sending_mail import MailSender, Server
from gateway.resident.sending_texts import Letter
from tests.cloud_sync.brokers import Authority
from tests.servers.ports import free_port

# The library gives its own server five seconds, which a busy machine may take.
READY_S = 60.0
LETTER = Letter(
    "ivan@mail.example",
    "Передайте показания: Лесная 5, кв. 1",
    "Здравствуйте!\n\nСсылка: https://meters.example/l/abc\n.\nконец\n",
    "0123456789abcdef",
    "ru",
    "https://meters.example/u/xyz",
)


class Post:
    """A mail server that keeps what it takes and answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.answers: dict[str, str] = {}

    async def handle_MAIL(  # noqa: N802 - the library's
        self, _server: object, _session: Session, envelope: Envelope, address: str, *_: object
    ) -> str:
        if "mail" not in self.answers:
            envelope.mail_from = address
        return self.answers.get("mail", "250 OK")

    async def handle_RCPT(  # noqa: N802 - the library's
        self, _server: object, _session: Session, envelope: Envelope, address: str, *_: object
    ) -> str:
        if "rcpt" not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get("rcpt", "250 OK")

    async def handle_DATA(  # noqa: N802 - the library's
        self, _server: object, _session: Session, envelope: Envelope
    ) -> str:
        if "data" in self.answers:
            return self.answers["data"]
        assert isinstance(envelope.content, bytes)
        found = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        self.taken.append(found)
        return "250 taken"


@contextlib.contextmanager
def serving(post: Post, **options: object) -> Iterator[int]:
    port = free_port()
    controller = Controller(post, hostname="127.0.0.1", port=port, ready_timeout=READY_S, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def a_server(port: int, security: str = "none", **more: object) -> Server:
    return Server("localhost", port, security, "meters@house.example", "УК Лесная", **more)  # type: ignore[arg-type]


def fate(sender: MailSender, letter: Letter = LETTER) -> tuple[Fate, str]:
    with pytest.raises(SendError) as refused:
        sender.send(letter)
    return refused.value.fate, str(refused.value)


def test_a_letter_is_whole_and_can_be_unsubscribed_from() -> None:
    post = Post()
    with serving(post) as port:
        MailSender(a_server(port)).send(LETTER)
    (found,) = post.taken
    assert found["To"] == "ivan@mail.example"
    assert found["From"] == "УК Лесная <meters@house.example>"
    assert found["Subject"] == LETTER.subject
    assert found["Message-ID"] == "<0123456789abcdef@house.example>"
    assert found["List-Unsubscribe"] == "<https://meters.example/u/xyz>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found.get_content().replace("\r\n", "\n") == LETTER.text


def test_it_goes_over_tls_with_a_login(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    trust = ssl.create_default_context(cafile=str(issued.ca))
    told: list[tuple[bytes, bytes]] = []

    def login(*asked: object) -> AuthResult:
        data = asked[-1]
        assert isinstance(data, LoginPassword)
        told.append((data.login, data.password))
        return AuthResult(success=data.password == b"secret", handled=False)

    post = Post()
    options = {"tls_context": context, "require_starttls": True, "authenticator": login}
    with serving(post, **options) as port:
        server = a_server(port, "starttls", user="meters", context=trust)
        MailSender(server, lambda: "secret").send(LETTER)
        assert fate(MailSender(server, lambda: "wrong"))[0] is Fate.LATER
        stranger = a_server(port, "starttls", user="meters")
        assert fate(MailSender(stranger, lambda: "secret"))[0] is Fate.LATER
    first, *others = [password for _, password in told]
    assert (first, set(others)) == (b"secret", {b"wrong"}), "and none to a stranger"
    assert len(post.taken) == 1, "nothing goes to a server nobody vouches for"


def test_a_server_without_tls_gets_nothing() -> None:
    post = Post()
    with serving(post) as port:
        assert fate(MailSender(a_server(port, "starttls")))[0] is Fate.LATER
    assert post.taken == []


@pytest.mark.parametrize(
    ("step", "answer", "expected"),
    [
        ("rcpt", "550 no such mailbox", Fate.NEVER),
        ("rcpt", "450 greylisted, come back", Fate.LATER),
        ("data", "554 spam", Fate.NEVER),
        ("data", "452 full", Fate.LATER),
    ],
)
def test_an_answer_says_whether_to_try_again(step: str, answer: str, expected: Fate) -> None:
    post = Post()
    post.answers[step] = answer
    with serving(post) as port:
        found, said = fate(MailSender(a_server(port)))
    assert found is expected
    assert answer[4:] in said
    assert "\n" not in said


def test_it_says_whether_the_address_was_refused_or_we_were() -> None:
    for step, of_address in (("rcpt", True), ("data", True), ("mail", False)):
        post = Post()
        post.answers[step] = "550 no"
        with serving(post) as port, pytest.raises(SendError) as refused:
            MailSender(a_server(port)).send(LETTER)
        assert refused.value.fate is Fate.NEVER
        assert refused.value.of_address is of_address, step


def test_nobody_there_is_tried_again() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert fate(MailSender(a_server(free.getsockname()[1])))[0] is Fate.LATER


@pytest.mark.parametrize("address", ["a@b.example\r\nBcc: c@d.example", "a b@c.example", "x"])
def test_an_address_that_is_none_reaches_no_server(address: str) -> None:
    post = Post()
    with serving(post) as port:
        assert fate(MailSender(a_server(port)), LETTER._replace(address=address))[0] is Fate.LATER
    assert post.taken == []


@contextlib.contextmanager
def talking(script: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of one connection that does what a script says."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    script(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
    thread.join(5)


def silent_after_the_letter(connection: socket.socket) -> None:
    lines = connection.makefile("rwb")

    def say(text: bytes) -> None:
        lines.write(text + b"\r\n")
        lines.flush()

    say(b"220 ready")
    for line in lines:
        if line == b".\r\n":
            return
        if line[:4].upper() in {b"EHLO", b"MAIL", b"RCPT"}:
            say(b"250 OK")
        elif line[:4].upper() == b"DATA":
            say(b"354 go on")


def test_a_line_lost_after_the_letter_leaves_it_unsure() -> None:
    with talking(silent_after_the_letter) as port:
        assert fate(MailSender(a_server(port)))[0] is Fate.UNSURE


def waited(done: threading.Event) -> None:
    done.wait(60)


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    done = threading.Event()
    with talking(lambda _: waited(done)) as port:
        found, said = fate(MailSender(a_server(port), timeout_s=0.2))
        done.set()
    assert found is Fate.LATER
    assert "timed out" in said
