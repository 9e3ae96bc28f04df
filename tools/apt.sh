#!/bin/sh
# Installs Debian packages if this user may: as root, or by sudo without a password.
# Exits 1 without a word otherwise; the caller says what to install.
set -eu
command -v apt-get >/dev/null || exit 1
if [ "$(id -u)" = 0 ]; then as=""; elif sudo -n true 2>/dev/null; then as="sudo -n"; else exit 1; fi
export DEBIAN_FRONTEND=noninteractive
$as apt-get install -y -qq "$@" >/dev/null 2>&1 && exit 0
$as apt-get update -qq >/dev/null 2>&1 || exit 1
$as apt-get install -y -qq "$@" >/dev/null 2>&1
