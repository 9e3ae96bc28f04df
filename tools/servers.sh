#!/bin/sh
# The real programs the tests claim: installed if this user may, otherwise named in one line.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
missing=""
for program in mosquitto mbpoll socat nginx victoria-metrics chromium; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
# Some packages are not called as their programs are.
command -v softhsm2-util >/dev/null || missing="$missing softhsm2"
command -v influxd >/dev/null || missing="$missing influxdb"
# The device's package is tried in a Debian of its own, its card in an image of a FAT partition.
command -v debootstrap >/dev/null || missing="$missing debootstrap"
command -v umockdev-run >/dev/null || missing="$missing umockdev"
command -v udevadm >/dev/null || missing="$missing udev"
command -v systemd-analyze >/dev/null || missing="$missing systemd"
command -v mcopy >/dev/null || missing="$missing mtools"
command -v sfdisk >/dev/null || missing="$missing fdisk"
command -v mkfs.vfat >/dev/null || missing="$missing dosfstools"
# Nor are PostgreSQL's, which stand outside of PATH.
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null ||
    missing="$missing postgresql"
[ -z "$missing" ] && exit 0
# The other packages of Debian bear the programs' names.
# shellcheck disable=SC2086
sh tools/apt.sh $missing ||
    { echo "plomba: the tests need$missing; run: sudo apt-get install$missing" >&2; exit 1; }
# Debian starts a broker on 1883 at installation; the tests start their own on free ports.
