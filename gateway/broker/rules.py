"""mosquitto's configuration and access rules, as text: the same input gives the same bytes.

Who a client is comes from its certificate alone. Its common name becomes the user name, the user
name becomes the client id, and the rules name users: whatever a client calls itself, it can only
be itself. So a device can neither speak for another nor end a collector's session.

Devices and collectors have a listener each with rules of its own. On the devices' listener no
rule names a collector and on the collectors' none names a device, so a certificate that comes to
the wrong door may do nothing there. A device that may speak has four lines; one that may not has
none, and what no line allows is denied: on every publish, every delivery, at once.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from cloud_sync import topics
from cloud_sync.signing import MESSAGE_BYTES_MAX
from gateway.broker.model import Listener, Plan, RulesError

CONFIGURATION = "plomba.conf"
DEVICE_RULES = "devices.acl"
COLLECTOR_RULES = "collectors.acl"
REVOKED = "crl.pem"

# The largest batch, and room for topic, properties and header.
PACKET_BYTES_MAX = MESSAGE_BYTES_MAX + 1024
# Both ways: what a client may have under way, and what the broker sends ahead. As many as our own
# clients use (cloud_sync/mqtt.py); the default of 20 holds a drain back on a slow link.
INFLIGHT_MAX = 64
# For a collector that falls behind. The default of 1000 drops the rest in silence; this is the
# minute's traffic of some thousand devices, bounded in bytes as well.
QUEUED_MAX = 20_000
QUEUED_BYTES_MAX = 256 * 1024 * 1024
# Retained receipts and states outlive a crash of the broker but for the last minute; nothing
# depends on them (an edge forgets on a receipt, not on an acknowledgement).
AUTOSAVE_S = 60
# Our clients ask for 30 s; a client that names hours would hold its place as a dead connection.
KEEPALIVE_S_MAX = 120

COLLECTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DEVICE = re.compile(topics.DEVICE_PATTERN.strip("^$"))
HEAD = "# Written by plomba-gateway; changes here are lost. See docs/broker.md.\n"


def configuration(plan: Plan) -> str:
    """The fragment for mosquitto's conf.d; it is the whole of what listens."""
    options = {
        # First of all: mosquitto wants it before anything it applies to.
        "per_listener_settings": "true",
        "max_packet_size": PACKET_BYTES_MAX,
        "max_inflight_messages": INFLIGHT_MAX,
        "max_queued_messages": QUEUED_MAX,
        "max_queued_bytes": QUEUED_BYTES_MAX,
        "max_keepalive": KEEPALIVE_S_MAX,
        "persistence": "true",
        "autosave_interval": AUTOSAVE_S,
        "sys_interval": 0,
    }
    if plan.store is not None:
        options["persistence_location"] = f"{path_text(plan.store)}/"
    general = "".join(f"{name} {value}\n" for name, value in options.items())
    return (
        f"{HEAD}{general}"
        f"\n# Devices: their own topics only.\n{_listener(plan, plan.devices, DEVICE_RULES)}"
        "\n# Collectors: what all devices say, and the gateway's word to them.\n"
        f"{_listener(plan, plan.collectors, COLLECTOR_RULES)}"
    )


def _listener(plan: Plan, listener: Listener, rules: str) -> str:
    where = f"{listener.port} {listener.host}".rstrip()
    return f"""\
listener {where}
max_connections {listener.connections_max}
cafile {path_text(plan.tls.ca)}
crlfile {path_text(plan.folder / REVOKED)}
certfile {path_text(plan.tls.certificate)}
keyfile {path_text(plan.tls.key)}
tls_version tlsv1.3
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
allow_zero_length_clientid false
acl_file {path_text(plan.folder / rules)}
max_qos 1
max_topic_alias 0
"""


def device_rules(devices: Iterable[str]) -> str:
    """The devices' listener: four lines for each that may speak. Names are checked before."""
    return HEAD + "".join(
        f"\nuser {name}\n"
        f"topic write {topics.batch_topic(name)}\n"
        f"topic write {topics.state_topic(name)}\n"
        f"topic read {topics.receipt_topic(name)}\n"
        f"topic read {topics.command_topic(name)}\n"
        for name in devices
    )


def collector_rules(collectors: Iterable[str]) -> str:
    """The collectors' listener; RulesError for a name that cannot be a user's."""
    return HEAD + "".join(_collector(name) for name in collectors)


def _collector(name: str) -> str:
    if COLLECTOR.fullmatch(name) is None:
        raise RulesError(f"expected a collector's name like plomba-gateway, got {name!r}")
    return (
        f"\nuser {name}\n"
        f"topic read {topics.ALL_BATCHES}\n"
        f"topic read {topics.ALL_STATES}\n"
        f"topic write {topics.ALL_RECEIPTS}\n"
        f"topic write {topics.ALL_COMMANDS}\n"
    )


def sorted_out(devices: Iterable[str], collectors: Iterable[str]) -> tuple[list[str], list[str]]:
    """The names that may stand in the rules, and those that may not.

    A device called like a collector would be one at the collectors' door; a name that is no DNS
    label cannot be part of a topic.
    """
    taken = set(collectors)
    sound: list[str] = []
    odd: list[str] = []
    for name in sorted(set(devices)):
        is_sound = _DEVICE.fullmatch(name) is not None and name not in taken
        (sound if is_sound else odd).append(name)
    return sound, odd


def path_text(path: Path) -> str:
    """A path as a broker's configuration can hold it; RulesError for any other."""
    text = str(path)
    if not text.isprintable() or text != text.strip():
        raise RulesError(f"a path that a broker could not read from its configuration: {text!r}")
    return text
