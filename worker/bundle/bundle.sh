#!/bin/sh
# Pack the worker, in the build folder: bundle.sh LAUNCHER ARCHIVE PROGRAM… PLUGIN.la…
#
#     bin/NAME            the launcher, under each program's name
#     lib/programs/NAME   the programs
#     lib/*.so*, ld.so    what they and the plugins load
#     lib/scitq/KIND/     the plugins
#     whole               the archive's last file
#
# The same build gives the same bytes, so that a playbook can tell by them whether a
# machine has this release.
set -eu
launcher=$1 archive=$2
shift 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/bin" "$folder/lib/programs"

# An uninstalled program or library is in .libs where libtool had to link it there.
real() {
    if [ -e "$(dirname "$1")/.libs/$(basename "$1")" ]; then
        echo "$(dirname "$1")/.libs/$(basename "$1")"
    else
        echo "$1"
    fi
}

loaded=
for file in "$@"; do
    case $file in
    *.la)
        kind=$(basename "$(sed -n "s/^libdir='\(.*\)'/\1/p" "$file")")
        mkdir -p "$folder/lib/scitq/$kind"
        file=$(real "${file%.la}.so")
        cp "$file" "$folder/lib/scitq/$kind"
        ;;
    *)
        install -m 755 "$launcher" "$folder/bin/$(basename "$file")"
        file=$(real "$file")
        install -m 755 "$file" "$folder/lib/programs"
        ;;
    esac
    loaded="$loaded $file"
done

# shellcheck disable=SC2086 # a list of names
LD_LIBRARY_PATH=lib/.libs ldd $loaded >"$folder/ldd"
if grep 'not found' "$folder/ldd"; then
    echo "bundle.sh: a library is missing" >&2
    exit 1
fi
sed -n -e 's/.* => \(.*\) (0x.*/\1/p' "$folder/ldd" | sort -u | while read -r library; do
    cp -L "$library" "$folder/lib"
done
loader=$(sed -n 's/^[[:space:]]*\(\/[^ ]*\) (0x.*/\1/p' "$folder/ldd" | sort -u)
cp -L "$loader" "$folder/lib/ld.so"
rm "$folder/ldd"
find "$folder" -type f -exec strip --strip-unneeded {} +
chmod 755 "$folder/lib/ld.so"
find "$folder" -type d -exec chmod 755 {} +
: >"$folder/whole"
(cd "$folder" && tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -c \
    bin lib whole) | gzip -n >"$archive.new"
mv "$archive.new" "$archive"
