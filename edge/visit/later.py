"""Later visits: a meter exchanged in three steps, one taken away, a device in another's place.

An exchange is the old meter's final value (read, seen on its dial, or none for a reason), the new
meter (found on the bus or typed), and its opening value as with any meter.
"""

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from cloud_sync.visit import EVENTS_MAX, LEVELS_MAX, NAME_MAX, WORDS_MAX, Level
from drivers import profile
from drivers.driver import Found
from edge import app
from edge.config import ConfigError, EdgeConfig, LineConfig, MeterConfig, parse
from edge.visit import asking, binding, dial, finding
from edge.visit.base import words
from edge.visit.core import VisitError
from edge.visit.draft import Back, DeviceWas, Draft, Gone, GoneDraft, MeterDraft
from edge.visit.meters import Meters

# The configuration of 16 lines with 250 meters each, with a person's comments.
CARD_BYTES_MAX = 2 * 1024 * 1024


class Later(Meters):
    """Steps with meters and devices that go."""

    async def read_final(self, serial: str, *, is_exchange: bool = True) -> GoneDraft:
        """Ask a configured meter for its final values; VisitError where it does not give them."""
        line, meter = self._configured(serial)
        found = Found(meter.protocol, meter.address, meter.expect_id, profiles=(meter.profile,))
        asked = MeterDraft(
            key="", line=line.name, found=found, serial=serial, profile=meter.profile
        )
        conf = self.config
        async with self.lines.held():
            with app.reads_of(conf, self.clock.now()) as reads:
                means = asking.Means(conf, asking.keys_of(conf), reads, self.clock)
                talking = asking.line_of(line, self.open_link)
                try:
                    answered = await asking.ask(talking, asked, means)
                finally:
                    await talking.close()
        if not answered.levels:
            raise VisitError(
                f"{serial} gave no value: {answered.problem}; read its dial, or say why there is "
                "no final value"
            )
        return self._go(
            GoneDraft(
                serial=serial,
                at=self.now(),
                is_exchange=is_exchange,
                final=answered.levels,
                final_source="read",
            )
        )

    def final_seen(
        self, serial: str, seen: Mapping[str, str], *, is_exchange: bool = True, reason: str = ""
    ) -> GoneDraft:
        """Final values from the dial, by register."""
        known = {level.obis: level for level in self.registers_of(serial)}
        foreign = sorted(seen.keys() - known.keys())
        if foreign:
            raise VisitError(f"{serial} has no register {foreign[0][:NAME_MAX]!r}")
        try:
            levels = tuple(dial.typed(text, known[o]) for o, text in seen.items() if text.strip())
        except dial.NotANumber as error:
            raise VisitError(str(error)) from error
        if not levels:
            raise VisitError(f"expected a final value of {serial}, or a reason why there is none")
        return self._go(
            GoneDraft(
                serial=serial,
                at=self.now(),
                is_exchange=is_exchange,
                final=levels,
                final_source="dial",
                reason=words(reason, WORDS_MAX, "the reason"),
            )
        )

    def final_none(self, serial: str, reason: str, *, is_exchange: bool = True) -> GoneDraft:
        """There is no final value, for a reason: the meter is dead, its dial cannot be read."""
        if not reason.strip():
            raise VisitError(f"expected a reason why {serial} has no final value")
        return self._go(
            GoneDraft(
                serial=serial,
                at=self.now(),
                is_exchange=is_exchange,
                final_source="none",
                reason=words(reason, WORDS_MAX, "the reason"),
            )
        )

    def replace_with(self, serial: str, key: str) -> GoneDraft:
        """The meter of `key` came in the place of `serial`, also at its metering point."""
        gone = self._gone(serial)
        if not gone.is_exchange:
            raise VisitError(f"{serial} is taken away in this visit, not exchanged")
        meter = self.meter(key)
        if meter.serial == serial:
            raise VisitError(f"expected the new meter, {serial} is the one that goes")
        if meter.replaces not in ("", serial):
            raise VisitError(f"{meter.serial} came in the place of {meter.replaces} already")
        point = meter.point
        if not point:
            # An old meter without a bus is known by the point that waits for its successor.
            waiting = binding.expected(self.free_points(), serial)
            point = "" if waiting is None else waiting.point
        self._put(replace(meter, replaces=serial, point=point, left_out=""))
        return self._note_gone(replace(gone, replaced_by=key))

    def stays(self, serial: str) -> Draft:
        """The meter does not go after all."""
        gone = self._gone(serial)
        if gone.replaced_by:
            self._put(replace(self.meter(gone.replaced_by), replaces=""))
        return self.book.note(Back(serial))

    def registers_of(self, serial: str) -> tuple[Level, ...]:
        """The registers a meter that goes has on its dial, with zeros for values."""
        found = next((one for _, one in self.config.meters if one.serial == serial), None)
        if found is not None:
            registers = profile.load(found.profile).registers
            levels = (Level(r.obis, 0, r.exponent, r.unit, r.digits) for r in registers)
            return dial.shown(levels)[:LEVELS_MAX]
        points = self.points()
        for point in points.points if points is not None else ():
            if point.serial == serial:
                return tuple(
                    Level(r.obis, 0, r.exponent, r.unit, r.digits) for r in point.registers
                )[:LEVELS_MAX]
        raise VisitError(f"no meter {serial[:NAME_MAX]!r} is known here: its registers are neither")

    def take_over(self, old_edge_toml: bytes) -> Draft:
        """Read on the meters of the device whose configuration this was: the card was exchanged.

        Its lines must be called as here; the meters are then read and confirmed as new ones are.
        """
        old = old_card(old_edge_toml)
        here = {line.name: line for line in self.config.lines}
        if old.device.name == self.config.device.name:
            raise VisitError(
                f"the old card's device is called {old.device.name} as this one: a new card has a "
                "name of its own"
            )
        strange = [line.name for line, _ in old.meters if line.name not in here]
        if strange:
            raise VisitError(
                f"the old card has a line {strange[0]!r}, this one has {', '.join(here)}: name the "
                "lines alike in edge.toml"
            )
        for line, meter in old.meters:
            self._put_old(here[line.name], meter)
        serials = tuple(meter.serial for _, meter in old.meters)
        return self.book.note(DeviceWas(old.device.name, serials, self.now()))

    def _put_old(self, line: LineConfig, meter: MeterConfig) -> None:
        found = Found(meter.protocol, meter.address, meter.expect_id, profiles=(meter.profile,))
        key = finding.key_of(line.name, found)
        if key in self.open.meters:
            return
        is_known = any(one.serial == meter.serial for _, one in self.config.meters)
        self._put(
            MeterDraft(
                key=key,
                line=line.name,
                found=found,
                serial=meter.serial,
                known=is_known,
                configured_as=meter.serial if is_known else "",
                profile=meter.profile,
            )
        )

    def _configured(self, serial: str) -> tuple[LineConfig, MeterConfig]:
        for line, meter in self.config.meters:
            if meter.serial == serial:
                return line, meter
        raise VisitError(f"no meter {serial[:NAME_MAX]!r} in the configuration")

    def _gone(self, serial: str) -> GoneDraft:
        gone = self.open.gone.get(serial)
        if gone is None:
            raise VisitError(f"{serial[:NAME_MAX]!r} does not go in this visit")
        return gone

    def _go(self, gone: GoneDraft) -> GoneDraft:
        """Note that a meter goes; of one that went before, what came in its place stays."""
        finding.check_serial(gone.serial)
        before = self.open.gone.get(gone.serial)
        if before is not None and gone.is_exchange:
            gone = replace(gone, replaced_by=before.replaced_by)
        return self._note_gone(gone)

    def _note_gone(self, gone: GoneDraft) -> GoneDraft:
        self.book.note(Gone(gone))
        return gone


def old_card(data: bytes) -> EdgeConfig:
    """The configuration of another card; VisitError for anything else."""
    if len(data) > CARD_BYTES_MAX:
        raise VisitError(f"expected an edge.toml of at most {CARD_BYTES_MAX} bytes")
    try:
        old = parse(data.decode(), Path("edge.toml"))
    except (UnicodeDecodeError, ConfigError) as error:
        raise VisitError(f"the old card's configuration: {error}") from error
    if not old.meters:
        raise VisitError("the old card's configuration has no meters")
    if len(old.meters) > EVENTS_MAX:
        raise VisitError(f"one visit takes over at most {EVENTS_MAX} meters")
    return old
