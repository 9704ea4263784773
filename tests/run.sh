#!/bin/sh
# Runs a C test: cmocka before 1.1.6 writes a skipped one as "not ok 3 # SKIP", which
# TAP takes for a failure.
exec 4>&1
status=$({ { "$@" 3>&- 4>&-; echo $? >&3; } |
    sed -u 's/^not ok \([0-9]* # SKIP\)/ok \1/' >&4; } 3>&1)
exit "$status"
