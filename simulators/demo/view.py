"""The demo's live terminal: the house, its meters, and where every reading is on its way.

A view is made from one snapshot and knows nothing of where its numbers come from, so that the
same picture can be drawn for the README.
"""

from datetime import datetime
from typing import NamedTuple

from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

STATE_STYLES = {"accepted": "green", "suspect": "yellow", "rejected": "red", "": "dim"}
WAITING = "…"


class Dial(NamedTuple):
    """One register of the house: what it shows, and what the gateway last said of it."""

    point: str
    resource: str
    serial: str
    register: str
    shows: str
    unit: str
    in_ledger: str
    state: str


class Snapshot(NamedTuple):
    """All that the view shows, at one moment of the house's time."""

    house: str
    time: datetime
    speed: int
    url: str
    broker: str
    polled: int
    spooled: int
    delivered: int
    accepted: int
    suspect: int
    rejected: int
    booked: int
    dials: tuple[Dial, ...]
    processes: tuple[tuple[str, int], ...]
    """Name and how often it was started again."""


def render(now: Snapshot) -> Group:
    """The whole screen."""
    return Group(_header(now), _road(now), _dials(now), _footer(now))


def _header(now: Snapshot) -> Text:
    text = Text()
    text.append(" plomba ", style="bold white on dark_green")
    text.append(f"  {now.house}  ", style="bold")
    text.append(f"{now.time:%Y-%m-%d %H:%M}", style="bold cyan")
    told = f"  one second here is {now.speed // 60} minutes there, over the {now.broker} broker"
    text.append(told, style="dim")
    return text


def _road(now: Snapshot) -> Panel:
    """The way of a reading, left to right, with what stands at each place."""
    road = Table.grid(expand=True)
    places = (
        ("meters", "read and signed", now.polled, "white"),
        ("spool", "wait for a receipt", now.spooled, "yellow" if now.spooled else "green"),
        ("broker", "delivered", now.delivered, "white"),
        ("ledger", "accepted", now.accepted, "green"),
        ("review", "suspect", now.suspect, "yellow" if now.suspect else "dim"),
        ("refused", "rejected", now.rejected, "red" if now.rejected else "dim"),
        ("billing", "lines booked", now.booked, "green" if now.booked else "dim"),
    )
    for _ in places:
        road.add_column(justify="center", ratio=1)
    road.add_row(*(Text(name, style="bold") for name, *_ in places))
    road.add_row(
        *(Text(f"{count:,}".replace(",", " "), style=style) for *_, count, style in places)
    )
    road.add_row(*(Text(what, style="dim") for _, what, *_ in places))
    return Panel(road, box=box.ROUNDED, border_style="dark_green")


def _dials(now: Snapshot) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column("metering point")
    table.add_column("resource", style="dim")
    table.add_column("meter")
    table.add_column("register", style="dim")
    table.add_column("on the dial", justify="right")
    table.add_column("in the ledger", justify="right")
    table.add_column("")
    for dial in now.dials:
        style = STATE_STYLES.get(dial.state, "")
        table.add_row(
            dial.point,
            dial.resource,
            dial.serial,
            dial.register,
            f"{dial.shows} {dial.unit}",
            f"{dial.in_ledger or WAITING} {dial.unit}",
            Text(dial.state, style=style),
        )
    return table


def _footer(now: Snapshot) -> Text:
    text = Text()
    text.append("page ", style="dim").append(now.url, style="cyan underline")
    for name, again in now.processes:
        text.append(f"   {name}", style="dim")
        text.append(
            f" restarted {again}×" if again else " up", style="yellow" if again else "green"
        )
    text.append("   Ctrl-C ends the demo with its balance", style="dim")
    return text
