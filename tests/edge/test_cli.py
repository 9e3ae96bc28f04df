"""The installer's commands: one clear line for every mistake, and what they show when all is well.

Commands that talk to a line or a broker run as real processes against a virtual meter on a port.
"""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud_sync import mqtt, state, topics
from cloud_sync.signing import SigningKey, VerifyKey
from cloud_sync.transport import Transport
from edge.__main__ import main
from edge.command_record import FILE, CommandRecord, Kept
from edge.spool import Spool, glance
from tests.cloud_sync.brokers import HOST, mosquitto, needs_mosquitto
from tests.edge.installer import a_device, a_line, edge, finished, refused
from tests.edge.spool_writer import content


class TestEnroll:
    def test_it_makes_a_key_only_the_owner_can_read_and_prints_the_public_half(
        self, tmp_path: Path
    ) -> None:
        device = a_device(tmp_path, enrolled=False)
        result = device.run("enroll")
        assert result.exit_code == 0
        key = tmp_path / "keys/device.key"
        assert key.stat().st_mode & 0o777 == 0o600
        public = VerifyKey.from_pem(result.stdout.encode())
        assert public.key_id == SigningKey.load(key).public.key_id
        assert result.stderr == f"fingerprint of edge-1: {public.fingerprint}\n"

    def test_it_never_replaces_a_key(self, tmp_path: Path) -> None:
        device = a_device(tmp_path)
        before = (tmp_path / "keys/device.key").read_bytes()
        assert "device.key exists" in refused(device.run("enroll"))
        assert (tmp_path / "keys/device.key").read_bytes() == before

    def test_json_is_one_document(self, tmp_path: Path) -> None:
        result = a_device(tmp_path, enrolled=False).run("enroll", "--json")
        document = json.loads(result.stdout)
        public = VerifyKey.from_pem(document["public_key"].encode())
        assert document["device"] == "edge-1"
        assert document["fingerprint"] == public.fingerprint


class TestMistakes:
    @pytest.mark.parametrize("command", ["run", "read", "doctor", "spool", "enroll"])
    def test_a_missing_configuration_is_one_line(self, tmp_path: Path, command: str) -> None:
        result = CliRunner().invoke(main, [command, "--config", str(tmp_path / "none.toml")])
        assert "cannot read" in refused(result)

    @pytest.mark.parametrize("command", ["run", "read", "doctor", "spool", "enroll"])
    def test_an_unknown_key_is_one_line(self, tmp_path: Path, command: str) -> None:
        device = a_device(tmp_path, enrolled=False)
        device.config.write_text(device.config.read_text() + "\n[surprise]\n")
        assert "surprise: unknown key" in refused(device.run(command))

    def test_a_key_file_others_can_read_is_refused_with_the_remedy(self, tmp_path: Path) -> None:
        device = a_device(tmp_path)
        key = tmp_path / "keys/device.key"
        key.chmod(0o644)
        assert refused(device.run("run")) == (
            f"Error: {tmp_path}/edge.toml: key file {key} has rights 0644, expected 0600:"
            f" run chmod 600 {key}"
        )

    def test_running_without_a_key_says_how_to_get_one(self, tmp_path: Path) -> None:
        device = a_device(tmp_path, enrolled=False)
        assert "run plomba-edge enroll first" in refused(device.run("run"))

    def test_a_private_key_where_the_gateway_s_public_one_belongs(self, tmp_path: Path) -> None:
        device = a_device(tmp_path)
        (tmp_path / "gateway.pem").write_bytes((tmp_path / "keys/device.key").read_bytes())
        assert "gateway.pem: expected a public key" in refused(device.run("run"))

    def test_certificate_files_that_are_not_there_are_named(self, tmp_path: Path) -> None:
        device = a_device(tmp_path)
        tls = 'ca = "ca.pem"\ncert = "c.pem"\ncert_key = "k.pem"\n'
        device.config.write_text(device.config.read_text().replace("without_tls = true\n", tls))
        assert "ca.pem as CA certificate" in refused(device.run("run"))

    def test_a_second_agent_on_one_spool_is_refused(self, tmp_path: Path) -> None:
        device = a_device(tmp_path)
        spool = Spool(tmp_path / "state", max_bytes=2**24)
        assert "is the agent running?" in refused(device.run("run"))
        spool.close()

    def test_a_meter_that_is_not_configured(self, tmp_path: Path) -> None:
        said = refused(a_device(tmp_path).run("read", "404"))
        assert said == "Error: no meter '404' in the configuration; there are: 22310042, 22310099"

    def test_a_wrong_use_is_exit_2(self) -> None:
        assert CliRunner().invoke(main, ["run", "--no-such-option"]).exit_code == 2
        assert CliRunner().invoke(main, ["no-such-command"]).exit_code == 2


class TestSpool:
    def test_before_the_first_run_there_is_none(self, tmp_path: Path) -> None:
        assert "run the agent once" in refused(a_device(tmp_path).run("spool"))

    def test_it_shows_what_waits_also_beside_a_running_agent(self, tmp_path: Path) -> None:
        device = a_device(tmp_path)
        spool = Spool(tmp_path / "state", max_bytes=2**24)
        for _ in range(3):
            spool.append(content, readings=4)
        spool.acknowledge(1)
        document = json.loads(device.run("spool", "--json").stdout)
        assert document | {"oldest": None, "bytes": 0} == {
            "head": 3,
            "through": 1,
            "waiting": 2,
            "oldest": None,
            "bytes": 0,
            "max_bytes": 1_000_000_000,
            "polled": 12,
            "signed": 12,
            "delivered": 4,
            "lost_batches": 0,
        }
        assert "waiting          2" in device.run("spool").stdout
        spool.close()


