# Checks C files: awk -f lint.awk ROOMS FILE...  Include edges against the table in
# ROOMS, files over 1000 lines, functions over 100 (the opening brace of a function
# stands alone in column 0: .clang-format sees to that).  One line a finding; exit 1
# when there was any.

BEGIN {
    libc = " aio.h assert.h byteswap.h complex.h ctype.h dirent.h dlfcn.h elf.h" \
           " endian.h err.h errno.h error.h fcntl.h features.h fenv.h float.h fnmatch.h" \
           " ftw.h getopt.h glob.h grp.h iconv.h ifaddrs.h inttypes.h langinfo.h" \
           " libgen.h limits.h link.h locale.h malloc.h math.h mntent.h mqueue.h" \
           " netdb.h paths.h poll.h pthread.h pty.h pwd.h regex.h resolv.h sched.h" \
           " search.h semaphore.h setjmp.h shadow.h signal.h spawn.h stdalign.h" \
           " stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h" \
           " stdnoreturn.h string.h strings.h syslog.h termios.h threads.h time.h" \
           " uchar.h ucontext.h unistd.h utime.h utmp.h wait.h wchar.h wctype.h" \
           " wordexp.h "
}

function finding(line, text) {
    printf "%s:%d: %s\n", FILENAME, line, text
    failed = 1
}

# Does one of the space-separated beginnings in `list` begin `path`?
function begins(list, path, own,    words, n, i, word) {
    n = split(list, words, " ")
    for (i = 1; i <= n; i++) {
        word = words[i] == "own" ? own : words[i]
        if (word == "*" || index(path, word) == 1)
            return 1
    }
    return 0
}

function read_row(    columns) {
    sub(/#.*/, "")
    if (split($0, columns, "|") != 3)
        return
    gsub(/ /, "", columns[1])
    room_names[++n_rooms] = columns[1]
    ours[columns[1]] = columns[2]
    outside[columns[1]] = columns[3]
}

function room_of(path,    i, best) {
    for (i = 1; i <= n_rooms; i++)
        if (index(path, room_names[i]) == 1 && length(room_names[i]) > length(best))
            best = room_names[i]
    return best
}

function check_ours(target) {
    if (target == "config.h" && room !~ /^(include|plugins|providers)\//)
        return
    if (target ~ /(^|\/)\.\.\//)
        finding(FNR, "include from the top of the tree, not \"" target "\"")
    else if (!begins(ours[room], target, folder))
        finding(FNR, room " may not include \"" target "\" (tools/rooms.txt)")
}

function check_outside(target) {
    if (target ~ /^scitq\//) {
        check_ours("include/" target)
        return
    }
    if (target ~ /^(sys|arpa|net|netinet|linux|asm|bits)\// || index(libc, " " target " "))
        return
    if (!begins(outside[room], target, ""))
        finding(FNR, room " may not include <" target "> (tools/rooms.txt)")
}

FILENAME == ARGV[1] {
    read_row()
    next
}

FNR == 1 {
    path = FILENAME
    sub(/^\.\//, "", path)
    folder = path
    sub(/[^\/]*$/, "", folder)
    room = room_of(path)
    opened = 0
    if (room == "")
        finding(1, "belongs to no room of tools/rooms.txt")
}

/^[ \t]*#[ \t]*include/ && room != "" {
    if (match($0, /"[^"]+"/))
        check_ours(substr($0, RSTART + 1, RLENGTH - 2))
    else if (match($0, /<[^>]+>/))
        check_outside(substr($0, RSTART + 1, RLENGTH - 2))
    else
        finding(FNR, "an include that cannot be checked")
}

/^\{$/ {
    opened = FNR
}

/^\}/ && opened {
    if (FNR - opened + 1 > 100)
        finding(opened, "a function of " FNR - opened + 1 " lines: 100 at most")
    opened = 0
}

FNR == 1001 {
    finding(1001, "a file over 1000 lines: split it")
}

END {
    exit failed
}
