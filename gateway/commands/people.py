"""Who is at the keyboard: the name a decision is kept under.

`--by` is what a person says their name is, the login is what the machine knows; the log keeps
both. Neither is a proof of who it was: that takes a sign-in, which this program has none of.
"""

import getpass
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def login() -> str:
    """The name of the account this runs under, or its absence in words."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "no login"


by_person: Callable[[F], F] = click.option(
    "--by",
    "actor",
    envvar="PLOMBA_ACTOR",
    default=login,
    show_default="the login",
    help="Who decides.",
)


def via() -> str:
    """How the program knows who decides."""
    return f"command line, login {login()}"
