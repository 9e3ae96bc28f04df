"""How one process takes its part of the batches: as one of many, or as the only one.

Alone it subscribes to all batches. With a share (MQTT 5) every collector joins one shared
subscription, and the broker deals the messages out. With partitions (NATS, which has no shared
subscriptions) the broker sorts the devices into as many topics, each a seat with a session of its
own that the broker keeps: whoever sits there takes up the session where the last one left it
(docs/collectors.md says why this way).

Names that would let a device take messages away from the collectors are secret: the group of a
shared subscription (mosquitto lets anybody join) and the client id of a kept session (NATS binds
none to a certificate). All collectors derive them from the gateway's key, which they share.
"""

import functools
import hashlib
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from random import Random

from cloud_sync import mqtt, topics
from cloud_sync.signing import SigningKey
from gateway.config import IngestConfig
from gateway.handoff.pump import Caller
from gateway.ingest import Ingest
from gateway.intake import Intake
from gateway.leader import LEADER, Seating
from gateway.wiring import Clock
from gateway.word.courier import Courier

_BOUND_TO = "plomba/collectors"
"""No device's topic: the seals made here are told to nobody."""


def secret_name(key: SigningKey, name: str) -> str:
    """A name that only holders of the gateway's key know; the same each time."""
    seal = key.seal(name.encode(), _BOUND_TO)
    return f"{name}-{hashlib.sha256(seal).hexdigest()[:24]}"


class Collecting:
    """The intakes of this process; `settings` is the broker as it sees it."""

    def __init__(
        self,
        ingest: Ingest,
        settings: mqtt.Settings,
        config: IngestConfig,
        key: SigningKey,
        *,
        seating: Seating,
        courier: Courier,
        call: Caller,
        clock: Clock,
        random: Random,
    ) -> None:
        self._settings = settings
        self._config = config
        self._key = key
        self._seating = seating
        self._courier = courier
        self._make: Callable[..., Intake] = functools.partial(
            Intake, ingest, config=config, clock=clock, random=random, call=call
        )

    def tasks(self) -> Iterator[Callable[[], Coroutine[None, None, None]]]:
        """To be run beside each other until cancelled."""
        if not self._config.partitions:
            yield self._own(self._batches()).run
            return
        # Commands and answers need a connection that is there without a seat among the devices.
        yield functools.partial(self._seating.sit, LEADER, lambda: self._own("").run())
        for number in range(self._config.partitions):
            work = functools.partial(self._run_partition, number)
            yield functools.partial(self._seating.sit, LEADER + 1 + number, work)

    def _own(self, batches: str) -> Intake:
        return self._make(
            connect=functools.partial(mqtt.connect, self._settings),
            batches=batches,
            courier=self._courier,
            leads=functools.partial(self._seating.holds, LEADER),
        )

    def _batches(self) -> str:
        if not self._config.share:
            return topics.ALL_BATCHES
        group = secret_name(self._key, self._config.share)
        return f"$share/{group}/{topics.ALL_BATCHES}"

    async def _run_partition(self, number: int) -> None:
        settings = replace(
            self._settings,
            client_id=secret_name(self._key, f"partition-{number}"),
            keep_session=True,
        )
        intake = self._make(
            connect=functools.partial(mqtt.connect, settings),
            batches=topics.partition_filter(number),
        )
        await intake.run()
