"""The house behind the resident's pages: links, giving, acts and disputes over one ledger."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

from cloud_sync.signing import SigningKey
from gateway.config import GatewayConfig
from gateway.config_resident import ResidentConfig
from gateway.photo.frame import Frame
from gateway.photo.intake import PhotoError, Why
from gateway.photo.keeping import FOLDER, PhotoFiles
from gateway.photo.looking import Looker
from gateway.photo.looking_worker import Points, Sight
from gateway.resident import dispute, links
from gateway.resident.act import issue
from gateway.resident.act_telling import ActTold
from gateway.resident.dispute import DisputeError, open_dispute
from gateway.resident.giving import Giving
from gateway.resident.history import History
from gateway.resident.links import CodeError, LinkError, Not
from gateway.resident.model import Dwelling, Via
from gateway.resident.proposal import Proposal, Ready
from gateway.resident.signin import SignIns
from gateway.resident.signin_secrets import SignInSecrets
from gateway.resident.submission import GivingError, Offer, Submission
from gateway.resident.wired import doors_of, rules_of
from gateway.resident_web.ports import Complaint, Item, Landing, NotDone, Question, Seen, Sent
from gateway.sql.disputes import SqlDisputeStore
from gateway.sql.dwelling_history import history
from gateway.sql.photos import PhotosLedger
from gateway.sql.receipts import ActLedger, Receipts
from gateway.sql.resident_accounts import AccountsLedger
from gateway.sql.resident_asking import AskingLedger
from gateway.sql.store import SqlStore
from gateway.web.texts import Words

# Corners of photos that are being checked, some 200 bytes each; without them the whole photo is
# shown and nothing else is missing.
POINTS_MAX = 10_000
# The black wheels of a meter whose digits nobody wrote down: as most water meters have.
_WHOLE_USUAL = 5
# As many as a page bears; who opened more has the numbers.
_COMPLAINTS_MAX = 50
_LINKS = {
    links.Why.UNKNOWN: ("link_unknown", 404),
    links.Why.EXPIRED: ("link_expired", 410),
    links.Why.ENDED: ("link_ended", 410),
    links.Why.USED: ("link_used", 410),
}
_CODES = {
    Not.WRONG: ("wrong_code", 422),
    Not.OVER: ("code_spent", 410),
    Not.TOO_OFTEN: ("code_wait", 429),
    Not.PAPER: ("link_ended", 410),
}
_GIVING = {
    "no-register": ("no_meter", 404),
    "too-many": ("many_photos", 429),
    "no-photo": ("photo_gone", 410),
}


class LedgerDesk:
    """`Desk` over a ledger; `store` is used by one thread, `looker` and acts by any."""

    def __init__(
        self,
        store: SqlStore,
        config: GatewayConfig,
        resident: ResidentConfig,
        *,
        key: SigningKey,
        looker: Looker,
        clock: Callable[[], int],
    ) -> None:
        database = store.database
        self._points: OrderedDict[int, Points] = OrderedDict()
        self._clock, self._place = clock, config.place
        self._links, self._sessions = doors_of(database, key, clock)
        self._signins = SignIns(AccountsLedger(database), SignInSecrets.of(key), clock)
        self._giving = Giving(
            PhotosLedger(database),
            AskingLedger(database),
            rules_of(resident),
            looker=looker,
            files=PhotoFiles(config.data / FOLDER),
            clock=clock,
            random=secrets.token_bytes,
            sign=partial(issue, ActLedger(database), key),
        )
        self._receipts = Receipts(
            config.place, sealer=key, clock=clock, public_url=resident.public_url
        )
        self._disputes = SqlDisputeStore(database)

    # The way in -------------------------------------------------------------------------------

    def landing(self, token: str, secret: str) -> Landing:
        """As the port has it."""
        try:
            entry = self._links.enter(token, secret)
        except LinkError as error:
            raise _of_link(error) from error
        needs = "code" if entry.needs_code else "account" if entry.needs_account else ""
        where = entry.dwelling
        return Landing(where.house, where.dwelling, entry.masked, needs, entry.stop)

    def send_code(self, token: str) -> None:
        """As the port has it."""
        try:
            self._links.send_code(token)
        except LinkError as error:
            raise _of_link(error) from error
        except CodeError as error:
            raise NotDone(*_CODES[error.kind]) from error

    def send_link(self, token: str) -> str:
        """As the port has it."""
        try:
            return self._links.again(token).masked
        except LinkError as error:
            raise _of_link(error) from error
        except CodeError as error:
            raise NotDone(*_CODES[error.kind]) from error

    def sign_in(self, token: str, code: str) -> str:
        """As the port has it."""
        try:
            on_paper = self._links.enter(token).needs_account
            return self._links.try_code(token, code)
        except LinkError as error:
            raise _of_link(error) from error
        except CodeError as error:
            if on_paper:
                kind = "wrong_account" if error.kind is Not.WRONG else "link_ended"
                raise NotDone(kind, 422) from error
            raise NotDone(*_CODES[error.kind]) from error

    def home(self, secret: str) -> Dwelling | None:
        """As the port has it."""
        found = self._sessions.dwelling(secret, self._clock())
        if found is not None:
            return found
        found = self._signins.home(secret)
        if found is None and self._signins.look(secret) is not None:
            raise NotDone("choose", 403)
        return found

    def sign_out(self, secret: str) -> None:
        """As the port has it."""
        self._sessions.end(secret, self._clock())
        self._signins.end(secret)

    def stop_messages(self, token: str) -> str:
        """As the port has it."""
        try:
            return self._links.stop(token).masked
        except LinkError as error:
            raise _of_link(error) from error

    # A reading --------------------------------------------------------------------------------

    def items(self, home: Dwelling) -> list[Item]:
        """As the port has it."""
        return [_item(one) for one in self._giving.asked(home)]

    def ready(self, home: Dwelling, register_no: int) -> Ready:
        """As the port has it."""
        try:
            return self._giving.ready(home, register_no)
        except GivingError as error:
            raise _of_giving(error) from error

    def look(self, ready: Ready, data: bytes, frame: Frame | None) -> Sight:
        """As the port has it."""
        try:
            return self._giving.look(ready, data, frame)
        except PhotoError as error:
            if error.why is Why.BUSY:
                raise NotDone("busy", 503) from error
            raise NotDone("bad_photo", 422) from error

    def keep(self, home: Dwelling, ready: Ready, sight: Sight) -> int:
        """As the port has it."""
        try:
            return self._remember(self._giving.keep(home, ready, sight)).photo_no
        except GivingError as error:
            raise _of_giving(error) from error

    def anew(self, home: Dwelling, photo_no: int) -> tuple[Ready, bytes]:
        """As the port has it."""
        try:
            return self._giving.anew(home, photo_no)
        except GivingError as error:
            raise _of_giving(error) from error

    def keep_anew(self, home: Dwelling, photo_no: int, sight: Sight) -> int:
        """As the port has it."""
        try:
            return self._remember(self._giving.keep_anew(home, photo_no, sight)).register_no
        except GivingError as error:
            raise _of_giving(error) from error

    def _remember(self, found: Proposal) -> Proposal:
        self._points[found.photo_no] = found.points
        if len(self._points) > POINTS_MAX:
            self._points.popitem(last=False)
        return found

    def seen(self, home: Dwelling, photo_no: int) -> Seen | None:
        """As the port has it."""
        found = self._giving.proposal(home, photo_no)
        if found is None:
            return None
        digits = tuple(cell.digit for cell in found.cells)
        return Seen(photo_no, found.register_no, digits, self._points.get(photo_no, ()))

    def picture(self, home: Dwelling, photo_no: int) -> bytes | None:
        """As the port has it."""
        return self._giving.jpeg(home, photo_no)

    def questions(
        self, home: Dwelling, register_no: int, value: Decimal, photo_no: int | None
    ) -> tuple[Question, ...]:
        """As the port has it."""
        try:
            found = self._giving.questions(home, register_no, value, photo_no)
        except GivingError as error:
            raise _of_giving(error) from error
        return tuple(Question(one.code, one.text_ru, one.text_en) for one in found)

    def confirm(
        self,
        home: Dwelling,
        register_no: int,
        value: Decimal,
        photo_no: int | None,
        answers: Mapping[str, str],
    ) -> Sent:
        """As the port has it."""
        try:
            return _sent(self._giving.confirm(home, register_no, value, photo_no, answers))
        except GivingError as error:
            raise _of_giving(error) from error

    def sent(self, home: Dwelling, number: str) -> Sent | None:
        """As the port has it."""
        found = self._giving.submission(home, number)
        return None if found is None else _sent(found)

    # Papers -----------------------------------------------------------------------------------

    def act(self, home: Dwelling, number: str, words: Words) -> ActTold | None:
        """As the port has it."""
        return self._receipts.act(home.account_no, number, words)

    def act_pdf(self, home: Dwelling, number: str, words: Words) -> bytes | None:
        """As the port has it."""
        return self._receipts.pdf(home.account_no, number, words)

    def may_look_back(self, secret: str) -> bool:
        """As the port has it."""
        session = self._sessions.open(secret, self._clock())
        if session is None:
            return self._signins.look(secret) is not None
        return session.via is not Via.ACCOUNT

    def history(self, home: Dwelling) -> History | None:
        """As the port has it."""
        return history(self._place, home.account_no, self._clock())

    def complain(
        self, home: Dwelling, register_no: int | None, kind: str, text: str, subject: str = ""
    ) -> Complaint:
        """As the port has it."""
        about = dispute.Kind(kind)
        if not subject and about is not dispute.Kind.NO_METER:
            items = self._giving.asked(home)
            serials = [one.asked.serial for one in items if one.asked.register_no == register_no]
            subject = "".join(serials[:1])
        new = dispute.New(home.account_no, about, subject, text, home.via or dispute.PAGE)
        try:
            found = open_dispute(self._disputes, new, self._clock(), secrets.token_bytes)
        except DisputeError as error:
            kind = "dispute_many" if "many" in error.key else "dispute"
            raise NotDone(kind, 422) from error
        return _complaint(found)

    def opened(self, home: Dwelling) -> list[Complaint]:
        """As the port has it."""
        found = self._disputes.disputes.of_account(home.account_no, _COMPLAINTS_MAX)
        return [_complaint(one) for one in found]

    def withdraw(self, home: Dwelling, number: str) -> Complaint:
        """As the port has it."""
        try:
            found = dispute.withdraw(
                *(self._disputes, home.account_no, number, self._clock()),
                home.via or dispute.PAGE,
            )
        except DisputeError as error:
            raise NotDone("no_page", 404) from error
        return _complaint(found)

    def complaint(self, home: Dwelling, number: str) -> Complaint | None:
        """As the port has it."""
        found = self._disputes.disputes.by_number(dispute.as_written(number))
        is_theirs = found is not None and found.account_no == home.account_no
        return _complaint(found) if found is not None and is_theirs else None


def _of_link(error: LinkError) -> NotDone:
    return NotDone(*_LINKS[error.kind])


def _of_giving(error: GivingError) -> NotDone:
    return NotDone(*_GIVING.get(error.kind, ("not_taken", 422)))


def _item(offer: Offer) -> Item:
    asked = offer.asked
    return Item(
        *(asked.register_no, asked.resource, asked.serial, asked.obis, asked.unit),
        *(asked.exponent, asked.digits or _WHOLE_USUAL + max(-asked.exponent, 0)),
        wanted=offer.is_wanted,
        period=asked.period,
        closes_ms=asked.closes_ms,
        last=asked.last,
        expected=offer.expected,
    )


def _sent(found: Submission) -> Sent:
    return Sent(
        *(found.number, found.register_no, f"{found.value:f}", found.given_at_ms),
        in_review=found.in_review,
        period=found.period,
    )


def _complaint(found: dispute.Dispute) -> Complaint:
    return Complaint(found.number, found.state, found.due_at_ms, found.answer, found.steps)
