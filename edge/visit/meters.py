"""The meters of a visit as a person sees them: compared with their dials, described, bound."""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from cloud_sync.points import Points, WaitingPoint
from cloud_sync.visit import NAME_MAX, PHOTOS_MAX, WORDS_MAX
from edge.visit import binding, dial, finding, photo, recording
from edge.visit.base import words
from edge.visit.bus import OnTheBus
from edge.visit.core import VisitError
from edge.visit.draft import MeterDraft

# What a seal's number begins with, and the digits that count up.
_NUMBERED = re.compile(r"(.*?)([0-9]{1,18})", re.ASCII | re.DOTALL)


class Meters(OnTheBus):
    """What a person says of meters, and where they belong."""

    def look(self, key: str, seen: Mapping[str, str]) -> dial.Look:
        """Compare typed values, by register, with what the meter said; nothing is written."""
        meter = self.meter(key)
        others = (
            dial.Other(one.serial, one.levels)
            for one in self.open.meters.values()
            if one.key != key
        )
        try:
            return dial.look(meter.levels, seen, others)
        except dial.NotANumber as error:
            raise VisitError(str(error)) from error

    def confirm(
        self, key: str, seen: Mapping[str, str] | None = None, remark: str = ""
    ) -> MeterDraft:
        """Take the meter in with the values a person saw; None: the same as were read.

        {} says that nobody looked. Values that differ need a remark.
        """
        meter = self.meter(key)
        if not meter.levels:
            raise VisitError(
                f"{meter.serial} has not been read: {meter.problem or 'read it first'}"
            )
        said = words(remark, WORDS_MAX, "the remark")
        if seen is None:
            levels = meter.levels
        elif not seen:
            levels = ()
        else:
            looked = self.look(key, seen)
            if not looked.agrees and not said:
                raise VisitError(
                    f"{meter.serial} shows something else than it says: read it again, or say why"
                )
            levels = looked.levels
        return self._put(
            replace(meter, dial=levels, confirmed=True, left_out="", remark=said or meter.remark)
        )

    def confirm_expected(self) -> tuple[str, ...]:
        """Take in all meters that were read and whose serial a free point expects, unseen.

        One that counts something else than its point waits for is looked at by a person.
        """
        done = []
        for meter in list(self.open.meters.values()):
            point = self.proposal(meter.key)
            is_new = not meter.confirmed and not meter.left_out and not meter.in_place_of
            if point is None or not binding.fits(point, meter.profile):
                continue
            if is_new and meter.levels and meter.serial_told:
                self.bind(meter.key, point.point)
                self.confirm(meter.key, {})
                done.append(meter.key)
        return tuple(done)

    def describe(
        self,
        key: str,
        *,
        place: str | None = None,
        seal: str | None = None,
        serial: str | None = None,
        profile: str | None = None,
    ) -> MeterDraft:
        """Say where it hangs, its seal's number, its serial, or what model it is."""
        meter = self.meter(key)
        if place is not None:
            meter = replace(meter, place=words(place, WORDS_MAX, "the place"))
        if seal is not None:
            meter = replace(meter, seal=words(seal, NAME_MAX, "the seal's number"))
        if serial is not None:
            finding.check_serial(serial.strip())
            meter = replace(meter, serial=serial.strip(), serial_told=meter.serial_told)
        if profile is not None and profile != meter.profile:
            if finding.profile_called(profile).protocol != meter.found.protocol:
                raise VisitError(f"{meter.key} speaks {meter.found.protocol}, {profile} does not")
            # What was read by another profile is no value of this one.
            meter = replace(meter, profile=profile, levels=(), dial=(), confirmed=False)
        return self._put(meter)

    def next_seal(self) -> str:
        """The number after the highest seal of this visit, for a roll of seals; "" without one."""
        seals = [one.seal for one in self.open.meters.values() if one.seal]
        numbered = [found for found in map(_NUMBERED.fullmatch, seals) if found is not None]
        if not numbered:
            return ""
        last = max(numbered, key=lambda found: int(found[2]))
        return f"{last[1]}{int(last[2]) + 1:0{len(last[2])}}"

    def leave_out(self, key: str, reason: str) -> MeterDraft:
        """The meter stays out of this visit's record, for a reason."""
        said = words(reason, WORDS_MAX, "the reason")
        if not said:
            raise VisitError("expected a reason why the meter is left out")
        return self._put(replace(self.meter(key), left_out=said, confirmed=False))

    def take_in(self, key: str) -> MeterDraft:
        """The meter is not left out after all."""
        return self._put(replace(self.meter(key), left_out=""))

    def add_photo(self, key: str, jpeg: bytes) -> str:
        """Keep a photo of a meter, stripped of what its camera wrote; its SHA-256 in hex."""
        meter = self.meter(key)
        try:
            kept = photo.stripped(jpeg)
        except photo.NotAPhoto as error:
            raise VisitError(str(error)) from error
        if len(meter.photos) >= PHOTOS_MAX:
            raise VisitError(f"{PHOTOS_MAX} photos of a meter are kept: remove one first")
        name = self.book.keep_photo(kept)
        if name not in meter.photos:
            self._put(replace(meter, photos=(*meter.photos, name)))
        return name

    def drop_photo(self, key: str, sha256: str) -> MeterDraft:
        """The photo is not of this meter after all."""
        meter = self.meter(key)
        return self._put(replace(meter, photos=tuple(p for p in meter.photos if p != sha256)))

    def add_typed(
        self, line: str, protocol: str, address: str, profile: str, serial: str
    ) -> MeterDraft:
        """A meter that no search finds; it is read as the others are."""
        known = {one.name: one for one in self.config.lines}
        if line not in known:
            raise VisitError(f"no line {line[:NAME_MAX]!r}; there are: {', '.join(known)}")
        meter = finding.typed(known[line], address, profile, serial.strip())
        if meter.found.protocol != protocol:
            raise VisitError(f"{profile} speaks {meter.found.protocol}, not {protocol}")
        if meter.key in self.open.meters:
            raise VisitError(f"{meter.key} is in this visit already")
        return self._put(meter)

    def points(self) -> Points | None:
        """The metering points that wait for a meter; None without a list."""
        return binding.points_of(self.config)

    def free_points(self) -> tuple[WaitingPoint, ...]:
        """Those to which no meter of this visit is bound yet."""
        return binding.free(self.points(), self.open)

    def proposal(self, key: str) -> WaitingPoint | None:
        """The point that expects the meter's serial, if it is free."""
        return binding.expected(self.free_points(), self.meter(key).serial)

    def bind(self, key: str, point: str) -> MeterDraft:
        """Bind a meter to a point by its name or its number; "" leaves it to the operator."""
        meter = self.meter(key)
        named = binding.named(self.points(), point.strip())
        taken = [one for one in recording.bound(self.open, named) if one.key != key]
        if named and taken:
            raise VisitError(f"{named} has meter {taken[0].serial} in this visit already")
        return self._put(replace(meter, point=named))
