"""The terminal of a visit: questions, answers, progress; works over SSH and a serial console."""

import asyncio
import shutil
import signal
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from cloud_sync.visit import Level
from cloud_sync.visit_texts import Language
from cloud_sync.visit_words import UNITS
from edge.commands.commission_texts import say
from edge.visit.dial import Hint
from edge.visit.draft import Draft, MeterDraft
from edge.visit.steps import Visiting
from edge.visit.taking import LINGER_S

T = TypeVar("T")

# Often enough to see that it is alive, over a serial console of 9600 baud, too.
_TICK_S = 0.5
_RULE = "-" * 60


class Talk:
    """One person at one terminal."""

    def __init__(
        self,
        visiting: Visiting,
        language: Language,
        runner: asyncio.Runner,
        *,
        linger_s: float = LINGER_S,
    ) -> None:
        self._linger_s = linger_s
        self.visiting = visiting
        self.language = language
        self._runner = runner

    def text(self, code: str, *fields: object, **named: object) -> str:
        """A text in the person's language."""
        return say(self.language, code, *fields, **named)

    def say(self, code: str, *fields: object, **named: object) -> None:
        """Show a text."""
        click.echo(self.text(code, *fields, **named))

    def show(self, line: str = "") -> None:
        """Show a line as it is."""
        click.echo(line)

    def rule(self) -> None:
        """Tell what follows from what was before."""
        click.echo(_RULE)

    def ask(self, code: str, default: str = "", **named: object) -> str:
        """A line of text; Enter gives `default`."""
        with self.idle():
            answer: str = click.prompt(
                self.text(code, **named),
                default=default,
                show_default=bool(default),
                prompt_suffix=": ",
            )
        return answer.strip()

    def sure(self, code: str, **named: object) -> bool:
        """Whether a person means it."""
        with self.idle():
            return click.confirm(self.text(code, **named), default=False)

    @contextmanager
    def idle(self) -> Iterator[None]:
        """While a person is asked: the lines go back to the agent if that takes long.

        A terminal that was left open over night must not leave the meters unread.
        """

        def give_back(*_: object) -> None:
            self.visiting.let_go()

        before = signal.signal(signal.SIGALRM, give_back)
        signal.setitimer(signal.ITIMER_REAL, self._linger_s)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def choose(self, code: str, options: Sequence[str]) -> int:
        """The index of one of the numbered options."""
        self.show()
        self.say(code)
        for number, option in enumerate(options, 1):
            self.show(f"  {number:2}  {option}")
        while True:
            answer = self.ask("choice")
            if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(options):
                return int(answer) - 1
            self.say("no_choice")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what asks meters; how far it is is shown meanwhile."""
        return self._runner.run(self._shown(work))

    async def _shown(self, work: Coroutine[Any, Any, T]) -> T:
        working = asyncio.ensure_future(work)
        is_live = sys.stdout.isatty()
        try:
            while not working.done():
                await asyncio.wait({working}, timeout=_TICK_S)
                if is_live and not working.done():
                    self._tick()
        finally:
            working.cancel()
            if is_live:
                click.echo("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r", nl=False)
        return await working

    def _tick(self) -> None:
        progress = self.visiting.progress
        if progress is None:
            return
        of = "" if progress.of is None else f"/{progress.of}"
        text = f"{progress.where}: {progress.done}{of}"
        if progress.found:
            text += f", {self.text('found', count=progress.found)}"
        width = shutil.get_terminal_size().columns - 1
        click.echo("\r" + text[:width].ljust(width), nl=False)

    def level(self, level: Level) -> str:
        """A value as a person reads it."""
        return f"{self.number(format(level.value, 'f'))} {self.unit(level.unit)}"

    def number(self, text: str) -> str:
        """A decimal as the language writes it."""
        return text.replace(".", ",") if self.language == "ru" else text

    def unit(self, unit: str) -> str:
        """A unit as the language writes it."""
        return UNITS[self.language].get(unit, unit)

    def hint(self, hint: Hint) -> str:
        """What a difference looks like, as a sentence."""
        fields = hint.fields
        if hint.code == "differs":
            read, seen, unit = fields
            fields = (self.number(read), self.number(seen), self.unit(unit))
        elif hint.code == "unit":
            fields = tuple(map(self.unit, fields))
        return self.text(hint.code, *fields)

    def standing(self, draft: Draft, meter: MeterDraft) -> str:
        """How a meter stands, in a word."""
        if meter.left_out:
            return self.text("state_left", reason=meter.left_out)
        if meter.confirmed:
            return self.text("state_ok")
        if meter.known and draft.begun.kind == "visit":
            return self.text("state_known")
        return self.text("state_todo" if meter.levels else "state_bad")
