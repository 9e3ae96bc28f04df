"""`plomba-edge commission`: a whole visit at a terminal, over SSH or a serial console.

The same steps as on the device's page (`edge/page/`). No colours, no cursor keys: what works on a
console of 9600 baud works everywhere. The agent may run: it lets go of the lines meanwhile.
"""

import asyncio
import os

import click

from cloud_sync.visit_texts import LANGUAGES, Language
from edge.commands.commission_flow import begin, menu
from edge.commands.commission_talk import Talk
from edge.commands.common import config_option, config_path, one_line_errors
from edge.config import EdgeConfig
from edge.visit.core import Finished, VisitError
from edge.visit.steps import Visiting


def language_of(_: click.Context, __: click.Parameter, chosen: str | None) -> Language:
    """What was chosen, else the terminal's language where it is one of ours, else Russian."""
    there = chosen or next((os.environ[name] for name in _SPEAKING if os.environ.get(name)), "")
    return "en" if there.lower().startswith(("en", "c.")) else "ru"


_SPEAKING = ("LC_ALL", "LC_MESSAGES", "LANG")

language_option = click.option(
    "--lang",
    "language",
    type=click.Choice(LANGUAGES),
    callback=language_of,
    help="The language of what is said.  [default: of $LANG]",
)


@click.command("commission")
@config_option
@language_option
@click.pass_context
@one_line_errors
def commission(context: click.Context, *, config: EdgeConfig, language: Language) -> None:
    """Take meters into service, exchange or remove them, and sign the record.

    Ctrl-C keeps everything, and the same command goes on from there.
    """
    del config
    path = config_path(context)
    try:
        with asyncio.Runner() as runner:
            _talk(Talk(Visiting(path), language, runner))
    except VisitError as error:
        raise click.ClickException(str(error)) from error


def _talk(talk: Talk) -> None:
    try:
        begin(talk)
        finished = menu(talk)
        if finished is not None:
            _send(talk, finished)
        elif talk.visiting.draft is not None:
            talk.say("kept")
    except (click.Abort, KeyboardInterrupt):
        talk.show()
        if talk.visiting.draft is not None:
            talk.say("kept")
    finally:
        talk.visiting.let_go()


def _send(talk: Talk, finished: Finished) -> None:
    """Send what waits, if there is a network; how far the first readings are."""
    talk.say("sending")
    for one in talk.run(talk.visiting.deliver()):
        if one.ok:
            talk.say("sent", what=one.what, detail=one.detail)
        else:
            talk.say("later", detail=one.detail)
    arrival = talk.visiting.arrival(finished.number)
    accepted = sum(one == "accepted" for one in arrival.meters.values())
    if arrival.meters:
        talk.say("arriving", accepted=accepted, count=len(arrival.meters))
