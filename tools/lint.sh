#!/bin/sh
# The rules of the house: lint.sh check TOP, or lint.sh format TOP to lay out the C
# files.  Checks the layout of C files (.clang-format), who includes whom and how long
# files and functions are (lint.awk), shell scripts (shellcheck), that no provider is
# known by its name, and that the tarball has every file.  CLANG_FORMAT and SHELLCHECK
# name the programs, DISTFILES what automake puts into the tarball.  Exit 1 when anything
# is found.
set -eu

mode=${1:-}
cd "${2:-.}"
: "${CLANG_FORMAT:=clang-format}" "${SHELLCHECK:=shellcheck}"
here=$(pwd)
list=$(mktemp)
trap 'rm -f "$list"' EXIT

# Every source below the top, one a line: what git keeps; without git, as in a tarball,
# all but build folders, which are those that configure left its mark in.
sources() {
    if [ -e .git ] && command -v git >/dev/null; then
        git ls-files -c
    else
        find . -name 'autom4te*' -prune -o ! -path . -type d \
            -exec test -e '{}/config.status' ';' -prune -o -type f -print |
            sed 's|^\./||' | grep -v '^scitq-[0-9]'
    fi | LC_ALL=C sort -u | while IFS= read -r file; do
        [ ! -f "$file" ] || printf '%s\n' "$file"
    done
}

c_files() {
    grep '\.[ch]$' "$list" | grep -vE '^(config\.h|conftest\.c)$' || true
}

# Scripts by name or by their first line; not what autoconf made.
scripts() {
    grep -vE '^(build-aux/|m4/|configure|config\.|libtool)' "$list" |
        grep -E '\.sh$|^[^.]*$|^\.ci/run$' | while IFS= read -r file; do
        case $(head -c 40 "$file" | head -n 1 | tr -d '\0') in
        '#!'*sh | '#!'*sh' '*) printf '%s\n' "$file" ;;
        *) case $file in *.sh) printf '%s\n' "$file" ;; esac ;;
        esac
    done
}

# What concerns one provider is its plugin's: elsewhere nobody knows which there are.
provider_names() {
    grep -E '^(core|lib|worker)/' "$list" | tr '\n' '\0' |
        xargs -0 -r grep -HniE 'openstack|azure|ovh' |
        sed 's/$/: names a provider, which only its plugin may/'
}

# What git keeps and the tarball lacks, hidden files aside; dist-hook brings `check`.
undistributed() {
    [ -e .git ] && [ -n "${DISTFILES:-}" ] || return 0
    printf '%s\n' "$DISTFILES" | tr -s ' ' '\n' | sed -E 's#^(\.\.?/)*##' |
        grep -vxFf - "$list" | grep -vE '^check$|(^|/)\.' |
        sed 's/$/: not in the tarball: name it in EXTRA_DIST/'
}

need() {
    command -v "$1" >/dev/null || {
        echo "lint: $1 is missing: tools/deps.sh test installs it" >&2
        exit 1
    }
}

sources >"$list"
case $mode in
format)
    need "$CLANG_FORMAT"
    c_files | tr '\n' '\0' | xargs -0 -r "$CLANG_FORMAT" -i
    ;;
check)
    failed=0
    need "$CLANG_FORMAT"
    need "$SHELLCHECK"
    c_files | tr '\n' '\0' |
        xargs -0 -r "$CLANG_FORMAT" --dry-run --Werror --ferror-limit=3 || failed=1
    c_files | tr '\n' '\0' | xargs -0 -r awk -f tools/lint.awk tools/rooms.txt || failed=1
    scripts | tr '\n' '\0' | xargs -0 -r "$SHELLCHECK" || failed=1
    provider_names | grep . && failed=1
    undistributed | grep . && failed=1
    [ "$failed" = 0 ] && echo "lint: $(wc -l <"$list") files in $here are as agreed"
    exit "$failed"
    ;;
*)
    echo "usage: $0 check|format [TOP]" >&2
    exit 2
    ;;
esac
