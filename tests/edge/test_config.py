"""edge.toml: what is wrong with it is said in one line that names the key."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cloud_sync.mqtt import TlsError
from edge import app, config
from edge.config import ConfigError

TLS = 'ca = "ca.pem"\ncert = "device.pem"\ncert_key = "tls.key"'
EXAMPLE = Path(__file__).parents[2] / "deploy/raspberry-pi/edge.example.toml"

GOOD = """\
[device]
name = "edge-1"
key = "device.key"
gateway_key = "/etc/plomba/gateway.pem"
state_dir = "state"
timezone = "Europe/Moscow"

[broker]
host = "gateway.example"
ca = "ca.pem"
cert = "device.pem"
cert_key = "tls.key"

[[lines]]
name = "rs485"
url = "tcp://192.0.2.1:502"
framing = "tcp"

[[lines.meters]]
serial = "22310042"
profile = "eastron_sdm630"
address = 1

[[lines]]
name = "mbus"
url = "serial:///dev/ttyUSB0?baud=300&parity=E"

[[lines.meters]]
serial = "11223344"
profile = "kamstrup_multical"
address = 1
interval_s = 3600
expect_id = "11223344"
"""


def load(tmp_path: Path, text: str) -> config.EdgeConfig:
    path = tmp_path / "edge.toml"
    path.write_text(text)
    return config.load(path)


def test_a_good_file_says_everything(tmp_path: Path) -> None:
    loaded = load(tmp_path, GOOD)
    assert loaded.device.key == tmp_path / "device.key"
    assert loaded.device.state_dir == tmp_path / "state"
    assert loaded.device.gateway_key == Path("/etc/plomba/gateway.pem")
    assert loaded.zone == ZoneInfo("Europe/Moscow")
    assert loaded.broker.port == 8883
    assert [line.bits_per_s for line in loaded.lines] == [config.BAUD, 300]
    assert [meter.interval_s for _, meter in loaded.meters] == [900, 3600]


def test_a_good_file_wires_an_agent(tmp_path: Path) -> None:
    loaded = load(tmp_path, GOOD)
    plans = [app.line_plan(line, app.open_line(line)) for line in loaded.lines]
    assert [[meter.serial for meter in plan.meters] for plan in plans] == [
        ["22310042"],
        ["11223344"],
    ]
    settings = app.broker_settings(loaded.broker, loaded.device.name)
    assert settings.client_id == "edge-1"
    assert settings.tls is not None
    assert settings.tls.key == tmp_path / "tls.key"


def test_a_cluster_of_mqtt_3_1_1_is_configuration_only(tmp_path: Path) -> None:
    moved = 'host = "gateway.example"\nalso = ["mq2.example:8883"]\nprotocol = "3.1.1"'
    loaded = load(tmp_path, GOOD.replace('host = "gateway.example"', moved))
    (tmp_path / "tls.key").write_bytes(b"a key")
    settings = app.broker_settings(loaded.broker, "edge-1")
    assert settings.also == (("mq2.example", 8883),)
    assert settings.protocol == "3.1.1"
    assert settings.client_id.startswith("edge-1-")
    (tmp_path / "tls.key").unlink()
    with pytest.raises(TlsError, match=r"cannot read .*tls\.key"):
        app.broker_settings(loaded.broker, "edge-1")


def test_the_example_for_the_pi_is_accepted(tmp_path: Path) -> None:
    loaded = load(tmp_path, EXAMPLE.read_text("utf-8"))
    assert [line.name for line in loaded.lines] == ["rs485"]
    assert app.broker_settings(loaded.broker, "edge-1").tls is not None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "edge-1"', "", "device.name: missing"),
        ('name = "edge-1"', 'name = "Edge 1"', "device.name: .*got 'Edge 1'"),
        ('name = "edge-1"', 'name = "edge-1"\nnmae = 1', "device.nmae: unknown key"),
        ("[broker]", "[brocker]", r"broker: missing.* \(and 1 more\)"),
        ('host = "gateway.example"', 'host = "mqtt://x"', "broker.host: .*got 'mqtt://x'"),
        ('host = "gateway.example"', 'host = "g"\nport = 70000', "broker.port: .*65535, got 70000"),
        ('host = "gateway.example"', 'host = "g"\nport = "8883"', "broker.port: .*integer"),
        ('host = "gateway.example"', 'host = "g"\nalso = ["h"]', "broker.also.0: .*mqtt2"),
        ('host = "gateway.example"', 'host = "g"\nalso = ["h:0"]', "broker.also.0: .*got 'h:0'"),
        ('host = "gateway.example"', 'host = "g"\nprotocol = "4"', "broker.protocol: .*'5' or"),
        ('cert = "device.pem"', "", "broker: TLS needs.*cert is missing"),
        (TLS, "", "broker: gateway.example in clear would let anybody.*give ca, cert and cert_key"),
        (TLS, "without_tls = true", "broker: without_tls is for a broker on this machine"),
        (TLS, f"{TLS}\nwithout_tls = true", "broker: without_tls is for a broker on this machine"),
        (
            f'host = "gateway.example"\n{TLS}',
            'host = "127.0.0.1"',
            "broker: 127.0.0.1 in clear would let",
        ),
        ("Europe/Moscow", "Europe/Msk", "device.timezone: expected a time zone.*'Europe/Msk'"),
        ("Europe/Moscow", "../etc/passwd", "device.timezone: expected a time zone"),
        ("tcp://192.0.2.1:502", "http://x", "lines.0.url: expected tcp://.*'http://x'"),
        ("tcp://192.0.2.1:502", "tcp://192.0.2.1:0", "lines.0.url: "),
        ("tcp://192.0.2.1:502", "tcp://192.0.2.1", "lines.0.url: "),
        ("?baud=300", "?baud=301", "lines.1.url: .*301"),
        ("&parity=E", '"\nbaud = 2400\n#', r"lines.1: baud is 2400.*with 300: write \?baud=2400"),
        ("serial:///dev/ttyUSB0?baud=300", "rfc2217://h:1?baud=301", "lines.1.url: .*301"),
        ("eastron_sdm630", "no_such", "lines.0.meters.0.profile: no meter profile 'no_such'"),
        ('serial = "22310042"', 'serial = ""', "lines.0.meters.0.serial: .*got ''"),
        ('serial = "22310042"', 'serial = "11223344"', "meters.serial: '11223344' stands there"),
        ('name = "mbus"', 'name = "rs485"', "lines.name: 'rs485' stands there twice"),
        ("address = 1\n\n", "address = 300\n\n", "lines.0.meters.0.address: .*255, got 300"),
        ("address = 1\n\n", "address = 1.0\n\n", "lines.0.meters.0.address: .*number.*got 1.0"),
        ("address = 1\n\n", 'address = "1"\n\n', "address: .*without quotes.*got '1'"),
        ("address = 1\n\n", 'address = "22310042"\n\n', "meter 22310042: .*speaks Modbus"),
        ("address = 1\nint", "address = 251\nint", "meter 11223344: .*M-Bus.*250, got 251"),
        ("address = 1\nint", "address = 11223344\nint", "address: .*put it in quotes"),
        ("address = 1\nint", 'address = "1122334"\nint', "address: .*8 digits.*'1122334'"),
        ("address = 1\nint", 'address = "1122334455"\nint', "address: .*secondary.* 8 .*16"),
        ("address = 1\nint", 'address = "1122334F"\nint', "address: an F there selects every"),
        ('name = "mbus"\n', 'name = "mbus"\nframing = "tcp"\n', "meter 11223344: .*Modbus TCP"),
        ("interval_s = 3600", "interval_s = 0", "lines.1.meters.0.interval_s: .*got 0"),
        ('framing = "tcp"', 'framing = "ascii"', "lines.0.framing: .*got 'ascii'"),
        ("[[lines.meters]]\nserial", "[[lines.meters.x]]\nserial", "lines.0.meters"),
        ("[device]", "[device", "is not TOML: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert GOOD.count(old) >= 1
    with pytest.raises(ConfigError, match=said) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "edge.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1", "1"),
        ('"11223344"', '"11223344"'),
        ('"11223344"', '"112233442D2C0104"'),
        ('"112233442D2C0104"', '"112233442D2CFF04"'),
    ],
)
def test_two_meters_that_would_answer_one_question_are_refused(
    tmp_path: Path, first: str, second: str
) -> None:
    text = GOOD.replace("address = 1\nint", f"address = {first}\nint")
    another = '\n[[lines.meters]]\nserial = "5"\nprofile = "kamstrup_multical"\naddress = '
    said = "lines.1: meters 11223344 and 5 share the address"
    with pytest.raises(ConfigError, match=said):
        load(tmp_path, f"{text}{another}{second}\n")


def test_meters_of_two_protocols_may_have_one_number(tmp_path: Path) -> None:
    another = '\n[[lines.meters]]\nserial = "5"\nprofile = "eastron_sdm120"\naddress = 1\n'
    assert len(load(tmp_path, GOOD + another).lines[1].meters) == 2


def test_a_secondary_address_stays_as_it_is_written(tmp_path: Path) -> None:
    text = GOOD.replace("address = 1\nint", 'address = "112233442d2c0104"\nint')
    assert load(tmp_path, text).lines[1].meters[0].address == "112233442D2C0104"


def test_a_line_may_wait_for_its_meters(tmp_path: Path) -> None:
    lines = load(tmp_path, GOOD + '[[lines]]\nname = "roof"\nurl = "tcp://192.0.2.3:1"\n').lines
    assert [len(line.meters) for line in lines] == [1, 1, 0]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none\.toml: No such file"):
        config.load(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not TOML"):
        config.load(tmp_path / "bytes.toml")


@pytest.mark.parametrize(
    ("interval_s", "said"), [(900, "24 reads a day.*makes.*write"), (7200, "")]
)
def test_a_battery_is_not_read_more_often_than_its_meter_allows(
    tmp_path: Path, interval_s: int, said: str
) -> None:
    text = GOOD.replace("kamstrup_multical", "engelmann_sensostar")
    text = text.replace("interval_s = 3600", f"interval_s = {interval_s}")
    if said:
        with pytest.raises(ConfigError, match=f"meter 11223344: .*{said} interval_s = "):
            load(tmp_path, text)
    else:
        assert load(tmp_path, text).lines[1].meters[0].interval_s == interval_s
