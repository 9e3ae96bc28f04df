"""The pages of a house, in the order of the navigation: who adds a page adds its line here.

A page is: a template that extends page.html and sets `path` to the path below, an own route file
gateway/web/<name>.py with a function that adds its routes to the app, one line for it in
`gateway.web.page`, and its texts under the key below.
"""

from typing import NamedTuple


class Place(NamedTuple):
    """A page of a house: its path, without the first slash, and the key of its name."""

    path: str
    key: str


PLACES = (
    Place("", "place_overview"),
    Place("review", "place_review"),
    Place("disputes", "place_disputes"),
    Place("claims", "place_claims"),
    Place("lines", "place_lines"),
    Place("periods", "place_periods"),
    Place("reconciliation", "place_reconciliation"),
    Place("profile", "place_profile"),
    Place("years", "place_years"),
    Place("verification", "place_verification"),
    Place("identity", "place_identity"),
    Place("visits", "place_visits"),
    Place("audit", "place_audit"),
)
