#!/usr/bin/env python3
"""scitq-fetch at a terminal: a progress bar while data moves, wiped before anything else
is said and at the end; lists without what would play tricks on a terminal; ^C.  And none
of that where the output is no terminal."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
from fetch import check_sanitizer, environment, fetch, tree, write  # noqa: E402
from harness import Folder, done, has, is_, ok, program, run  # noqa: E402
from servers import Servers  # noqa: E402

BODY = os.urandom(1024 * 1024)  # 16 pieces of /slow/: 1.6 s
COLUMNS = 100
BAR = re.compile(r"(\d+)% \[=*>? *\] [\d.]+ [kM]?B/1.0 MB [\d.]+ [kM]?B/s")
WIPE = "\r\x1b[K"


def own_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A command that has a terminal of its own; `seen`: what appeared there."""

    def __init__(self, *words):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [program("scitq-fetch"), *words], stdin=slave, stdout=slave, stderr=slave,
            env=environment(TERM="xterm"), preexec_fn=own_terminal)
        os.close(slave)
        self.seen = ""

    def read(self):
        """What comes next; "" at the end."""
        try:
            data = os.read(self.master, 65536).decode(errors="replace")
        except OSError:  # EIO: nobody has the other end any more
            data = ""
        self.seen += data
        return data

    def until(self, pattern):
        while not re.search(pattern, self.seen):
            if not self.read():
                raise RuntimeError("%s does not appear: %r" % (pattern, self.seen))

    def type(self, text):
        os.write(self.master, text)

    def end(self):
        """Its exit code; what is left on the screen is in self.lines."""
        while self.read():
            pass
        os.close(self.master)
        check_sanitizer(self.seen.encode())
        self.lines = [shown(line) for line in self.seen.split("\r\n")]
        return self.process.wait()


def shown(line):
    """A line as it stands on the screen in the end: after the last return to its start
    that wiped it."""
    return line.split(WIPE)[-1]


def on_terminal(*words):
    t = Terminal(*words)
    code = t.end()
    return code, t


def slow(servers):
    return "http://127.0.0.1:%d/slow/f" % servers["misbehave"].port


def bar(servers, folder):
    t = Terminal("copy", slow(servers), folder.join("f"))
    is_(t.end(), 0, "a slow copy at a terminal")
    drawn = [int(m) for m in BAR.findall(t.seen)]
    ok(len(drawn) >= 2 and drawn == sorted(drawn) and drawn[0] < 100,
       "a bar grows", t.seen[:2000])
    has(t.seen, "/slow/f ", "and has a name")
    lengths = [len(part) for part in re.split(r"\r|\x1b\[K", t.seen)]
    ok(max(lengths) < COLUMNS, "it fits into the line", lengths)
    ok(t.seen.endswith(WIPE), "and is wiped in the end", repr(t.seen[-100:]))
    is_(t.lines, [""], "nothing stays on the screen")
    is_(open(folder.join("f"), "rb").read(), BODY, "the file is whole")


def verbose(servers, folder):
    t = Terminal("-v", "copy", slow(servers), folder.join("f"))
    is_(t.end(), 0, "a copy that tells")
    told = [line for line in t.lines if "copied f" in line]
    ok(len(told) == 1 and told[0].startswith("20"), "has lines of their own",
       repr(t.seen[-500:]))


def failing(servers, folder):
    url = "http://127.0.0.1:%d/404/f" % servers["misbehave"].port
    code, t = on_terminal("copy", url, folder.join("f"))
    is_(code, 1, "one that fails")
    ok(t.lines[0].startswith("scitq-fetch: "), "says why on a line of its own", t.lines)


def interrupted(servers, folder):
    to = folder.join("to")
    t = Terminal("copy", slow(servers), to + "/")
    t.until(r"\d+% \[")
    t.type(b"\x03")
    is_(t.end(), 128 + signal.SIGINT, "^C ends it")
    ok(any("canceled" in line for line in t.lines), "in words", t.lines)
    is_(tree(to), {}, "and leaves nothing")


def lists(servers, folder):
    src = folder.join("src")
    for name in ("a/b", "a/sp ace", "a/evil\x1b[2J\nname", "z"):
        write(os.path.join(src, name), name.encode())
    names = ["a/", "a/b", "a/evil?[2J?name", "a/sp ace", "z", ""]
    for verb, want in (("rlist", names), ("nrlist", ["a/", "z", ""]),
                       ("list", [src + "/" + n for n in (
                           "a/", "a/b", "a/evil?[2J%0Aname", "a/sp%20ace", "z")] + [""])):
        code, t = on_terminal(verb, src + "/")
        is_((code, t.lines), (0, want), "%s at a terminal: names alone" % verb)
    code, out, error = fetch("rlist", src + "/")
    is_((code, out, error), (0, "a/\na/b\na/evil\x1b[2J\nname\na/sp ace\nz\n", ""),
        "elsewhere the names as they are")


def others(servers, folder):
    src, dst = folder.join("src"), folder.join("dst")
    for i in range(20):
        write("%s/f%d" % (src, i), b"x")
    code, t = on_terminal("sync", src, dst)
    is_((code, t.lines[-1], tree(dst)), (0, "", tree(src)), "sync")
    code, t = on_terminal("-v", "sync", src, dst)
    is_((code, t.seen), (0, ""), "a second one has nothing to show")
    code, t = on_terminal("delete", "--dryrun", "--include", "f1?", dst + "/")
    is_((code, t.lines), (0, sorted("%s/f1%d" % (dst, i) for i in range(10)) + [""]),
        "delete --dryrun prints what it would delete")
    code, t = on_terminal("delete", dst + "/")
    is_((code, t.seen, os.path.exists(dst)), (0, "", False), "delete says nothing")
    code, t = on_terminal("ncdu", "--only-file", src)
    tree_of = json.loads(t.seen)
    is_((code, len(tree_of[3])), (0, 21), "ncdu --only-file is for ncdu to read")


def stand_in(servers, folder):
    """ncdu itself gets the tree on its input and the terminal on the rest."""
    src = folder.join("src")
    write(src + "/one", b"12345")
    os.mkdir(folder.join("bin"))
    with open(folder.join("bin", "ncdu"), "w") as f:
        f.write("#!/bin/sh\n[ -t 1 ] && echo \"$* at a terminal\"; grep -c asize\n")
    os.chmod(folder.join("bin", "ncdu"), 0o755)
    path = os.environ["PATH"]
    os.environ["PATH"] = folder.join("bin") + ":" + path
    try:
        code, t = on_terminal("ncdu", src)
    finally:
        os.environ["PATH"] = path
    is_((code, t.lines), (0, ["-f - at a terminal", "1", ""]), "ncdu is shown the tree")


def plain(servers, folder):
    code, out, error = fetch("copy", slow(servers), folder.join("f"))
    is_((code, out, error), (0, "", ""), "no terminal: no bar, and nothing else")
    code, out, error = fetch("-v", "copy", slow(servers), folder.join("f"))
    ok(code == 0 and "\r" not in error and "\x1b" not in error and "copied f" in error,
       "with -v plain lines", repr(error))


def main():
    top = Folder()
    os.makedirs(top.join("servers"))
    with Servers(["misbehave"], top.join("servers"), gates=False) as servers:
        write(os.path.join(servers["misbehave"].root, "f"), BODY)
        for test in (bar, verbose, failing, interrupted, lists, others, stand_in, plain):
            run(test, servers, Folder())
    done()


main()
