"""The fuzzer finds what is planted, and its table has every parser that faces what is not ours."""

import ast
import json
import ssl
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud_sync import state
from cloud_sync.certificates import CertificateError, TlsKey, parse_request
from cloud_sync.private_file import KeyFileError
from drivers import profile
from drivers.modbus import frames
from drivers.profile import ProfileError
from edge import command_record, meter_keys
from edge import config as edge_config
from edge.scan import notebook
from edge.scan.notebook import NotebookError
from gateway import config as gateway_config
from gateway.config_base import ConfigError
from gateway.csv_lines import RegistryError
from gateway.handoff.pull import PullError
from gateway.resident.passkeys import PasskeyError
from gateway.web import api
from simulators.fuzz.command import command
from simulators.fuzz.engine import Parser, Watch, fault, fuzz
from simulators.fuzz.table import parsers
from tests.simulators.fuzz_exempt import EXEMPT

ROOT = Path(__file__).parents[2]
# What takes bytes or text from outside apart: whoever calls one of these is a parser.
TAKES_APART = {
    "cbor2.loads", "json.loads", "msgspec.json.decode", "msgspec.convert", "tomllib.loads",
    "csv.reader", "expat.ParserCreate", "bytes.fromhex", "base64.b64decode", "urlsafe_b64decode",
    "date.fromisoformat", "datetime.fromisoformat", "struct.unpack", "int.from_bytes",
    "x509.load_pem_x509_csr", "x509.load_pem_x509_certificate",
    "x509.load_pem_x509_certificates", "x509.load_pem_x509_crl",
    "serialization.load_pem_public_key",
    "serialization.load_pem_private_key", "_RECORD.unpack", "_REAL.unpack", "time.fromisoformat",
    "datetime.strptime", "tomlkit.parse", "parse_qsl", "ip_address", "Image.open", "jwt.decode",
    "RSAKey.import_key", "JWKRegistry.import_key", "kind.import_key", "base64url_to_bytes",
    "verify_registration_response", "verify_authentication_response", "parser.parse",
    "TASK.decode", "TASKS.decode", "ANSWER.decode", "FINDINGS.decode", "_ENTRY.decode",
}  # fmt: skip
# Seconds of processor time in all: inputs a parser, however fast the machine.
INPUTS = 25


