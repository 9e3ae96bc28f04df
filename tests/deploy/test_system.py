"""What the package sets up around the agent: each file is read by the program it is written for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.debian import needs_mounts

DEPLOY = Path(__file__).parents[2] / "deploy/raspberry-pi"
SYSTEM, LIB = DEPLOY / "system", DEPLOY / "package/lib"
FSTAB = """\
proc /proc proc defaults 0 0
PARTUUID=01 /boot/firmware vfat defaults 0 2
PARTUUID=02 / ext4 defaults,noatime 0 1
PARTUUID=03 /var/lib/plomba ext4 noatime,nosuid,nodev 0 2
"""
NOW_S = 1_790_000_000  # 2026-09-21T14:13:20Z


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


def run(*words: str | Path, code: int = 0) -> str:
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == code, (words, ran.stdout, ran.stderr)
    return ran.stdout + ran.stderr


@needs("systemd-analyze")
@pytest.mark.parametrize("name", ["journald", "timesyncd", "system"])
def test_systemd_finds_the_settings_and_knows_each_by_its_name(name: str) -> None:
    found = run("systemd-analyze", "cat-config", f"--root={SYSTEM}", f"systemd/{name}.conf")
    ours = (SYSTEM / f"usr/lib/systemd/{name}.conf.d/50-plomba.conf").read_text()
    assert ours.strip() in found
    # The distribution's own file names every setting there is, behind a hash.
    known = Path(f"/etc/systemd/{name}.conf")
    if not known.exists():
        pytest.skip(f"{known} is not on this machine")
    settings = set(re.findall(r"^(\w+)=", ours, re.MULTILINE))
    assert settings <= set(re.findall(r"^#?(\w+)=", known.read_text(), re.MULTILINE))


@needs("apt-config")
def test_apt_brings_security_updates_in_by_itself_and_nothing_else(tmp_path: Path) -> None:
    # What a distribution sets first, and what another file sets after it.
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "50unattended-upgrades").write_text(
        'Unattended-Upgrade::Origins-Pattern { "origin=Debian,label=Debian"; };\n'
        'Unattended-Upgrade::Allowed-Origins { "Somebody:else"; };\n'
    )
    shutil.copy(SYSTEM / "etc/apt/apt.conf.d/52plomba-edge", parts)
    main = tmp_path / "apt.conf"
    main.write_text(f'Dir::Etc::parts "{parts}";\n')
    ran = subprocess.run(
        ["apt-config", "dump"],
        env={**os.environ, "APT_CONFIG": str(main)},
        capture_output=True,
        text=True,
        check=True,
    )
    said = dict(
        re.findall(
            r'^((?:Unattended-Upgrade|APT::Periodic)::\S*) "(.*)";$', ran.stdout, re.MULTILINE
        )
    )
    origins = re.findall(
        r'^Unattended-Upgrade::Origins-Pattern:: "(.*)";$', ran.stdout, re.MULTILINE
    )
    assert [one.split(",")[0] for one in origins] == [
        "origin=Debian",
        "origin=Raspbian",
        "origin=Raspberry Pi Foundation",
    ]
    assert "label=Debian-Security" in origins[0]
    assert "Somebody" not in ran.stdout
    assert said["APT::Periodic::Unattended-Upgrade"] == "1"
    assert said["Unattended-Upgrade::Automatic-Reboot-Time"] == "03:40"


def readonly(root: Path, *words: str, code: int = 0) -> str:
    command = LIB / "plomba-edge-readonly"
    return run(sys.executable, "-IB", command, "--root", root, *words, code=code).strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text(FSTAB)
    return tmp_path


@needs("findmnt")
def test_a_read_only_root_is_read_back_by_mount_and_the_state_stays_writable(root: Path) -> None:
    readonly(root, "on")
    table = root / "etc/fstab"

    def options(place: str) -> list[str]:
        words = ("findmnt", "--tab-file", table, "--noheadings", "--output", "OPTIONS", place)
        return run(*words).strip().split(",")

    assert options("/") == ["ro", "noatime"]
    assert options("/boot/firmware") == ["ro"]
    assert "ro" not in options("/var/lib/plomba")
    for place in ("/tmp", "/var/log", "/var/lib/systemd"):  # noqa: S108 - places of the device
        assert "nosuid" in options(place)
    first = table.read_text()
    readonly(root, "on")
    assert table.read_text() == first
    readonly(root, "off")
    assert table.read_text() == FSTAB


def test_without_a_partition_for_the_state_no_root_is_made_read_only(root: Path) -> None:
    (root / "etc/fstab").write_text(FSTAB.rsplit("PARTUUID=03", 1)[0])
    said = readonly(root, "on", code=1)
    assert said == (
        "plomba: /var/lib/plomba has no partition of its own in /etc/fstab: readings would be lost"
    )


def test_name_servers_are_looked_up_where_they_can_be_written(root: Path) -> None:
    (root / "usr/sbin").mkdir(parents=True)
    (root / "usr/sbin/NetworkManager").touch()
    (root / "etc/resolv.conf").write_text("nameserver 192.0.2.1\n")
    readonly(root, "on")
    assert str((root / "etc/resolv.conf").readlink()) == "/run/NetworkManager/resolv.conf"


@needs_mounts
def test_a_read_only_root_opens_for_a_command_and_closes_after_it(tmp_path: Path) -> None:
    command = f"{sys.executable} -IB {LIB / 'plomba-edge-readonly'} --root {tmp_path}"
    script = f"""
