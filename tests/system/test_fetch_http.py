#!/usr/bin/env python3
"""http://, https:// and ftp:// against real servers, one of which misbehaves: what comes
is whole or an error, and what was begun is gone on with only where that is right."""

import os
import pty
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
from fetch import fetch, spawn, tree, worker, write  # noqa: E402
from harness import Folder, done, has, is_, ok, run, signal, wait_until  # noqa: E402
from servers import SYSTEM_PYTHON, Server, Servers  # noqa: E402

BODY = os.urandom(3 * 1024 * 1024) + b"the end"


def url(server, path, proto="http", user=""):
    return "%s://%s127.0.0.1:%d/%s" % (proto, user, server.port, path)


def got(folder, name="f"):
    path = folder.join("to", name)
    if not os.path.exists(path):
        return None
    with open(path, "rb") as f:
        return f.read()


def fresh(folder):
    """Nothing was left under a final name, nor hidden."""
    left = os.listdir(folder.join("to")) if os.path.isdir(folder.join("to")) else []
    for name in left:
        os.unlink(folder.join("to", name))
    return left


def whole(servers, folder):
    server = servers["misbehave"]
    for path in ("ok/f", "noranges/f", "chunked/f", "redirect/f", "flaky/f", "cut/f",
                 "wrongrange/f", "slow/small", "ok/empty"):
        fresh(folder)
        name = path.split("/")[1]
        code, _, error = fetch("copy", url(server, path), folder.join("to") + "/")
        with open(os.path.join(server.root, name), "rb") as f:
            ok(code == 0 and got(folder, name) == f.read(), path + " comes whole", error)
        is_(fresh(folder), [name], path + ": and nothing else")
    ranges = [r.split()[2] for r in server.requests("GET /cut/f")]
    is_([ranges[0], len(ranges), ranges[-1].startswith("bytes=")], ["-", 2, True],
        "a broken transfer goes on where it stopped")
    ranges = [r.split()[2:] for r in server.requests("GET /wrongrange/f")]
    is_([[r[0] != "-", r[1]] for r in ranges],
        [[False, "200"], [True, "206"], [False, "200"]],
        "after other bytes than asked for it begins anew")


def changed(servers, folder):
    """The second answer is another file: the whole of that, never a mixture."""
    server = servers["misbehave"]
    for path in ("changed/f", "anyrange/f", "weak/f"):
        code, _, error = fetch("copy", url(server, path), folder.join("to") + "/")
        ok(code == 0 and got(folder) == bytes(255 - b for b in BODY),
           path + ": a file that changed in between comes whole", error)
        ok(any(r.split()[2] != "-" for r in server.requests("GET /" + path)),
           path + ": the rest was asked for", server.log())
        fresh(folder)


def refused(servers, folder):
    """One try each: what cannot pass is not tried again."""
    server = servers["misbehave"]
    for path, word in (("404/f", "does not exist"), ("ok/none", "does not exist"),
                       ("403/f", "is refused"), ("401/f", "is refused"),
                       ("400/f", "says 400"), ("loop/f", "redirect"),
                       ("tofile/f", ""), ("ok/", "no folders")):
        before = len(server.requests("GET"))
        code, _, error = fetch("copy", url(server, path), folder.join("to") + "/")
        ok(code in (1, 2) and word in error, path + " is refused in words", error)
        is_(fresh(folder), [], path + ": nothing is left")
        ok(len(server.requests("GET")) - before <= 12, path + ": once", server.log())
    code, _, error = fetch("list", url(server, "ok/"))
    has(error, "no folders", "a folder of http is explained")
    code, _, error = fetch("copy", url(server, "ok/f", "http@what"), folder.path)
    has(error, "no option @what", "an unknown option is named")


def truncated(servers, folder):
    """Tried again and again, then an error that is worth a retry: at once here, by a
    time limit."""
    server = servers["misbehave"]
    jobs = [{"op": "get", "uri": url(server, p), "to": folder.join("cut", p)}
            for p in ("truncated/f", "chunkcut/f", "long/f", "503/f")]
    code, ends, _, error = worker(jobs, timeout_s=8)
    is_((code, {e["event"] for e in ends.values()}), (0, {"failed"}),
        "cut answers are never taken for whole ones")
    is_({e["retry"] for e in ends.values()}, {True}, "and may be tried later")
    is_([f for _, _, files in os.walk(folder.join("cut")) for f in files], [],
        "nothing is left of them")


