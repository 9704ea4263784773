#!/bin/sh
# Install what is missing to build scitq (deps.sh build) and to test it (deps.sh
# test), from Debian's packages.  Says nothing and asks apt nothing when all is there.
set -eu

build="gcc make autoconf automake libtool autoconf-archive pkg-config libltdl-dev
libmicrohttpd-dev libjansson-dev libcurl4-openssl-dev libsqlite3-dev libpq-dev
libarchive-dev zlib1g-dev"
test="libcmocka-dev postgresql python3 sqlite3 valgrind curl clang-format shellcheck
util-linux procps"

case ${1:-build} in
build) wanted=$build ;;
test) wanted="$build $test" ;;
*) echo "usage: $0 build|test" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "These Debian packages are missing; as root, run:" >&2
    echo "    apt-get install$missing" >&2
    exit 1
fi
echo "Installing with apt:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
    # shellcheck disable=SC2086 # a list of names
    apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends $missing
}
{ apt-get -o DPkg::Lock::Timeout=600 update && install; } >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; echo "apt could not install:$missing" >&2; exit 1; }