set -e
mount -t tmpfs none {tmp_path}
mkdir {tmp_path}/etc
cat > {tmp_path}/etc/fstab <<'END'
{FSTAB}END
{command} on
mount -o remount,ro {tmp_path}
{command} status
! touch {tmp_path}/no 2>/dev/null
{command} run -- touch {tmp_path}/yes
{command} run -- false || echo "status $?"
{command} status
{command} open
touch {tmp_path}/opened
{command} close
{command} off
{command} status
ls {tmp_path}
"""
    said = run("unshare", "--mount", "--propagation", "private", "sh", "-c", script).splitlines()
    closed = "set: read-only; mounted: read-only"
    assert said == [
        "plomba: root read-only from next boot",
        *(closed, "status 1", closed),
        "plomba: root writable from next boot",
        "set: writable; mounted: read-only",
        *("etc", "opened", "yes"),
    ]


def set_clock(folder: Path, rtc: str | None, newest_s: int | None) -> str:
    """What set-clock would do with a real-time clock and a spool."""
    if rtc is not None:
        (folder / "rtc").write_text(rtc)
    if newest_s is not None:
        (folder / "spool.head").touch()
        os.utime(folder / "spool.head", (newest_s, newest_s))
    words = ["--dry-run", "--rtc", folder / "rtc", "--state", folder, "--note", folder / "note"]
    return run(sys.executable, "-IB", LIB / "set-clock", *words).strip()


FUTURE_S = 3_000_000_000  # Later than the clock of any machine that runs this test.
BATTERY = "clock set to 2026-09-21T14:13:20Z, from a clock with a battery"
SPOOL = "clock set to 2065-01-24T05:20:00Z, from the newest file of the spool"
AS_IS = "clock left as it is"


@pytest.mark.parametrize(
    ("rtc", "newest_s", "said"),
    [
        (f"{NOW_S}\n", None, BATTERY),
        (f"{NOW_S}\n", NOW_S - 5, BATTERY),
        # Its battery was empty: it tells a time before what was read last.
        ("946684800\n", NOW_S, AS_IS),
        (f"{NOW_S}\n", FUTURE_S, SPOOL),
        (None, FUTURE_S, SPOOL),
        (None, NOW_S, AS_IS),
        (None, None, AS_IS),
        ("9999999999999\n", None, AS_IS),
        ("", None, AS_IS),
    ],
)
def test_the_clock_is_set_from_what_can_be_believed(
    tmp_path: Path, rtc: str | None, newest_s: int | None, said: str
) -> None:
    assert set_clock(tmp_path, rtc, newest_s) == f"plomba: {said}"


# Two networks of a device that forwards; the kernel is asked where a phone's packet would go.
ROUTED = """
ip link set lo up
for name in wlan0 eth0; do ip link add $name type bridge && ip link set $name up; done
ip addr add 10.42.0.1/24 dev wlan0 && ip addr add 192.168.1.7/24 dev eth0
echo 1 >/proc/sys/net/ipv4/ip_forward
asked() { ip route get "$1" from 10.42.0.5 iif wlan0 2>&1 | head -n 1; }
asked 192.168.1.9
"$1" && "$1"
asked 192.168.1.9
asked 8.8.8.8
asked 10.42.0.1
ip route get 192.168.1.9 | head -n 1
ip rule show pref 100
"""


@needs_mounts
@needs("ip")
def test_who_joins_the_devices_wifi_reaches_the_device_and_nothing_behind_it() -> None:
    said = run("unshare", "--net", "sh", "-c", ROUTED, "sh", LIB / "no-forward").splitlines()
    if "Unknown device type" in said[0]:
        pytest.skip("this kernel has no bridges to stand in for networks")
    before, house, world, device, own, *rules = said
    assert "dev eth0" in before, "without the rule it is forwarded"
    assert "Permission denied" in house
    assert "Permission denied" in world or "unreachable" in world
    assert device.startswith("local 10.42.0.1")
    assert "dev eth0" in own, "the device itself goes where it went"
    assert len(rules) == 1, "set twice it is there once"