def canceled(servers, folder):
    """A signal in mid-download ends it at once, also when no byte comes."""
    server = servers["misbehave"]
    for path in ("slow/f", "stall/f"):
        for aria2 in ("", "@aria2"):
            if aria2 and path == "stall/f":
                continue
            before = len(server.requests("GET /" + path))
            p = spawn("copy", url(server, path, "http" + aria2), folder.join("to") + "/")
            wait_until("a download runs", lambda: os.path.isdir(folder.join("to")) and
                       [x for d, _, fs in os.walk(folder.join("to")) for x in fs])
            p.send_signal(signal.SIGTERM)
            since = time.monotonic()
            error = p.communicate(timeout=60)[1].decode()
            is_(p.returncode, 128 + signal.SIGTERM, path + aria2 + " ends by the signal")
            has(error, "was canceled", path + aria2 + " says so")
            is_(fresh(folder), [], path + aria2 + " leaves nothing")
            print("# %s%s: %.3f s, %d requests" % (path, aria2, time.monotonic() - since,
                                                   before))


def bar(servers, folder):
    """On a terminal there is a bar; elsewhere there is none."""
    server = servers["misbehave"]
    main, side = pty.openpty()
    p = spawn("copy", url(server, "slow/f"), folder.join("to") + "/", stderr=side)
    os.close(side)
    seen = b""
    while not re.search(rb"f +\d+% \[=.* MB/3\.1 MB .*/s", seen):
        seen += os.read(main, 1000)
    ok(b"% [" in seen, "a terminal shows how far it is", seen)
    is_(p.wait(), 0, "to the end")
    os.close(main)
    p.communicate()
    is_(fresh(folder), ["f"], "which is as ever")
    is_(fetch("copy", url(server, "ok/f"), folder.join("to") + "/")[2], "",
        "a file for standard error sees none")
    fresh(folder)


HALF_ARIA2 = """#!/usr/bin/env python3
import os, sys
words = dict(line.strip().split("=", 1) for line in sys.stdin if line.startswith(" "))
with open(os.path.join(words["dir"], words["out"]), "wb") as f:
    f.write(b"x" * 1000)
"""


def aria2(servers, folder):
    server = servers["misbehave"]
    code, _, error = fetch("copy", url(server, "ok/f", "http@aria2"),
                           folder.join("to") + "/")
    ok(code == 0 and got(folder) == BODY, "@aria2 brings the same bytes", error)
    ranges = {r.split()[2] for r in server.requests("GET /ok/f bytes=")}
    ok(len(ranges) >= 2, "in several segments", server.log())
    is_(fresh(folder), ["f"], "and leaves no file of its own")
    code, _, error = fetch("copy", url(server, "404/f", "http@aria2"),
                           folder.join("to") + "/")
    ok(code == 1 and "does not exist" in error, "an absent one is explained", error)
    code, _, error = fetch("copy", url(server, "ok/f", "http@aria2"),
                           folder.join("to") + "/", env={"PATH": "/nowhere"})
    ok(code == 1 and "install aria2" in error, "so is an absent aria2c", error)
    half = folder.join("bin", "aria2c")  # none that can be had leaves half a file so
    write(half, HALF_ARIA2.encode())
    os.chmod(half, 0o755)
    fresh(folder)
    code, _, error = fetch("copy", url(server, "ok/f", "http@aria2"), folder.join("to") + "/",
                           env={"PATH": os.path.dirname(half) + ":" + os.environ["PATH"]})
    ok(code == 1 and "came with 1000 bytes of %d" % len(BODY) in error,
       "half a file that it takes for a success is none", error)
    is_(fresh(folder), [], "and does not come")


def secrets(servers, folder):
    server = servers["misbehave"]
    code, out, error = fetch(
        "-v", "copy", url(server, "404/f?sig=TopSecret99", "http", "me:PassWord77@"),
        folder.join("to") + "/")
    ok(code == 1 and "TopSecret99" not in error and "PassWord77" not in error,
       "a password and a signed query are not shown", error)
    uri = url(server, "%s", "http", "me:PassWord77@").replace("%s", "") + "%s?sig=TopSecret99"
    _, end, _, _ = worker([
        {"op": "get", "uri": uri % "small" + "|untar", "to": folder.join("to")},
        {"op": "get", "uri": uri % "small", "to": folder.join("to")},
        {"op": "get", "uri": uri % "small" + "b", "to": folder.join("to")},
        {"op": "get", "uri": uri % "404/f" + "0123456789" * 60, "to": folder.join("to")},
        {"op": "get", "uri": uri % "" + "/", "to": folder.join("to")},
        {"op": "get", "uri": uri % "", "to": folder.join("to")},
        {"op": "hash", "uri": uri % "small"},
        {"op": "copy", "uri": uri % "small", "to": "/nowhere", "names": "a"},
        {"op": "get", "uri": uri % "small" + "|no", "to": folder.join("to")},
    ])
    for number, e in sorted(end.items()):
        ok(e["event"] == "failed" and "TopSecret" not in e["message"]
           and "PassWord" not in e["message"], "nor in what job %d fails with" % number, e)