class TestDecode:
    def test_the_decoder_is_one_of_the_commands(self) -> None:
        result = CliRunner().invoke(main, ["decode", "mbus", "-"], input="zz")
        assert result.exit_code == 1


@pytest.mark.processes
class TestOnALine:
    async def test_read_shows_the_values_of_one_meter(self, tmp_path: Path) -> None:
        async with a_line() as port:
            device = a_device(tmp_path, line_port=port)
            config = ["--config", str(device.config)]
            code, out, err = await finished(await edge("read", "22310042", *config))
            assert (code, err) == (0, "")
            assert "1-0:1.8.0" in out
            assert "12345.67 kWh" in out
            code, out, _ = await finished(await edge("read", "22310042", "--json", *config))
            document = json.loads(out)
            assert code == 0
            values = {value["register"]: value["value"] for value in document["values"]}
            assert values["1-0:1.8.0"] == "12345.67"
            assert document["raw"]

    async def test_read_of_all_goes_on_after_a_silent_meter_and_exits_1(
        self, tmp_path: Path
    ) -> None:
        async with a_line() as port, a_line() as quiet:
            device = a_device(tmp_path, line_port=port)
            # The silent one is on a line of its own, where nobody is waited for long.
            other = (
                f'\n[[lines]]\nname = "roof"\nurl = "tcp://{HOST}:{quiet}"\nturnaround_s = 0.2\n'
            )
            both = device.config.read_text().split("\n[[lines.meters]]\n")
            device.config.write_text(
                "\n[[lines.meters]]\n".join([both[0], both[1] + other, both[2]])
            )
            code, out, _ = await finished(
                await edge("read", "--json", "--config", str(device.config))
            )
        first, second = map(json.loads, out.splitlines())
        assert code == 1
        assert first["values"]
        assert "did not answer" in second["error"]

    async def test_doctor_says_one_line_for_each_thing(self, tmp_path: Path) -> None:
        async with a_line() as port:
            device = a_device(tmp_path, line_port=port)
            code, out, err = await finished(
                await edge("doctor", "--json", "--config", str(device.config))
            )
        assert err == ""
        findings = {finding["what"]: finding for finding in map(json.loads, out.splitlines())}
        assert list(findings) == [
            "configuration",
            "key",
            "gateway key",
            "meter keys",
            "clock",
            "spool",
            "commands",
            "certificate",
            "broker",
            "line house",
        ]
        assert code == 1
        assert findings["broker"]["ok"] is False
        assert "refused" in findings["broker"]["detail"]
        for what in ("configuration", "key", "gateway key", "spool", "line house"):
            assert findings[what]["ok"] is True, findings[what]

    async def test_doctor_tells_of_commands_that_were_refused(self, tmp_path: Path) -> None:
        device = a_device(tmp_path)
        (tmp_path / "state").mkdir()
        CommandRecord(tmp_path / "state").write(Kept(7, b"", {"unknown-key": 2, "old": 1}))
        _, out, _ = await finished(await edge("doctor", "--config", str(device.config)))
        assert "commands         the last was 7; refused so far: 1 old, 2 unknown-key" in out
        (tmp_path / "state" / FILE).write_bytes(b"{")
        _, out, _ = await finished(await edge("doctor", "--config", str(device.config)))
        assert f"cannot read {tmp_path / 'state' / FILE}: commands given before now" in out

    async def test_doctor_names_a_line_that_does_not_open(self, tmp_path: Path) -> None:
        device = a_device(tmp_path)
        code, out, _ = await finished(await edge("doctor", "--config", str(device.config)))
        assert code == 1
        assert [line.split()[0] for line in out.splitlines()].count("FAIL") >= 2

    def test_doctor_asks_for_the_serials_that_no_meter_told(self, tmp_path: Path) -> None:
        device = a_device(tmp_path)
        text = device.config.read_text().replace('"22310099"', '"house-modbus-9"')
        device.config.write_text(text)
        said = device.run("doctor").stdout.splitlines()[0]
        assert said.split(maxsplit=2) == [
            "FAIL",
            "configuration",
            "write the serial on the dial instead of house-modbus-9",
        ]


@pytest.mark.processes
class TestRunning:
    pytestmark = needs_mosquitto

    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
    async def test_the_agent_reads_publishes_and_stops_when_told(
        self, tmp_path: Path, how: signal.Signals
    ) -> None:
        async with mosquitto(tmp_path) as broker, a_line(has_gateway=True) as port:
            device = a_device(tmp_path, line_port=port, broker_port=broker.port)
            settings = mqtt.Settings(host=HOST, port=broker.port, client_id="gateway")
            async with mqtt.connect(settings) as gateway:
                await gateway.subscribe(topics.ALL_BATCHES)
                agent = await edge("run", "--config", str(device.config))
                async with asyncio.timeout(120):
                    arrived = [message async for message in first(gateway, 2)]
                agent.send_signal(how)
                code, out, err = await finished(agent)
                assert (code, out) == (0, ""), err
                assert "Traceback" not in err
                # Nobody has acknowledged anything: all of it is still there.
                seen = glance(tmp_path / "state")
                assert seen is not None
                assert seen.waiting == seen.state.head >= len(arrived)
                await gateway.subscribe(topics.state_topic("edge-1"))
                async for message in first(gateway, 1, topics.state_topic("edge-1")):
                    told = state.decode(message.payload)
                    assert told is not None
                    assert told.state == "offline"


async def first(
    transport: Transport, count: int, topic: str = topics.batch_topic("edge-1")
) -> AsyncIterator[mqtt.Message]:
    """The next messages of a topic."""
    async for message in transport.messages():
        if message.topic == topic:
            yield message
            count -= 1
        if count == 0:
            return
