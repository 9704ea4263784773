#!/bin/sh
# Make the root of a test host for scitq's Debian package, once: packaged.sh FOLDER copies
# FOLDER/tree (tree.sh) to FOLDER/packaged and downloads, without installing it, what the
# package depends on and what doc/guide/installation.md installs, so that a host without network
# finds that in apt's cache.  Made beside its place and renamed.
set -eu
folder=$1
packages="cron iptables libarchive13 libcurl4 libjansson4 libltdl7 libmicrohttpd12 libpq5
libsqlite3-0 logrotate postgresql python3 rclone sudo zlib1g"
state="$(cat "$folder/packages") $packages"
[ "$(cat "$folder/packaged.state" 2>/dev/null)" != "$state" ] || exit 0

rm -rf "$folder/packaged" "$folder/packaged.state" "$folder/packaged.new"
cp -a "$folder/tree" "$folder/packaged.new"
root=$folder/packaged.new
cp /etc/resolv.conf "$root/etc/resolv.conf"
# shellcheck disable=SC2086 # a list of names
{
    chroot "$root" apt-get update &&
        chroot "$root" apt-get install -y --no-install-recommends --download-only $packages
} >"$folder/packaged.log" 2>&1 || {
    tail -n 20 "$folder/packaged.log" >&2
    exit 1
}
rm -f "$root/etc/resolv.conf"
mv "$root" "$folder/packaged"
echo "$state" >"$folder/packaged.state"
