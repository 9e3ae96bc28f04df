"""The page of who may speak: a house's devices, its invitations, who was not let in or heard."""

from functools import cached_property

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from cloud_sync import topics
from gateway.clones import Clone
from gateway.identity.model import IdentityRow, InvitationState, Invited, RefusalRow, state_of
from gateway.identity.standing import ALARMING, Standing, fingerprint_of, standing_of
from gateway.sql.overview import LedgerOverview
from gateway.store import RefusedTopic
from gateway.web.site import Asking, Site
from gateway.web.texts import Words
from gateway.web.view import View

_TROUBLES = ALARMING | {Standing.REVOKED}
_LOOKS = {Standing.VALID: "s0", Standing.BY_HAND: "snone", Standing.FIRST: "s0"}


class IdentityView(View):
    """A house with its devices' identities."""

    # Who was not let in stands in no house for sure, so all of them are shown, the last ones.
    REFUSALS_MAX = 30
    # A sender is one row a reason, so these are many senders.
    TOPICS_MAX = 50

    def __init__(
        self, overview: LedgerOverview, house: str | None, words: Words, now_ms: int
    ) -> None:
        super().__init__(overview, house, words, now_ms)
        self._identities, self._at_ms = overview.identities, now_ms
        self._clones, self._quarantine = overview.clones, overview.quarantine

    @cached_property
    def identities(self) -> list[IdentityRow]:
        """The devices that have a key: those of no house, then the house's."""
        mine = [] if self.house is None else self._identities.identities(self.house.name)
        return [*self._identities.identities(""), *mine]

    @cached_property
    def cloned(self) -> list[Clone]:
        """Those of them that speak from two places."""
        mine = {one.device for one in self.identities}
        return [one for one in self._clones.clones() if one.device in mine]

    @cached_property
    def alarms(self) -> dict[str, list[str]]:
        """What is wrong with whom, as keys of texts, by device."""
        found = {
            one.device: [f"identity_{standing}"]
            for one in self.identities
            if (standing := self.standing(one)) in _TROUBLES
        }
        for one in self.cloned:
            found.setdefault(one.device, []).append("identity_twice")
        return found

    @cached_property
    def invitations(self) -> list[Invited]:
        """The house's invitations that can still be used."""
        if self.house is None:
            return []
        found = self._identities.invitations(self.house.name)
        return [one for one in found if state_of(one, self._at_ms) is InvitationState.OPEN]

    @cached_property
    def not_let_in(self) -> list[RefusalRow]:
        """Who was refused last, of all houses."""
        return self._identities.refusals(self.REFUSALS_MAX)

    @cached_property
    def unheard_topics(self) -> list[RefusedTopic]:
        """Whose messages were refused last and for what, of all houses."""
        return self._quarantine.topics(self.TOPICS_MAX)

    @cached_property
    def refused_messages(self) -> dict[str, tuple[int, int]]:
        """By reason: how many messages were refused ever, and of how many nothing is kept."""
        return self._quarantine.counts()

    def sender(self, one: RefusedTopic) -> str:
        """Who may publish there, by the broker's rules; else the topic itself."""
        return topics.device_of(one.topic) or one.topic

    def fingerprint(self, one: IdentityRow) -> str:
        """What the device itself shows."""
        return fingerprint_of(one, self._at_ms)

    def standing(self, one: IdentityRow) -> Standing:
        """How a device stands."""
        return standing_of(one, self._at_ms)

    def standing_look(self, one: IdentityRow) -> str:
        """The style of that."""
        standing = self.standing(one)
        return "s2" if standing in ALARMING else _LOOKS.get(standing, "s1")


def add_to(app: FastAPI, site: Site) -> None:
    """Add the route."""

    def identity(asked: Asking) -> HTMLResponse:
        return site.page(asked, "identity.html", IdentityView)

    app.get("/identity", response_class=HTMLResponse)(identity)
