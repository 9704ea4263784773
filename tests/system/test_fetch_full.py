#!/usr/bin/env python3
"""A disk that is full, by every way in: the error names the URI and the folder, so that
whoever reads it knows for what to make room and where; nothing is left."""

import gzip
import os
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
from disk import Disk, namespace  # noqa: E402
from fetch import fetch as fetch_with, tree, worker, write  # noqa: E402
from harness import Folder, done, is_, lacking, ok, run  # noqa: E402
from servers import Servers  # noqa: E402

BIG = 8 << 20
SMALL_DISK, NO_NAMES = "size=2m", "size=2m,nr_inodes=2"  # the root, and one folder


ENV = {}  # where the remotes are


def fetch(*words, **env):
    return fetch_with(*words, env=dict(ENV, **env))


def says_where(name, error, uri, folder):
    for what, word in (("the matter", "space"), ("the URI", uri), ("the folder", folder)):
        ok(word in error, "%s: %s is named" % (name, what), error)


def sources(servers, folder):
    """(name, URI of what does not fit)"""
    write(folder.join("big"), os.urandom(BIG))
    write(folder.join("tree/d/big"), os.urandom(BIG))
    write(folder.join("bomb.gz"), gzip.compress(b"0" * BIG))
    with tarfile.open(folder.join("bomb.tar.gz"), "w:gz") as tar:
        write(folder.join("zeros"), b"0" * BIG)
        tar.add(folder.join("zeros"), "zeros")
    write(os.path.join(servers["misbehave"].root, "f"), os.urandom(BIG))
    url = "://127.0.0.1:%d/ok/f" % servers["misbehave"].port
    local = "file://" + folder.path
    code, _, error = fetch("copy", folder.join("big"), "s3://lab/big")
    ok(code == 0, "stored", error)
    code, _, error = fetch("copy", folder.join("tree") + "/", "s3://lab/tree/")
    ok(code == 0, "stored", error)
    return [("http", "http" + url), ("aria2", "http@aria2" + url),
            ("a file", local + "/big"), ("a folder", local + "/tree/"),
            ("rclone", "s3://lab/big"), ("rclone, a folder", "s3://lab/tree/"),
            ("gunzip", local + "/bomb.gz|gunzip"), ("untar", local + "/bomb.tar.gz|untar")]


def ways_in(rows):
    for options in (SMALL_DISK, NO_NAMES):
        for name, uri in rows:
            disk = Disk(options)
            name += ", " + options
            to = disk.join("to")
            code, _, error = fetch("copy", uri, to + "/")
            is_(code, 1, name + ": it fails")
            says_where(name, error, uri, to)
            is_([f for f, data in tree(to).items() if data is not None], [],
                name + ": no file is left")
            _, ends, _, _ = worker([{"op": "get", "uri": uri, "to": disk.join("to")}],
                                   env=ENV)
            is_(ends[1]["event"], "failed", name + ": a task's fails")
            says_where(name + ", a task's", ends[1]["message"], uri, to)
            disk.stop()


def synced(folder):
    disk = Disk(SMALL_DISK)
    for uri in ("s3://lab/tree", "file://" + folder.join("tree")):
        code, _, error = fetch("sync", uri, disk.join("to"))
        is_(code, 1, uri + " synced: it fails")
        says_where(uri + " synced", error, uri, disk.join("to"))
    disk.stop()


def ways_out(folder):
    """What a task stores."""
    for options in (SMALL_DISK, NO_NAMES):
        disk = Disk(options)
        uri = "file://" + disk.join("out/")
        _, ends, _, _ = worker([{"op": "put", "uri": uri, "from": folder.join("tree")}])
        is_(ends[1]["event"], "failed", "stored, %s: it fails" % options)
        says_where("stored, " + options, ends[1]["message"], uri, disk.join("out"))
        disk.stop()


def passing(uri):
    """From one storage to another by a temporary folder."""
    for options in (SMALL_DISK, "size=2m,nr_inodes=1", NO_NAMES):
        disk = Disk(options)
        code, _, error = fetch("copy", uri, "s3://lab/across/", TMPDIR=disk.path)
        is_(code, 1, "across, %s: it fails" % options)
        says_where("across, " + options, error, uri, disk.path)
        is_(os.listdir(disk.path), [], "across, %s: nothing is left" % options)
        disk.stop()


def main():
    folder = Folder()
    with Servers(["s3", "misbehave"], folder.join("servers"), gates=False) as servers:
        ENV["RCLONE_CONFIG"] = servers.conf
        rows = sources(servers, folder)
        ways_in(rows)
        synced(folder)
        ways_out(folder)
        passing(rows[0][1])
    folder.stop()


if namespace():
    run(main)
else:
    lacking("a disk that gets full", "root, for a mount namespace of its own")
done()
