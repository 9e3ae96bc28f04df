#!/bin/sh
# Installs the edge agent on Raspberry Pi OS (Bookworm or newer) from a checkout of this project.
# Run as root: sudo deploy/raspberry-pi/install.sh. It may be run again: it upgrades the program
# and leaves configuration, key and spool alone.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
prefix=/opt/plomba

die() { echo "plomba: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "installation needs root; run: sudo $0"
command -v systemctl >/dev/null || die "this system has no systemd; see README for running by hand"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    die "expected Python 3.11 or newer (Raspberry Pi OS Bookworm), got $(python3 --version 2>&1)"
python3 -c 'import ensurepip, venv' 2>/dev/null ||
    apt-get install -y -qq python3-venv || die "python3-venv could not be installed"

# A user that owns nothing but its state; systemd makes the directories with their rights.
getent group plomba >/dev/null || groupadd --system plomba
getent passwd plomba >/dev/null ||
    useradd --system --gid plomba --groups dialout --home-dir /var/lib/plomba \
        --no-create-home --shell /usr/sbin/nologin plomba

# A new environment beside the old one, exchanged by one rename: an interrupted upgrade leaves
# the old program running.
new=$prefix.new
rm -rf "$new"
python3 -m venv "$new"
"$new/bin/python" -m pip install --quiet --disable-pip-version-check \
    --require-hashes -r "$root/requirements/edge.txt" -r "$root/requirements/build.txt"
"$new/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-deps --no-build-isolation "$root"
mkdir -p "$new/share"
cp "$root/README.md" "$new/share/"
# A virtual environment knows its own path in its scripts: point them at the final one.
sed -i "1s|$new|$prefix|" "$new"/bin/plomba-*
sed -i "s|$new|$prefix|g" "$new/pyvenv.cfg"

install -d -m 0750 -o root -g plomba /etc/plomba
[ -e /etc/plomba/edge.toml ] ||
    install -m 0640 -o root -g plomba "$here/edge.example.toml" /etc/plomba/edge.toml
install -d -m 0700 -o plomba -g plomba /var/lib/plomba
install -m 0644 "$here/plomba-edge.service" /etc/systemd/system/plomba-edge.service

was_running=no
if systemctl is-active --quiet plomba-edge; then was_running=yes; systemctl stop plomba-edge; fi
rm -rf "$prefix.old"
[ ! -e "$prefix" ] || mv "$prefix" "$prefix.old"
mv "$new" "$prefix"
rm -rf "$prefix.old"
systemctl daemon-reload
systemctl enable --quiet plomba-edge
[ "$was_running" = no ] || systemctl start plomba-edge

cat <<END
plomba: installed $("$prefix/bin/plomba-edge" --version).
plomba: next steps
  1. edit /etc/plomba/edge.toml
  2. sudo -u plomba $prefix/bin/plomba-edge enroll --config /etc/plomba/edge.toml
  3. sudo $prefix/bin/plomba-edge scan --write --config /etc/plomba/edge.toml
  4. sudo -u plomba $prefix/bin/plomba-edge doctor --config /etc/plomba/edge.toml
  5. sudo systemctl start plomba-edge
END
