"""What cloud-init is told, checked by cloud-init's own schemas: no key it would not know."""

import itertools
from typing import Any

import jsonschema
import pytest
import yaml

from cloud_sync import invitation as paper
from cloud_sync.authority import Authority
from cloud_sync.invitation import Invitation
from gateway.cards import bundle, cloud
from gateway.cards.model import Batch, drawn
from tests.deploy.cloud_init import schema

ROOT = Authority.root("town root", 1_790_000_000_000, 3650).certificate
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHmN8mJtT3dC1Rrr0vWb0sVv6b2k1hY9GqkKkqv8R9xE anna"
CARD = drawn(
    "lesnaya-5-01",
    "Europe/Moscow",
    Invitation(
        gateway="https://gateway.example:8444",
        house="Лесная 5",
        device="lesnaya-5-01",
        expires_at_ms=1_800_000_000_000,
        ca_sha256=ROOT.fingerprint,
        ca=ROOT.pem,
        secret=paper.secret_text(bytes(16)),
    ),
    b"",
)
WAYS = [
    Batch("plomba-edge_1_arm64.deb", "RU", bundle.LINES, key, state_partition=own)
    for key, own in itertools.product(("", KEY), (False, True))
]


def check(content: Any, name: str) -> None:
    """Validated by the draft that the schema names."""
    rules = schema(name)
    jsonschema.validators.validator_for(rules)(rules).validate(content)


@pytest.mark.parametrize("batch", WAYS)
def test_user_data_is_a_cloud_config(batch: Batch) -> None:
    text = cloud.user_data(CARD, batch)
    assert text.startswith("#cloud-config\n")
    check(yaml.safe_load(text), "schema-cloud-config-v1.json")


def test_the_network_is_one_that_cloud_init_knows() -> None:
    # A file of its own on the boot partition has no `network:` above it; the schema has.
    network = {"network": yaml.safe_load(cloud.network_config())}
    check(network, "schema-network-config-v2.json")


@pytest.mark.parametrize(
    "wrong", [{"runcmd": "reboot now", "hostname": 5}, {"users": [{"name": 1}]}, {"no-such": 1}]
)
def test_the_schema_does_refuse(wrong: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(wrong, "schema-cloud-config-v1.json")
