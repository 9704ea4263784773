#!/usr/bin/env python3
"""The manual pages tell every option and every setting, and none that is not there:
the tools' against their --help, the daemons' against the tables in their sources, those
for plugins against the headers, the guide's messages against the sources."""

import glob
import os
import re
import shutil
import subprocess

import sentences
from harness import BUILD, clean_env, done, is_, lacking, ok, program, run

TOP = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(__file__), "../..")


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


def plain(text):
    """A page without its fonts and escapes."""
    return re.sub(r"\\f.", "", text).replace("\\-", "-")


def sections(page, mark):
    """{title: text} of a page, cut at the lines that begin with `mark`."""
    parts = re.split(r"(?m)^\.%s " % mark, plain(page))[1:]
    return {p.split("\n", 1)[0].strip('"'): p.split("\n", 1)[1] for p in parts}


def options_of_page(text):
    """The lines after .TP that name options, as sets of their names."""
    rows = re.findall(r"(?m)^\.TP\n(?:\.[A-Z]+ )?(-[^\n]*)", text)
    return {frozenset(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*", row.split("=")[0]))
            for row in rows}


def options_of_help(text):
    rows = re.findall(r"(?m)^  (?:(-\w), |    )(--[a-z-]+)", text)
    return {frozenset(filter(None, row)) for row in rows}


def help_of(*words):
    out = subprocess.run([program(words[0])] + list(words[1:]) + ["--help"],
                         env=clean_env(), stdout=subprocess.PIPE, text=True, timeout=60)
    return out.stdout


def same(got, want, name):
    ok(want and got == want, name,
       "only in the page: %s\nonly in the program: %s"
       % (sorted(map(sorted, got - want)), sorted(map(sorted, want - got))))


def launch():
    page = read(BUILD, "doc/scitq-launch.1")
    same(options_of_page(sections(page, "SH")["OPTIONS"]),
         options_of_help(help_of("scitq-launch")), "scitq-launch.1")


def manage():
    page = read(BUILD, "doc/scitq-manage.1")
    parts = sections(page, "SS")
    common = options_of_help(help_of("scitq-manage"))
    same(options_of_page(sections(page, "SH")["OPTIONS FOR EVERY VERB"]), common,
         "scitq-manage.1: for every verb")
    objects = re.findall(r"(?m)^  (\w+) +((?:[\w-]+ ?)+)\n {13}", help_of("scitq-manage"))
    verbs = {"%s %s" % (o, v) for o, vs in objects for v in vs.split()}
    is_(set(parts), verbs, "scitq-manage.1 has every verb")
    for verb in sorted(verbs):
        own = help_of("scitq-manage", *verb.split()).split("for every verb:")[0]
        text = re.split(r"(?m)^\.SH ", parts.get(verb, ""))[0]
        got, want = options_of_page(text), options_of_help(own)
        ok(got == want, "scitq-manage.1: " + verb, "%s\n%s" % (got, want))


def fetch():
    page = read(BUILD, "doc/scitq-fetch.1")
    parts = sections(page, "SS")
    common = options_of_help(help_of("scitq-fetch"))
    same(options_of_page(sections(page, "SH")["OPTIONS FOR EVERY VERB"]), common,
         "scitq-fetch.1: for every verb")
    verbs = set(re.findall(r"(?m)^  (\w+) [A-Z]", help_of("scitq-fetch")))
    is_(set(parts), verbs, "scitq-fetch.1 has every verb")
    for verb in sorted(verbs):
        own = help_of("scitq-fetch", verb).split("for every verb:")[0]
        text = re.split(r"(?m)^\.SH ", parts.get(verb, ""))[0]
        got, want = options_of_page(text), options_of_help(own)
        ok(got == want, "scitq-fetch.1: " + verb, "%s\n%s" % (got, want))


def daemon(page, source):
    table = re.findall(r'(?m)^    \{"([a-z-]+)", (?:no|required)_argument, NULL, (\S+)\}',
                       read(TOP, source))
    want = {frozenset(["--" + name] + (["-" + short[1]] if short[0] == "'" else []))
            for name, short in table}
    same(options_of_page(sections(read(TOP, "doc", page), "SH")["OPTIONS"]), want, page)


def of_modules(folder):
    """{key: default} of scitq's own modules there."""
    found = {}
    for path in glob.glob(os.path.join(TOP, folder, "*", "*.c")):
        table = re.search(r"(?s)sq_setting settings\[\] = \{(.*?)\};", read(path))
        for key, default in re.findall(
                r'\{"([A-Z_]+)", SQ_SETTING_[A-Z]+,\s+("[^"]*"|NULL)', table[1] if table else ""):
            found[key] = "" if default == "NULL" else default.strip('"')
    return found


def providers():
    """The example shows the defaults that providers have."""
    shown = dict(re.findall(r"(?m)^#([A-Z_]+)=(.*)$",
                            read(TOP, "etc", "scitq.conf.example")))
    for key, default in sorted(of_modules("providers").items()):
        if default:
            is_(shown.get(key, "").strip('"'), default, "the example has the default of " + key)


def settings(page, source, example, more=()):
    """What is acted upon must be explained and shown; the rest at least be named, but
    for the foreign ones, which a sentence covers."""
    text = plain(read(TOP, "doc", page))
    rows = re.search(r"(?s)sq_conf_key keys\[\] = \{(.*?)\n\};", read(TOP, source))[1]
    every = set(re.findall(r'"([A-Z][A-Z_]+)"', rows))
    idle = set(re.findall(r'OLD\("([A-Z_]+)"', rows))
    keys = r"\b(?:SCITQ|LOG|WORKER|SQLALCHEMY|RCLONE|REMOTE|BASE)_[A-Z_]*[A-Z]\b"
    heads = re.findall(r"(?m)^\.TP\n\.BR? ([^\n]*)", text)
    explained = {k for head in heads for k in re.findall(r"[A-Z][A-Z_]+", head)}
    # 1.3's name of a setting is told beside its new one.
    is_(explained, every - idle - {"SQLALCHEMY_DATABASE_URI"} | set(more),
        page + " explains each")
    ok(set(re.findall(keys, text)) <= every | {"XDG_STATE_HOME"} | set(more),
       page + " names no key that is not read", set(re.findall(keys, text)) - every)
    shown = set(re.findall(r"(?m)^#([A-Z_]+)=", read(TOP, "etc", example)))
    is_(shown, explained, example + " shows each")


def at_restart():
    """What a reload does not change is marked in the manual, and nothing else."""
    text = plain(read(TOP, "doc", "scitq.conf.5"))
    rows = re.search(r"(?s)sq_conf_key keys\[\] = \{(.*?)\n\};",
                     read(TOP, "core/settings.c"))[1]
    marked = set()
    for entry in re.split(r"(?m)^\.(?:TP|SH .*)$", text):
        if re.search(r"(?m)^At restart\.$", entry):
            marked |= set(re.findall(r"[A-Z][A-Z_]+", entry.strip().split("\n")[0][3:]))
    # 1.3's name of the first is told beside it.
    is_(marked | {"SQLALCHEMY_DATABASE_URI"},
        set(re.findall(r'AT_START\("([A-Z_]+)"', rows)), "what counts at a restart only")


def examples():
    """A command that is copied does what it says: no > of a filter is left to the shell."""
    bare = []
    for path in sorted(glob.glob(os.path.join(TOP, "doc", "*.*")) +
                       glob.glob(os.path.join(TOP, "doc", "guide", "*")) +
                       [os.path.join(TOP, "README.md")]):
        for line in plain(read(path)).splitlines():
            words = re.sub(r"'[^']*'|`[^`]*`", "", line)
            if re.match(r"\s*scitq-[a-z]+ ", words) and re.search(r"[a-z][<>]=?\d", words):
                bare.append("%s: %s" % (os.path.basename(path), line))
    is_(bare, [], "examples quote their filters")


def troubleshooting():
    """Each message that the guide explains can still be said, in these words."""
    said = "\n".join(sentences.of_tree(TOP))
    quoted, bad = sentences.of_guide(read(TOP, "doc", "guide", "troubleshooting.md"))
    ok(len(quoted) > 250 and not bad, "the guide is read: %d messages" % len(quoted), bad)
    is_([q for q in quoted if sentences.same(q).strip("… ") not in said], [],
        "nothing is explained that is never said")
    is_([q for q in set(quoted) if quoted.count(q) > 1], [], "and nothing twice")
    paths, elsewhere = sentences.elsewhere(read(TOP, "tests", "system", "messages.txt"))
    told = sentences.errors_of_tree(TOP)
    ok(len(told) > 700, "the sources tell %d errors" % len(told))
    is_(["%s: %s" % (told[e], e) for e in sorted(told)
         if not told[e].startswith(paths) and e not in elsewhere
         and not any(sentences.matches(q, e) for q in quoted)], [],
        "each is explained by the guide, or tests/system/messages.txt says why not")
    is_([e for e in elsewhere if e not in told] +
        [p for p in paths if not any(t.startswith(p) for t in told.values())], [],
        "which names none that is not there")
    away = [h for p in glob.glob(os.path.join(TOP, "doc", "guide", "*.md"))
               for h in re.findall(r"\]\(([^)#:]+)\)", read(p))
               if not os.path.exists(os.path.join(TOP, "doc", "guide", h))]
    is_(away, [], "the guides lead to pages that are there")


def formatting():
    """groff finds nothing odd in any page."""
    if not shutil.which("groff"):
        return lacking("groff's opinion of the pages", "groff")
    pages = glob.glob(os.path.join(TOP, "doc", "*.[1-8]")) + \
        glob.glob(os.path.join(BUILD, "doc", "*.1"))
    ok(len(pages) > 15, "there are %d pages" % len(pages))
    for page in sorted(pages):
        if read(page).startswith(".so "):
            continue
        out = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", "-Kutf8", page],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        is_((out.returncode, out.stdout), (0, ""), "groff: " + os.path.basename(page))


def whole():
    """Each program has its page, and the manual names each page."""
    pages = {os.path.basename(p) for d in (TOP, BUILD)
             for p in glob.glob(os.path.join(d, "doc", "*.[1-8]"))}
    programs = {os.path.basename(p) for p in glob.glob(os.path.join(BUILD, "scitq-*"))
                if os.access(p, os.X_OK) and os.path.isfile(p)}
    ok(len(programs) > 7, "there are %d programs" % len(programs))
    is_(sorted(n for n in programs if not {n + ".1", n + ".8"} & pages), [],
        "each program has a page")
    index = read(TOP, "doc", "guide", "README.md")
    is_(sorted(p for p in pages if "%s(%s)" % tuple(p.rsplit(".", 1)) not in index), [],
        "the manual names each page")
    guides = {os.path.basename(p) for p in glob.glob(os.path.join(TOP, "doc/guide/*.md"))}
    is_(sorted(g for g in guides - {"README.md"} if "](%s)" % g not in index), [],
        "and each guide")


def main():
    run(whole)
    run(formatting)
    run(troubleshooting)
    run(examples)
    run(launch)
    run(manage)
    run(fetch)
    run(daemon, "scitq-server.8", "core/options.c")
    run(daemon, "scitq-worker.8", "worker/settings.c")
    run(settings, "scitq.conf.5", "core/settings.c", "scitq.conf.example",
        of_modules("providers"))
    run(at_restart)
    run(providers)
    run(settings, "scitq-worker.conf.5", "worker/settings.c",
        "scitq-worker.conf.example", of_modules("plugins"))
    done()


main()
