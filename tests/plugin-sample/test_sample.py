#!/usr/bin/env python3
"""A plugin built outside the tree, against an installation and nothing else: what
pkg-config says suffices, the installed scitq finds, checks and uses it, and a broken one
costs nobody anything but itself."""

import os
import sys

TOP = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(__file__), "../..")
sys.path.insert(0, os.path.join(TOP, "tests", "system"))
from harness import (  # noqa: E402
    BUILD, Folder, clean_env, done, has, is_, json, ok, run, subprocess)

SOURCE = os.path.join(TOP, "tests", "plugin-sample", "sample.c")
work = Folder("scitq-sample-")
dest = work.join("dest")


def command(*argv, **more):
    """(exit code, output and errors) of a program."""
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=600, **more)
    return p.returncode, p.stdout


def installed(*names):
    """A path below the installation's prefix."""
    return dest + os.path.join(prefix, *names)


def tool(*argv, **env):
    """A tool of the installation, which finds its library as no linker configured it."""
    env = clean_env(LD_LIBRARY_PATH=installed("lib"), **env)
    return command(installed("bin", argv[0]), *argv[1:], env=env)


def install():
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    code, text = command("make", "-C", BUILD, "-s", "install", "DESTDIR=" + dest, env=env)
    ok(code == 0, "it can be installed below another root", text)


def find_prefix():
    with open(os.path.join(BUILD, "lib", "scitq.pc")) as f:
        return f.readline().strip().split("=", 1)[1]


def pkg_config(*options):
    env = dict(os.environ, PKG_CONFIG_PATH=installed("lib", "pkgconfig"),
               PKG_CONFIG_SYSROOT_DIR=dest)
    code, text = command("pkg-config", *options, "scitq", env=env)
    is_(code, 0, "pkg-config %s scitq" % " ".join(options))
    return text.split()


def build(name, *flags):
    """The sample as work/site/storage/NAME.so."""
    os.makedirs(work.join("site", "storage"), exist_ok=True)
    so = work.join("site", "storage", name + ".so")
    code, text = command("cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *flags,
                         *pkg_config("--cflags"), "-o", so, SOURCE, *pkg_config("--libs"),
                         cwd=work.path)
    ok(code == 0, "the sample is built out of tree %s" % " ".join(flags), text)
    return so


def listed(path):
    code, text = tool("scitq-manage", "--json", "plugin", "list", SCITQ_PLUGIN_PATH=path)
    is_(code, 0, "plugin list with " + path.replace(work.path, ""))
    return {p["name"]: p for p in json.loads(text)}


def lists():
    code, text = tool("scitq-manage", "plugin", "list")
    is_(code, 0, "plugin list")
    has(text, dest, "the installed plugins are found beside the library")
    ours = listed("")
    bad = {n: p["problem"] for n, p in ours.items() if p["problem"]}
    ok("nfs" in ours and not bad, "and all are usable", bad)
    is_(pkg_config("--variable=storagedir"), [installed("lib", "scitq", "storage")],
        "pkg-config tells where")
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
    with open(installed("include", "scitq", "storage.h")) as f:
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


prefix = find_prefix()
run(install)
sample = build("sample")
run(lists)
run(checks, sample)
run(uses)
run(wrong)
run(broken, sample)
done()
