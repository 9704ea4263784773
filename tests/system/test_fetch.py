#!/usr/bin/env python3
"""scitq-fetch as people use it, on local folders: what each verb copies, prints, leaves
out and refuses."""

import io
import json
import os
import tarfile
import zipfile

from fetch import fetch, tree, write
from harness import Folder, done, has, is_, ok, run

SOURCE = {"x.txt": b"hi\n", "a": None, "a/big": os.urandom(300000), "a/b": None,
          "a/b/sp ace\n'\u00e9": b"odd", "a.b": b"", "empty": None}


def plant(path, content=None):
    for name, data in (content or SOURCE).items():
        if data is None:
            os.makedirs(os.path.join(path, name), exist_ok=True)
        else:
            write(os.path.join(path, name), data)
    return path


def hidden(path):
    return [n for d, ds, fs in os.walk(path) for n in ds + fs
            if n.startswith(".scitq-fetch")]


def good(name, *words, **more):
    code, out, error = fetch(*words, **more)
    ok(code == 0, name, error)
    return out


def bad(name, code, word, *words, **more):
    got, out, error = fetch(*words, **more)
    ok(got == code and word in error, name, "exit %s: %s" % (got, error))
    return error


def copy(folder):
    src, to = plant(folder.join("src")), folder.join("to")
    good("a file, renamed", "copy", src + "/x.txt", folder.join("y.txt"))
    is_(open(folder.join("y.txt"), "rb").read(), b"hi\n", "it is there")
    good("a file into a folder", "copy", "file://" + src + "/x.txt", to + "/")
    good("a file into a folder that is there", "copy", src + "/a/big", to)
    good("here, when nothing is said", "copy", src + "/a.b", cwd=to)
    is_(sorted(os.listdir(to)), ["a.b", "big", "x.txt"], "they are there")
    good("a tree", "copy", src + "/", folder.join("tree"))
    is_(tree(folder.join("tree")), SOURCE, "it is whole, empty folders too")
    is_(int(os.stat(src + "/a/big").st_mtime),
        int(os.stat(folder.join("tree/a/big")).st_mtime), "dates are kept")
    good("over an older copy", "copy", src + "/", folder.join("tree"))
    good("names with a space", "copy", src + "/a/b/sp%20ace%0A'\u00e9", to + "/")
    ok("sp ace\n'\u00e9" in os.listdir(to), "are escaped", os.listdir(to))
    os.symlink("x.txt", src + "/link")
    os.symlink("a", src + "/dirlink")
    os.mkfifo(src + "/pipe")
    code, _, error = fetch("copy", src + "/", folder.join("tree2"))
    ok(code == 0 and "pipe is left out" in error and "dirlink is left out" in error,
       "pipes and links to folders are left out, with a note", error)
    is_(hidden(folder.path), [], "no temporary folder is left")


def refused(folder):
    src = plant(folder.join("src"))
    bad("an absent file", 1, "No such file", "copy", src + "/no", folder.join("to"))
    bad("a folder given as a file", 1, "folder", "copy", src + "/a", folder.join("to"))
    bad("a file given as a folder", 1, "", "copy", src + "/x.txt/", folder.join("to"))
    bad("a destination below a file", 1, "", "copy", src + "/x.txt", src + "/x.txt/y/")
    bad("an unknown protocol", 1, "", "copy", "what://x/y", folder.join("to"))
    bad("a bad URI", 2, "the protocol", "copy", "s 3://x", folder.join("to"))
    bad("an unknown action", 2, "the action", "copy", src + "/x.txt|rm", folder.join("to"))
    bad("mv: out of the folder", 2, "mv:", "copy", src + "/x.txt|mv:../y",
        folder.join("to"))
    bad("mv: to an absolute folder", 2, "mv:", "copy", src + "/x.txt|mv:/y",
        folder.join("to"))
    bad("an action on DST", 2, "belongs to SRC", "copy", src + "/x.txt", "y|untar")
    bad("an archive action on a folder", 1, "is for one file", "copy", src + "/|untar",
        folder.join("to"))
    bad("no verb", 2, "which verb")
    bad("an unknown verb", 2, "no verb", "move", "a", "b")
    bad("too few words", 2, "it takes SRC DST", "sync", "a")
    bad("too many words", 2, "unexpected word", "list", "a", "b")
    bad("--include without a folder", 2, "--include is for folders", "delete",
        "--include", "*", src + "/x.txt")
    bad("no plugin", 1, "no plugin serves file", "list", src,
        env={"SCITQ_PLUGIN_PATH": folder.join("none")})
    bad("an absent settings file", 1, "no/such", "-c", "/no/such/file", "list", src)
    is_(hidden(folder.path), [], "nothing is left of these")
    is_(tree(src), SOURCE, "the source is as it was")


def archive_tar(path, mode, entries):
    with tarfile.open(path, mode) as t:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return path


