"""Carrying commands to devices, and their answers back.

Of each device one command is under way at a time, the oldest. It is published until an answer
comes or its life ends: connections are clean sessions, so no broker keeps it for a device that is
away, and a device that hears it twice answers twice and does it once.

An answer counts if a key of that device that is valid now sealed it for its state topic; what only
looks like one goes into the quarantine, and whoever sends such is heard less, as with batches
(gateway/flood.py). A device asked again answers again, with the key it has then, so nothing is lost
where a key ended while its answer was on the way. What devices say there in plain is not for us.
"""

from collections.abc import Sequence

from cloud_sync import command as wire_command
from cloud_sync import signing, topics
from cloud_sync.command import Answer
from cloud_sync.signing import SealError, VerifyKey
from cloud_sync.transport import Message
from cloud_sync.wire import WireError
from gateway import quarantine
from gateway.flood import REFUSED_TOO_OFTEN, Flood, Paid
from gateway.model import FOREVER_MS
from gateway.quarantine import Reason, Refusal
from gateway.store import Store
from gateway.word.model import Ending, WordPort

# Four times a minute: an answer takes a second where there is a connection.
REPEAT_MS = 15_000


class Courier:
    """Knows what is under way; everything else is in the ledger."""

    def __init__(self, store: Store, word: WordPort) -> None:
        self._store = store
        self._word = word
        self._sent_ms: dict[tuple[str, int], int] = {}

    def due(self, now_ms: int) -> list[tuple[str, bytes]]:
        """What to publish now, by topic; commands whose life is over are ended."""
        waiting = self._word.waiting()
        over = [
            Ending(device, number, "expired", "no answer came", now_ms, None)
            for device, number, expires_at_ms, _ in waiting
            if expires_at_ms <= now_ms
        ]
        if over:
            with self._store.transaction():
                self._word.end(over)
        ended = {(ending.device, ending.number) for ending in over}
        under_way = {
            (device, number): message
            for device, number, _, message in waiting
            if (device, number) not in ended and self._word.may_speak(device)
        }
        self._sent_ms = {which: at for which, at in self._sent_ms.items() if which in under_way}
        due = []
        for which, message in under_way.items():
            if now_ms - self._sent_ms.get(which, -REPEAT_MS) >= REPEAT_MS:
                self._sent_ms[which] = now_ms
                due.append((topics.command_topic(which[0]), message))
        return due

    def forget_connection(self) -> None:
        """What was published on a connection that ended may be lost."""
        self._sent_ms.clear()

    def take(self, messages: Sequence[Message], now_ms: int, flood: Flood) -> int:
        """Note answers, set aside what is none; how many commands they ended.

        Who sends what is none pays for it in `flood`, and is not heard when it cannot.
        """
        endings, refused, unheard = [], [], 0
        try:
            with self._store.transaction():
                for topic, payload in messages:
                    if not flood.hears(topic, now_ms):
                        flood.unheard(topic, payload, now_ms, REFUSED_TOO_OFTEN)
                        unheard += 1
                        continue
                    try:
                        answer = self._opened(Message(topic, payload), now_ms)
                    except Refusal as refusal:
                        flood.refused(topic, now_ms)
                        refused.append(quarantine.evidence(topic, payload, refusal, now_ms))
                        continue
                    ending = (answer.device, answer.number, answer.outcome, answer.reason)
                    endings.append(Ending(*ending, now_ms, payload))
                self._store.quarantine.add(refused)
                return self._word.end(endings)
        except BaseException:
            # Nothing is stored, and they are taken once more.
            flood.undone((Paid(row.topic, stranger=False) for row in refused), unheard)
            raise

    def _opened(self, message: Message, now_ms: int) -> Answer:
        device = topics.device_of(message.topic)
        if device is None or message.topic != topics.state_topic(device):
            raise Refusal(Reason.UNKNOWN_TOPIC, f"expected a state topic, got {message.topic!r}")
        try:
            sealed = signing.parse(message.payload)
        except SealError as error:
            raise Refusal(Reason(error.reason), error.detail) from error
        keys = self._store.registry.device_keys([sealed.key_id])
        if sealed.key_id not in keys:
            raise Refusal(Reason.UNKNOWN_KEY, f"no device has the key {sealed.key_id.hex()}")
        key = keys[sealed.key_id]
        if key.device != device or not self._word.may_speak(device):
            raise Refusal(Reason.WRONG_DEVICE, f"a key of {key.device} on the topic of {device}")
        try:
            VerifyKey(key.public_key).verify(sealed, message.topic)
        except SealError as error:
            raise Refusal(Reason.BAD_SIGNATURE, error.detail) from error
        if not key.valid_from_ms <= now_ms < (key.valid_to_ms or FOREVER_MS):
            raise Refusal(
                Reason.KEY_NOT_VALID, f"the key {sealed.key_id.hex()} of {device} is not valid now"
            )
        try:
            answer = wire_command.decode_answer(sealed.payload)
        except WireError as error:
            raise Refusal(Reason.NOT_CANONICAL, str(error)) from error
        if answer.device != device:
            raise Refusal(Reason.WRONG_DEVICE, f"an answer of {answer.device} by {device}")
        return answer
