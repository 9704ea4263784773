"""What the sources can say: their texts in double quotes, joined as the compiler joins
them, with … in place of what a format fills in."""

import functools
import glob
import os
import re

ROOMS = ("core", "lib", "worker", "cli", "plugins", "providers")
TEXT = r'"(?:[^"\\\n]|\\.)*"'
NAME = r"\b(?:PRI\w+|[A-Z][A-Z_]+)\b"  # a macro between two texts
FORMAT = r"%[-+ 0#]*[\d*]*(?:\.[\d*]+)?(?:hh|h|ll|l|z|j)?[a-zA-Z]|%[12](?!\d)|%$"


def same(text):
    """One … for several that meet, and one blank."""
    return re.sub(r"\s+", " ", re.sub("…+", "…", text))


def shown(text):
    text = text.replace('\\"', '"').replace("\\n", " ").replace("%%", "\0")
    return same(re.sub(FORMAT, "…", text).replace("\0", "%"))


def of_source(text):
    text = re.sub(r"(?s)/\*.*?\*/", "", text)
    for found in re.finditer(r"%s(?:\s*(?:%s|%s))*" % (TEXT, TEXT, NAME), text):
        parts = re.findall(r"%s|%s" % (TEXT, NAME), found[0])
        yield shown("".join(p[1:-1] if p[0] == '"' else "" if p.startswith("PRI") else "%s"
                            for p in parts))


def of_tree(top):
    said = set()
    for room in ROOMS:
        for path in glob.glob(os.path.join(top, room, "**", "*.c"), recursive=True):
            with open(path) as f:
                said |= set(of_source(f.read()))
    return said


def of_guide(text):
    """The messages that lines of the guide begin with: - `…`, `…`: what it means."""
    lines = re.findall(r"(?m)^- (`.*)$", text)
    heads = [re.match(r"(`[^`]+`(?:, `[^`]+`)*): ", line) for line in lines]
    bad = [line for line, head in zip(lines, heads) if not head]
    return [q for head in heads if head for q in re.findall(r"`([^`]+)`", head[1])], bad


# Those whose text is told to somebody: its error, or a line of a log above info.
TELLS = re.compile(
    r"\b(?:sq_fail|sq_cli_misuse|sq_conf_refuse|sq_tasks_refuse|sq_db_stick|nfs_fail)\s*\("
    r"|\bsq_log\s*\(\s*SQ_LOG_(?:ERROR|WARNING)\b")


def call(text, begin):
    """Of a call: from its name to the parenthesis that closes it."""
    depth, at = 0, begin
    for found in re.finditer(r"%s|'(?:\\.|[^'\\])'|[()]" % TEXT, text[begin:]):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        at = begin + found.end()
        if found[0] == ")" and depth == 0:
            break
    return text[begin:at]


def errors_of_tree(top):
    """{sentence: the first file that tells it as an error}"""
    found = {}
    for room in ROOMS:
        for path in sorted(glob.glob(os.path.join(top, room, "**", "*.c"), recursive=True)):
            with open(path) as f:
                text = re.sub(r"(?s)/\*.*?\*/", "", f.read())
            for tell in TELLS.finditer(text):
                for said in of_source(call(text, tell.start())):
                    if len(re.findall(r"[a-z]{2,}", said)) > 1:
                        found.setdefault(said.strip(), os.path.relpath(path, top))
    return found


@functools.lru_cache(maxsize=None)
def words_of(quoted):
    """(its text, a pattern in which its … stand for anything)"""
    text = same(quoted).strip("… ")
    return text, re.compile(".*".join(re.escape(part) for part in text.split("…")))


def matches(quoted, said):
    """Is the sentence the one quoted, or a part of it?"""
    text, words = words_of(quoted)
    said = said.strip("… ")
    return said in text or words.search(said) is not None


def elsewhere(text):
    """Lines of messages.txt that are no comment: (paths, sentences)."""
    lines = [line for line in text.splitlines() if line and not re.match("# |== ", line)]
    paths = tuple(line for line in lines if re.match(r"\w+/[\w/]+(\.c)?$", line))
    return paths, [line for line in lines if line not in paths]
