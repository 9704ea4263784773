#!/bin/sh
# tools/sql2c.awk: what it makes of queries and migrations, and every mistake it must
# stop at, with the file and line.
# shellcheck disable=SC2016 # $1 is meant for SQL
set -u
script=${top_srcdir:-.}/tools/sql2c.awk
awk=${AWK:-awk}
folder=$(mktemp -d "${TMPDIR:-/tmp}/scitq-sql2c.XXXXXX")
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/sqlite" "$folder/postgres"
n=0

report() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        sed 's/^/# /' "$folder/out"
    fi
}

# makes WHAT WANT TEXT PATTERN: the text is accepted and the result has the pattern.
makes() {
    printf '%b' "$3" >"$folder/a.sql"
    "$awk" -v want="$2" -f "$script" "$folder/a.sql" >"$folder/out" 2>&1 &&
        grep -qF -e "$4" "$folder/out"
    report $? "$1"
}

# refuses WHAT TEXT LINE WORDS: the text is not, and the place is named.
refuses() {
    printf '%b' "$2" >"$folder/a.sql"
    ! "$awk" -v want=queries -f "$script" "$folder/a.sql" >"$folder/out" 2>&1 &&
        grep -qF -e "$folder/a.sql:$3: " "$folder/out" && grep -qF -e "$4" "$folder/out"
    report $? "$1"
}

# migrates WHAT STATUS PATTERN: the migrations now in the folder.
migrates() {
    "$awk" -v want=migrations -f "$script" "$folder"/sqlite/* "$folder"/postgres/* \
        >"$folder/out" 2>&1
    [ $? = "$2" ] && grep -qF -e "$3" "$folder/out"
    report $? "$1"
}

echo 1..27
makes "a name is an enum" header '-- name: task_get\nselect 1\n' 'SQ_Q_TASK_GET,'
makes "and SQ_Q_COUNT ends it" header '-- name: a\nselect 1\n' 'SQ_Q_COUNT'
makes "parameters for SQLite" queries '-- name: a\nselect $1, $12\n' '"select ?1, ?12"'
makes "parameters for PostgreSQL" queries '-- name: a\nselect $1\n' '"select $1"'
makes "a quoted one is a text" queries "-- name: a\nselect '\$1', \$2\n" \
    "\"select '\$1', ?2\""
makes "a quoted comment too" queries "-- name: a\nselect '--  x'\n" "'--  x'"
makes "comments are dropped" queries '-- name: a\n-- b\nselect 1 -- c\n' '"select 1",'
makes "a final semicolon as well" queries '-- name: a\nselect 1;\n' '"select 1",'
makes "quotes and backslashes" queries '-- name: a\nselect "a", '"'\\\\'"'\n' \
    "'\\\\'"
makes "variants" queries \
    '-- name: a\n-- engine: sqlite\nselect 1\n-- engine: postgres\nselect 2\n' '"select 2"'
makes "a set for SQLite" queries '-- name: a\nselect 1 where b in ids($2)\n' \
    'b in (select value from json_each(?2))"'
makes "a set for PostgreSQL" queries '-- name: a\nselect 1 where b in ids($2)\n' \
    'b = any(array(select cast(v as bigint) from json_array_elements_text(cast($2 as'
makes "a set named in a text" queries "-- name: a\nselect 'in ids(\$1)'\n" \
    "'in ids(\$1)'"
refuses "a name twice" '-- name: a\nselect 1\n-- name: a\nselect 2\n' 3 'already at'
refuses "a variant missing" '-- name: a\n-- engine: sqlite\nselect 1\n' 2 'for postgres'
refuses "a common text and a variant" \
    '-- name: a\nselect 1\n-- engine: sqlite\nselect 1\n' 3 'already at'
refuses "an unknown engine" '-- name: a\n-- engine: oracle\nselect 1\n' 2 'bad engine'
refuses "a bad name" '-- name: A-b\nselect 1\n' 1 'bad query name'
refuses "text before a name" 'select 1\n' 1 'before the first'
refuses "a name without text" '-- name: a\n-- name: b\nselect 1\n' 1 'has no text'
refuses "two statements" '-- name: a\nselect 1; select 2\n' 1 'more than one'
refuses "an open quote" "-- name: a\nselect 'b\n" 1 'not closed'

echo 'create table a (i integer);' >"$folder/sqlite/0001-first.sql"
cp "$folder/sqlite/0001-first.sql" "$folder/postgres/0001-first.sql"
migrates "migrations without number 0" 1 'has no number 0'
echo 'drop table b;' >"$folder/sqlite/0000-old.sql"
cp "$folder/sqlite/0000-old.sql" "$folder/postgres/0000-old.sql"
migrates "migrations" 0 '{1, "first",'
migrates "the one from 1.3" 0 'sq_legacy_sqlite'
cp "$folder/sqlite/0001-first.sql" "$folder/sqlite/0002-more.sql"
migrates "a number that one engine lacks" 1 'both need every number'
mv "$folder/sqlite/0002-more.sql" "$folder/sqlite/0001-again.sql"
migrates "a number twice" 1 'has the number of'
