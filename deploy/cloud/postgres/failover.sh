#!/bin/sh
# Let a standby lead after the primary died. Run it anywhere that reaches the nodes; when it was
# interrupted, run it again; where a node leads by then, put the other one back with rejoin.sh.
#
#   failover.sh [--fence COMMAND] [--one-standby-lost]
#
# Why no receipted reading is lost: a commit was answered only when one of the two standbys had it.
# So both are asked, and the one with more leads. Why the old primary cannot go on beside it: both
# standbys are first told to listen to nobody, and a primary that has no standby answers no commit.
# --fence runs COMMAND with the old primary's name (switch its machine off); it must succeed.
# --one-standby-lost goes on where only one standby answers: what only the other one had is lost.
set -eu
. "$(dirname "$0")/common.sh"
fence="" enough=""
while [ $# -gt 0 ]; do
    case $1 in
    --fence) fence=${2:?a command}; shift 2 ;;
    --one-standby-lost) enough=yes; shift ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done

standbys="" silent=""
for node in $(nodes); do
    case $(role "$node") in
    primary) fail "$node leads and answers: nothing to do (to change over, stop it first; a standby" \
        "that an interrupted run left alone: rejoin.sh)" ;;
    standby) standbys="$standbys $node" ;;
    silent) silent="$silent $node" ;;
    esac
done
[ -n "$standbys" ] || fail "no standby answers: start one, or restore a backup (restore.sh)"
# shellcheck disable=SC2086
set -- $silent
[ $# -le 1 ] || [ -n "$enough" ] || fail "no answer from$silent: one of them was the primary, the" \
    "other may have receipted readings that$standbys lacks; start it, or give --one-standby-lost"

if [ -n "$fence" ]; then
    for node in $silent; do
        $fence "$node" || fail "cannot fence $node ($fence failed): nothing was changed"
    done
fi

# The fence that needs no hands: from here on the old primary gets no commit answered.
for node in $standbys; do
    ask "$node" >/dev/null <<SQL
ALTER SYSTEM SET primary_conninfo = '';
SELECT pg_reload_conf();
SQL
done
for node in $standbys; do
    until_true 15 "$node" "SELECT count(*) = 0 FROM pg_stat_wal_receiver" ||
        fail "$node still listens to its primary: look at its log, then run this again"
done

# A higher timeline first: a node that missed an earlier failover may have more, and all of it void.
# What was received but not yet replayed counts. Nobody waits until all of it is replayed: what a
# killed primary sent last may end within a record, which never is. Whoever is promoted replays
# every whole record first.
has() {
    ask "$1" <<'SQL'
SELECT max(left(name, 8)) || '/' || lpad(to_hex((greatest(pg_last_wal_receive_lsn(),
    pg_last_wal_replay_lsn()) - '0/0'::pg_lsn)::bigint), 16, '0')
FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'
SQL
}
new="" most=""
for node in $standbys; do
    # Started anew it has received nothing, and may still be replaying what lies on its own disk:
    # it waits for a primary, between two looks for more, once that is done.
    until_true 600 "$node" "SELECT pg_last_wal_receive_lsn() IS NOT NULL OR wait_event IN
        ('RecoveryRetrieveRetryInterval', 'RecoveryWalStream')
        FROM pg_stat_activity WHERE backend_type = 'startup'" ||
        fail "$node still replays its log: wait until it has, then run this again"
    found=$(has "$node")
    tell "$node has $found"
    if [ "$(printf '%s\n%s\n' "$most" "$found" | LC_ALL=C sort | tail -n 1)" != "$most" ]; then
        new=$node most=$found
    fi
done

[ "$(echo "SELECT pg_promote(true, 60)" | ask "$new")" = t ] ||
    fail "$new was not promoted within a minute: look at its log, then run this again"
for node in $standbys; do
    [ "$node" != "$new" ] || continue
    ask "$node" -v to="$(place "$new") $(word replicate)" >/dev/null <<'SQL'
ALTER SYSTEM SET primary_conninfo = :'to';
SELECT pg_reload_conf();
SQL
done
if [ "$standbys" = " $new" ] || ! until_true 30 "$new" \
    "SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'"; then
    fail "$new leads, but no standby follows it: commits wait until one does (rejoin.sh)"
fi
tell "$new leads;$silent is out until rejoin.sh puts it back"
