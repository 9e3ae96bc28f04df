"""A device's signing key exchanged, and kept in a token, over real HTTPS."""

import asyncio
from pathlib import Path

import pytest

from cloud_sync import signing
from cloud_sync.ladder import DAY_MS
from edge import enrolment, https, identity, identity_keeper
from edge.enrolment import NotYet
from edge.https import Response
from gateway.wiring import system_clock
from tests.cloud_sync.software_token import SoftwareToken, token
from tests.e2e.enrolment_house import Office, a_card, command, enrol, listed, office

__all__ = ["office", "token"]


def lost(url: str, path: str, body: bytes, roots: str, limit: int) -> Response:
    """A question that arrives, and its answer does not."""
    https.post(url, path, body, roots, limit)
    raise https.Away("the line broke")


class TestRotation:
    async def test_the_old_key_vouches_for_the_new_one(
        self, office: Office, tmp_path: Path
    ) -> None:
        config = a_card(tmp_path / "pi", invitation=office.invite())
        async with office.door() as store:
            await enrol(config)
            old = identity.signing_key(config.device.key).public
            code, out, err = await command(config, "rotate-key")
            assert code == 0, err
            new = identity.signing_key(config.device.key).public
            keys = store.registry.device_keys([old.key_id, new.key_id])
        assert out == f"fingerprint of edge-1: {new.fingerprint} (before {old.fingerprint})\n"
        assert keys[new.key_id].valid_to_ms is None
        overlap_ms = (keys[old.key_id].valid_to_ms or 0) - system_clock()
        assert 0 < overlap_ms <= DAY_MS
        assert not identity.exists(enrolment.next_key(config))
        (device,) = [one for one in listed(office, "identity", "list") if one["device"] == "edge-1"]
        assert device["fingerprint"] == new.fingerprint

    async def test_one_that_was_cut_short_is_brought_to_its_end(
        self, office: Office, tmp_path: Path
    ) -> None:
        config = a_card(tmp_path / "pi", invitation=office.invite())

        async with office.door():
            await enrol(config)
            old = identity.signing_key(config.device.key).public
            with pytest.raises(NotYet):
                await asyncio.to_thread(enrolment.rotate, config, lost)
            assert identity.signing_key(config.device.key).public.key_id == old.key_id
            waiting = identity.signing_key(enrolment.next_key(config)).public
            await asyncio.to_thread(identity_keeper.finish_rotation, config)
        assert identity.signing_key(config.device.key).public.key_id == waiting.key_id

    async def test_one_that_the_gateway_took_is_finished_while_the_agent_runs(
        self, office: Office, tmp_path: Path
    ) -> None:
        """Else the old key would end under it, and what it seals from then on would not count."""
        config = a_card(tmp_path / "pi", invitation=office.invite())
        tries: list[str] = []

        def away_at_first(url: str, path: str, body: bytes, roots: str, limit: int) -> Response:
            tries.append(path)
            if len(tries) == 1:
                raise https.Away("the line broke")
            return https.post(url, path, body, roots, limit)

        async with office.door():
            await enrol(config)
            held = identity.HeldKey(identity.signing_key(config.device.key))
            with pytest.raises(NotYet):
                await asyncio.to_thread(enrolment.rotate, config, lost)
            waiting = identity.signing_key(enrolment.next_key(config)).public
            await identity_keeper.keep_key(config, held, away_at_first, away_s=0)
            await identity_keeper.keep_key(config, held, away_at_first)
        assert tries == ["/rotate/v1"] * 2
        held.probe()
        waiting.verify(signing.parse(held.seal(b"x", "t")), "t")
        assert held.public.key_id == waiting.key_id
        assert identity.signing_key(config.device.key).public.key_id == waiting.key_id
        assert not identity.exists(enrolment.next_key(config))


@pytest.mark.softhsm
class TestToken:
    async def test_a_key_born_in_a_token_is_enrolled_renews_and_is_exchanged(
        self, office: Office, tmp_path: Path, token: SoftwareToken
    ) -> None:
        config = a_card(tmp_path / "pi", invitation=office.invite(), key=token.text())

        async with office.door():
            code, _, err = await command(config, "enroll")
            assert code == 0, err
            old = identity.signing_key(config.device.key).public
        async with office.door(lambda: system_clock() + 80 * DAY_MS):
            assert await asyncio.to_thread(enrolment.renew, config, system_clock() + 80 * DAY_MS)
        async with office.door() as store:
            code, out, err = await command(config, "rotate-key")
            assert code == 0, err
            new = identity.signing_key(config.device.key).public
            with pytest.raises(NotYet):
                await asyncio.to_thread(enrolment.rotate, config, lost)
            assert identity.signing_key(config.device.key).public.key_id == new.key_id
            waiting = identity.signing_key(enrolment.next_key(config)).public
            await asyncio.to_thread(identity_keeper.finish_rotation, config)
            keys = store.registry.device_keys([old.key_id, new.key_id, waiting.key_id])
        assert out == f"fingerprint of edge-1: {new.fingerprint} (before {old.fingerprint})\n"
        assert [keys[one.key_id].valid_to_ms is None for one in (old, new, waiting)] == [
            *(False, False, True)
        ]
        assert identity.signing_key(config.device.key).public.key_id == waiting.key_id
        assert not identity.exists(enrolment.next_key(config))
        assert {file.name for file in (tmp_path / "pi/keys").glob("*.key")} == {"tls.key"}
