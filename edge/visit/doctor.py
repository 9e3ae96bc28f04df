"""The device itself, looked at for a person with a phone: clock, key, enrolment, gateway, spool."""

import asyncio
from collections.abc import Iterator

from cloud_sync.signing import KeyFileError
from cloud_sync.visit import Check
from drivers.reading import ClockState
from edge import enrolled, https, identity
from edge.clock import Stamp
from edge.config import ConfigError, EdgeConfig
from edge.enrolment import Post
from edge.spool import SpoolError, glance
from edge.visit import binding, delivering
from edge.visit.core import VisitError
from edge.visit.findings import check


async def examine(config: EdgeConfig, now: Stamp, post: Post = https.post) -> tuple[Check, ...]:
    """One check for each thing. A gateway that can be reached gives its list of points anew."""
    gateway = await asyncio.to_thread(_gateway, config, now, post)
    return (*_standing(config, now), gateway, _points(config))


def _standing(config: EdgeConfig, now: Stamp) -> Iterator[Check]:
    if now.state in (ClockState.SYNCHRONISED, ClockState.INFORMATIVE):
        yield check("clock", "clock-known", str(now.error_s))
    else:
        yield check("clock", "clock-unknown")
    try:
        yield check("key", "key", identity.signing_key(config.device.key).public.fingerprint)
    except KeyFileError as error:
        yield check("key", "no-key", str(error))
    try:
        found = glance(config.device.state_dir)
        yield check("spool", "spool", str(0 if found is None else found.waiting))
    except SpoolError as error:
        yield check("spool", "spool-bad", str(error))


def _gateway(config: EdgeConfig, now: Stamp, post: Post) -> Check:
    try:
        known = enrolled.load(config.device.state_dir)
    except ConfigError as error:
        return check("gateway", "gateway-away", str(error))
    if known is None:
        return check("gateway", "not-enrolled")
    try:
        delivering.fetch_points(config, now.utc_ms, post)
    except delivering.NotSent as error:
        return check("gateway", "gateway-away", str(error))
    return check("gateway", "gateway-answers", known.gateway)


def _points(config: EdgeConfig) -> Check:
    try:
        points = binding.points_of(config)
    except VisitError as error:
        return check("points", "no-points", str(error))
    if points is None:
        return check("points", "no-points", binding.FILE)
    return check("points", "points", str(len(points.points)))
