#!/bin/sh
# Install what is missing to build scitq (deps.sh build) and to test it (deps.sh
# test), from Debian's packages; for the tests also the storage servers that Debian
# lacks, pinned in tests/servers/package.json, by npm into .cache/servers.  Says nothing
# and asks nobody anything when all is there.
set -eu

build="gcc make autoconf automake libtool autoconf-archive pkg-config libltdl-dev
libmicrohttpd-dev libgnutls28-dev libjansson-dev libcurl4-openssl-dev libsqlite3-dev libpq-dev
libarchive-dev zlib1g-dev libncurses-dev"
test="libcmocka-dev postgresql python3 sqlite3 valgrind curl clang-format shellcheck
util-linux procps aria2 rclone python3-pyftpdlib docker.io runc podman conmon catatonit
busybox-static iproute2 sra-toolkit ansible ansible-lint debootstrap systemd-container
openssh-client iptables openssl debhelper dpkg-dev fakeroot logrotate systemd
chromium chromium-driver"

top=$(cd "$(dirname "$0")/.." && pwd)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# A command whose output is only shown, its end, when it fails with the words given.
quietly() {
    words=$1
    shift
    "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; echo "$words" >&2; exit 1; }
}

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 "$@"
}

install_packages() {
    missing=
    for package in "$@"; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        echo "These Debian packages are missing; as root, run:" >&2
        echo "    apt-get install$missing" >&2
        exit 1
    fi
    echo "Installing with apt:$missing"
    quietly "apt could not read its lists of packages" apt update
    # shellcheck disable=SC2086 # a list of names
    quietly "apt could not install:$missing" apt install -y --no-install-recommends $missing
}

# Made beside its place and renamed, so that an interrupted npm leaves nothing half-made.
install_servers() {
    servers=$top/.cache/servers
    ! cmp -s "$top/tests/servers/package.json" "$servers/package.json" || return 0
    echo "Installing with npm: the storage servers of the tests"
    rm -rf "$servers" "$servers.new"
    mkdir -p "$servers.new"
    cp "$top/tests/servers/package.json" "$servers.new"
    quietly "npm could not install what tests/servers/package.json names" \
        npm --prefix "$servers.new" install --no-audit --no-fund --ignore-scripts \
        --no-package-lock
    mv "$servers.new" "$servers"
}

case ${1:-build} in
build)
    # shellcheck disable=SC2086 # lists of names
    install_packages $build
    ;;
test)
    command -v npm >/dev/null || test="$test nodejs npm"
    # shellcheck disable=SC2086
    install_packages $build $test
    install_servers
    ;;
*)
    echo "usage: $0 build|test" >&2
    exit 2
    ;;
esac
