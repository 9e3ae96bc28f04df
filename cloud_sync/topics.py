"""The canonical topics of wire format v1: what a signature is bound to.

A broker may map them (NATS does); the signature always covers the canonical text.
"""

import re
from functools import lru_cache
from typing import Annotated

from msgspec import Meta

DEVICE_PATTERN = r"^[a-z0-9][a-z0-9\-]{0,62}$"
DeviceId = Annotated[str, Meta(pattern=DEVICE_PATTERN, max_length=63)]
"""A device's name: a DNS label, so that it may also be a certificate's CN and a host name."""

ALL_BATCHES = "plomba/v1/+/batch"
ALL_STATES = "plomba/v1/+/state"
ALL_RECEIPTS = "plomba/v1/+/receipt"
ALL_COMMANDS = "plomba/v1/+/command"
_TOPIC = re.compile(r"plomba/v1/([a-z0-9][a-z0-9\-]{0,62})/(batch|receipt|command|state)")

_PARTITIONED = re.compile(r"(plomba/v1/[a-z0-9][a-z0-9\-]{0,62}/batch)/[0-9]{1,2}")


def batch_topic(device: str) -> str:
    """Where a device publishes its signed batches."""
    return f"plomba/v1/{device}/batch"


def partition_filter(number: int) -> str:
    """The batches of one partition of the devices, where a broker sorts them into such."""
    return f"{ALL_BATCHES}/{number}"


@lru_cache(maxsize=16_384)
def canonical(topic: str) -> str:
    """The topic a message was published on, before the broker added a partition to it."""
    match = _PARTITIONED.fullmatch(topic)
    return match.group(1) if match else topic


def receipt_topic(device: str) -> str:
    """Where the gateway publishes its signed receipts for a device."""
    return f"plomba/v1/{device}/receipt"


def command_topic(device: str) -> str:
    """Where the gateway publishes its signed commands for a device."""
    return f"plomba/v1/{device}/command"


def visit_topic(device: str) -> str:
    """What the seal of a visit's record is bound to; it travels over HTTPS, by no broker."""
    return f"plomba/v1/{device}/visit"


def state_topic(device: str) -> str:
    """A device's retained state, set to offline by its last will."""
    return f"plomba/v1/{device}/state"


# A gateway asks it of every message, of the same fleet again and again.
@lru_cache(maxsize=16_384)
def device_of(topic: str) -> str | None:
    """The device a canonical topic belongs to, or None for any other topic."""
    match = _TOPIC.fullmatch(topic)
    return match.group(1) if match else None
