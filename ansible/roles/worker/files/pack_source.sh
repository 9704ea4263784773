#!/bin/sh
# Pack a source tree of scitq without what was built in it; print the archive's path,
# whose name is its content's: pack_source.sh TREE
set -eu
if ! [ -f "$1/configure.ac" ] || ! [ -d "$1/worker" ]; then
    echo "scitq_src: $1 is no source tree of scitq" >&2
    exit 1
fi
folder=$(mktemp -d)
tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
    --exclude=./.git --exclude=./.cache --exclude='./build*' --exclude=./asan \
    --exclude=./autom4te.cache -cf "$folder/tree.tar" .
sum=$(sha256sum <"$folder/tree.tar" | cut -c 1-12)
mv "$folder/tree.tar" "$folder/$sum.tar"
echo "$folder/$sum.tar"
