# Turns the .sql files of core/store into C.
#
#   awk -v want=header|queries -f sql2c.awk core/store/sql/*.sql
#   awk -v want=migrations -f sql2c.awk core/store/{sqlite,postgres}/NNNN-name.sql
#
# A query is named by "-- name: task_get"; its text goes up to the next name, comments
# and needless blanks dropped.  "-- engine: sqlite" or "-- engine: postgres" starts the
# variant for one engine; a name has one common text, or one for each.  Parameters are
# $1, $2… and become ?1, ?2… for SQLite.  "x in ids($1)" is true when x is one of the
# numbers of the JSON array $1, in each engine's words.  A migration is a whole file, its number and
# engine taken from its path; number 0 brings tables of scitq 1.3 before number 1.  A mistake stops the build with its file and line.

function complain(where, what) {
    printf "%s: %s\n", where, what >"/dev/stderr"
    failed = 1
    exit 1
}

# One line without its comment and needless blanks.  Quotes may span lines: `quote`
# holds the one that is open.
function tidy(line, parameter,    i, c, out) {
    out = ""
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (quote != "") {
            if (c == quote)
                quote = ""
        } else if (c == "'" || c == "\"") {
            quote = c
        } else if (substr(line, i, 2) == "--") {
            break
        } else if (c == "\t" || c == " ") {
            if (out == "" || out ~ / $/)
                continue
            c = " "
        } else if (c == "$" && substr(line, i + 1, 1) ~ /[0-9]/) {
            c = parameter
        }
        out = out c
    }
    if (quote == "")
        sub(/ +$/, "", out)
    return out
}

# Character by character: awks differ about backslashes in gsub.
function c_string(text,    i, c, out) {
    out = ""
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "\\" || c == "\"")
            c = "\\" c
        else if (c == "\n")
            c = i < length(text) ? "\\n\"\n     \"" : "\\n"
        out = out c
    }
    return "\"" out "\""
}

# Queries: text[name, engine], where engine is common, sqlite or postgres.

function query_start(name) {
    query_end()
    if (name !~ /^[a-z][a-z0-9_]*$/)
        complain(FILENAME ":" FNR, "bad query name \"" name "\"")
    query = name
    engine = "common"
    place = FILENAME ":" FNR
}

function query_engine(name) {
    if (query == "" || name !~ /^(sqlite|postgres)$/)
        complain(FILENAME ":" FNR, "bad engine \"" name "\"")
    if (body != "" || engine != "common")
        query_end()
    engine = name
    place = FILENAME ":" FNR
}

function query_end() {
    if (query == "")
        return
    if (quote != "")
        complain(place, query ": a quote is not closed")
    sub(/;$/, "", body)
    if (body == "")
        complain(place, query " has no text")
    if (body ~ /;/)
        complain(place, query " has more than one statement")
    if (((query, engine) in text) || ((query, "common") in text) ||
        (engine == "common" && (query in first)))
        complain(place, query " is already at " first[query])
    if (!(query in first)) {
        first[query] = place
        order[++count] = query
    }
    text[query, engine] = body
    body = ""
}

# PostgreSQL looks each number of an array up in an index; those of a subselect it may
# join with the whole table instead.
function ids(engine_name, parameter) {
    if (engine_name == "sqlite")
        return "in (select value from json_each(" parameter "))"
    return "= any(array(select cast(v as bigint) from " \
           "json_array_elements_text(cast(" parameter " as json)) j(v)))"
}

function for_engine(name, engine_name,    out, parameter) {
    out = ((name, "common") in text) ? text[name, "common"] : text[name, engine_name]
    while (match(out, /in ids\(\001[0-9]+\)/)) {
        parameter = substr(out, RSTART + 7, RLENGTH - 8)
        out = substr(out, 1, RSTART - 1) ids(engine_name, parameter) \
              substr(out, RSTART + RLENGTH)
    }
    gsub(/\001/, engine_name == "sqlite" ? "?" : "$", out)
    return out
}

