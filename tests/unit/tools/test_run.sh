#!/bin/sh
# tests/run.sh: a test that hangs is ended and named, with the case or the line where it
# hung; what it ends with is passed on, and a skipped case of cmocka is no failure.
set -u
top=${top_srcdir:-.}
run=$top/tests/run.sh
folder=$(mktemp -d "${TMPDIR:-/tmp}/scitq-run.XXXXXX")
trap 'rm -rf "$folder"' EXIT
out=$folder/out
n=0

report() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        sed 's/^/# /' "$out"
    fi
}

# has WHAT LINE: the output of the last run has this line.
has() {
    grep -qxF -e "$2" "$out"
    report $? "$1"
}

# limited COMMAND...: under run.sh, which allows it a second.
limited() {
    SCITQ_TEST_LIMIT_S=1 sh "$run" "$@" >"$out" 2>&1
}

limited sh -c 'echo said; exit 7'
[ $? = 7 ]
report $? "what a test ends with is passed on"
has "and what it says" "said"

cat >"$folder/hang.py" <<END
import sys, threading
sys.path.insert(0, "$top/tests/system")
from tap import *
ok(True, "before")
threading.Event().wait()
END
! limited "${PYTHON3:-python3}" "$folder/hang.py"
report $? "a script that hangs fails"
has "what it did before is told" "ok 1 - before"
grep -qF -e "hang.py\", line 5" "$out"
report $? "and the line where it hung"
has "and that it hung" \
    "Bail out! still not done after 1 s: ${PYTHON3:-python3} $folder/hang.py"

hang=${top_builddir:-.}/tests/unit/tools/hang
if [ -x "$hang" ]; then
    export CMOCKA_MESSAGE_OUTPUT=TAP
    ! limited "$hang"
    report $? "a C test that hangs fails"
    has "the case before it passed" "ok 1 - test_ends"
    has "the case that hung did not" "not ok 2 - test_hangs"
    has "the next one goes on, and skipped it is no failure" "ok 3 # SKIP test_skips"
    has "and the program is named" "Bail out! still not done after 1 s: $hang"
fi
echo "1..$n"
