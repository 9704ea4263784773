#!/bin/sh
# A private PostgreSQL cluster for tests, run by a user that is not root.
#
#   eval "$(tests/pg.sh start DIR)"  starts one and sets SCITQ_TEST_PG=postgresql://…
#                                    (unix socket) and SCITQ_TEST_PG_TCP (127.0.0.1)
#   tests/pg.sh stop DIR             stops it, removes it and DIR
#   tests/pg.sh crash DIR            kill -9 of the whole server, then starts it again
#
# DIR is made, and says where the cluster is: a new folder of /tmp, because the server's
# user must reach it and the socket's path must be short.  fsync and synchronous_commit
# are on.  A guard waits for the end of the process that called start (or PG_OWNER) and
# then stops the cluster: a test that fails or is killed leaves nothing behind.
#
# Without the server's programs start fails with words; with PG_OPTIONAL=1, for builds
# configured --without-postgresql, it exits with 77, which means skipped.
set -eu

fail() {
    echo "pg.sh: $1" >&2
    exit "${2:-1}"
}

find_programs() {
    for bin in "${PG_BINDIR:-}" /usr/lib/postgresql/*/bin /usr/local/pgsql/bin; do
        [ ! -x "$bin/initdb" ] || return 0
    done
    fail "no PostgreSQL server here: install Debian's package postgresql" \
        "${PG_OPTIONAL:+77}"
}

# PostgreSQL refuses to run as root.
as_user() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=nobody --regid=nogroup --clear-groups \
            env HOME="$home" LC_ALL=C.UTF-8 "$@"
    else
        env LC_ALL=C.UTF-8 "$@"
    fi
}

pg_ctl() {
    (cd "$home" && as_user "$bin/pg_ctl" -D "$home/data" -w -t 30 -s "$@") \
        >"$home/pg_ctl" 2>&1
}

free_port() {
    python3 "$(dirname "$self")/servers/ports.py"
}

server_pid() {
    head -n 1 "$home/data/postmaster.pid" 2>/dev/null || true
}

# Retried: another program may take the port in between, and after a kill -9 the old
# server's children hold its memory for a moment.
launch() {
    for _ in 1 2 3 4 5 6 7 8; do
        if pg_ctl -l "$home/log" \
            -o "-c listen_addresses=127.0.0.1 -p $1 -k $home" start; then
            return 0
        fi
        sleep 0.5
    done
    return 1
}

# The caller; a subshell of it, as in $(…), has the same command line.
owner() {
    pid=$PPID
    while :; do
        parent=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")
        if [ "$parent" -le 1 ] || ! cmp -s "/proc/$pid/cmdline" "/proc/$parent/cmdline"
        then
            break
        fi
        pid=$parent
    done
    echo "$pid"
}

# A process that outlives us, waits for the owner's end, then stops the cluster.
guard() {
    setsid python3 -c 'import os, select, sys
try:
    fd = os.pidfd_open(int(sys.argv[1]))
    select.select([fd], [], [])
except ProcessLookupError:
    pass
os.execv("/bin/sh", ["sh", sys.argv[2], "stop", sys.argv[3]])' \
        "$1" "$self" "$dir" </dev/null >/dev/null 2>&1 &
    echo $! >"$home/guard"
}

start() {
    find_programs
    [ ! -e "$dir/cluster" ] || fail "there is a cluster in $dir already"
    mkdir -p "$dir"
    home=$(mktemp -d /tmp/scitq-pg.XXXXXX)
    echo "$home" >"$dir/cluster"
    [ "$(id -u)" != 0 ] || chown nobody:nogroup "$home"
    guard "${PG_OWNER:-$(owner)}"
    if ! (cd "$home" && as_user "$bin/initdb" -D "$home/data" -U lab -A trust --no-sync \
        -E UTF8 --locale=C.UTF-8) >"$home/initdb" 2>&1; then
        cat "$home/initdb" >&2
        stop
        fail "initdb failed"
    fi
    for _ in 1 2 3; do
        port=$(free_port)
        ! launch "$port" || break
        port=
    done
    if [ -z "$port" ]; then
        cat "$home/pg_ctl" "$home/log" >&2
        stop
        fail "the cluster does not start"
    fi
    echo "$port" >"$home/port"
    echo "SCITQ_TEST_PG='postgresql://lab@/postgres?host=$home&port=$port'"
    echo "SCITQ_TEST_PG_TCP='postgresql://lab@127.0.0.1:$port/postgres'"
    echo "export SCITQ_TEST_PG SCITQ_TEST_PG_TCP"
}

# The guard may be the one that calls: it is not killed by itself.
stop() {
    find_programs
    [ -f "$dir/cluster" ] || return 0
    home=$(cat "$dir/cluster")
    watcher=$(cat "$home/guard" 2>/dev/null || true)
    if [ -n "$watcher" ] && [ "$watcher" != $$ ]; then
        kill "$watcher" 2>/dev/null || true
    fi
    pid=$(server_pid)
    if [ -n "$pid" ] && ! pg_ctl -m immediate stop; then
        kill -9 "$pid" 2>/dev/null || true
    fi
    rm -rf "$home"
    rm -f "$dir/cluster"
    rmdir "$dir" 2>/dev/null || true
}

crash() {
    find_programs
    home=$(cat "$dir/cluster")
    pid=$(server_pid)
    [ -z "$pid" ] || kill -9 "$pid"
    launch "$(cat "$home/port")" || {
        cat "$home/pg_ctl" >&2
        fail "the cluster does not start again"
    }
}

[ $# = 2 ] || fail "usage: pg.sh start|stop|crash DIR" 2
self=$(readlink -f "$0")
case $2 in
/*) dir=$2 ;;
*) dir=$PWD/$2 ;;
esac
case $1 in
start | stop | crash) "$1" ;;
*) fail "usage: pg.sh start|stop|crash DIR" 2 ;;
esac