function print_header(    i) {
    print "/* Generated from core/store/sql by tools/sql2c.awk: change those. */"
    print "#ifndef SQ_STORE_QUERIES_H\n#define SQ_STORE_QUERIES_H\n"
    print "enum sq_query {"
    for (i = 1; i <= count; i++)
        print "    SQ_Q_" toupper(order[i]) ","
    print "    SQ_Q_COUNT\n};\n"
    print "struct sq_query_text {\n    const char *name, *sqlite, *postgres;\n};"
    print "extern const struct sq_query_text sq_queries[SQ_Q_COUNT];\n\n#endif"
}

function print_queries(    i) {
    print "/* Generated from core/store/sql by tools/sql2c.awk: change those. */"
    print "#include \"core/store/queries.h\"\n"
    print "const struct sq_query_text sq_queries[SQ_Q_COUNT] = {"
    for (i = 1; i <= count; i++) {
        printf "    {\"%s\",\n", order[i]
        printf "     %s,\n", c_string(for_engine(order[i], "sqlite"))
        printf "     %s},\n", c_string(for_engine(order[i], "postgres"))
    }
    print "};"
}

# Migrations: script[engine, version].

function migration_start(    parts, n, file) {
    n = split(FILENAME, parts, "/")
    file = parts[n]
    folder = n > 1 ? parts[n - 1] : ""
    if (folder !~ /^(sqlite|postgres)$/ || file !~ /^[0-9][0-9][0-9][0-9]-.+\.sql$/)
        complain(FILENAME, "is not sqlite/NNNN-name.sql or postgres/NNNN-name.sql")
    version = substr(file, 1, 4) + 0
    if ((folder, version) in script)
        complain(FILENAME, "has the number of " title[folder, version])
    title[folder, version] = substr(file, 6, length(file) - 9)
    script[folder, version] = ""
    if (version > last[folder])
        last[folder] = version
}

function print_migrations(    i) {
    if (last["sqlite"] != last["postgres"])
        complain("migrations", "SQLite has " last["sqlite"] ", PostgreSQL " \
                 last["postgres"] ": both need every number")
    print "/* Generated from core/store/{sqlite,postgres}/NNNN-*.sql by tools/sql2c.awk. */"
    print "#include \"core/store/migrations.h\"\n"
    printf "const int sq_migrations_count = %d;\n", last["sqlite"]
    print_engine("sqlite")
    print_engine("postgres")
}

function print_engine(name,    i) {
    printf "\nconst struct sq_migration sq_migrations_%s[] = {\n", name
    for (i = 1; i <= last[name]; i++) {
        if (!((name, i) in script))
            complain("migrations", name " has no number " i)
        printf "    {%d, \"%s\",\n     %s},\n", i, title[name, i], \
               c_string(script[name, i])
    }
    print "};"
    if (!((name, 0) in script))
        complain("migrations", name " has no number 0, that for scitq 1.3")
    printf "const char sq_legacy_%s[] =\n     %s;\n", name, c_string(script[name, 0])
}

want == "migrations" {
    if (FNR == 1)
        migration_start()
    line = tidy($0, "$")
    if (line != "")
        script[folder, version] = script[folder, version] line "\n"
    next
}

quote == "" && /^-- name:/ { query_start($3); next }
quote == "" && /^-- engine:/ { query_engine($3); next }
{
    if (FNR == 1 && FILENAME != file_at) {
        query_end()
        query = ""
        file_at = FILENAME
    }
    line = tidy($0, "\001")
    if (line == "")
        next
    if (query == "")
        complain(FILENAME ":" FNR, "text before the first \"-- name:\"")
    body = body (body == "" ? "" : "\n") line
}

END {
    if (failed)
        exit 1
    if (want == "migrations") {
        print_migrations()
        exit
    }
    query_end()
    for (i = 1; i <= count; i++)
        if (!((order[i], "common") in text))
            for (j = 1; j <= 2; j++)
                if (!((order[i], j == 1 ? "sqlite" : "postgres") in text))
                    complain(first[order[i]], order[i] " has no text for " \
                             (j == 1 ? "sqlite" : "postgres"))
    if (want == "header")
        print_header()
    else
        print_queries()
}