def functions(
    tree: ast.AST, path: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{path}{node.name}.")


def taking_apart() -> dict[str, tuple[str, set[int]]]:
    """Every function of ours that takes something apart: its file and the lines of its body."""
    found = {}
    for package in ("cloud_sync", "drivers", "edge", "gateway"):
        for file in (ROOT / package).rglob("*.py"):
            if file.is_relative_to(ROOT / "gateway/sql"):
                continue
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            for name, node in functions(ast.parse(file.read_text("utf-8"))):
                calls = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
                if any(ast.unparse(one) in TAKES_APART for one in calls):
                    body = set(range(node.body[0].lineno, (node.end_lineno or 0) + 1))
                    found[f"{module}.{name}"] = (str(file), body)
    return found


@cache
def missed() -> frozenset[str]:
    """The functions that no seed of the table reaches."""
    watch = Watch()
    for parser in parsers().values():
        for seed in parser.seeds:
            fault(parser, seed, watch)
    return frozenset(
        name
        for name, (file, body) in taking_apart().items()
        if not any((file, line) in watch.lines for line in body)
    )


def test_whatever_takes_bytes_apart_is_fuzzed_or_says_why_not() -> None:
    assert sorted(missed() - EXEMPT.keys()) == []


def test_no_exemption_outlives_its_function() -> None:
    assert sorted(EXEMPT.keys() - missed()) == []


@pytest.mark.parametrize("name", parsers())
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_spoiled_inputs_are_taken_or_refused(name: str) -> None:
    parser = parsers()[name]
    found = fuzz(parser, 1, lambda done: done < INPUTS)
    assert found.findings == ()
    assert found.inputs >= INPUTS
    assert found.lines > 0


@pytest.mark.parametrize("data", [b'{"u\xf2l":1}', b'{"x":' + b"[" * 3000])
def test_json_that_no_text_is_or_that_is_too_deep_is_refused(data: bytes, tmp_path: Path) -> None:
    # Found by fuzzing: msgspec raises neither of them as its own error.
    (tmp_path / "notes").write_bytes(data)
    assert state.decode(data) is None
    with pytest.raises(NotebookError):
        notebook.load(tmp_path / "notes", "tcp://h:1", ["1"])
    with pytest.raises(PullError):
        api.acknowledgement(data)
    (tmp_path / "record").write_bytes(b'{"refused":{"u\xf2l":1}}')
    assert command_record.read(tmp_path / "record") is None


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a = " + "[" * 3000])
def test_toml_with_a_number_too_long_or_tables_too_deep_is_refused(
    text: str, tmp_path: Path
) -> None:
    # Found by fuzzing: tomllib raises neither of them as its own error.
    path = tmp_path / "any.toml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(edge_config.ConfigError, match="is not TOML"):
        edge_config.parse(text, path)
    with pytest.raises(ConfigError, match="is not TOML"):
        gateway_config.load(path)
    with pytest.raises(KeyFileError, match="are not TOML"):
        meter_keys.load(path)
    with pytest.raises(ProfileError):
        profile.parse(text.encode(), "any.toml")


@pytest.mark.parametrize("registers", [0, 126, 65_535])
def test_a_request_for_more_registers_than_there_can_be_is_none(registers: int) -> None:
    # Found by fuzzing: evidence with such a request ended the explanation in a ValueError.
    request = bytes.fromhex("0007 0000 0006 01 03 0000") + registers.to_bytes(2, "big")
    assert frames.parse_request(request) is None
    assert frames.parse_request(request[:-2] + b"\x00\x7d") is not None


def test_residents_of_thousands_of_digits_are_a_bad_line() -> None:
    areas = parsers()["areas-csv"]
    header = areas.seeds[0].partition(b"\n")[0]
    with pytest.raises(RegistryError, match="column residents"):
        areas.run(header + b"\nA,1,dwelling,60.5," + b"9" * 5000 + b",2026-09-01\n")


def test_a_request_of_another_version_is_refused() -> None:
    # Found by fuzzing: the library's InvalidVersion is no ValueError.
    der = ssl.PEM_cert_to_DER_cert(
        TlsKey.generate().request("edge-1").replace("CERTIFICATE REQUEST", "CERTIFICATE")
    ).replace(b"\x02\x01\x00", b"\x02\x01\x04", 1)
    pem = ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", "CERTIFICATE REQUEST")
    with pytest.raises(CertificateError, match="PKCS#10"):
        parse_request(pem)


def test_a_phone_whose_maker_has_a_key_of_no_kind_we_know_is_refused() -> None:
    # Found by fuzzing: the library passes on what is no error of its own and no ValueError.
    made = parsers()["passkey-made"]
    of_p256 = bytes.fromhex("06072a8648ce3d0201")
    (vouched,) = [one for one in made.seeds if b"packed" in one and of_p256 in one]
    assert made.run(made.seeds[0])
    with pytest.raises(PasskeyError, match="the answer of a phone"):
        made.run(vouched.replace(of_p256, of_p256[:-1] + b"\x09"))


def test_seeds_are_the_same_each_time() -> None:
    anew = parsers.__wrapped__()
    assert [name for name, one in parsers().items() if one.seeds != anew[name].seeds] == []


def test_the_same_seed_makes_the_same_inputs() -> None:
    batch = parsers()["topic"]
    assert fuzz(batch, 3, lambda done: done < 50) == fuzz(batch, 3, lambda done: done < 50)


def test_an_error_of_another_kind_is_found() -> None:
    def trusting(data: bytes) -> int:
        return data[data[0]]

    planted = Parser("planted", trusting, (ValueError,), (b"\x01\x02",))
    found = fuzz(planted, 1, lambda done: done < 500)
    assert [one.said.partition(":")[0] for one in found.findings] == ["IndexError"]
    with pytest.raises(IndexError):
        trusting(found.findings[0].data)


def test_a_bomb_is_found() -> None:
    planted = Parser("planted", lambda data: data * 5000, (), (b"1234" * 40,))
    assert "characters of 160 bytes" in fault(planted, planted.seeds[0], Watch())


def test_the_command_says_what_it_fed() -> None:
    result = CliRunner().invoke(
        command, ["--parser", "topic", "--parser", "hex", "--inputs", "50", "--jobs", "1", "--json"]
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [(one["parser"], one["inputs"], one["findings"]) for one in told] == [
        ("hex", 50, []),
        ("topic", 50, []),
    ]


def test_an_unknown_parser_is_wrong_usage() -> None:
    result = CliRunner().invoke(command, ["--parser", "nothing"])
    assert result.exit_code == 2
    assert "no parser 'nothing'" in result.stderr
