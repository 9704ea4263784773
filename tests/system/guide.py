"""What the guides in doc/guide tell a reader to type: blocks fenced as ```sh go into one
shell, in order, each ends well, and prints what the block fenced as ```text below it
says, … standing for anything.  In blocks fenced as ```console the lines with a prompt
(`server# `) are typed, and what follows is what is seen."""

import os
import re
import subprocess

from daemons import TOP
from tap import is_, ok


def path_of(name):
    return os.path.join(TOP, "doc", "guide", name + ".md")


def blocks(path):
    """[(commands, what they print or None)]"""
    with open(path) as f:
        parts = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", f.read())
    found = []
    for kind, text in parts:
        if kind == "sh":
            found.append([text, None])
        elif kind == "text":
            assert found and found[-1][1] is None, "%s: nothing printed %r" % (path, text)
            found[-1][1] = text
    return found


class Shell:
    """One bash for a guide: a block ends with its exit status on a line of its own."""
    END = "-- the end of a block:"

    def __init__(self, folder, env):
        self.process = subprocess.Popen(
            ["bash"], cwd=folder.path, env=env, stdin=subprocess.PIPE, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def type(self, text):
        """(output, status)"""
        self.process.stdin.write("(set -eu\n%s\n) </dev/null; printf '\\n%s %%d\\n' $?\n"
                                 % (text, self.END))
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.startswith(self.END):
                return "".join(lines), int(line[len(self.END):])
            lines.append(line)
        raise RuntimeError("the shell ended: %s" % "".join(lines))

    def follow(self, name, commands, printed):
        """Type a block of a guide, and look at what it says."""
        output, status = self.type(commands)
        is_(status, 0, "%s: %s" % (name, commands.split("\n")[0]))
        if printed is not None or status:
            ok(not status and re.fullmatch(pattern(printed.strip()), output.strip(), re.S),
               "%s prints what it says" % name, output)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def pattern(text):
    """Runs of spaces are columns: any number will do."""
    return "".join(".*" if part == "…" else r"\s+" if part.isspace() else re.escape(part)
                   for part in re.split(r"(…|\s+)", text))


def chapters(name, prompts):
    """[(title, [(who, # or $, command, lines seen)])] of the console blocks of a guide,
    of whose machines `prompts` has the names."""
    with open(path_of(name)) as f:
        text = f.read()
    found = []
    for part in re.split(r"(?m)^##+ ", text)[1:]:
        commands = []
        for block in re.findall(r"(?ms)^```console\n(.*?)^```", part):
            for line in block.splitlines():
                prompt = re.match(r"(\w+)([#$]) (.*)", line)
                if prompt and prompt[1] in prompts:
                    commands.append((prompt[1], prompt[2], prompt[3], []))
                else:
                    commands[-1][3].append(line)
        found.append((part.split("\n", 1)[0], commands))
    return found


def seen(lines, text):
    """Is the text what is to be seen?  A line … is any lines, … in one any words, blanks
    are any blanks."""
    wanted = ""
    for line in lines:
        if line == "…":
            wanted += "(?:.*\n)*"
            continue
        words = [re.escape(w) if w != "…" else ".*?"
                 for w in re.findall(r"…|[^…\s]+|(?<=…)(?=…)|\s+", line.strip())]
        wanted += "".join(r"\s+" if re.match(r"(\\\s)+$", w) or w.isspace() else w
                          for w in words) + r"\s*\n"
    if text and not text.endswith("\n"):
        text += "\n"
    return re.fullmatch(wanted, text) is not None
