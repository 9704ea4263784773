#!/usr/bin/env python3
"""scitq-fetch between this machine, an S3 server, Azure Blob and SFTP: trees up, down
and across, syncs that do nothing twice, deletions, and errors in words, without secrets."""

import base64
import http.server
import os
import re
import shutil
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
from fetch import fetch, tree, worker, write  # noqa: E402
from harness import Folder, done, has, is_, ok, run  # noqa: E402
from servers import Servers, obscured  # noqa: E402

FILES = {"f%d" % i: b"%d" % i for i in range(30)}
FILES.update({"d/e/big": os.urandom(9 * 1024 * 1024), "d/sp ace'\u00e9": b"odd",
              "d/none": b""})


def files(path):
    return {k: v for k, v in tree(path).items() if v is not None}


class World:
    def __init__(self, servers, folder):
        self.env = {"RCLONE_CONFIG": servers.conf}
        self.servers, self.folder = servers, folder
        self.src = folder.join("src")
        for name, data in FILES.items():
            write(os.path.join(self.src, name), data)

    def fetch(self, *words):
        return fetch(*words, env=self.env)

    def good(self, name, *words):
        code, out, error = self.fetch(*words)
        ok(code == 0, name, error)
        return out

    def bad(self, name, word, *words):
        code, _, error = self.fetch(*words)
        ok(code == 1 and word in error, name, error)


def up_and_down(w):
    for remote in ("s3", "azure"):
        there = "%s://lab/tree/" % remote
        w.good(remote + ": a tree goes up", "copy", w.src + "/", there)
        is_(sorted(w.good("is listed", "rlist", there).splitlines()),
            sorted(set(FILES) | ({"d/", "d/e/"})), "whole")
        w.good("comes down", "copy", there, w.folder.join(remote))
        is_(files(w.folder.join(remote)), FILES, "to the byte")
        uri = "%s://lab/tree/d/sp%%20ace'\u00e9" % remote
        ok(uri in w.good("list", "list", there).splitlines(), "names are escaped")
        w.good("as listed", "copy", uri, w.folder.join("one"))
        is_(files(w.folder.path)["one"], b"odd", "an odd one comes")
        is_(w.fetch("-v", "sync", w.src, there)[1:], ("", ""), "nothing is to sync up")
        is_(w.fetch("-v", "sync", there, w.folder.join(remote))[1:], ("", ""),
            "nor down")


def across(w):
    """Small ones in batches by way of here, a large one alone; within one storage by the
    storage."""
    w.good("s3 to azure", "sync", "s3://lab/tree", "azure://lab/across")
    is_(w.good("is listed", "rlist", "azure://lab/across/"),
        w.good("like the source", "rlist", "s3://lab/tree/"), "the same names")
    w.good("comes down", "copy", "azure://lab/across/", w.folder.join("across"))
    is_(files(w.folder.join("across")), FILES, "to the byte")
    is_(w.fetch("-v", "sync", "s3://lab/tree", "azure://lab/across")[1:], ("", ""),
        "once is enough")
    w.good("one file across", "copy", "azure://lab/tree/d/e/big", "s3://lab/one/")
    w.good("one file within", "copy", "s3://lab/one/big", "s3://lab/one/again")
    is_(w.good("both", "rlist", "s3://lab/one/"), "again\nbig\n", "are there")
    w.good("a tree within", "copy", "s3://lab/tree/d/", "s3://lab/within/")
    is_(w.good("is", "rlist", "s3://lab/within/"), "e/\ne/big\nnone\nsp ace'\u00e9\n",
        "whole")
    is_([n for n in os.listdir("/var/tmp") if n.startswith("scitq-fetch-")], [],
        "nothing is left on the way")


def deletes(w):
    out = w.good("dryrun", "delete", "--dryrun", "--include", "f1?", "s3://lab/tree/")
    is_(sorted(out.split()), ["s3://lab/tree/f1%d" % i for i in range(10)], "says which")
    w.good("delete some", "delete", "--include", "f1?", "s3://lab/tree/")
    left = w.good("list", "rlist", "s3://lab/tree/").splitlines()
    is_([n for n in left if n.startswith("f1")], ["f1"], "those are gone")
    w.good("delete one", "delete", "s3://lab/tree/f1")
    w.good("delete a tree", "delete", "s3://lab/tree/")
    w.bad("it is gone", "nothing there", "list", "s3://lab/tree/")


def dates(w):
    """SFTP's are of whole seconds: less than one makes no other date, more does."""
    src, there = w.folder.join("dated"), "sftp://dated"
    moment = 1600000000 * 10**9

    def sync(data, date_ns):
        os.utime(write(src + "/f", data), ns=(date_ns, date_ns))
        return w.fetch("-v", "sync", src, there)

    is_(sync(b"one", moment + 7 * 10**8)[0], 0, "a file goes up")
    is_(sync(b"one", moment + 7 * 10**8), (0, "", ""), "half a second is not missed")
    is_(sync(b"two", moment + 3 * 10**9)[0], 0, "another date of the same size")
    w.good("comes down", "copy", there + "/f", w.folder.join("dated-down"))
    is_(files(w.folder.path)["dated-down"], b"two", "is another file")


