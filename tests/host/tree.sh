#!/bin/sh
# Make the root of the test hosts, once: tree.sh FOLDER makes FOLDER/tree, a small Debian
# with systemd, SSH and what workers get from apt, so that a host without network finds
# it there.  Made beside its place and renamed: what was interrupted is begun again.
set -eu
folder=$1
packages=systemd,systemd-sysv,dbus,openssh-server,python3,python3-apt,iproute2
packages=$packages,ca-certificates,docker.io,runc,rclone,nfs-common,mdadm,sudo,procps
[ "$(cat "$folder/packages" 2>/dev/null)" != "$packages" ] || exit 0

mkdir -p "$folder"
rm -rf "$folder/tree" "$folder/packages"
# A mirror that fails once in a thousand packages is no reason to test nothing.
for try in 1 2 3; do
    rm -rf "$folder/new"
    debootstrap --variant=minbase --include="$packages" bookworm "$folder/new" \
        >"$folder/log" 2>&1 && break
    tail -n 20 "$folder/log" >&2
    [ "$try" != 3 ] || exit 1
done
rm -rf "$folder"/new/var/cache/apt/archives/*.deb "$folder"/new/var/lib/apt/lists/* \
    "$folder"/new/usr/share/doc "$folder"/new/usr/share/locale "$folder"/new/usr/share/man
# Who logs in to a cloud's machine is no root, but may become it.
chroot "$folder/new" useradd -m -s /bin/bash ubuntu
echo 'ubuntu ALL=(ALL) NOPASSWD: ALL' >"$folder/new/etc/sudoers.d/ubuntu"
# Nothing of a host concerns its disks; no login on its console, no timers of apt.
rm -f "$folder/new/etc/hostname"
: >"$folder/new/etc/machine-id"
chroot "$folder/new" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer \
    console-getty.service systemd-networkd-wait-online.service
mv "$folder/new" "$folder/tree"
echo "$packages" >"$folder/packages"
