"""Programs of another architecture, by qemu's user emulation, without a trace on this machine.

Which program runs foreign ones is told to the kernel (binfmt_misc), for the whole machine as a
rule. Here a user namespace of its own is told, which a waiting process holds open; commands enter
it. The kernel must be 6.7 or newer, and qemu-user-static installed.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# As dpkg calls architectures, and as qemu does.
EMULATORS = {"arm64": "aarch64", "armhf": "arm"}
_RULES = Path("/usr/lib/binfmt.d")
# The maps are written from outside; the namespace waits for that, and then until it is let go.
_HOLD = """
read go
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || exit 1
cat "$1" > /proc/sys/fs/binfmt_misc/register || exit 1
echo ready
read end
"""
# A namespace of users may not mount a /proc of its own; the machine's does.
ENTER = 'mount --rbind /proc "$1/proc" && cd / && exec chroot "$@"'


@contextmanager
def emulation(arch: str) -> Iterator[list[str]]:
    """A namespace in which programs of the architecture run; the words that enter it."""
    rule = _RULES / f"qemu-{EMULATORS[arch]}.conf"
    if not rule.exists() or shutil.which("nsenter") is None:
        pytest.skip("needs qemu's user emulation: apt-get install qemu-user-static util-linux")
    with subprocess.Popen(
        ["unshare", "--user", "--mount", "sh", "-c", _HOLD, "sh", str(rule)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            _map_all(holder.pid)
            print("go", file=holder.stdin, flush=True)
            if holder.stdout.readline() != "ready\n":
                pytest.skip("this kernel has no binfmt_misc for a namespace (6.7 or newer)")
            yield ["nsenter", "--user", "--mount", f"--target={holder.pid}", "--"]
        finally:
            holder.kill()


def _map_all(pid: int) -> None:
    """Users and groups are the same inside; before the namespace is there the kernel refuses."""
    own = Path("/proc/self/ns/user").readlink()
    deadline_s = time.monotonic() + 30
    while Path(f"/proc/{pid}/ns/user").readlink() == own:
        assert time.monotonic() < deadline_s, "unshare made no namespace"
        time.sleep(0.01)
    for kind in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{kind}").write_text("0 0 4294967295\n")
