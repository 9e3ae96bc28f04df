"""The configuration and access rules of a NATS node, as text: the same input gives the same bytes.

NATS 2.15 speaks MQTT 3.1.1 with JetStream behind it; `/` in a topic is `.` in a subject. Who a
client is comes from its certificate alone: its subject, which is nothing but its common name, is
the user's name here (`verify_and_map`). A user that is not here is turned away, and a reload ends
the connection of one that is not here any more: so the revocation list, which NATS cannot read, is
not missed. A device may publish on its two topics and hear its other two.

- A mapping adds the partition of its device to the topic of a batch, and what NATS checks is the
  subject that comes of it.
- What is sent with QoS 1 arrives under `$MQTT.sub.`, so everybody needs that to hear anything. Over
  MQTT nobody can ask for it; NATS' own protocol could, which is why users are for MQTT only.
- No passwords occur: the certificate is the only way in.
"""

from collections.abc import Iterable

from cloud_sync import topics
from gateway.broker.model import Plan, RulesError
from gateway.broker.rules import COLLECTOR, HEAD, PACKET_BYTES_MAX, path_text

CONFIGURATION = "plomba.conf"
ACCOUNTS = "accounts.conf"
ACCOUNT = "PLOMBA"

# What a session may hold unacknowledged; NATS has no Receive Maximum. As our collectors ask of
# MQTT 5 (cloud_sync/mqtt.py).
ACK_PENDING_MAX = 1024
# A group of ingest is stored within a second; what a killed collector held comes again after this.
ACK_WAIT_S = 10
# A kept session that hears with QoS 1 is a consumer, elected among the nodes and there until it is
# ended; those of the partitions are all that we have. A device's certificate may open sessions
# under any number of client ids: what it can take is this much beside them.
CONSUMERS_SPARE = 16
# What JetStream has not answered by then (its leader died) is asked for anew by another try.
ANSWER_S = 2
_DELIVERED = "$MQTT.sub.>"


def configuration(plan: Plan) -> str:
    """What every node includes in its own main file, which says who it is and where it keeps."""
    if plan.partitions < 1:
        raise RulesError(
            "ingest.partitions: NATS has no shared subscriptions, so it must be at least 1: as"
            " many as there will ever be collectors (docs/cluster.md)"
        )
    host = plan.devices.host or "0.0.0.0"  # noqa: S104 - devices come from outside, over TLS 1.3
    return f"""\
{HEAD}
max_payload: {PACKET_BYTES_MAX}
max_connections: {plan.devices.connections_max + plan.collectors.connections_max}
mqtt {{
  host: {_quoted(host)}
  port: {plan.devices.port}
  max_ack_pending: {ACK_PENDING_MAX}
  ack_wait: "{ACK_WAIT_S}s"
  js_api_timeout: "{ANSWER_S}s"
  stream_replicas: {plan.replicas}
  tls {{
    ca_file: {_quoted(path_text(plan.tls.ca))}
    cert_file: {_quoted(path_text(plan.tls.certificate))}
    key_file: {_quoted(path_text(plan.tls.key))}
    min_version: "1.3"
    verify_and_map: true
  }}
}}
include {_quoted(ACCOUNTS)}
"""


def accounts(plan: Plan, devices: Iterable[str]) -> str:
    """Who may speak and hear what; RulesError for a collector's name that cannot be a user's."""
    users = [_collector(name) for name in plan.collector_names]
    users += [_device(name) for name in devices]
    partition = f"{{{{partition({plan.partitions},1)}}}}"
    batches = subject(topics.batch_topic("{{wildcard(1)}}"))
    return f"""\
{HEAD}
accounts {{
  {ACCOUNT} {{
    jetstream: {{ max_consumers: {plan.partitions + CONSUMERS_SPARE} }}
    mappings {{ {_quoted(subject(topics.ALL_BATCHES))}: {_quoted(f"{batches}.{partition}")} }}
    users: [
{"".join(users)}    ]
  }}
}}
"""


def subject(topic: str) -> str:
    """What NATS calls a topic, or a topic filter."""
    return topic.replace("/", ".").replace("+", "*")


def _device(name: str) -> str:
    speaks = (f"{topics.batch_topic(name)}/+", topics.state_topic(name))
    return _user(name, speaks, (topics.receipt_topic(name), topics.command_topic(name)))


def _collector(name: str) -> str:
    if COLLECTOR.fullmatch(name) is None:
        raise RulesError(f"expected a collector's name like plomba-gateway, got {name!r}")
    hears = (f"{topics.ALL_BATCHES}/+", topics.ALL_STATES)
    return _user(name, (topics.ALL_RECEIPTS, topics.ALL_COMMANDS), hears)


def _user(name: str, speaks: Iterable[str], hears: Iterable[str]) -> str:
    publish = ", ".join(_quoted(subject(topic)) for topic in speaks)
    subscribe = ", ".join(_quoted(one) for one in (*map(subject, hears), _DELIVERED))
    return (
        f"      {{ user: {_quoted('CN=' + name)}, allowed_connection_types: [MQTT], permissions: "
        f"{{ publish: {{ allow: [{publish}] }}, subscribe: {{ allow: [{subscribe}] }} }} }}\n"
    )


def _quoted(text: str) -> str:
    """A string of NATS' configuration; names and topics hold nothing to escape."""
    if '"' in text or "\\" in text:
        raise RulesError(f"a path that NATS could not read from its configuration: {text!r}")
    return f'"{text}"'
