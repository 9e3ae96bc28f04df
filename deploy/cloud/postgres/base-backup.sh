#!/bin/sh
# A whole copy of the server, checked file by file, from which restore.sh starts.
#
#   base-backup.sh FOLDER [KEEP]       FOLDER/base-20261122T030000Z; the newest KEEP (7) stay
#
# The log before the oldest copy kept is of no use any more and goes from FOLDER/wal. The connection
# is what psql would take: PGHOST, PGUSER, PGSSLMODE …; run it on a machine that is not the server.
set -eu
fail() { echo "base-backup.sh: $*" >&2; exit 1; }
[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1 keep=${2:-7}
[ "$keep" -ge 1 ] || fail "expected to keep at least 1, got $keep"
for programs in /usr/lib/postgresql/*/bin; do PATH=$programs:$PATH; done
made=$folder/base-$(date -u +%Y%m%dT%H%M%SZ)

rm -rf "$folder"/.base-new
pg_basebackup -D "$folder/.base-new" -X stream -c fast || fail "no copy was made: see above"
pg_verifybackup -q "$folder/.base-new" || fail "the copy is not what the server sent: kept in $folder/.base-new"
[ ! -e "$made" ] || fail "$made is there already"
mv "$folder/.base-new" "$made"
sync -f "$made"

ls -d "$folder"/base-* | sort -r | tail -n +$((keep + 1)) | while read -r old; do rm -rf "$old"; done
oldest=$(ls -d "$folder"/base-* | sort | head -n 1)
first=$(sed -n 's/^START WAL LOCATION: .* (file \(.*\))$/\1/p' "$oldest/backup_label")
[ ! -d "$folder/wal" ] || pg_archivecleanup "$folder/wal" "$first"
echo "$made"
