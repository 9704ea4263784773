#!/bin/sh
# Build the worker of the source tree FOLDER/src into FOLDER, once: what a killed run left
# building is waited for.
set -e
release=$1
cd "$release"
exec 9>lock
flock 9
[ ! -e whole ] || exit 0
cd src
tools/deps.sh build
test -x configure || autoreconf -fi
mkdir -p ../build
cd ../build
../src/configure -q --without-postgresql --prefix="$release"
make -j"$(nproc)"
make install
ln -sf ../sbin/scitq-worker "$release/bin/scitq-worker"
cd ..
rm -rf build src
touch whole
