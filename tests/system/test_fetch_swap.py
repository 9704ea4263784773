#!/usr/bin/env python3
"""scitq-fetch --worker in folders that others write to: a link in the place of the folder
or of a file in it is not followed, be it there from the start or put there in the midst
of a transfer; what killed processes left is swept; of two inputs that bring one name
none replaces the other.

Victims are files and folders of the test's own."""

import json
import os
import shutil
import signal
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
from fetch import ends, spawn, tree, worker, write  # noqa: E402
from harness import Folder, done, has, is_, ok, run, wait_until  # noqa: E402
from servers import Servers  # noqa: E402

SECRET = b"not the task's\n" * 1000


def begin(jobs, **more):
    """The process with its list, running."""
    p = spawn("--worker", **more)
    p.stdin.write(json.dumps({"jobs": jobs}).encode())
    p.stdin.close()
    return p


def finish(p):
    """{id: end}."""
    out = p.stdout.read()
    p.wait(60)
    p.stderr.close()
    return ends(out)


def from_the_start(servers, folder):
    victim, link, put = folder.join("victim"), folder.join("link"), folder.join("put")
    write(victim + "/secret", SECRET)
    write(folder.join("src"), b"data")
    os.symlink(victim, link)
    os.makedirs(folder.join("to"))
    os.symlink(victim, folder.join("to/sub"))
    _, end, _, _ = worker([
        {"op": "put", "from": link, "uri": put + "/"},
        {"op": "put", "from": link + "/", "uri": put + "/"},
        {"op": "get", "uri": folder.join("src"), "to": link},
        {"op": "get", "uri": folder.join("src|mv:sub"), "to": folder.join("to")},
        {"op": "get", "uri": folder.join("src|mv:sub/deep"), "to": folder.join("to")},
    ])
    for i, what in ((1, "uploaded from"), (2, "followed by a / at its end"), (3, "fetched into"), (4, "moved into"),
                    (5, "passed through")):
        is_(end[i]["event"], "failed", "a link is not " + what)
        has(end[i]["message"], "link", "which is told")
    is_((tree(victim), os.path.exists(put)), ({"secret": SECRET}, False),
        "nothing came to where it led, or from there")


def in_mid_upload(servers, folder):
    """rclone reads a few files at a time, when their turn comes."""
    victim, src = folder.join("victim"), folder.join("work/output")
    write(victim, SECRET)
    want = {"f%d" % i: os.urandom(30000) for i in range(20)}
    want["d/e"] = b"below"
    for name, data in want.items():
        write(os.path.join(src, name), data)
    gate = servers["s3"].gate()
    before = len(gate.requests("opened"))
    gate.set("stall:20000")
    p = begin([{"id": 1, "op": "put", "from": src, "uri": "s3_gate://lab/held/"}],
              env={"RCLONE_CONFIG": servers.conf})
    wait_until("bytes go", lambda: len(gate.requests("opened")) >= before + 2)
    shutil.rmtree(src)
    for name in want:
        os.makedirs(os.path.dirname(os.path.join(src, name)), exist_ok=True)
        os.symlink(victim, os.path.join(src, name))
    gate.set("pass")
    end = finish(p)
    is_(end[1]["event"], "done", "an upload whose files are swapped for links")
    got = folder.join("got")
    _, end, _, _ = worker([{"op": "get", "uri": "s3://lab/held/", "to": got}],
                          env={"RCLONE_CONFIG": servers.conf})
    is_({k: v for k, v in tree(got).items() if v is not None} == want, True,
        "stores what they were")
    is_(os.listdir(folder.join("work")), ["output"], "nothing is left beside")


def stopped(servers, folder):
    """The folder beside goes when it fails, and when it is told to stop."""
    src, gate = folder.join("work/output"), servers["s3"].gate()
    write(src + "/f", os.urandom(30000))
    env = {"RCLONE_CONFIG": servers.conf}
    _, end, _, _ = worker([{"op": "put", "from": src + "/", "uri": "s3://lab/slash/"}],
                          env=env)
    is_(end[1]["files"], 1, "a path that ends in /")
    _, end, _, _ = worker([{"op": "put", "from": src, "uri": "gone://lab/x/"}], env=env)
    is_(end[1]["event"], "failed", "an upload that fails")
    is_(os.listdir(folder.join("work")), ["output"], "leaves nothing beside")
    before = len(gate.requests("opened"))
    gate.set("stall:20000")
    p = begin([{"id": 1, "op": "put", "from": src, "uri": "s3_gate://lab/stop/"}],
              env=env)
    wait_until("bytes go", lambda: len(gate.requests("opened")) > before)
    is_(len(os.listdir(folder.join("work"))), 2, "its files are held")
    p.send_signal(signal.SIGTERM)
    finish(p)
    gate.set("pass")
    is_(os.listdir(folder.join("work")), ["output"], "nothing after SIGTERM either")


