"""The agent's side of its identity: enrol before the first read, renew while running.

A gateway that is away, or refuses, is asked again; meanwhile nothing else of the device suffers.
"""

import asyncio
from pathlib import Path

import structlog

from cloud_sync.certificates import CertificateError
from cloud_sync.ladder import Step, step_of
from cloud_sync.signing import KeyFileError
from edge import enrolment, https, identity
from edge.clock import Clock
from edge.config import ConfigError, EdgeConfig
from edge.enrolled import load
from edge.enrolment import NotEnrolled, NotYet, Post
from edge.identity import HeldKey
from edge.pulse import Pulse

log = structlog.get_logger("edge.identity")

# Asked again: a gateway that was away is back within minutes; a refusal takes a person to undo.
AWAY_S, REFUSED_S = 30.0, 900.0
# A third of a short life of a day is eight hours: looking each hour is often enough for any.
LOOK_S = 3600.0
# One try over a road that loses much; each of its few questions has a bound of its own.
TRY_S = 300.0
_ERRORS = (CertificateError, ConfigError, KeyFileError, NotEnrolled, NotYet)


async def until_enrolled(
    config: EdgeConfig, post: Post = https.post, *, pulse: Pulse | None = None
) -> None:
    """Return once this device is enrolled; without [enrolment] at once."""
    pulse = pulse or Pulse()
    try:
        await _until_enrolled(config, post, pulse)
    finally:
        pulse.forget("enrolment")


async def _until_enrolled(config: EdgeConfig, post: Post, pulse: Pulse) -> None:
    section = config.enrolment
    if section is not None and load(config.device.state_dir) is not None:
        _erase_what_is_left(config, section.invitation)
    while section is not None and load(config.device.state_dir) is None:
        pulse.expect("enrolment", TRY_S)
        try:
            done = await asyncio.to_thread(enrolment.enrol, config, section.invitation, post)
        except NotYet as error:
            log.warning("not enrolled yet", reason=str(error))
            pulse.expect("enrolment", AWAY_S)
            await asyncio.sleep(AWAY_S)
        except NotEnrolled as error:
            if load(config.device.state_dir) is not None:
                log.warning("enrolled with a remark", remark=str(error))
                return
            log.error("cannot enrol", reason=str(error))  # noqa: TRY400 - a refusal, not a bug
            pulse.expect("enrolment", REFUSED_S)
            await asyncio.sleep(REFUSED_S)
        else:
            log.info("enrolled", house=done.house)


def _erase_what_is_left(config: EdgeConfig, invitation: Path) -> None:
    """A power cut may have come after the enrolment and before the invitation was erased."""
    try:
        if enrolment.erase_used(config, invitation):
            log.info("used invitation erased", file=str(invitation))
    except NotEnrolled as error:
        log.warning("enrolled with a remark", remark=str(error))


async def keep_certificate(
    config: EdgeConfig, clock: Clock, post: Post = https.post, look_s: float = LOOK_S
) -> None:
    """Renew the certificate in its last third, until cancelled; connections take the new one.

    A device that was not enrolled over HTTPS keeps what it was given.
    """
    if load(config.device.state_dir) is None:
        return
    said: Step | None = None
    while True:
        # A clock nobody vouches for does: the gateway judges by its own, and a wild one fails TLS.
        now_ms = clock.now().utc_ms
        try:
            fresh = await asyncio.to_thread(enrolment.renew, config, now_ms, post)
            if fresh is not None:
                log.info("certificate renewed", valid_to_ms=fresh.valid_to_ms)
        except _ERRORS as error:
            step = _step(config, now_ms)
            # Once for each step of the ladder: a gateway that is away for a week is one event.
            if step != said:
                log.warning("certificate not renewed", step=step, reason=str(error))
            said = step
        await asyncio.sleep(look_s)


def finish_rotation(config: EdgeConfig, post: Post = https.post) -> None:
    """Bring an exchange of the signing key to its end that was cut short."""
    try:
        if not identity.exists(enrolment.next_key(config)):
            return
        enrolment.rotate(config, post)
        log.info("signing key exchanged")
    except _ERRORS as error:
        log.warning("exchange of the signing key not finished", reason=str(error))


async def keep_key(
    config: EdgeConfig, held: HeldKey, post: Post = https.post, away_s: float = AWAY_S
) -> None:
    """The same while the agent runs: the gateway may have taken the new key, and ends the old one.

    The exchange itself is done here, where the agent seals too, and never while it does.
    """
    said, is_switched = "", False
    while True:
        try:
            if await asyncio.to_thread(identity.exists, enrolment.next_key(config)):
                await asyncio.to_thread(enrolment.vouch, config, post)
                identity.switch(config.device.key)
                is_switched = True
            if is_switched:
                held.exchange(identity.signing_key(config.device.key))
                log.info("signing key exchanged")
        except _ERRORS as error:
            if said != (said := str(error)):
                log.warning("exchange of the signing key not finished", reason=said)
            await asyncio.sleep(REFUSED_S if isinstance(error, NotEnrolled) else away_s)
        else:
            return


def _step(config: EdgeConfig, now_ms: int) -> Step | None:
    try:
        standing = enrolment.certificate(config)
    except (CertificateError, ConfigError):
        return None
    return step_of(standing.valid_from_ms, standing.valid_to_ms, now_ms)
