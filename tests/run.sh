#!/bin/sh
# Runs a test, C or script, and ends it when it takes longer than any should: no run of
# all the tests waits for ever for one that hangs, and each says where it hung.  A
# script gets SIGTERM and fails with a traceback (tests/system/tap.py); cmocka takes
# SIGSYS for a failure of the case that runs, and goes on with the next.  What is left
# 60 s later is killed.  $SCITQ_TEST_LIMIT_S: another limit.
#
# cmocka before 1.1.6 writes a skipped case as "not ok 3 # SKIP", which TAP takes for a
# failure: not so here.
if [ "${SCITQ_TEST_LONG:-}" = 1 ]; then limit=3000; else limit=900; fi
limit=${SCITQ_TEST_LIMIT_S:-$limit}
if [ $# -gt 1 ]; then signal=TERM; else signal=SYS; fi # an interpreter and its script

exec 4>&1
status=$({ { timeout --foreground -s $signal -k 60 "$limit" "$@" 3>&- 4>&-
             echo $? >&3; } |
    sed -u 's/^not ok \([0-9]* # SKIP\)/ok \1/' >&4; } 3>&1)
case $status in
124 | 137) echo "Bail out! still not done after $limit s: $*" ;;
esac
exit "$status"
