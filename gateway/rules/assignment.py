"""V-SIG: the device that signed must be the one to read this meter, at the time it was read.

A signature says who speaks; the registry says about which meters that device may speak. A
reading that fails here is kept as evidence and rejected.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from gateway.model import Binding, Finding, Severity

RULE = "V-SIG"
_QUALITY = "3.6.0"


def bound(bindings: Sequence[Binding], device_no: int, at_ms: int) -> Binding | None:
    """The binding under which the device reads the meter at that time."""
    for binding in bindings:
        if binding.device_no == device_no and binding.from_ms <= at_ms < binding.to_ms:
            return binding
    return None


def not_bound(serial: str, device: str, at_ms: int) -> Finding:
    """The meter is registered, but this device is not to read it then."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC).isoformat()
    detail = f"not-bound: meter {serial} is not assigned to device {device} at {at}"
    return Finding(RULE, Severity.ERROR, _QUALITY, detail)


def unregistered(serial: str, register: str) -> Finding:
    """The registry knows no such register of such a meter."""
    detail = f"unregistered: the registry has no register {register} of meter {serial}"
    return Finding(RULE, Severity.ERROR, _QUALITY, detail)
