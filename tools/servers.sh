#!/bin/sh
# The real programs the tests claim: installed if this user may, otherwise named in one line.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
missing=""
for program in mosquitto mbpoll socat; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
# The software token's package is not called as its program is.
command -v softhsm2-util >/dev/null || missing="$missing softhsm2"
[ -z "$missing" ] && exit 0
# The other packages of Debian bear the programs' names.
# shellcheck disable=SC2086
sh tools/apt.sh $missing ||
    { echo "plomba: the tests need$missing; run: sudo apt-get install$missing" >&2; exit 1; }
# Debian starts a broker on 1883 at installation; the tests start their own on free ports.
