"""The exchange with ГИС ЖКХ: send what is due, ask what became of it, keep every step.

A request is signed and written down before it is sent, with its number and the TransportGUIDs of
its values. Whatever happens then (no answer, half an answer, a crash), the same bytes go again
until ГИС ЖКХ has acknowledged them: a repetition has the numbers of the first, so nothing is
entered twice. After that its state is asked for until it is done, and each line gets the answer
of its device. Only values that ГИС ЖКХ has refused are ever sent under new numbers.

ГИС ЖКХ takes what meters showed. A correction of what was billed, and a line taken back, are no
readings: they are left out. The next closing of a reopened period sends its values again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import NamedTuple

from drivers.reading import from_ms
from gateway.export.closed import Closed
from gateway.export.gis_zhkh import Report, chunks, guid_of, request, sort
from gateway.gis import soap
from gateway.gis.journal import Due, Given, Journal
from gateway.gis.model import (
    Ack,
    Failed,
    Fault,
    GisError,
    Message,
    Prepared,
    Refused,
    Result,
    Road,
    Sent,
    Stage,
    Working,
    new_guid,
)
from gateway.handoff.pump import Caller, delay_ms, directly, jitter
from gateway.handoff.target import ACKNOWLEDGED, Answer, failed, left_out, refused

# The element a signature refers to.
IDENTITY = "signed-data-container"
# With delays that double up to an hour this is five days: a long weekend and a working day.
ATTEMPTS_MAX = 120
NO_ANSWER = "no-answer"
"""A code of ours: ГИС ЖКХ has not said anything of these values."""
SENT_BEFORE = "it was sent before: look there first"

Signer = Callable[[bytes], Awaitable[bytes]]


class Settings(NamedTuple):
    """`words` say in the house's language what some of ГИС ЖКХ's codes mean."""

    poll_s: float
    words: Mapping[str, str]


class Exchange:
    """Moves lines from `journal` to ГИС ЖКХ. `sign` is None where nothing is signed."""

    def __init__(
        self,
        journal: Journal,
        road: Road,
        sender: soap.Sender,
        *,
        sign: Signer | None,
        settings: Settings,
        random: Random,
        call: Caller = directly,
    ) -> None:
        self._journal = journal
        self._road = road
        self._sender = sender
        self._sign = sign
        self._settings = settings
        self._random = random
        self._call = call

    async def once(self, now_ms: int) -> None:
        """Everything that is due: sending first, then asking."""
        await self.send(now_ms)
        await self.poll(now_ms)

    async def send(
        self,
        now_ms: int,
        period: str | None = None,
        house: str | None = None,
        *,
        force: bool = False,
    ) -> int:
        """Write down what is due and send what is written down; how many requests were tried.

        `force` does not wait until a request that failed is due again.
        """
        while due := await self._call(lambda: self._journal.due(now_ms, period, house)):
            if not await self._prepare(due, now_ms):
                break
        waiting = await self._open(Stage.PREPARED, None if force else now_ms)
        for message in waiting:
            await self._send(message, now_ms)
        return len(waiting)

    async def poll(self, now_ms: int, *, force: bool = False) -> int:
        """Ask about the requests ГИС ЖКХ has taken; how many."""
        waiting = await self._open(Stage.TAKEN, None if force else now_ms)
        for message in waiting:
            await self._ask(message, now_ms)
        return len(waiting)

    async def _open(self, stage: Stage, due_ms: int | None) -> list[Message]:
        found = await self._call(lambda: self._journal.open(due_ms))
        return [one for one in found if one.stage is stage]

    async def _prepare(self, due: Due, now_ms: int) -> bool:
        """Every due line ends in a request or has an answer, so asking for more of them ends.

        False where another program was quicker: what it wrote down is not written twice.
        """
        reports, given = _sorted(due, now_ms)
        try:
            requests = [await self._request(due, few, now_ms) for few in chunks(reports)]
        except GisError as error:
            next_ms = now_ms + delay_ms(due.attempts, jitter(self._random))
            told = {due.numbers[one.line.line_id] for report in reports for one in _of(report)}
            given += [
                Given(number, failed(str(error)), next_ms)
                for number in due.events.values()
                if number in told
            ]
            requests = []
        return await self._call(lambda: self._journal.prepare(requests, given, now_ms))

    async def _request(self, due: Due, reports: Sequence[Report], now_ms: int) -> Prepared:
        tries = [await self._tries(report) for report in reports]
        named = [(one, guid_of(one, count)) for one, count in zip(reports, tries, strict=True)]
        body = request(named, IDENTITY)
        if self._sign is not None:
            body = await self._sign(body)
        message_guid = new_guid(self._random)
        envelope = self._sender.envelope(body, message_guid, from_ms(now_ms))
        values = tuple(
            Sent(guid, report.first.line.closing_meter, _numbers(due, report))
            for report, guid in named
        )
        return Prepared(message_guid, due.period, envelope, values)

    async def _tries(self, report: Report) -> int:
        line_id = report.first.line.line_id
        return await self._call(lambda: self._journal.tries(line_id))

    async def _send(self, message: Message, now_ms: int) -> None:
        try:
            answer = await self._road.call(soap.IMPORT_VALUES, message.body)
            found = soap.acknowledged(answer, message.message_guid)
        except GisError as error:
            await self._again(message, str(error), now_ms)
            return
        if isinstance(found, Ack):
            taken = (message, found.gis_guid, now_ms + self._pause_ms(0), now_ms)
            await self._call(lambda: self._journal.taken(*taken))
        elif found.is_ours:
            # One that this round did not write down may have been sent before a crash.
            is_first = message.attempts == 0 and message.created_at_ms == now_ms
            told = found.words if is_first else f"{found.words} ({SENT_BEFORE})"
            await self._refuse(message, found.code, told, now_ms)
        else:
            await self._again(message, _said(found), now_ms)

    async def _ask(self, message: Message, now_ms: int) -> None:
        gis_guid = message.gis_guid or ""
        question = self._sender.asking(gis_guid, new_guid(self._random), from_ms(now_ms))
        try:
            answer = await self._road.call(soap.GET_STATE, question)
            found = soap.state_of(answer, gis_guid)
            results = [] if isinstance(found, Working | Failed | Fault) else soap.results(found)
        except GisError as error:
            await self._again(message, str(error), now_ms)
            return
        if isinstance(found, Working):
            await self._again(message, f"ГИС ЖКХ is working on it (state {found.state})", now_ms)
        elif isinstance(found, Fault):
            await self._again(message, _said(found), now_ms)
        elif isinstance(found, Failed):
            await self._refuse(message, found.code, found.words, now_ms)
        else:
            await self._settle(message, results, now_ms)

    async def _settle(self, message: Message, results: Sequence[Result], now_ms: int) -> None:
        """Each value gets its result; one without any is refused, one never sent is told."""
        values = await self._call(lambda: self._journal.values(message.message_no))
        sent = {one.transport_guid for one in values}
        strangers = sorted({one.transport_guid for one in results} - sent)
        if strangers:
            said = f"expected results of what was sent, got one of {strangers[0]}"
            await self._again(message, said, now_ms)
            return
        told = {one.transport_guid: one for one in results}
        if len(told) < len(results):
            await self._again(message, "expected one result of each device, got two", now_ms)
            return
        silent = "ГИС ЖКХ has finished the request and says nothing of these values"
        found = [told.get(one) or Refused(one, NO_ANSWER, silent) for one in sorted(sent)]
        await self._write(message, Stage.DONE, found, now_ms)

    async def _refuse(self, message: Message, code: str, words: str, now_ms: int) -> None:
        """The request as a whole was not taken: none of its values was."""
        values = await self._call(lambda: self._journal.values(message.message_no))
        found = [Refused(one.transport_guid, code, words) for one in values]
        await self._write(message, Stage.REFUSED, found, now_ms)

    async def _write(
        self, message: Message, stage: Stage, results: Sequence[Result], now_ms: int
    ) -> None:
        answers = {one.transport_guid: self._answer(one) for one in results}
        told = (message, stage, results, answers, now_ms)
        await self._call(lambda: self._journal.settle(*told))

    async def _again(self, message: Message, error: str, now_ms: int) -> None:
        if message.attempts + 1 >= ATTEMPTS_MAX:
            said = f"given up after {ATTEMPTS_MAX} attempts, look there first: {error}"
            await self._refuse(message, NO_ANSWER, said, now_ms)
            return
        next_ms = now_ms + self._pause_ms(message.attempts)
        await self._call(lambda: self._journal.again(message, error, next_ms, now_ms))

    def _pause_ms(self, attempts: int) -> int:
        return delay_ms(attempts, jitter(self._random), self._settings.poll_s)

    def _answer(self, result: Result) -> Answer:
        if not isinstance(result, Refused):
            return ACKNOWLEDGED
        meaning = self._settings.words.get(result.code)
        words = f"{meaning} ({result.words})" if meaning else result.words
        return refused(f"{result.code}: {words}")


def _sorted(due: Due, now_ms: int) -> tuple[list[Report], list[Given]]:
    """The devices to report, and the answers known without asking anybody."""
    if due.withdrawn:
        said = left_out(f"the period was reopened: {due.withdrawn}")
        return [], [Given(number, said, now_ms) for number in due.events.values()]
    found = sort(due.lines, due.devices)
    reasons = {one.line: one.reason for one in found.left_out}
    reports = [
        one for one in found.reports if any(it.line.line_id in due.events for it in _of(one))
    ]
    reported = {it.line.line_id for one in reports for it in _of(one)}
    given = []
    for event_id, number in due.events.items():
        if event_id not in reported:
            # What is no line is a correction of one, or its withdrawal.
            reason = reasons.get(event_id, "ГИС ЖКХ takes readings, and this is none")
            given.append(Given(number, left_out(reason), now_ms))
    return reports, given


def _of(report: Report) -> Sequence[Closed]:
    return tuple(report.lines.values())


def _numbers(due: Due, report: Report) -> tuple[int, ...]:
    return tuple(due.numbers[one.line.line_id] for one in _of(report))


def _said(fault: Fault) -> str:
    return f"{fault.code}: {fault.words}"
