#!/usr/bin/env python3
"""A storage plugin built outside the tree, against an installation and nothing else: what
pkg-config says suffices, the installed scitq finds, checks and uses it, and a broken one
costs nobody anything but itself."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from outside import (  # noqa: E402
    Outside, done, has, is_, json, ok, run)


def build(name, *flags):
    return outside.build("storage", "sample.c", name, *flags)


def tool(*argv, **env):
    return outside.tool(*argv, **env)


def listed(path):
    code, text = tool("scitq-manage", "--json", "plugin", "list", SCITQ_PLUGIN_PATH=path)
    is_(code, 0, "plugin list with " + path.replace(work.path, ""))
    return {p["name"]: p for p in json.loads(text)}


def lists():
    code, text = tool("scitq-manage", "plugin", "list")
    is_(code, 0, "plugin list")
    has(text, outside.dest, "the installed plugins are found beside the library")
    ours = listed("")
    bad = {n: p["problem"] for n, p in ours.items() if p["problem"]}
    ok("nfs" in ours and not bad, "and all are usable", bad)
    is_(outside.pkg_config("--variable=storagedir"),
        [outside.installed("lib", "scitq", "storage")], "pkg-config tells where")
    both = listed(work.join("site") + ":")
    is_(set(both), set(ours) | {"sample"}, "a site's folder comes with scitq's own")
    is_(both["sample"]["problem"], None, "the sample is usable")
    is_([s["key"] for s in both["sample"]["settings"]], ["SAMPLE_FOLDER"],
        "its settings are told")
    is_(set(listed(work.join("site"))), {"sample"}, "or stands alone")


def checks(so):
    code, text = tool("scitq-manage", "plugin", "check", so)
    is_(code, 1, "a setting is missing")
    has(text, "SAMPLE_FOLDER is not set", "which is said")
    files = work.join("files")
    os.mkdir(files)
    code, text = tool("scitq-manage", "plugin", "check", so, "-u", "sample://trial/",
                      SAMPLE_FOLDER=files)
    ok(code == 0, "the sample keeps its promises", text)
    has(text, "ok: the same bytes come back", "line by line")
    has(text, "not tried: large files", "and what was not tried is said")
    code, text = tool("scitq-manage", "plugin", "check", so, SAMPLE_FOLDER=files)
    ok(code == 0, "as far as that goes without a place, too", text)
    has(text, "ok: each call canceled before it began", "with calls that must fail")
    has(text, "not tried, since that takes a place", "and what was not tried is said")
    is_(os.listdir(os.path.join(files, "trial")), [], "nothing of the trial stays")
    code, text = tool("scitq-manage", "plugin", "check", so, "-u", "other://x/",
                      SAMPLE_FOLDER=files)
    is_(code, 1, "a URI of another plugin")
    has(text, "does not serve other://", "is refused")


def uses():
    """scitq-fetch moves data with it."""
    with open(work.join("here"), "w") as f:
        f.write("hello")
    env = {"SCITQ_PLUGIN_PATH": work.join("site") + ":", "SAMPLE_FOLDER": work.join("files")}
    code, text = tool("scitq-fetch", "copy", work.join("here"), "sample://there/a", **env)
    ok(code == 0, "scitq-fetch stores with it", text)
    code, text = tool("scitq-fetch", "copy", "sample://there/a", work.join("back"), **env)
    ok(code == 0, "and fetches", text)
    with open(work.join("back")) as f:
        is_(f.read(), "hello", "the same")


def wrong():
    """Modules that load, and do not keep their promises."""
    for flag, place, words in (
            ("-DSAMPLE_SILENT", (), "without one line that says why"),
            ("-DSAMPLE_FORGIVES", (), "succeeds"),
            ("-DSAMPLE_CRASHES", (), "crashed"),
            ("-DSAMPLE_TRUNCATES", ("-u", "sample://w/"), "65536 bytes"),
            ("-DSAMPLE_BACKWARDS", ("-u", "sample://w/"), "progress decreases")):
        so = build("sample", flag)
        code, text = tool("scitq-manage", "plugin", "check", so, *place,
                          SAMPLE_FOLDER=work.join("files"))
        is_(code, 1, "a sample built with %s is refused" % flag)
        ok(words in text or (flag == "-DSAMPLE_CRASHES" and "ended the program" in text),
           "in words", text)


def broken(so):
    header = work.join("old", "scitq", "storage.h")
    os.makedirs(os.path.dirname(header))
    with open(outside.installed("include", "scitq", "storage.h")) as f:
        text = f.read()
    old = text.replace("SQ_STORAGE_ABI 0x5351", "SQ_STORAGE_ABI 0x5350")
    ok(old != text, "another version's header")
    with open(header, "w") as f:
        f.write(old)
    build("sample", "-I" + work.join("old"))
    has(listed(work.join("site") + ":")["sample"]["problem"], "build it again",
        "a plugin of another ABI is told what to do")
    with open(so, "r+b") as f:
        f.truncate(5000)
    ours = listed(work.join("site") + ":")
    has(ours["sample"]["problem"], "cut short", "half a plugin is no plugin")
    is_(ours["nfs"]["problem"], None, "and nobody else suffers")
    code, text = tool("scitq-fetch", "copy", work.join("here"), work.join("again"),
                      SCITQ_PLUGIN_PATH=work.join("site") + ":")
    ok(code == 0, "scitq-fetch goes on without it", text)
    code, text = tool("scitq-manage", "plugin", "check", work.join("nothing.so"))
    is_(code, 1, "a plugin that is not there")
    has(text, "No such file", "is not there")


outside = Outside()
work = outside.work
run(outside.install)
sample = build("sample")
run(lists)
run(checks, sample)
run(uses)
run(wrong)
run(broken, sample)
done()
