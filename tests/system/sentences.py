"""What the sources can say: their texts in double quotes, joined as the compiler joins
them, with … in place of what a format fills in."""

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
