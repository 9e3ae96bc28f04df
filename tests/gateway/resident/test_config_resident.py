"""The section [resident]: each value checked before anything starts, secrets in files only."""

import re
from datetime import time
from pathlib import Path

import pytest

from gateway.config import load
from gateway.config_base import ConfigError
from gateway.resident.model import Channel, ResidentError
from gateway.resident.wired import rules_of, senders_of

WHOLE = """
data = "data"
[resident]
public_url = "https://meters.example"
office = "УК Лесная"
reminder_days = [5, 2]
quiet_from = 22:00:00
quiet_until = 08:00:00
[resident.smtp]
host = "mail.example"
sender = "meters@house.example"
user = "meters"
password_file = "smtp.password"
[resident.sms]
url = "https://sms.example/send"
secret_file = "sms.token"
json = { to = "{phone}", text = "{text}", key = "{id}" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("smtp.password", "sms.token"):
        (tmp_path / name).write_text("secret\n", encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    return tmp_path


def loaded(folder: Path, text: str = WHOLE) -> object:
    file = folder / "gateway.toml"
    file.write_text(text, encoding="utf-8")
    return load(file).resident


def test_a_whole_section_says_what_is_done(folder: Path) -> None:
    file = folder / "gateway.toml"
    file.write_text(WHOLE, encoding="utf-8")
    section = load(file).resident
    assert section is not None
    assert (section.host, section.port, section.enabled) == ("127.0.0.1", 8090, True)
    assert "meters.example" in section.names
    rules = rules_of(section)
    assert rules.reminder_days == (5, 2)
    assert rules.quiet == (time(22), time(8))
    assert rules.channels == set(Channel)
    assert senders_of(section).keys() == set(Channel)


def test_the_example_of_the_guide_can_be_used_as_it_stands(folder: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs/resident.md").read_text(encoding="utf-8")
    example, *_ = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    example = re.sub(r"^# ", "", example, flags=re.MULTILINE)
    (folder / "mail-ca.pem").touch()
    file = folder / "gateway.toml"
    file.write_text(f'data = "data"\n{example}', encoding="utf-8")
    section = load(file).resident
    assert section is not None
    assert section.smtp is not None
    assert section.sms is not None
    assert (section.smtp.port, section.sms.auth_header) == (587, "X-Api-Key")
    assert section.reminder_days == (3, 1)


def test_a_certificate_that_cannot_be_used_is_said(folder: Path) -> None:
    file = folder / "gateway.toml"
    (folder / "empty.pem").touch()
    text = WHOLE.replace('user = "meters"', 'user = "meters"\nca = "empty.pem"')
    file.write_text(text, encoding="utf-8")
    section = load(file).resident
    assert section is not None
    with pytest.raises(ResidentError, match=r"smtp\.ca: cannot use"):
        senders_of(section)


def test_without_the_section_nobody_is_asked(folder: Path) -> None:
    assert loaded(folder, 'data = "data"\n') is None


def test_without_a_way_to_write_there_is_the_notice(folder: Path) -> None:
    file = folder / "gateway.toml"
    file.write_text('data = "d"\n[resident]\npublic_url = "https://m.example"\n', encoding="utf-8")
    section = load(file).resident
    assert section is not None
    assert rules_of(section).channels == frozenset()


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("https://meters.example", "http://meters.example", "public_url: expected an https"),
        ("https://meters.example", "https://meters.example/x", "public_url: expected an address"),
        ('sender = "meters@house.example"', 'sender = "meters"', "expected an e-mail address"),
        ('host = "mail.example"', 'host = "mail.example"\nsecurity = "none"', "in clear"),
        ('user = "meters"\n', "", "give user and password_file, or neither"),
        ("https://sms.example/send", "http://sms.example/send", "sms.url: expected"),
        ("{text}", "text", "sms.json: expected {text} in one of its texts"),
        ("[5, 2]", "[0]", "reminder_days.0"),
        ("[5, 2]", "[1, 2, 3, 4, 5]", "reminder_days"),
        ('office = "УК Лесная"', 'ofice = "x"', "resident.ofice: unknown key"),
        ('"smtp.password"', '"whsec_c2VjcmV0"', "expected the name of a file that holds it"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_with_its_key(
    folder: Path, was: str, becomes: str, said: str
) -> None:
    assert was in WHOLE
    with pytest.raises(ConfigError) as refused:
        loaded(folder, WHOLE.replace(was, becomes))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_secret_that_others_may_read_is_refused(folder: Path) -> None:
    (folder / "sms.token").chmod(0o644)
    with pytest.raises(ConfigError, match="rights 0644, expected 0600"):
        loaded(folder)


def test_a_form_without_an_end_is_refused(folder: Path) -> None:
    deep = '{ a = { b = { c = { d = { to = "{phone}", text = "{text}" } } } } }'
    with pytest.raises(ConfigError, match="at most 4 levels"):
        loaded(folder, WHOLE.replace('{ to = "{phone}", text = "{text}", key = "{id}" }', deep))
