# shellcheck shell=sh
# What the scripts beside it share. They speak to servers only through psql, with the roles of
# roles.sql; $cluster is the file of nodes (cluster.example).
cluster=${PLOMBA_CLUSTER:-/etc/plomba/cluster}
me=$(basename "$0")
# Debian's psql is a wrapper that looks for clusters first; the scripts ask often.
for programs in /usr/lib/postgresql/*/bin; do PATH=$programs:$PATH; done

fail() { echo "$me: $*" >&2; exit 1; }
tell() { echo "$me: $*"; }

nodes() { sed -n 's/^node \([^ ]*\) .*/\1/p' "$cluster"; }
place() { sed -n "s/^node $1 //p" "$cluster"; }
word() { sed -n "s/^$1 //p" "$cluster"; }

[ -r "$cluster" ] || fail "cannot read $cluster: it names the nodes (see cluster.example)"
[ -n "$(nodes)" ] && [ -n "$(word connect)" ] && [ -n "$(word replicate)" ] ||
    fail "$cluster: expected lines node, connect and replicate (see cluster.example)"

# ask NODE [psql options]: the answer to the statements on standard input, bare. A node that lets
# nobody in for three seconds is silent; PGCONNECT_TIMEOUT gives it longer.
ask() {
    asked=$1; shift
    PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-3} \
        psql -XAtq -v ON_ERROR_STOP=1 "$@" "$(place "$asked") $(word connect)"
}
# role NODE: primary, standby, or silent when it does not answer.
role() {
    said=$(echo "SELECT pg_is_in_recovery()" | ask "$1" 2>/dev/null) || said=""
    case $said in f) echo primary ;; t) echo standby ;; *) echo silent ;; esac
}
# leader: the node that leads; nothing where none answers that it does.
leader() { for node in $(nodes); do [ "$(role "$node")" != primary ] || echo "$node"; done; }
# until_true SECONDS NODE STATEMENT: ask until it says t.
until_true() {
    ends=$(($(date +%s) + $1))
    while [ "$(echo "$3" | ask "$2" 2>/dev/null)" != t ]; do
        [ "$(date +%s)" -lt "$ends" ] || return 1
        sleep 0.1
    done
}
