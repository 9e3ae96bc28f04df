#!/bin/sh
# Prepare a data folder that, when its server is started, is the ledger as it was at an instant.
#
#   restore.sh BASE WAL DATA [TIME]    BASE of base-backup.sh, WAL the archive's folder, DATA empty
#                                      or absent; TIME like "2026-11-22 10:31:00+00", else the end
#
# Run it as the database's user. What devices had receipted after TIME is not in the ledger then:
# docs/operations.md says what comes back by itself and how the rest is found.
set -eu
fail() { echo "restore.sh: $*" >&2; exit 1; }
[ $# -ge 3 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
base=$1 wal=$2 data=$3 at=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
for programs in /usr/lib/postgresql/*/bin; do PATH=$programs:$PATH; done

[ -d "$wal" ] || fail "no folder $wal: expected the archived log"
[ -z "$(ls -A "$data" 2>/dev/null)" ] || fail "$data is not empty: nothing is overwritten here"
pg_verifybackup -q "$base" || fail "$base is not a whole base backup: take another one"
if [ -n "$at" ]; then
    begun=$(sed -n 's/^START TIME: //p' "$base/backup_label")
    [ "$(date -d "$at" +%s)" -ge "$(date -d "$begun" +%s)" ] ||
        fail "$base was begun at $begun, after $at: take an older base backup"
fi
mkdir -p "$data"
cp -a "$base/." "$data/"
chmod 700 "$data"
rm -f "$data/standby.signal"
{
    echo "restore_command = '\"$here/fetch-wal.sh\" \"$wal\" %f \"%p\"'"
    echo "recovery_target_action = 'promote'"
    echo "primary_conninfo = ''"
    [ -z "$at" ] || echo "recovery_target_time = '$at'"
} >>"$data/postgresql.auto.conf"
touch "$data/recovery.signal"
echo "restore.sh: start the server on $data; it replays the log up to ${at:-its end} and then serves"
