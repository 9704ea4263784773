#!/usr/bin/env python3
"""The manual pages of section 3 are true: they name all that the headers promise, and
their examples, built outside the tree as they stand, are plugins that keep their
promises.  So is the guide to writing one, whose commands are typed."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from outside import TOP, Outside, done, has, is_, ok, run  # noqa: E402
from guide import Shell, blocks, path_of  # noqa: E402

PAGES = {"scitq-host.3": ("plugin.h", "web.h", "error.h", "md5.h"),
         "scitq-storage.3": ("storage.h",), "scitq-provider.3": ("provider.h",)}


def read(*path):
    with open(os.path.join(TOP, *path)) as f:
        return f.read()


def plain(text):
    """A page without its fonts and escapes."""
    for escape, meant in ((r"\\f.", ""), (r"\\-", "-"), (r"\\\(dq", '"'), (r"\\e", r"\\")):
        text = re.sub(escape, meant, text)
    return text


def promised(header):
    """The names that a header declares: types, functions, members, constants."""
    text = re.sub(r"(?s)/\*.*?\*/", "", read("include", "scitq", header))
    text = re.sub(r"__attribute__\(\(.*?\)\)\)?", "", text)
    names = set(re.findall(r"\b(?:sq|SQ)_\w+", text))
    names |= set(re.findall(r"\(\*(\w+)\)", text))
    for body in re.findall(r"(?s)struct sq_\w+ \{(.*?)\n\};", text):
        flat = re.sub(r"(?s)\([^()]*\)", "", re.sub(r"\(\*\w+\)", "", body))
        for row in re.findall(r"(?m)([^;]+);", flat):
            names |= set(re.findall(r"(\w+)(?:\[\w+\])?\s*(?:,|$)", row.strip()))
    return names


def names():
    for page, headers in sorted(PAGES.items()):
        words = set(re.findall(r"\w+", plain(read("doc", page))))
        for header in headers:
            every = promised(header)
            ok(len(every) > 5, "%s declares %d names" % (header, len(every)))
            own = every - (promised("plugin.h") | promised("error.h") |
                           promised("web.h") if page != "scitq-host.3" else set())
            is_(sorted(own - words), [], "%s names all of %s" % (page, header))


def example(page):
    text = re.search(r"(?ms)^\.SH EXAMPLE\n.*?^\.nf\n(.*?)^\.fi$", read("doc", page))[1]
    return plain(text)


def builds(page, kind, name, said, env):
    path = outside.work.join(name + ".c")
    with open(path, "w") as f:
        f.write(example(page))
    so = outside.build(kind, path, name)
    code, text = outside.tool("scitq-manage", "plugin", "check", so, **env)
    ok(code == 0, "the example of %s keeps its promises" % page, text)
    has(text, said, "which are tried")


def fetches():
    """The storage brings a file."""
    os.mkdir(outside.work.join("files"))
    with open(outside.work.join("files", "a"), "w") as f:
        f.write("hello")
    code, text = outside.tool("scitq-fetch", "copy", "hello://a", outside.work.join("a"),
                              SCITQ_PLUGIN_PATH=outside.work.join("site") + ":",
                              HELLO_FOLDER=outside.work.join("files"))
    ok(code == 0, "scitq-fetch fetches with it", text)
    with open(outside.work.join("a")) as f:
        is_(f.read(), "hello", "the same")


def guide():
    """doc/guide/plugin.md: its module, and each command."""
    with open(path_of("plugin")) as f:
        source = re.search(r"(?ms)^```c\n(.*?)^```$", f.read())[1]
    with open(outside.work.join("count.c"), "w") as f:
        f.write(source)
    env = outside.env(PATH=outside.installed("bin") + ":" + os.environ["PATH"],
                      HOME=outside.work.path,
                      PKG_CONFIG_PATH=outside.installed("lib", "pkgconfig"),
                      PKG_CONFIG_SYSROOT_DIR=outside.dest)
    shell = Shell(outside.work, env)
    for number, (commands, printed) in enumerate(blocks(path_of("plugin")), 1):
        shell.follow("plugin, block %d" % number, commands, printed)
    shell.stop()


outside = Outside()
run(names)
run(outside.install)
run(builds, "scitq-storage.3", "storage", "hello", "ok: it has info get",
    {"HELLO_FOLDER": "/tmp"})
run(fetches)
run(guide)
run(builds, "scitq-provider.3", "providers", "desk", "ok: offers tells 1", {})
done()
