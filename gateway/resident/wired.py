"""Links, asking and sending over a ledger, wired alike for pages, commands and the gateway."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

import structlog

from cloud_sync import private_file
from cloud_sync.signing import SigningKey
from gateway.config_resident import ResidentConfig, SmsConfig, SmtpConfig
from gateway.handoff.pump import Caller
from gateway.resident.asking import Asker, Rules
from gateway.resident.dispute_telling import Teller
from gateway.resident.links import Links
from gateway.resident.model import Channel, ResidentError
from gateway.resident.quiet import Quiet
from gateway.resident.secrets import Secrets
from gateway.resident.sending import Place, Postman, Sender
from gateway.resident.sending_mail import MailSender, Server
from gateway.resident.sending_sms import SmsForm, SmsSender
from gateway.resident.sessions import Sessions
from gateway.sql.engine import Database
from gateway.sql.resident import ResidentLedger
from gateway.sql.resident_asking import AskingLedger
from gateway.upkeep import UPKEEP_S, Task, again
from gateway.wiring import Clock

# A reading that arrives keeps a reminder from going out the same hour; who is to be asked can wait.
ASK_EVERY_S = 300.0
# A code is waited for by somebody who looks at the page.
SEND_EVERY_S = 1.0
# A password is one line.
_SECRET_CHARS_MAX = 4096

log = structlog.get_logger()


class Doors(NamedTuple):
    """How residents come in."""

    links: Links
    sessions: Sessions


def doors_of(database: Database, key: SigningKey, clock: Clock) -> Doors:
    """The links and sessions of a ledger, by the gateway's key."""
    ledger = ResidentLedger(database)
    return Doors(Links(ledger, Secrets.of(key), clock), Sessions(ledger))


def rules_of(config: ResidentConfig) -> Rules:
    """What the operator decided."""
    ways = {Channel.EMAIL: config.smtp, Channel.SMS: config.sms}
    return Rules(
        config.days_without_contract,
        config.reminder_days,
        Quiet(config.quiet_from, config.quiet_until),
        frozenset(channel for channel, way in ways.items() if way is not None),
    )


def asker_of(database: Database, key: SigningKey, config: ResidentConfig, clock: Clock) -> Asker:
    """Who asks the dwellings of a ledger."""
    ledger = AskingLedger(database)
    return Asker(ledger, Links(ledger, Secrets.of(key), clock), rules_of(config), clock)


def teller_of(database: Database, key: SigningKey, config: ResidentConfig, clock: Clock) -> Teller:
    """Who has residents told of their disputes."""
    ledger = AskingLedger(database)
    return Teller(ledger, Links(ledger, Secrets.of(key), clock), rules_of(config), clock)


def senders_of(config: ResidentConfig) -> Mapping[Channel, Sender]:
    """The ways that are configured; ResidentError for certificates that cannot be used."""
    found: dict[Channel, Sender] = {}
    if config.smtp is not None:
        found[Channel.EMAIL] = _mail(config.smtp)
    if config.sms is not None:
        found[Channel.SMS] = _sms(config.sms)
    return found


def postman_of(
    database: Database,
    key: SigningKey,
    config: ResidentConfig,
    clock: Clock,
    *,
    random: Random,
    call: Caller,
) -> Postman:
    """Who sends the messages of a ledger."""
    ledger, secrets = AskingLedger(database), Secrets.of(key)
    return Postman(
        ledger,
        Links(ledger, secrets, clock),
        secrets,
        senders_of(config),
        place=Place(config.public_url, config.office),
        quiet=rules_of(config).quiet,
        clock=clock,
        random=random,
        call=call,
    )


def tasks_of(
    database: Database,
    key: SigningKey,
    config: ResidentConfig | None,
    clock: Clock,
    *,
    random: Random,
    call: Caller,
) -> Iterator[Task]:
    """What the leader does for residents, again and again."""
    if config is None or not config.enabled:
        return
    asker = asker_of(database, key, config, clock)
    postman = postman_of(database, key, config, clock, random=random, call=call)

    async def ask() -> float:
        more = False
        # House by house: ingest gets its turn in between.
        for house in await call(asker.houses):
            swept = await call(partial(asker.sweep, house))
            more |= swept.more
            if swept.asked or swept.ended:
                log.info("residents asked", house=house, asked=swept.asked, ended=swept.ended)
        return UPKEEP_S if more else ASK_EVERY_S

    async def send() -> float:
        await postman.once()
        return SEND_EVERY_S

    yield partial(again, ask, ASK_EVERY_S)
    yield partial(again, send, SEND_EVERY_S)


def _mail(config: SmtpConfig) -> MailSender:
    context = None
    if config.ca is not None:
        try:
            context = ssl.create_default_context(cafile=str(config.ca))
        except (OSError, ssl.SSLError) as error:
            raise ResidentError(f"resident.smtp.ca: cannot use {config.ca}: {error}") from error
    server = Server(
        *(config.host, config.port, config.security, config.sender, config.name, config.user),
        context=context,
    )
    return MailSender(server, _secret(config.password_file), config.timeout_s)


def _sms(config: SmsConfig) -> SmsSender:
    form = SmsForm(
        config.url, config.json_, auth_header=config.auth_header, auth_prefix=config.auth_prefix
    )
    return SmsSender(form, _secret(config.secret_file), config.timeout_s)


def _secret(file: Path | None) -> Callable[[], str] | None:
    """Reads a secret each time that it is needed, so that it can be exchanged in its file."""
    if file is None:
        return None

    def read() -> str:
        private_file.check(file)
        return file.read_text(encoding="utf-8")[:_SECRET_CHARS_MAX].strip()

    return read
