"""Planted secrets: whatever goes wrong, with debugging on, nothing that is said or kept has them.

Both programs run as processes with every logger at its most talkative and Python's own development
mode. Whatever they print, whatever they leave in their folder, is searched for the secrets.
"""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud_sync import private_file
from gateway.__main__ import main
from gateway.config import ConfigError, load
from tests.gateway.town import Town, local

ROOT = Path(__file__).parents[2]
WEBHOOK = "whsec_" + base64.b64encode(b"planted-webhook-secret-of-the-test").decode()
PEM = (
    Ed25519PrivateKey.from_private_bytes(b"planted-private-key-of-this-test")
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)
BODY = PEM.splitlines()[1]
METER_KEY = "00112233445566778899AABBCCDDEEFE"
PASSWORD = "planted-password"  # noqa: S105 - planted to be looked for
SECRETS = (WEBHOOK, WEBHOOK.removeprefix("whsec_"), BODY, METER_KEY, PASSWORD)
TALKATIVE = (
    "import logging, sys; logging.basicConfig(level=logging.DEBUG); sys.argv[0] = '{0}';"
    "from {0}.__main__ import main; main()"
)


def attempt(program: str, folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", TALKATIVE.format(program), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def leaks(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def kept(folder: Path, *but: str) -> list[str]:
    """The files of a folder that hold a secret, but for those whose business it is."""
    return [
        file.name
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in but and leaks(file.read_bytes().decode("latin-1"))
    ]


def private(file: Path, text: str, mode: int = 0o600) -> Path:
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


TARGET = (
    '[[billing.targets]]\nkind = "webhook"\nname = "erp"\nurl = "{url}"\nsecret_file = "{file}"\n'
)
BROKER = (
    '[broker]\nhost = "127.0.0.1"\n[broker.tls]\nca = "ca.pem"\ncert = "ca.pem"\nkey = "{key}"\n'
)
RULES = '[broker_rules]\ndirectory = "rules"\nca = "ca.pem"\ncert = "ca.pem"\nkey = "{key}"\n'
LEDGER = '[ledger]\nserver = "{}"\n'
RESIDENT = '[resident]\npublic_url = "https://meters.example"\n'
SIGN_IN = RESIDENT + (
    '[[resident.sign_in]]\nname = "bank"\ntitle_ru = "Банк"\ntitle_en = "Bank"\n'
    'issuer = "https://bank.example"\nclient_id = "plomba"\n{}\n'
)
MIRROR = '[mirror]\nkind = "influxdb"\nurl = "https://store.example"\n{}\n'
NOWHERE = "https://127.0.0.1:9/hook"
ONE_LINE = PEM.replace("\n", "\\n")
GATEWAY_MISTAKES = {
    "the webhook's secret instead of its file": TARGET.format(url=NOWHERE, file=WEBHOOK),
    "a password in an address": TARGET.format(
        url=f"https://user:{PASSWORD}@127.0.0.1/hook", file="webhook.secret"
    ),
    "a key instead of its file": f'key = "{ONE_LINE}"\n',
    "a secret under a key nobody knows": f'[billing]\nsecret = "{WEBHOOK}"\n',
    "a secret where a number belongs": f'[web]\nport = "{WEBHOOK}"\n',
    "a secret's file that others read": TARGET.format(url=NOWHERE, file="open.secret"),
    "a secret with a slip": TARGET.format(url=NOWHERE, file="slip.secret"),
    "a secret in another alphabet": TARGET.format(url=NOWHERE, file="cyrillic.secret"),
    "a TLS key that others read": BROKER.format(key="open.pem"),
    "a TLS key that is none": BROKER.format(key="slip.pem"),
    "a file that is not TOML": f"secret = {WEBHOOK}\n",
}

# Of the same kind, told before anything runs: looked at without a process of their own.
SECTION_MISTAKES = {
    "the broker's own key that others read": RULES.format(key="open.pem"),
    "the broker's own key instead of its file": RULES.format(key=ONE_LINE),
    "a database's password in its address": LEDGER.format(f"host=db passwd={PASSWORD}"),
    "a database's password's file that others read": LEDGER.format(
        'host=db"\npassword_file = "open.secret'
    ),
    "a mail server's password that others read": RESIDENT
    + 'smtp = { host = "mail.example", sender = "a@b.example", user = "a",'
    ' password_file = "open.secret" }\n',
    "a mail server's password instead of its file": RESIDENT
    + 'smtp = { host = "mail.example", sender = "a@b.example", user = "a",'
    f' password = "{PASSWORD}" }}\n',
    "a secret of texts that others read": RESIDENT
    + 'sms = { url = "https://sms.example/", json = { a = "{phone} {text}" },'
    ' secret_file = "open.secret" }\n',
    "a secret of texts in their form's headers": RESIDENT
    + 'sms = { url = "https://sms.example/", json = { a = "{phone} {text}" },'
    f' headers = {{ "x-key" = "{PASSWORD}" }} }}\n',
    "a provider's secret that others read": SIGN_IN.format('client_secret_file = "open.secret"'),
    "a provider's secret instead of its file": SIGN_IN.format(f'client_secret = "{PASSWORD}"'),
    "a provider's key that others read": SIGN_IN.format('key_file = "open.pem"'),
    "a mirror's token that others read": MIRROR.format('token_file = "open.secret"'),
    "a mirror's token instead of its file": MIRROR.format(f'token = "{PASSWORD}"'),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    private(tmp_path / "webhook.secret", WEBHOOK)
    private(tmp_path / "open.secret", WEBHOOK, 0o640)
    private(tmp_path / "slip.secret", f"{WEBHOOK}!!")
    private(tmp_path / "cyrillic.secret", f"{WEBHOOK}ы")
    private(tmp_path / "open.pem", PEM, 0o604)
    private(tmp_path / "slip.pem", PEM.replace("BEGIN PRIVATE", "BEGIN"))
    private(tmp_path / "ca.pem", "no certificate")
    private(tmp_path / "gateway.toml", 'data = "data"\n')
    made = CliRunner().invoke(main, ["init", "--config", str(tmp_path / "gateway.toml")])
    assert made.exit_code == 0, made.stderr
    return tmp_path


@pytest.mark.parametrize("mistake", GATEWAY_MISTAKES)
def test_a_mistake_of_the_gateways_configuration_shows_no_secret(
    folder: Path, mistake: str
) -> None:
    # Only the running gateway reads the broker's certificates.
    command = ("run",) if "TLS" in mistake else ("outbox", "deliver")
    private(folder / "bad.toml", f'data = "data"\n{GATEWAY_MISTAKES[mistake]}')
    code, out = attempt("gateway", folder, *command, "--config", "bad.toml")
    assert code == 1, out
    assert "Error: " in out
    assert "Traceback" not in out
    assert leaks(out) == []


@pytest.mark.parametrize("mistake", SECTION_MISTAKES)
def test_a_mistake_in_a_section_shows_no_secret(tmp_path: Path, mistake: str) -> None:
    private(tmp_path / "open.secret", WEBHOOK, 0o644)
    private(tmp_path / "open.pem", PEM, 0o604)
    file = private(tmp_path / "bad.toml", f'data = "data"\n{SECTION_MISTAKES[mistake]}')
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert "others read" not in mistake or "has rights 0" in str(refused.value)
    assert leaks(str(refused.value)) == []


def test_the_ledger_is_its_owners_also_in_a_folder_that_others_may_look_into(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    made = CliRunner().invoke(main, ["init", "--data", str(tmp_path / "data")])
    assert made.exit_code == 0, made.stderr
    files = {one.name: one.stat().st_mode & 0o077 for one in (tmp_path / "data").iterdir()}
    assert {name for name, others in files.items() if others} == {"gateway.pem"}


def test_a_key_in_the_environment_is_not_repeated(folder: Path) -> None:
    code, out = attempt("gateway", folder, "init", PLOMBA_GATEWAY_KEY=PEM)
    assert (code, leaks(out)) == (1, [])
    assert "not the secret itself" in out


class _Refusing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Refuse, and repeat what came: the worst a receiver can do."""
        self.rfile.read(int(self.headers["content-length"]))
        words = f"{self.path} {dict(self.headers)}".encode()
        self.send_response(400)
        self.send_header("content-length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Refusing)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_refused_webhook_leaves_no_secret_in_the_ledger_or_in_words(
    folder: Path, receiver: str
) -> None:
    private(
        folder / "gateway.toml",
        'data = "data"\n' + TARGET.format(url=receiver, file="webhook.secret"),
    )
    town = Town(folder / "data")
    town.install("A1", town.point("P1"))
    town.read("A1", local(10, 1), 12_000)
    town.send()
    town.store.close()
    said = [
        attempt("gateway", folder, *command)
        for command in (
            ("close-period", "2026-09"),
            ("outbox", "deliver"),
            ("outbox", "list", "--json"),
            ("audit", "list", "--json"),
            ("export", "csv", "--out", "out.csv"),
        )
    ]
    assert {code for code, _ in said} == {0}
    assert "webhook-timestamp" in said[2][1]
    assert leaks("".join(out for _, out in said)) == []
    assert kept(folder / "data") == []
    assert leaks((folder / "out.csv.manifest.json").read_text()) == []


def test_a_token_is_printed_once_and_kept_by_nobody(folder: Path) -> None:
    code, out = attempt("gateway", folder, "api-token", "erp")
    assert code == 0
    (token,) = (word for word in out.split() if word.startswith("plomba_erp."))
    files = [file for file in (folder / "data").rglob("*") if file.is_file()]
    assert [file for file in files if token.encode() in file.read_bytes()] == []
    private(folder / "data" / "api-clients" / "erp", "x", 0o644)
    for command in (("audit", "list"), ("api-token", "erp", "--revoke")):
        assert token not in attempt("gateway", folder, *command)[1]


EDGE = (
    '[device]\nname = "edge-1"\nkey = "{key}"\ngateway_key = "gateway.pem"\nstate_dir = "."\n'
    '{more}[broker]\nhost = "127.0.0.1"\n{tls}\n[[lines]]\nname = "l"\nurl = "tcp://127.0.0.1:9"\n'
)
IN_CLEAR = "port = 9\nwithout_tls = true"
EDGE_MISTAKES = {
    "a key instead of its file": EDGE.format(key=ONE_LINE, more="", tls=IN_CLEAR),
    "a key that others read": EDGE.format(key="open.pem", more="", tls=IN_CLEAR),
    "a key that is none": EDGE.format(key="slip.pem", more="", tls=IN_CLEAR),
    "meter keys that others read": EDGE.format(
        key="good.pem", more='meter_keys = "open.toml"\n', tls=IN_CLEAR
    ),
    "meter keys with a slip": EDGE.format(
        key="good.pem", more='meter_keys = "slip.toml"\n', tls=IN_CLEAR
    ),
    "meter keys that are no TOML": EDGE.format(
        key="good.pem", more='meter_keys = "none.toml"\n', tls=IN_CLEAR
    ),
    "a meter's key instead of the file": EDGE.format(
        key="good.pem", more=f'meter_keys = "{METER_KEY}"\n', tls=IN_CLEAR
    ),
    "a TLS key that is none": EDGE.format(
        key="good.pem", more="", tls='ca = "ca.pem"\ncert = "ca.pem"\ncert_key = "slip.pem"'
    ),
    "a TLS key that others read": EDGE.format(
        key="good.pem", more="", tls='ca = "ca.pem"\ncert = "ca.pem"\ncert_key = "open.pem"'
    ),
}


@pytest.mark.parametrize("mistake", EDGE_MISTAKES)
def test_a_mistake_of_the_edges_configuration_shows_no_secret(folder: Path, mistake: str) -> None:
    # The doctor goes on where the agent would stop, and so says the most.
    command = "doctor"
    private(folder / "good.pem", PEM)
    private(folder / "open.toml", f'"12345678" = "{METER_KEY}"\n', 0o644)
    private(folder / "slip.toml", f'"12345678" = "{METER_KEY}00"\n')
    private(folder / "none.toml", f"12345678 = {METER_KEY}\n")
    private(folder / "edge.toml", EDGE_MISTAKES[mistake])
    (folder / "gateway.pem").write_bytes((folder / "data" / "gateway.pem").read_bytes())
    code, out = attempt("edge", folder, command, "--config", "edge.toml")
    assert code != 0, out
    assert "others read" not in mistake or "has rights 0" in out, out
    assert "Traceback" not in out
    assert leaks(out) == []


@pytest.mark.parametrize(
    ("mode", "others", "is_refused"),
    [
        (0o600, private_file.OWNER_ONLY, False),
        (0o400, private_file.OWNER_ONLY, False),
        (0o640, private_file.OWNER_ONLY, True),
        (0o604, private_file.OWNER_ONLY, True),
        (0o640, private_file.OWNER_AND_GROUP, False),
        (0o644, private_file.OWNER_AND_GROUP, True),
    ],
)
def test_who_may_read_a_secret(tmp_path: Path, mode: int, others: int, is_refused: bool) -> None:
    file = private(tmp_path / "secret", "x", mode)
    if not is_refused:
        private_file.check(file, "secret", others)
        return
    with pytest.raises(private_file.KeyFileError, match=f"has rights {mode:04o}"):
        private_file.check(file, "secret", others)
    private_file.refuse_open(tmp_path / "none")


@pytest.mark.parametrize(
    "secret", [WEBHOOK, PEM, METER_KEY, f"https://a:{PASSWORD}@h/", "plomba_x"]
)
def test_what_looks_like_a_secret_is_not_shown(secret: str) -> None:
    assert private_file.shown(secret) == "(not shown: it looks like a secret)"
    assert private_file.shown("gateway.key") == "'gateway.key'"
