#!/bin/sh
# Pack a source tree of scitq without what was built in it; print the archive's path,
# whose name is its content's: pack_source.sh TREE
set -eu
if ! [ -f "$1/configure.ac" ] || ! [ -d "$1/worker" ]; then
    echo "scitq_src: $1 is no source tree of scitq" >&2
    exit 1
fi
tree=$1
# What was built there, whatever the folders are called.
set --
for status in "$tree"/*/config.status; do
    [ ! -e "$status" ] || set -- "$@" "--exclude=./$(basename "$(dirname "$status")")"
done
folder=$(mktemp -d)
tar -C "$tree" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
    --exclude=./.git --exclude=./.cache --exclude=./autom4te.cache "$@" \
    -cf "$folder/tree.tar" .
sum=$(sha256sum <"$folder/tree.tar" | cut -c 1-12)
mv "$folder/tree.tar" "$folder/$sum.tar"
echo "$folder/$sum.tar"