def actions(folder):
    files = {"one": b"1" * 1000, "d/two": b"22"}
    for name, mode in (("a.tar", "w"), ("a.tgz", "w:gz"), ("a.tar.bz2", "w:bz2"),
                       ("a.tar.xz", "w:xz")):
        archive_tar(folder.join(name), mode, files)
        to = folder.join("of-" + name)
        good("untar " + name, "copy", folder.join(name) + "|untar", to)
        is_(tree(to), {"one": files["one"], "d": None, "d/two": b"22"},
            name + " is replaced by its content")
    with zipfile.ZipFile(folder.join("a.zip"), "w") as z:
        z.writestr("z/in", b"zip")
    good("unzip", "copy", folder.join("a.zip") + "|unzip", folder.join("z"))
    is_(tree(folder.join("z")), {"z": None, "z/in": b"zip"}, "a zip too")
    import gzip
    write(folder.join("r.fq.gz"), gzip.compress(b"read\n") * 2)
    good("gunzip", "copy", folder.join("r.fq.gz") + "|gunzip", folder.join("g"))
    is_(tree(folder.join("g")), {"r.fq": b"read\nread\n"}, "the ending goes")
    good("mv", "copy", folder.join("a.tar") + "|mv:sub/dir", folder.join("m"))
    is_(sorted(tree(folder.join("m"))), ["sub", "sub/dir", "sub/dir/a.tar"], "mv: moves")
    write(folder.join("keep", "one"), b"old")
    write(folder.join("keep", "other"), b"stays")
    good("into a folder with files", "copy", folder.join("a.tar") + "|untar",
         folder.join("keep"))
    is_(tree(folder.join("keep")), {"one": files["one"], "other": b"stays", "d": None,
                                    "d/two": b"22"}, "they are merged")


def hostile(folder):
    victim = write(folder.join("victim"), b"whole")
    for name in ("../victim", victim):
        archive_tar(folder.join("h.tar"), "w", {"fine": b"", name: b"x"})
        to = folder.join("into")
        bad("an archive with " + name[:3], 1, "outside the folder", "copy",
            folder.join("h.tar") + "|untar", to)
        is_((tree(to), open(victim, "rb").read()), ({}, b"whole"),
            "nothing came of it, not even what was fine")
    write(folder.join("cut.tgz"),
          open(archive_tar(folder.join("c.tgz"), "w:gz", {"f": os.urandom(100000)}),
               "rb").read()[:50000])
    bad("a cut archive", 1, "cut off", "copy", folder.join("cut.tgz") + "|untar",
        folder.join("into"))
    is_(tree(folder.join("into")), {}, "nothing came of it")


def lists(folder):
    src = plant(folder.join("src"), {"a": None, "a/x": b"hi\n", "b c": b""})
    is_(good("rlist", "rlist", src + "/"), "a/\na/x\nb c\n", "names in order")
    is_(good("nrlist", "nrlist", src + "/"), "a/\nb c\n", "without sub-folders")
    is_(good("rlist --not-recursive", "rlist", "--not-recursive", src + "/"),
        "a/\nb c\n", "the same")
    is_(good("list", "list", "file://" + src + "/"),
        "file://%s/a/\nfile://%s/a/x\nfile://%s/b%%20c\n" % (src, src, src),
        "whole URIs, which can be given back")
    is_(good("list of a file", "list", src + "/a/x"), src + "/a/x\n", "itself")
    write(folder.join("one", "one"))
    is_(good("a folder without its slash", "list", folder.join("one")),
        folder.join("one/one") + "\n", "is seen to be one")
    is_(good("--md5", "rlist", "--md5", src + "/a/"),
        "764efa883dda1e11db47671c4a3bbd9e  x\n", "as md5sum prints it")
    page = json.loads(good("ncdu", "ncdu", "--only-file", src))
    is_((page[0], page[3][0], page[3][1][0], page[3][1][1]["asize"], page[3][2]["name"]),
        (1, {"name": src}, {"name": "a"}, 3, "b c"), "ncdu's export")
    bad("without ncdu", 1, "there is no ncdu", "ncdu", src, env={"PATH": "/nowhere"})


def sync(folder):
    src, dst = plant(folder.join("src")), folder.join("dst")
    good("sync", "sync", src, dst)
    is_(tree(dst), {k: v for k, v in SOURCE.items() if k != "empty"}, "all is copied")
    write(dst + "/mine", b"stays")
    is_(fetch("-v", "sync", src, dst)[2], "", "then nothing is to do")
    write(src + "/x.txt", b"ho\n")
    os.utime(src + "/x.txt", (1, 1))
    write(src + "/a.b", b"grown")
    os.utime(src + "/a.b", (2, 2))
    error = fetch("-v", "sync", src, dst)[2]
    is_(("x.txt" in error, "a.b" in error, "big" in error), (True, True, False),
        "what differs in size or date")
    is_((open(dst + "/x.txt").read(), open(dst + "/a.b").read()), ("ho\n", "grown"),
        "is copied")
    os.unlink(src + "/a.b")
    good("a file less", "sync", src, dst)
    ok(os.path.exists(dst + "/mine") and os.path.exists(dst + "/a.b"),
       "nothing is deleted")
    good("some", "sync", "--include", "*.txt", "--include", "a/b/*", src,
         folder.join("some"))
    is_(sorted(tree(folder.join("some"))), ["a", "a/b", "a/b/sp ace\n'\u00e9", "x.txt"],
        "--include chooses")
    bad("from nowhere", 1, "", "sync", folder.join("no"), dst)


def delete(folder):
    src = plant(folder.join("src"))
    out = good("dryrun", "delete", "--dryrun", "--include", "*big", src + "/")
    is_((out, tree(src)), (src + "/a/big\n", SOURCE), "--dryrun tells and does nothing")
    good("some files", "delete", "--include", "*big", src + "/")
    is_(sorted(tree(src)), sorted(set(SOURCE) - {"a/big"}), "--include chooses")
    good("one file", "delete", src + "/x.txt")
    ok(not os.path.exists(src + "/x.txt"), "it is gone")
    bad("an absent file", 1, "", "delete", src + "/x.txt")
    os.symlink(plant(folder.join("victim")), src + "/a/link")
    good("a tree", "delete", src + "/")
    is_((os.path.exists(src), tree(folder.join("victim"))), (False, SOURCE),
        "the tree is gone, what its links lead to is not")


def main():
    for test in (copy, refused, actions, hostile, lists, sync, delete):
        folder = Folder()
        run(test, folder)
        folder.stop()
    done()


main()
