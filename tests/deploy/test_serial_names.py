"""Names of serial ports that stay: the real udev, asked about converters that umockdev pretends."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.debian import needs_mounts

RULES = Path(__file__).parents[2] / "deploy/raspberry-pi/udev"
USB = "/devices/pci0000:00/0000:00:14.0/usb1/1-1"
# The rules go where udev looks, and what it would make and note stays out of this machine: in a
# mount namespace that ends with the question.
ASK = """
mkdir -p /run/udev && mount -t tmpfs none /run/udev && mkdir /run/udev/rules.d &&
mount --bind "$1" /run/udev/rules.d && mount --rbind /dev /dev && mount -o remount,bind,ro /dev &&
shift && exec "$@"
"""

pytestmark = [
    needs_mounts,
    pytest.mark.skipif(
        shutil.which("umockdev-run") is None, reason="needs umockdev: apt-get install it"
    ),
    pytest.mark.skipif(shutil.which("udevadm") is None, reason="needs udev: apt-get install it"),
]


def converter(vendor: str, driver: str, tty: str, serial: str = "", port: int = 0) -> str:
    """What the kernel says of a USB converter in socket 1-1.2."""
    device, interface = f"{USB}/1-1.2", f"{USB}/1-1.2/1-1.2:1.{port}"
    number = f"A: serial={serial}\\n\n" if serial else ""
    place = interface if tty.startswith("ttyACM") else f"{interface}/{tty}"
    port_of_usb = f"""\
P: {interface}/{tty}
E: DRIVER={driver}
E: SUBSYSTEM=usb-serial
L: driver=../../../../../../../../bus/usb-serial/drivers/{driver}
A: latency_timer=16\\n

"""
    return f"""\
P: {device}
N: bus/usb/001/004
E: DEVNAME=/dev/bus/usb/001/004
E: DEVTYPE=usb_device
E: DRIVER=usb
E: SUBSYSTEM=usb
L: driver=../../../../../../bus/usb/drivers/usb
A: idVendor={vendor}\\n
A: idProduct=6001\\n
{number}
P: {interface}
E: DEVTYPE=usb_interface
E: DRIVER={driver}
E: SUBSYSTEM=usb
L: driver=../../../../../../../bus/usb/drivers/{driver}
A: bInterfaceNumber=0{port}\\n
A: bInterfaceClass=ff\\n

{"" if tty.startswith("ttyACM") else port_of_usb}\
P: {place}/tty/{tty}
N: {tty}
E: DEVNAME=/dev/{tty}
E: SUBSYSTEM=tty
E: MAJOR=188
E: MINOR=0
A: dev=188:0\\n
"""


def pins(tty: str) -> str:
    """A port of the Pi itself."""
    return f"""\
P: /devices/platform/soc/fe201000.serial
E: SUBSYSTEM=platform
E: DRIVER=uart-pl011

P: /devices/platform/soc/fe201000.serial/tty/{tty}
N: {tty}
E: DEVNAME=/dev/{tty}
E: SUBSYSTEM=tty
E: MAJOR=204
E: MINOR=64
A: dev=204:64\\n
"""


def names(folder: Path, description: str) -> set[str]:
    """The names in /dev/plomba that the real udev gives the last device of the description."""
    said = asked(folder, description)
    links = re.search(r"^DEVLINKS=(.*)$", said, re.MULTILINE)
    found = [] if links is None else links[1].split()
    return {link.removeprefix("/dev/plomba/") for link in found if link.startswith("/dev/plomba/")}


def asked(folder: Path, description: str) -> str:
    """All that `udevadm test` says of the last device."""
    file = folder / "device.umockdev"
    file.write_text(description)
    device = re.findall(r"^P: (.*)$", description, re.MULTILINE)[-1]
    words = ["umockdev-run", f"--device={file}", "--"]
    words += ["udevadm", "test", "--action=add", f"/sys{device}"]
    ran = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", ASK, "sh", RULES, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert "DEVPATH=" in ran.stdout, ran.stdout[-1000:]
    faults = [line for line in ran.stdout.splitlines() if "61-plomba" in line and "nvalid" in line]
    assert not faults
    return ran.stdout


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (
            converter("0403", "ftdi_sio", "ttyUSB0", "A50285BI"),
            {"usb", "usb-1-1.2", "ftdi-A50285BI"},
        ),
        (converter("1a86", "ch341-uart", "ttyUSB3"), {"usb", "usb-1-1.2"}),
        (converter("10c4", "cp210x", "ttyUSB1", "0001"), {"usb", "usb-1-1.2"}),
        (converter("10c4", "cp210x", "ttyUSB1", "02A4"), {"usb", "usb-1-1.2", "cp210x-02A4"}),
        (converter("067b", "pl2303", "ttyUSB0"), {"usb", "usb-1-1.2"}),
        (converter("2e8a", "cdc_acm", "ttyACM0", "E661"), {"usb", "usb-1-1.2", "acm-E661"}),
        (
            converter("0403", "ftdi_sio", "ttyUSB1", "FT4X", port=1),
            {"usb-1-1.2-if01", "ftdi-FT4X-if01"},
        ),
        (converter("9999", "option", "ttyUSB0", "MODEM"), set()),
        (pins("ttyAMA0"), {"uart0"}),
        (pins("ttyS0"), {"uart-mini"}),
    ],
    ids=[
        "ftdi",
        "ch340",
        "cp210x",
        "cp210x-own",
        "pl2303",
        "acm",
        "second",
        "modem",
        "pl011",
        "s0",
    ],
)
def test_a_port_has_the_names_that_stay(tmp_path: Path, device: str, expected: set[str]) -> None:
    assert names(tmp_path, device) == expected


def test_no_program_that_looks_for_modems_speaks_on_a_meters_line(tmp_path: Path) -> None:
    said = asked(tmp_path, converter("0403", "ftdi_sio", "ttyUSB0", "A50285BI"))
    assert "ID_MM_DEVICE_IGNORE=1" in said


def test_an_ftdi_chip_is_told_not_to_hold_answers_back(tmp_path: Path) -> None:
    whole = converter("0403", "ftdi_sio", "ttyUSB0", "A50285BI")
    said = asked(tmp_path, whole[: whole.rindex("P: ")])
    assert re.search(r"ATTR.*latency_timer.*1", said)


def test_udev_itself_finds_nothing_wrong_with_the_rules() -> None:
    version = subprocess.run(["udevadm", "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout) < 254:
        pytest.skip("udevadm verify came with systemd 254")
    checked = subprocess.run(
        ["udevadm", "verify", *RULES.glob("*.rules")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
