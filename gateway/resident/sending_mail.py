"""Letters by SMTP: one connection for each, TLS always, every step within a bound.

The steps are taken one by one, because what a failure means depends on where it came: before the
content was handed over the letter certainly did not go, after that nobody knows (RFC 5321, 4.5.3.2
and 6.1). An answer of 5xx is for good, 4xx for the moment.
"""

import contextlib
import smtplib
import ssl
from collections.abc import Callable, Iterable
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import NamedTuple

from cloud_sync.private_file import without
from gateway.resident.sending import Fate, SendError
from gateway.resident.sending_texts import Letter

# Each step of a conversation; a server that greylists answers at once, a slow one within it.
TIMEOUT_S = 20.0
_REFUSED = 500
# What is kept of a server's answer: it stands in the ledger and in lists.
_SAID_CHARS_MAX = 200


class Server(NamedTuple):
    """Where letters are handed in. `security`: ``starttls``, ``tls`` or (this machine) ``none``.

    `sender` is the address they come from, `name` what is shown beside it.
    """

    host: str
    port: int
    security: str
    sender: str
    name: str = ""
    user: str = ""
    context: ssl.SSLContext | None = None


class MailSender:
    """A `Sender` of letters; `password` is asked for each time, so that it may be exchanged."""

    def __init__(
        self,
        server: Server,
        password: Callable[[], str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._server = server
        self._password = password
        self._timeout_s = timeout_s

    def send(self, letter: Letter) -> None:
        """Hand a letter over; SendError where it was not certainly taken."""
        handed = False
        hidden = [*letter.secrets]
        try:
            message = written(letter, self._server).as_bytes(policy=SMTP)
            smtp = self._connected()
            try:
                self._greeted(smtp, hidden)
                _accepted(smtp.mail(self._server.sender), "the sender", hidden)
                _accepted(smtp.rcpt(letter.address), "the address", hidden, of_address=True)
                handed = True
                _accepted(smtp.data(message), "the letter", hidden, of_address=True)
                _left(smtp)
            finally:
                # Without a farewell: a line that is out of step would be waited for in vain.
                smtp.close()
        except smtplib.SMTPAuthenticationError as error:
            said = _said("login refused", error.smtp_error, hidden)
            raise SendError(Fate.LATER, said) from error
        except smtplib.SMTPResponseException as error:
            fate = Fate.NEVER if error.smtp_code >= _REFUSED else Fate.LATER
            said = _said(str(error.smtp_code), error.smtp_error, hidden)
            raise SendError(fate, said) from error
        except (smtplib.SMTPException, OSError, ValueError) as error:
            fate = Fate.UNSURE if handed else Fate.LATER
            said = _said(type(error).__name__, str(error), hidden)
            raise SendError(fate, f"{self._server.host}: {said}") from error

    def _connected(self) -> smtplib.SMTP:
        one = self._server
        if one.security == "tls":
            context = one.context or ssl.create_default_context()
            return smtplib.SMTP_SSL(one.host, one.port, timeout=self._timeout_s, context=context)
        return smtplib.SMTP(one.host, one.port, timeout=self._timeout_s)

    def _greeted(self, smtp: smtplib.SMTP, hidden: list[str]) -> None:
        """Begin, and log in; what a server could repeat of that is added to `hidden`."""
        one = self._server
        if one.security == "starttls":
            # It refuses to go on in clear where the server has no TLS, or a certificate of
            # somebody else.
            smtp.starttls(context=one.context or ssl.create_default_context())
        smtp.ehlo_or_helo_if_needed()
        if one.user and self._password is not None:
            password = self._password()
            hidden += (password, f"\0{one.user}\0{password}")
            smtp.login(one.user, password)


def written(letter: Letter, server: Server) -> EmailMessage:
    """The letter with its headers; ValueError for an address that is none."""
    name, _, host = server.sender.rpartition("@")
    message = EmailMessage()
    message["From"] = Address(server.name, name, host)
    message["To"] = Address(addr_spec=letter.address)
    message["Subject"] = letter.subject
    message["Message-ID"] = f"<{letter.mail_id}@{host}>"
    message["Date"] = formatdate(usegmt=True)
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = letter.language
    if letter.stop_url:
        message["List-Unsubscribe"] = f"<{letter.stop_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # Quoted-printable cannot be broken by a server that counts bits.
    message.set_content(letter.text, charset="utf-8", cte="quoted-printable")
    return message


def _left(smtp: smtplib.SMTP) -> None:
    """Say goodbye; what was taken stays taken if nobody answers that."""
    with contextlib.suppress(smtplib.SMTPException, OSError):
        smtp.quit()


def _accepted(
    answer: tuple[int, bytes], what: str, hidden: Iterable[str], *, of_address: bool = False
) -> None:
    code, said = answer
    if not 200 <= code < 300:  # noqa: PLR2004 - RFC 5321, 4.2.1
        fate = Fate.NEVER if code >= _REFUSED else Fate.LATER
        told = _said(f"{what} refused with {code}", said, hidden)
        raise SendError(fate, told, of_address=of_address)


def _said(what: str, text: str | bytes, hidden: Iterable[str]) -> str:
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(f"{what}: {without(plain, hidden)}".split())[:_SAID_CHARS_MAX]
