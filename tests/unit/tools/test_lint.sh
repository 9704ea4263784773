#!/bin/sh
# The lint itself: a little tree that is as agreed passes; each thing planted in it
# makes it fail, with words that name the file and the fault.
set -u
top=${top_srcdir:-.}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
count=0

plan() {
    echo "1..$count"
    exit 0
}

for tool in clang-format shellcheck; do
    command -v "$tool" >/dev/null && continue
    count=1
    if [ -n "${SCITQ_TEST_COMPLETE:-}" ]; then # ./check has installed it
        echo "not ok 1 - lint: $tool is not installed"
    else
        echo "ok 1 - lint # SKIP $tool is not installed"
    fi
    plan
done

# A clean tree: one file a room, everything it may include.
fresh() {
    rm -rf "$tree"
    mkdir -p "$tree/tools" "$tree/core/store/sqlite" "$tree/core/http" "$tree/cli" \
        "$tree/lib" "$tree/providers/static" "$tree/core/model" "$tree/worker"
    cp "$top/.clang-format" "$tree"
    cp "$top/tools/lint.sh" "$top/tools/lint.awk" "$top/tools/rooms.txt" "$tree/tools"
    echo '#include <sqlite3.h>' >"$tree/core/store/sqlite/sqlite.c"
    echo '#include "core/store/db.h"' >"$tree/core/http/tasks.c"
    printf '#include "lib/buf.h"\n\n#include <stdio.h>\n' >"$tree/cli/cli.c"
    echo '#include <curl/curl.h>' >"$tree/lib/http.c"
    printf '#include <scitq/error.h>\n#include "providers/static/list.h"\n' \
        >"$tree/providers/static/static.c"
}

lint() {
    (cd "$tree" && sh tools/lint.sh check .) >"$tree.out" 2>&1
}

report() {
    count=$((count + 1))
    if [ "$1" = 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        sed 's/^/# /' "$tree.out"
    fi
    rm -f "$tree.out"
}

# refused NAME FILE WORDS: with what was just written to FILE, lint fails saying WORDS.
refused() {
    lint
    status=$?
    [ "$status" = 1 ] && grep -q "$2.*$3" "$tree.out"
    report $? "$1"
    fresh
}

plant() {
    cat >"$tree/$1"
}

fresh
lint
report $? "a tree that is as agreed passes"

# What a build makes is nobody's to lay out, whatever its folder is called.
mkdir "$tree/second" "$tree/second/core"
touch "$tree/second/config.status"
echo 'int   a;' | plant second/core/queries.h
lint
report $? "without git, a build folder of any name is passed over"
rm "$tree/second/config.status"
if command -v git >/dev/null; then
    (cd "$tree" && git init -q . && git add . ':!second') >/dev/null 2>&1
    lint
    report $? "what git does not keep is passed over"
    (cd "$tree" && git add second)
    refused "and what it keeps is looked at" second/core/queries.h 'clang-format'
    (cd "$tree" && git init -q . && git add .) >/dev/null 2>&1
    DISTFILES=$(cd "$tree" && git ls-files | grep -v '^lib/' | sed 's#^#../#' | tr '\n' ' ')
    export DISTFILES
    refused "a file that the tarball would lack" lib/http.c 'not in the tarball'
    unset DISTFILES
fi
fresh

echo '#include <sqlite3.h>' | plant core/store/db.c
refused "sqlite3.h outside its engine" core/store/db.c 'may not include <sqlite3.h>'
echo '#include <libpq-fe.h>' | plant core/store/sqlite/sqlite.c
refused "libpq-fe.h in the other engine" sqlite.c 'may not include <libpq-fe.h>'
echo '#include <microhttpd.h>' | plant cli/cli.c
refused "microhttpd.h outside core/http" cli/cli.c 'may not include <microhttpd.h>'
echo '#include <curl/curl.h>' | plant worker/loop.c
refused "curl outside lib/http and worker/link" worker/loop.c 'may not include <curl/curl.h>'
echo '#include <zlib.h>' | plant lib/zip.c
refused "a library nobody agreed on" lib/zip.c 'may not include <zlib.h>'
echo '#include "core/store/db.h"' | plant core/model/task.c
refused "the model includes the store" core/model/task.c 'may not include "core/store/db.h"'
echo '#include "core/model/status.h"' | plant cli/cli.c
refused "the tools include the core" cli/cli.c 'may not include "core/model/status.h"'
echo '#include "lib/buf.h"' | plant providers/static/static.c
refused "a plugin includes the library" static.c 'may not include "lib/buf.h"'
echo '#include "providers/azure/azure.h"' | plant providers/static/static.c
refused "a plugin includes another" static.c 'may not include "providers/azure/azure.h"'
echo '#  include "../model/status.h"' | plant core/http/tasks.c
refused "an include by relative path" core/http/tasks.c 'from the top'
echo '#include HEADER' | plant lib/http.c
refused "an include by macro" lib/http.c 'cannot be checked'
mkdir -p "$tree/attic" && echo 'int a;' | plant attic/a.c
refused "a file outside every room" attic/a.c 'no room'
echo 'int   a;' | plant lib/a.c
refused "a file not laid out" lib/a.c 'clang-format'
awk 'BEGIN { for (i = 0; i < 1001; i++) print "extern int a" i ";" }' | plant lib/a.c
refused "a file of 1001 lines" lib/a.c '1000 lines'
awk 'BEGIN { print "int f(void)\n{"; for (i = 0; i < 98; i++) print "    g();"; print "    return 0;\n}" }' |
    plant lib/a.c
refused "a function of 101 lines" lib/a.c 'function of 101 lines'
echo '/* As AZURE does. */' | plant worker/loop.c
refused "a provider's name in the worker" worker/loop.c 'names a provider'
echo 'OVH_REGIONS' | plant core/settings.inc
refused "a provider's setting in the core" core/settings.inc 'names a provider'
# shellcheck disable=SC2016 # the planted script's own variable
printf '#!/bin/sh\nrm -rf $1\n' | plant tools/rm.sh
refused "a script that shellcheck refuses" tools/rm.sh 'line 2'
plan
