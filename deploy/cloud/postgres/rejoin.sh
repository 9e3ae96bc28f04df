#!/bin/sh
# Make this machine's node a standby of whoever leads: a former primary, or a new or empty node.
# Run it on that machine as the database's user, with its server stopped; then start the server.
#
#   rejoin.sh [--copy] NAME DATA CONFIG       rejoin.sh n1 /var/lib/postgresql/15/main
#                                                 /etc/postgresql/15/main/postgresql.conf
#
# A former primary may have commits that no standby saw and nobody was answered: pg_rewind takes
# them back by copying only the pages that differ. A standby wrote nothing of its own and is only
# told whom to follow. Where neither will do (the log that it needs is gone, its own log says that
# the new timeline forked off before it), and for a new node, --copy copies everything; what was
# there is kept beside as DATA.old.
set -eu
. "$(dirname "$0")/common.sh"
copy=""
if [ "${1:-}" = --copy ]; then copy=yes; shift; fi
[ $# = 3 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
name=$1 data=$2 config=$3

[ -n "$(place "$name")" ] || fail "$cluster has no node $name"
new=$(leader)
[ -n "$new" ] || fail "no node leads: failover.sh first"
[ "$new" != "$name" ] || fail "$name leads: nothing to do"
! pg_ctl status -D "$data" >/dev/null 2>&1 || fail "stop the server of $data first"
from="$(place "$new") $(word replicate)"

if [ -n "$copy" ]; then
    rm -rf "$data.new"
    pg_basebackup -d "$from" -D "$data.new" -X stream -c fast ||
        fail "cannot copy from $new: see above; $data is as it was"
    if [ -e "$data" ]; then
        [ ! -e "$data.old" ] || fail "remove $data.old first: it is an earlier copy's"
        mv "$data" "$data.old"
    fi
    mv "$data.new" "$data"
elif [ ! -e "$data/standby.signal" ]; then
    # pg_rewind looks for the parting of the ways in the last checkpoint; it must be a new one.
    echo "CHECKPOINT" | ask "$new"
    pg_rewind -D "$data" --config-file "$config" --source-server "$from dbname=postgres" ||
        fail "cannot rewind $data: see above, then run this again, or with --copy"
fi
# The later line of two is the one that holds. The conninfo has no quote in it (cluster.example).
echo "primary_conninfo = '$from'" >>"$data/postgresql.auto.conf"
touch "$data/standby.signal"
tell "$name follows $new as soon as its server is started"
