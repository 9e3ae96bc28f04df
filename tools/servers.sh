#!/bin/sh
# The real servers the tests claim: installed if this user may, otherwise named in one line.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
command -v mosquitto >/dev/null && exit 0
sh tools/apt.sh mosquitto ||
    { echo "plomba: the tests need mosquitto; run: sudo apt-get install mosquitto" >&2; exit 1; }
# Debian starts a broker on 1883 at installation; the tests start their own on free ports.
