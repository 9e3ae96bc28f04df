#!/bin/sh
# Keep a former primary down: ExecStartPre of each node's server (postgresql@.service.d/plomba.conf).
#
#   may-start.sh NAME DATA
#
# A server that would lead, while another one does, is refused. It could answer no commit (it has no
# standbys any more), but collectors might connect to it and wait. Where nobody answers it starts.
set -eu
. "$(dirname "$0")/common.sh"
[ $# = 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ ! -e "$2/standby.signal" ] && [ ! -e "$2/recovery.signal" ] || exit 0
for node in $(nodes); do
    [ "$node" != "$1" ] && [ "$(role "$node")" = primary ] || continue
    fail "$node leads: this node would lead beside it; put it back with rejoin.sh $1"
done
