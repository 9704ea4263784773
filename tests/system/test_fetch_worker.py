#!/usr/bin/env python3
"""scitq-fetch --worker: every job of the list is answered, progress comes at most once a
second, and what ends it in the middle (a signal, kill -9, a time limit, nobody reading,
a dead parent) leaves no part of a file under its final name."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
from fetch import ends, environment, spawn, tree, worker, write  # noqa: E402
from harness import Folder, done, has, is_, ok, program, run, signal, wait_until  # noqa: E402
from servers import Servers  # noqa: E402

BODY = os.urandom(5 * 1024 * 1024)


def slow(servers, name="slow/f"):
    return "http://127.0.0.1:%d/%s" % (servers["misbehave"].port, name)


def moving(path):
    """Bytes have arrived in a hidden folder below `path`."""
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                if os.stat(os.path.join(folder, name)).st_size > 0:
                    return True
            except FileNotFoundError:
                pass
    return False


def visible(path):
    return {k for k in tree(path) if not k.startswith(".scitq-fetch-")}


def jobs_of_all_kinds(servers, folder):
    src, to = folder.join("src"), folder.join("to")
    write(src + "/a", b"alpha")
    write(src + "/d/b", b"")
    os.symlink("a", src + "/link")
    os.utime(src + "/a", (1000000000, 1000000000))
    code, end, _, error = worker([
        {"op": "get", "uri": src + "/a", "to": to},
        {"op": "get", "uri": src + "/d/", "to": to + "/tree"},
        {"op": "put", "from": src, "uri": "file://%s/" % folder.join("put")},
        {"op": "put", "from": src + "/a", "uri": folder.join("one")},
        {"op": "info", "uri": src + "/a"},
        {"op": "hash", "uri": src + "/a"},
        {"op": "hash", "uri": src + "/d/"},
        {"op": "get", "uri": src + "/none", "to": to},
        {"op": "get", "uri": "s 3://x", "to": to},
        {"op": "get", "uri": src + "/a|mv:../x", "to": to},
        {"op": "get", "uri": src + "/a"},
        {"op": "get", "uri": src + "/a", "to": "relative"},
        {"op": "put", "from": src + "/none", "uri": folder.join("x")},
        {"op": "put", "from": src, "uri": folder.join("x") + "/|untar"},
        {"op": "dance", "uri": src + "/a"},
        {"op": "hash", "uri": slow(servers)},
    ])
    is_(code, 0, "every job is answered: exit 0")
    is_({i: e["event"] for i, e in end.items()},
        {i: "done" if i in (1, 2, 3, 5, 6, 7) else "failed" for i in range(1, 17)},
        "as it should")
    is_((end[1]["bytes"], end[1]["files"], end[1]["source_size"], end[1]["source_date"]),
        (5, 1, 5, "2001-09-09T01:46:40"), "a file: bytes, number, source")
    is_((end[2]["files"], tree(to)), (1, {"a": b"alpha", "tree": None, "tree/b": b""}),
        "a tree")
    is_((end[3]["files"], end[3]["skipped"], end[3]["skipped_more"], tree(folder.join("put"))),
        (2, ["link"], 0, {"a": b"alpha", "d": None, "d/b": b""}), "an upload")
    has(end[4]["message"], "is a file", "an upload of one file is refused")
    ok("one" not in tree(folder.path), "and nothing is stored")
    is_((end[5]["source_size"], "md5" in end[5]), (5, False), "info")
    is_(end[6]["md5"], "2c1743a391305fbf367df8e4f069f9f9", "hash of a file")
    ok(end[7]["here"] is True and "md5" not in end[7], "hash of a tree", end[7])
    for i in [4, *range(8, 17)]:
        ok(end[i]["message"] and end[i]["retry"] is False, "reason %d" % i, end[i])
    has(end[16]["message"], "no MD5", "a storage without hashes says so")
    ok(not error, "nothing else is said", error)


def checks(servers, folder):
    """Where something could be stored: an error is what no retry mends."""
    write(folder.join("file"), b"")
    write(folder.join("fstab"), b"nas:/x %s nfs rw 0 0\n" % folder.join("nas").encode())
    write(folder.join("none.conf"), b"")
    end = worker([{"op": "check", "uri": uri} for uri in (
        folder.join("new/"), folder.join("new/deep"), folder.join("nas/below/"),
        folder.join("file"), folder.join("file/x/"), "http://127.0.0.1:1/", "s 3://x",
        folder.join("new/") + "|untar", "nowhere://b/")],
        env={"NFS_FSTAB": folder.join("fstab"), "RCLONE_CONFIG": folder.join("none.conf")})[1]
    is_([end[i]["event"] for i in range(1, 10)], ["done"] * 3 + ["failed"] * 6, "checks")
    is_([end[i]["code"] for i in range(4, 10)],
        ["SQ_EEXIST"] * 2 + ["SQ_EUNSUPPORTED"] + ["SQ_EINVAL"] * 3, "with the reason")
    ok(not any(end[i]["retry"] for i in range(4, 10)), "which no retry mends")
    is_(sorted(tree(folder.path)), ["file", "fstab", "none.conf"], "nothing was made")


def hashes(servers, folder):
    """What is the same wherever it lies, and every change that is seen."""
    def one(uri, **more):
        end = worker([dict(op="hash", uri=uri, **more)])[1][1]
        return end if end["event"] == "done" else {"content": end["message"],
                                                   "state": end["code"]}

    def content(uri, **more):
        return one(uri, **more)["content"]

    for name, data in (("x/a", b"alpha"), ("x/d/b c", b"beta"), ("y/d/b c", b"beta"),
                       ("y/a", b"alpha"), ("only/a", b"alpha")):
        write(folder.join(name), data)
    x = folder.join("x/")
    first = one(x)
    is_(content(folder.join("y/")), first["content"], "the same files in another place")
    is_(content(folder.join("only/")), content(folder.join("x/a")),
        "a file is a folder with that file")
    ok(content(folder.join("x/a")) != first["content"], "one file less is seen")
    names = content(x, names="d/b%20c a")
    is_(names, first["content"], "files given by name, in whatever order")
    ok(content(x, names="a") != names, "one name less is seen")
    is_(one(x, names="a none")["state"], "SQ_ENOENT", "a name that is not there")
    is_(one(x, names="a d")["state"], "SQ_ENOENT", "a name that is a folder's")
    is_(one(x, names="a ../y/a")["state"], "SQ_EINVAL", "a name that leads outside")
    is_(content(x, names=""), content(x, names=" "), "no names")
    os.mkdir(folder.join("x/empty"))
    ok(content(x) != first["content"], "an empty folder is seen")
    os.rmdir(folder.join("x/empty"))
    os.rename(folder.join("x/a"), folder.join("x/A"))
    ok(content(x) != first["content"], "another name is seen")
    os.rename(folder.join("x/A"), folder.join("x/a"))
    is_(one(x), first, "all as before")
    os.utime(folder.join("x/a"), (1000000000, 1000000000))
    again = one(x)
    ok(again["content"] == first["content"] and again["state"] != first["state"],
       "a file written again with the same content changes the state alone")
    write(folder.join("x/a"), b"alphA")
    os.utime(folder.join("x/a"), (1000000000, 1000000000))
    ok(one(x)["content"] != first["content"] and one(x)["state"] != again["state"],
       "another content of the same size and date is seen")
    is_(one("tests/x")["state"], "SQ_EUNSUPPORTED", "a relative path is none")


def listings(servers, folder):
    """A folder of more names than an answer could hold is told of, and a change in it."""
    src, long = folder.join("src"), "n" * 200
    for i in range(6000):
        write("%s/%s%d" % (src, long, i), b"")
        os.symlink("nowhere", "%s/link %s%d" % (src, long, i))

    def listing():
        return worker([{"op": "info", "uri": src + "/"}])[1][1]["listing"]

    first = listing()
    is_(listing(), first, "the same folder, the same text")
    name = "%s/%s%d" % (src, long, 5000)
    date = os.stat(name).st_mtime
    write(name, b"1")
    os.utime(name, (date, date))
    size = listing()
    os.utime(name, (date, date + 2))
    dated = listing()
    os.rename(name, name + "x")
    is_(len({first, size, dated, listing()}), 4, "its sizes, dates and names are seen")
    code, end, every, error = worker([
        {"op": "put", "from": src, "uri": "file://%s/" % folder.join("out")}])
    is_((code, end[1]["event"], end[1]["files"], len(end[1]["skipped"]),
         end[1]["skipped_more"]), (0, "done", 6000, 20, 5980), "many files, many links")
    ok(max(len(json.dumps(e)) for e in every) < 1 << 20, "in a line of bounded length")


def copies(servers, folder):
    for i in range(8):
        write(folder.join("x/d %d/f" % i), b"%d" % i)
    write(folder.join("x/other"), b"not asked for")
    every = " ".join("d%%20%d/f" % i for i in range(8))
    src, to = "file://%s" % folder.join("x"), folder.join("to")
    end = worker([{"op": "copy", "uri": src, "to": to, "names": "d%203/f"},
                  {"op": "copy", "uri": src + "/", "to": to + "/all/", "names": every},
                  {"op": "copy", "uri": src, "to": to + "/", "names": "none"},
                  {"op": "copy", "uri": src, "to": "s3://b/o/", "names": "other"},
                  {"op": "copy", "uri": src, "to": to}])[1]
    is_([end[i]["event"] for i in range(1, 6)], ["done"] * 2 + ["failed"] * 3, "copies")
    expected = {"d 3": None, "d 3/f": b"3", "all": None}
    for i in range(8):
        expected["all/d %d" % i] = None
        expected["all/d %d/f" % i] = b"%d" % i
    is_(tree(to), expected, "what was named and nothing else is there")
    has(end[4]["message"], "another storage", "to another storage: refused")


def progress(servers, folder):
    code, end, every, _ = worker([{"op": "get", "uri": slow(servers), "to": folder.path}])
    told = [e for e in every if e["event"] == "progress"]
    is_((code, end[1]["event"], end[1]["bytes"]), (0, "done", len(BODY)), "a slow one")
    ok(told and all(e["total"] == len(BODY) for e in told), "tells how far it is", told)
    sizes = [e["bytes"] for e in told]
    ok(sizes == sorted(set(sizes)) and len(told) <= 12, "a second apart, always more",
       sizes)


def begin(servers, folder, name="slow/f", timeout_s=0, **more):
    """A download in its middle."""
    to = folder.join("to")
    p = spawn("--worker", **more)
    p.stdin.write(json.dumps({"jobs": [
        {"id": 7, "op": "get", "uri": slow(servers, name), "to": to}],
        "timeout_s": timeout_s}).encode())
    p.stdin.close()
    p.stdin = None
    wait_until("a download is in its middle", lambda: moving(to))
    return p, to


def canceled(servers, folder):
    p, to = begin(servers, folder)
    p.terminate()
    out, _ = p.communicate(timeout=60)
    end = ends(out)[7]
    is_((p.returncode, end["event"], end["retry"], tree(to)), (1, "failed", False, {}),
        "SIGTERM: answered, and nothing is left")
    has(end["message"], "canceled", "with the reason")


def killed(servers, folder):
    p, to = begin(servers, folder)
    p.kill()
    p.communicate()
    is_(visible(to), set(), "kill -9: nothing under a final name")
    code, end, _, _ = worker([{"op": "get", "uri": slow(servers, "ok/f"), "to": to}])
    is_((code, end[1]["event"], visible(to)), (0, "done", {"f"}), "and the next one works")


def late(servers, folder):
    p, to = begin(servers, folder, "stall/f", timeout_s=2)
    out, _ = p.communicate(timeout=60)
    end = ends(out)[7]
    is_((p.returncode, end["event"], end["code"], tree(to)),
        (0, "failed", "SQ_ETIMEDOUT", {}), "a time limit is kept")
    has(end["message"], "took longer than the 2 s", "and named")


def nobody_reads(servers, folder):
    p, to = begin(servers, folder)
    p.stdout.close()
    p.stdout = None
    is_(p.wait(60), 1, "when nobody reads, it ends")
    is_(visible(to), set(), "and leaves nothing under a final name")
    p.communicate()


PARENT = """
import os, subprocess, sys
p = subprocess.Popen([sys.argv[1], "--worker"], stdin=subprocess.PIPE)
p.stdin.write(sys.argv[2].encode()); p.stdin.close()
print(p.pid, flush=True)
p.wait()
"""


def orphaned(servers, folder):
    """Killed with -9, the parent takes it along."""
    to = folder.join("to")
    text = json.dumps({"jobs": [{"id": 1, "op": "get", "uri": slow(servers), "to": to}]})
    p = subprocess.Popen([sys.executable, "-c", PARENT, program("scitq-fetch"), text],
                         stdout=subprocess.PIPE, env=environment())
    pid = int(p.stdout.readline())
    pidfd = os.pidfd_open(pid)
    wait_until("a download is in its middle", lambda: moving(to))
    p.kill()
    p.communicate()
    import select
    ok(select.select([pidfd], [], [], 60)[0], "it ends with its parent")
    is_(visible(to), set(), "and leaves nothing under a final name")


def bad_lists(servers, folder):
    for text in (b"", b"{", b"[]", b'{"jobs":3}', b'{"jobs":[{}]}',
                 b'{"jobs":[{"id":"x","op":"get","uri":"y"}]}',
                 b'{"jobs":[],"timeout_s":-1}'):
        p = spawn("--worker")
        out, error = p.communicate(text, timeout=60)
        is_((p.returncode, out), (2, b""), "refused: %r" % text)
        has(error.decode(), "the job list", "in words")
    is_(worker([])[:2], (0, {}), "an empty list is nothing to do")
    p = spawn("--worker", "list", "x")
    is_((p.communicate()[0], p.returncode), (b"", 2), "--worker takes no verb")


def many(servers, folder):
    src = folder.join("src")
    for i in range(500):
        write("%s/%d/f%d" % (src, i % 7, i), b"%d" % i)
    code, end, _, error = worker(
        [{"op": "get", "uri": src + "/", "to": folder.join("to")}] +
        [{"op": "get", "uri": "%s/%d/f%d" % (src, i % 7, i), "to": folder.join("one")}
         for i in range(200)])
    is_((code, {e["event"] for e in end.values()}), (0, {"done"}), "500 files, 201 jobs")
    is_(tree(folder.join("to")), tree(src), "the tree is the same")
    is_(sorted(tree(folder.join("one"))), sorted("f%d" % i for i in range(200)),
        "so are the single ones")


def main():
    top = Folder()
    os.makedirs(top.join("servers"))
    with Servers(["misbehave"], top.join("servers"), gates=False) as servers:
        write(os.path.join(servers["misbehave"].root, "f"), BODY)
        for test in (jobs_of_all_kinds, checks, hashes, listings, copies, progress,
                     canceled, killed, late, nobody_reads, orphaned, bad_lists, many):
            folder = Folder()
            run(test, servers, folder)
            folder.stop()
    done()


main()