def refused(w):
    to = w.folder.join("to")
    w.bad("an absent object", "no such object", "copy", "s3://lab/none", to)
    w.bad("an absent folder", "nothing there", "copy", "s3://lab/none/", to)
    w.bad("a folder without its slash", "with a / at its end", "copy", "s3://lab/one", to)
    w.bad("an unknown remote", "nowhere", "copy", "nowhere://lab/x", to)
    spoiled = dict(w.env, RCLONE_CONFIG=w.folder.join("spoiled.conf"))
    write(spoiled["RCLONE_CONFIG"], b"[odd]\ntype = sftp\nhost = 127.0.0.1\npass = abcd\n")
    code, _, error = fetch("list", "odd://x/", env=spoiled)
    ok(code == 1 and "a password or key in [odd]" in error and "again" not in error,
       "a password that is not obscured is no reason to try again", error)
    w.bad("a folder up without its slash", "with a / at its end", "copy", w.src,
          "s3://lab/x")
    w.bad("an absent file up", "No such file", "copy", w.src + "/none", "s3://lab/x")
    code, _, error = w.fetch("copy", "s3://lab/one/big|untar", "azure://lab/x/")
    ok(code == 2 and "copies to this machine" in error, "an action elsewhere", error)
    is_(files(to), {}, "nothing came")


def requests(w):
    """What is asked of S3 for a tree: no object is asked about when a list told it."""
    src, log = w.folder.join("many"), w.servers["s3"].requests
    for i in range(120):
        write("%s/d%d/f%d" % (src, i % 3, i), b"%d" % i)

    def asked(name, *words):
        before = len(log())
        w.good(name, *words)
        lines = log()[before:]
        paths = {m: [p for line in lines for p in re.findall(m + r" (/lab/many/[^\s?]*)", line)]
                 for m in ("HEAD", "GET", "PUT")}
        n = {m: len(paths[m]) for m in paths}
        for m in ("GET", "PUT"):  # what a busy server was too slow for is done again
            n["HEAD"] -= n[m] - len(set(paths[m]))
            n[m] = len(set(paths[m]))
        return n

    n = asked("up", "sync", src, "s3://lab/many")
    ok(n["PUT"] == 120 and n["HEAD"] == 120, "stored with one look at each, rclone's own", n)
    n = asked("down", "copy", "s3://lab/many/", w.folder.join("down"))
    ok(n["HEAD"] <= 2 and n["GET"] == 120, "fetched without looking", n)
    is_(files(w.folder.join("down")), files(src), "whole")
    shutil.rmtree(w.folder.join("down"))
    n = asked("sync down", "sync", "s3://lab/many", w.folder.join("down"))
    ok(n["HEAD"] <= 2, "a first sync needs no dates", n)
    n = asked("sync again", "sync", "s3://lab/many", w.folder.join("down"))
    ok(120 <= n["HEAD"] <= 122 and n["GET"] == 0, "the next one compares them", n)
    for i in range(120):
        write("%s/d%d/f%d" % (src, i % 3, i), b"longer %d" % i)
    n = asked("sync of other sizes", "sync", src, "s3://lab/many")
    ok(n["PUT"] == 120, "another size is another file", n)


class Echo(http.server.BaseHTTPRequestHandler):
    """A WebDAV server that refuses everybody, and tells the world with what."""

    def refuse(self):
        word, _, shown = self.headers.get("Authorization", "").partition(" ")
        if word == "Basic":
            shown = base64.b64decode(shown).decode()
        text = ('<?xml version="1.0"?><d:error xmlns:d="DAV:" xmlns:s="x">'
                "<s:exception>Denied</s:exception><s:message>no right for %s, none"
                "</s:message></d:error>" % shown).encode()
        self.send_response(403)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_PROPFIND = do_GET = do_HEAD = do_PUT = do_MKCOL = refuse

    def log_message(self, *_):
        pass


def secrets(w):
    """A storage that repeats the credentials it refuses: a token, a password that
    rclone.conf holds obscured, and one so long that the error is cut within it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d/" % server.server_port
    plain, token, long = "a-pass word'd", "T0ken" + "x/+" * 9, "L0ng" + "abcdefg8" * 60
    with open(w.servers.conf, "a") as f:
        for name, line in (("echopass", "user = lab\npass = " + obscured(plain)),
                           ("echotoken", "bearer_token = " + token),
                           ("echolong", "bearer_token = " + long)):
            f.write("[%s]\ntype = webdav\nvendor = other\nurl = %s\n%s\n\n" % (
                name, url, line))
    src = w.src + "/f1"
    for remote, secret in (("echopass", plain), ("echotoken", token),
                           ("echolong", long[:8])):
        for words in (("copy", remote + "://x", w.folder.join("to")),
                      ("copy", src, remote + "://x"), ("rlist", remote + "://x/"),
                      ("delete", remote + "://x")):
            code, out, error = w.fetch("-v", *words)
            ok(code == 1 and "***" in error and secret not in error + out,
               "%s is kept from %s" % (remote, words[0]), error)
        for job in ({"op": "get", "uri": remote + "://x", "to": w.folder.join("to")},
                    {"op": "put", "uri": remote + "://x/", "from": w.src},
                    {"op": "info", "uri": remote + "://x"}):
            code, end, _, error = worker([job], env=w.env)
            has(end[1]["message"], "***", "the worker is told why")
            ok(secret not in end[1]["message"] + error, "without %s" % remote, end)
    server.shutdown()


def main():
    folder = Folder()
    os.makedirs(folder.join("servers"))
    with Servers(["s3", "azure", "sftp"], folder.join("servers"), gates=False) as servers:
        w = World(servers, folder)
        for test in (up_and_down, across, dates, deletes, refused, requests, secrets):
            run(test, w)
    done()


main()