def swept(servers, folder):
    to, gate = folder.join("to"), servers["s3"].gate()
    env = {"RCLONE_CONFIG": servers.conf}
    write(folder.join("src/f"), os.urandom(100000))
    worker([{"op": "put", "from": folder.join("src"), "uri": "s3://lab/sweep/"}], env=env)
    job = {"id": 1, "op": "get", "uri": "s3_gate://lab/sweep/f|mv:sub", "to": to}
    gate.set("stall:20000")
    p = begin([job], env=env)
    wait_until("bytes come", lambda: any(n.startswith(".scitq-fetch-")
                                         for n in tree(to + "/sub")))
    p.kill()
    finish(p)
    gate.set("pass")
    for name in ("/.scitq-fetch-abcdef/x", "/.scitq-fetch-note", "/.scitq-fetch-abcdefg"):
        write(to + name, b"")
    worker([dict(job), {"op": "get", "uri": folder.join("src/f"), "to": to}], env=env)
    is_(sorted(tree(to)), [".scitq-fetch-abcdefg", ".scitq-fetch-note", "f", "sub",
                           "sub/f"], "what kill -9 left is swept by the next")


def twins(servers, folder):
    def make(name, data):
        return write(folder.join(name), data)
    a, b = make("a/x", b"one"), make("b/x", b"two")
    same = make("c/x", b"one")
    make("tree/x", b"tree")
    make("tree/y", b"y")
    with tarfile.open(folder.join("t.tar"), "w") as tar:
        tar.add(folder.join("tree/x"), "x")
        tar.add(folder.join("tree/y"), "z")
    make("a/z.gz", b"")
    make("b/z", b"")
    table = [  # URIs, events, part of the message, what is there
        ([a, b], "ff", "two inputs are named x: %s and %s: put one into a folder of its "
         "own with |mv:" % (a, b), []),
        ([a + "|mv:m/", b + "|mv:./m"], "ff", "two inputs are named m/x", []),
        ([folder.join("a/z.gz|gunzip"), folder.join("b/z")], "ff", "named z", []),
        ([a, b + "|mv:m"], "dd", "", ["m", "m/x", "x"]),
        ([a, a], "dd", "", ["x"]),
        ([a, folder.join("tree/")], None, "two inputs bring a file x, and not the same",
         None),
        ([a, folder.join("t.tar|untar")], None,
         "two inputs bring a file x, and not the same", None),
        ([a, folder.join("c/")], "dd", "", ["x"]),
    ]
    ok(os.path.exists(same), "a file with the same bytes")
    for i, (uris, events, words, there) in enumerate(table):
        to = folder.join("to%d" % i)
        _, end, _, _ = worker([{"op": "get", "uri": u, "to": to} for u in uris])
        name = "%s: " % [os.path.relpath(u, folder.path) for u in uris]
        told = "".join(end[n + 1]["event"][0] for n in range(len(uris)))
        if events:
            is_(told, events, name + "how they end")
            is_(sorted(tree(to)) if os.path.exists(to) else [], there,
                name + "what is there")
        else:
            ok("f" in told, name + "one fails", told)
            ok(tree(to).get("x") in (b"one", b"tree"), name + "the other's stays")
        for e in end.values():
            if e["event"] == "failed":
                has(e["message"], words, name + "in words")
                is_(e["retry"], False, name + "for good")


def main():
    top = Folder()
    os.makedirs(top.join("servers"))
    with Servers(["s3"], top.join("servers")) as servers:
        for test in (from_the_start, in_mid_upload, stopped, swept, twins):
            folder = Folder()
            run(test, servers, folder)
            folder.stop()
    done()


main()