def ftp(servers, folder):
    server = servers["ftpd"]
    top = os.path.join(server.root, "lab")
    write(os.path.join(top, "f"), BODY)
    write(os.path.join(top, "d", "sp ace", "\u00e9#%20?"), b"odd")
    write(os.path.join(top, "d", "g"), b"")
    os.makedirs(os.path.join(top, "d", "none"))
    base = url(server, "lab/", "ftp", "lab:secret@")
    code, _, error = fetch("copy", base + "f", folder.join("to") + "/")
    ok(code == 0 and got(folder) == BODY, "ftp brings a file", error)
    fresh(folder)
    code, out, error = fetch("rlist", base + "d/")
    is_((code, out.splitlines()), (0, ["g", "none/", "sp ace/", "sp ace/\u00e9#%20?"]),
        "ftp lists a tree")
    code, _, error = fetch("copy", base + "d/", folder.join("tree"))
    is_((code, tree(folder.join("tree"))),
        (0, {"g": b"", "none": None, "sp ace": None, "sp ace/\u00e9#%20?": b"odd"}),
        "ftp brings a tree")
    for name in ("no", "d/no/x"):
        code, _, error = fetch("copy", base + name, folder.join("to") + "/")
        ok(code == 1 and "exist" in error, "an absent file of ftp is an error", error)
    code, _, error = fetch("copy", url(server, "lab/f", "ftp", "lab:wrong@"),
                           folder.join("to") + "/")
    ok(code == 1 and "denied" in error.lower() and "wrong@" not in error,
       "a wrong password is refused", error)
    is_(fresh(folder), [], "nothing is left")


CUTTER = """
import sys
import threading
from pyftpdlib import handlers
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.servers import FTPServer
whole = handlers.FileProducer.more
state = {"sent": 0, "cut": False}
def more(self):
    if not state["cut"] and state["sent"] > 1 << 20:
        state["cut"] = True
        raise OSError("cut")
    data = whole(self)
    state["sent"] += len(data)
    return data
handlers.FileProducer.more = more
class Handler(handlers.FTPHandler):
    use_sendfile = False
    def ftp_RETR(self, file):
        print("RETR from", self._restart_position, flush=True)
        return super().ftp_RETR(file)
authorizer = DummyAuthorizer()
authorizer.add_anonymous(sys.argv[1])
Handler.authorizer = authorizer
FTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""


class Cutter(Server):
    """An FTP server whose first transfer breaks past 1 MiB."""
    name = "cutter"

    def command(self):
        return [SYSTEM_PYTHON, "-c", CUTTER, self.root, str(self.port)]


def ftp_resumes(folder):
    """Size and date are as before: only the rest is asked for."""
    server = Cutter(folder.join("cutter"))
    write(os.path.join(server.root, "f"), BODY)
    server.start()
    try:
        code, _, error = fetch("copy", url(server, "f", "ftp"), folder.join("to") + "/")
        ok(code == 0 and got(folder) == BODY, "a broken ftp transfer comes whole", error)
        starts = [int(r.split()[2]) for r in server.requests("RETR from")]
        ok(len(starts) == 2 and starts[0] == 0 and starts[1] > 0,
           "it goes on where it stopped", server.log())
    finally:
        server.stop()
    fresh(folder)


def ftp_endless():
    """A server whose list of a folder has no end."""
    def listen():
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        s.listen(5)
        return s

    def serve(c):
        data, line = None, b"-rw-r--r-- 1 a a 10 Jan 01 2020 f\r\n" * 2000
        answers = {b"USER": b"331 x", b"PASS": b"230 x", b"PWD": b'257 "/"',
                   b"SIZE": b"550 no", b"MDTM": b"550 no"}
        c.sendall(b"220 x\r\n")
        for word in (text.split()[0].upper() for text in c.makefile("rb")):
            if word == b"EPSV":
                data = listen()
                c.sendall(b"229 x (|||%d|)\r\n" % data.getsockname()[1])
            elif word == b"LIST":
                c.sendall(b"150 x\r\n")
                to = data.accept()[0]
                try:
                    while True:
                        to.sendall(line)
                except OSError:
                    return
            else:
                c.sendall(answers.get(word, b"200 x") + b"\r\n")

    def accept():
        while True:
            threading.Thread(target=serve, args=(top.accept()[0],), daemon=True).start()

    top = listen()
    threading.Thread(target=accept, daemon=True).start()
    code, _, error = fetch("list", "ftp://127.0.0.1:%d/d/" % top.getsockname()[1])
    is_(code, 1, "a list without an end is given up")
    has(error, "has more than 16 MiB", "in words")


def main():
    folder = Folder()
    os.makedirs(folder.join("servers"))
    with Servers(["misbehave", "ftpd"], folder.join("servers"), gates=False) as servers:
        root = servers["misbehave"].root
        write(os.path.join(root, "f"), BODY)
        write(os.path.join(root, "small"), BODY[:300000])
        write(os.path.join(root, "empty"))
        for test in (whole, changed, refused, truncated, canceled, bar, aria2, secrets, ftp):
            run(test, servers, folder)
    run(ftp_resumes, folder)
    run(ftp_endless)
    done()


main()
