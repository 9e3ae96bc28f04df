#!/bin/sh
# archive_command: archive-wal.sh FILE TARGET. Done only when the copy is on the disk under its
# name; a file of that name with other content is never overwritten.
set -eu
file=$1 target=$2
if [ -e "$target" ]; then
    cmp -s "$file" "$target" && exit 0
    echo "archive-wal.sh: $target is another server's or another time's: not overwritten" >&2
    exit 1
fi
cp "$file" "$target.new"
sync "$target.new"
mv "$target.new" "$target"
sync "$(dirname "$target")"
