"""Naming the profile of a meter that was found: by its own samples, and never by a stranger's."""

from pathlib import Path

import pytest

from drivers import profile
from drivers.mbus import telegram
from drivers.mbus.picking import pick
from drivers.mbus.profile import MbusProfile
from drivers.mbus.recognise import recognise
from tests.drivers.mbus_meters import a_telegram, energy, volume
from tests.drivers.telegrams import FOLDER, SOUND, needs_telegrams, telegram_bytes

MODELS = [one for one in map(profile.load, profile.names()) if isinstance(one, MbusProfile)]
ONE = telegram.decode(a_telegram(energy(1), volume("2")))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_profile_is_recognised_by_its_samples(model: MbusProfile) -> None:
    for sample in model.samples:
        if sample.response is not None:
            raw = bytes.fromhex(sample.response)
        elif (path := FOLDER / str(sample.telegram)).is_file():
            raw = telegram_bytes(path)
        else:
            pytest.skip(f"the shared telegram {sample.telegram} is not here: set PLOMBA_SHARED")
        assert model.name in recognise([telegram.decode(raw)])


def test_the_header_decides_and_the_records_must_be_there() -> None:
    assert "kamstrup_multical" in recognise([ONE])
    assert recognise([ONE._replace(manufacturer="XQZ")]) == ()
    assert recognise([ONE._replace(medium="water")]) == ()
    assert recognise([ONE._replace(records=ONE.records[:1])]) == ()
    assert recognise([]) == ()


def test_two_telegrams_are_recognised_together() -> None:
    halves = [ONE._replace(records=ONE.records[:1]), ONE._replace(records=ONE.records[1:])]
    assert recognise(halves) == recognise([ONE])


@needs_telegrams
@pytest.mark.parametrize("path", SOUND, ids=lambda path: Path(path).stem)
def test_what_is_recognised_can_be_read(path: Path) -> None:
    one = telegram.decode(telegram_bytes(path))
    for name in recognise([one]):
        model = profile.load(name)
        assert isinstance(model, MbusProfile)
        if one.damage is None:
            assert pick(model, [one], b"\x00").values
