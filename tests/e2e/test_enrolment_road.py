"""The road to the gateway's door: others in its place, other protocols, floods."""

import asyncio
import contextlib
import json
import ssl
from pathlib import Path

import pytest

from cloud_sync import enrolment as words
from edge import https
from edge.enrolment import NotYet
from gateway.web.enrolment import Brief
from tests.cloud_sync.brokers import HOST
from tests.e2e.enrolment_house import Office, a_card, command, enrol, listed, office

__all__ = ["office"]


POST = f"POST {words.ENROL_PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n".encode()


async def knock(office: Office) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection of whoever believes the office's root."""
    believes = ssl.create_default_context(cafile=office.config.ca_folder / "root.pem")
    return await asyncio.open_connection(HOST, office.port, ssl=believes)


class TestTheRoad:
    async def test_another_gateway_gets_no_secret(self, office: Office, tmp_path: Path) -> None:
        other = Office(tmp_path / "other").with_authority()
        card = json.loads(office.invite().read_text())
        card["gateway"] = f"https://{HOST}:{other.port}"
        (tmp_path / "card.json").write_text(json.dumps(card))
        config = a_card(tmp_path / "pi", invitation=tmp_path / "card.json")
        async with other.door():
            with pytest.raises(NotYet, match="is not the gateway of the invitation"):
                await enrol(config)
        assert listed(other, "identity", "refused") == []
        assert (tmp_path / "pi/invitation.json").exists()

    async def test_a_gateway_that_is_away_is_one_line(self, office: Office, tmp_path: Path) -> None:
        config = a_card(tmp_path / "pi", invitation=office.invite())
        code, _, err = await command(config, "enroll")
        assert code == 1
        assert "does not answer" in err.splitlines()[-1]

    async def test_plain_http_is_not_answered(self, office: Office) -> None:
        async with office.door():
            reader, writer = await asyncio.open_connection(HOST, office.port)
            writer.write(b"POST /enroll/v1 HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            answer = await reader.read()
            writer.close()
        assert b"HTTP/" not in answer

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2])
    async def test_an_older_tls_is_not_spoken(
        self, office: Office, version: ssl.TLSVersion
    ) -> None:
        context = ssl.create_default_context(cafile=office.config.ca_folder / "root.pem")
        context.maximum_version = version
        async with office.door():
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                await asyncio.open_connection(HOST, office.port, ssl=context)

    async def test_there_is_nothing_else_behind_the_door(self, office: Office) -> None:
        roots = (office.config.ca_folder / "root.pem").read_text()
        url = f"https://{HOST}:{office.port}"
        async with office.door():
            for path in ("/", "/api/status", "/healthz", "/docs", "/openapi.json"):
                response = await asyncio.to_thread(https.post, url, path, b"", roots, 10_000)
                assert response.status == 404

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 400),
            (b"\x00" * 100, 400),
            (b"{}", 400),
            (b"\x9f" * 1000, 400),
            (b"x" * (words.MESSAGE_BYTES_MAX + 1), 400),
            (b"x" * 5_000_000, 400),
        ],
    )
    async def test_bodies_that_are_none_are_refused_and_recorded(
        self, office: Office, body: bytes, status: int
    ) -> None:
        roots = (office.config.ca_folder / "root.pem").read_text()
        url = f"https://{HOST}:{office.port}"
        async with office.door():
            try:
                response = await asyncio.to_thread(
                    https.post, url, words.ENROL_PATH, body, roots, 10_000
                )
                assert response.status == status
                assert words.decode_refused(response.body).reason == "malformed"
            except https.Away:
                assert len(body) > words.MESSAGE_BYTES_MAX  # cut off while it was still sending
        (row,) = listed(office, "identity", "refused")
        assert (row["reason"], row["source"]) == ("malformed", HOST)

    @pytest.mark.parametrize("said", [b"", b"POST ", POST + b"\r\n"])
    async def test_a_connection_that_asks_nothing_gives_its_place_back(
        self, office: Office, said: bytes
    ) -> None:
        class Hasty(Brief):
            lives_s = 0.2

        async with office.door(protocol=Hasty), asyncio.timeout(60):
            reader, writer = await knock(office)
            writer.write(said)
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                assert await reader.read() == b""
            writer.close()

    async def test_who_hangs_up_halfway_is_counted_and_no_error(
        self, office: Office, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with office.door():
            _, writer = await knock(office)
            writer.write(POST + b"\r\nhalf")
            await writer.drain()
            writer.close()
            async with asyncio.timeout(60):
                while not listed(office, "identity", "refused"):  # noqa: ASYNC110 - another thread
                    await asyncio.sleep(0.05)
        (row,) = listed(office, "identity", "refused")
        assert (row["reason"], row["detail"]) == (
            "malformed",
            "the request did not come to its end",
        )
        assert "Exception" not in caplog.text

    async def test_who_knocks_too_often_is_heard_no_more(self, office: Office) -> None:
        roots = (office.config.ca_folder / "root.pem").read_text()
        url = f"https://{HOST}:{office.port}"
        async with office.door():
            statuses = [
                (await asyncio.to_thread(https.post, url, words.ENROL_PATH, b"x", roots, 10_000))[0]
                for _ in range(60)
            ]
        assert 429 in statuses
        assert {row["reason"] for row in listed(office, "identity", "refused")} == {
            "malformed",
            "too-often",
        }
