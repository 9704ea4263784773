#!/bin/sh
# Make the root of a test host on which scitq can be built, once: built.sh FOLDER copies
# FOLDER/tree (tree.sh) to FOLDER/built and runs tools/deps.sh build in it, so that a
# host without network finds the compiler there.  Made beside its place and renamed.
set -eu
folder=$1
deps=$(cd "$(dirname "$0")/../.." && pwd)/tools/deps.sh
state="$(cat "$folder/packages") $(sha256sum <"$deps")"
[ "$(cat "$folder/built.state" 2>/dev/null)" != "$state" ] || exit 0

rm -rf "$folder/built" "$folder/built.state" "$folder/built.new"
cp -a "$folder/tree" "$folder/built.new"
root=$folder/built.new
install -D -m 0755 "$deps" "$root/root/tools/deps.sh"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# No service is started in a tree.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 0755 "$root/usr/sbin/policy-rc.d"
chroot "$root" /root/tools/deps.sh build >"$folder/built.log" 2>&1 || {
    tail -n 20 "$folder/built.log" >&2
    exit 1
}
rm -rf "$root/root/tools" "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf" \
    "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
mv "$root" "$folder/built"
echo "$state" >"$folder/built.state"
