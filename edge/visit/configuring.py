"""What a visit changes in edge.toml: meters that come, go, or are called otherwise now.

The file belongs to people: comments, order and spelling stay (tomlkit), and what the new text says
is compared with what it should say before anything takes its place. All of it counts from the file
as it is, so that doing it again after a power cut changes nothing more.
"""

import tomllib
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Table

from drivers.driver import Found
from edge import config as configuration
from edge import files
from edge.config import EdgeConfig
from edge.scan.entries import entry_of
from edge.scan.writing import Entry, WritingError, extend

Keys = Mapping[str, str | int]
# What names a meter and where it is asked: of an exchanged meter these are the new one's.
_IDENTITY = ("serial", "profile", "address", "expect_id", "interval_s")


class Coming(NamedTuple):
    """A meter that should stand in the configuration; `replaces` or `was` is its entry's serial."""

    line: str
    found: Found
    serial: str
    profile: str
    was: str = ""


def write(path: Path, coming: Sequence[Coming], going: Sequence[str]) -> EdgeConfig:
    """Bring the file up to date; the configuration it says then.

    ConfigError or WritingError, and nothing changed, where it cannot be extended or would not do.
    """
    text = configuration.read_text(path)
    config = configuration.parse(text, path)
    changed = text
    changes = _changes(config, coming)
    gone = [serial for serial in going if serial in _serials(config)]
    if changes or gone:
        changed = rewrite(changed, changes, gone)
    entries = _entries(config, coming)
    if entries:
        changed = extend(changed, entries, [])
    return _kept(path, text, changed)


def set_line(path: Path, name: str, keys: Mapping[str, str | bool]) -> EdgeConfig:
    """Set a line's `url` or `echo`; the configuration it says then. ConfigError if it would not do.

    A speed that stands beside the url follows it.
    """
    text = configuration.read_text(path)
    try:
        document, expected = tomlkit.parse(text), tomllib.loads(text)
        lines = document["lines"]
        if not isinstance(lines, AoT):
            raise WritingError("expected each line under a [[lines]] of its own: change it by hand")
        for line, plain in zip(lines, expected["lines"], strict=True):
            if plain["name"] == name:
                _set(line, keys)
                _set(plain, keys)
        changed = tomlkit.dumps(document)
        is_right = tomllib.loads(changed) == expected
    except (TOMLKitError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise WritingError(f"cannot change this file: {error}; change it by hand") from error
    if not is_right:
        raise WritingError("the file is written in a way that cannot be changed: do it by hand")
    return _kept(path, text, changed)


def _set(line: MutableMapping[str, Any], keys: Mapping[str, str | bool]) -> None:
    line.update(keys)
    if "url" in keys:
        line.pop("baud", None)


def _kept(path: Path, text: str, changed: str) -> EdgeConfig:
    """The new text in the file's place, if it is a configuration at all."""
    result = configuration.parse(changed, path)
    if changed != text:
        try:
            files.replace(path, changed.encode())
        except OSError as error:
            raise WritingError(f"cannot write {path}: {error.strerror}") from error
    return result


def rewrite(text: str, changes: Mapping[str, Keys], gone: Sequence[str]) -> str:
    """The text with meters' keys exchanged and meters removed, by the serials they have there."""
    try:
        document = tomlkit.parse(text)
        lines = document["lines"]
        if not isinstance(lines, AoT):
            raise WritingError("expected each line under a [[lines]] of its own: change it by hand")
        for line in lines:
            _rewrite_line(line, changes, gone)
        rewritten = tomlkit.dumps(document)
        is_right = tomllib.loads(rewritten) == _expected(text, changes, gone)
    except (TOMLKitError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise WritingError(f"cannot change this file: {error}; change it by hand") from error
    if not is_right:
        raise WritingError("the file is written in a way that cannot be changed: do it by hand")
    return rewritten


def _rewrite_line(line: Table, changes: Mapping[str, Keys], gone: Sequence[str]) -> None:
    meters = line.get("meters")
    if not isinstance(meters, AoT):
        return
    for meter in meters:
        keys = changes.get(str(meter["serial"]))
        if keys is None:
            continue
        for name in _IDENTITY:
            if name in keys:
                meter[name] = keys[name]
            elif name in meter and name == "expect_id":
                del meter[name]
    for number in reversed(range(len(meters))):
        if str(meters[number]["serial"]) in gone:
            del meters[number]
    if not len(meters):
        del line["meters"]


def _expected(text: str, changes: Mapping[str, Keys], gone: Sequence[str]) -> dict[str, Any]:
    document = tomllib.loads(text)
    for line in document["lines"]:
        if "meters" not in line:
            continue
        line["meters"] = [
            _changed(meter, changes.get(meter["serial"]))
            for meter in line["meters"]
            if _changed(meter, changes.get(meter["serial"]))["serial"] not in gone
        ]
        if not line["meters"]:
            del line["meters"]
    return document


def _changed(meter: dict[str, Any], keys: Keys | None) -> dict[str, Any]:
    if keys is None:
        return meter
    kept = {name: value for name, value in meter.items() if name != "expect_id"}
    return kept | dict(keys)


def _serials(config: EdgeConfig) -> set[str]:
    return {meter.serial for _, meter in config.meters}


def _changes(config: EdgeConfig, coming: Sequence[Coming]) -> dict[str, Keys]:
    """The new keys of entries that stand there under another serial or profile."""
    there = {meter.serial: (line.name, meter) for line, meter in config.meters}
    changes: dict[str, Keys] = {}
    for one in coming:
        old = one.was or one.serial
        if old not in there or there[old][0] != one.line:
            continue
        meter = there[old][1]
        keys = _keys(config, one)
        if (meter.serial, meter.profile, meter.address) != (
            one.serial,
            one.profile,
            one.found.address,
        ):
            changes[old] = keys
    return changes


def _entries(config: EdgeConfig, coming: Sequence[Coming]) -> list[Entry]:
    there = _serials(config)
    by_line = {meter.serial: line.name for line, meter in config.meters}
    return [
        Entry(one.line, one.found, dict(_keys(config, one)), {})
        for one in coming
        if one.serial not in there and by_line.get(one.was) != one.line
    ]


def _keys(config: EdgeConfig, one: Coming) -> Keys:
    entry = entry_of(one.found._replace(profiles=(one.profile,)), one.line, set(), config.zone)
    return entry.keys | {"serial": one.serial}
