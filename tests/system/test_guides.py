"""The guides in doc/guide are true: every block fenced as ```sh is typed into a shell, in
order, against a real server with a worker, goes well to its last command, and prints what
the block fenced as ```text below it says, … standing for anything."""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

# What a user does; installation is test_installation.py's.
LIVE = ("usage", "data", "providers")


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

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def pattern(text):
    """Runs of spaces are columns: any number will do."""
    return "".join(".*" if part == "…" else r"\s+" if part.isspace() else re.escape(part)
                   for part in re.split(r"(…|\s+)", text))


def guide(name, db):
    path = os.path.join(TOP, "doc", "guide", name + ".md")
    with Server(db=db) as server, Worker(server, concurrency=4) as worker:
        folder = Folder()
        wait_until("the worker is there", worker.row)
        env = clean_env(SCITQ_SERVER=server.address, WORKER=worker.name,
                        HOME=folder.path,
                        PATH=BUILD + ":" + os.environ["PATH"])
        shell = Shell(folder, env)
        for number, (commands, printed) in enumerate(blocks(path), 1):
            output, status = shell.type(commands)
            first = commands.split("\n")[0]
            is_(status, 0, "%s, %s, block %d: %s" % (name, db, number, first))
            if printed is not None:
                ok(re.fullmatch(pattern(printed.strip()), output.strip(), re.S),
                   "%s, %s, block %d prints what it says" % (name, db, number), output)
        shell.stop()
        folder.stop()


def security(db):
    """Files are made first, then the server is started with them, then it is tried."""
    path = os.path.join(TOP, "doc", "guide", "security.md")
    with open(path) as f:
        made = len(re.findall(r"(?m)^```sh$", f.read().split("## Try it")[0]))
    folder = Folder()
    with Server(db=db, start=False) as server:
        shell = Shell(folder, clean_env(SCITQ_SERVER="https://" + server.address,
                                        HOME=folder.path,
                                        PATH=BUILD + ":" + os.environ["PATH"]))
        for number, (commands, printed) in enumerate(blocks(path)):
            if number == made:
                server.start(SCITQ_TOKEN_FILE=folder.join("tokens"),
                             SCITQ_TLS_CERT=folder.join("server.pem"),
                             SCITQ_TLS_KEY=folder.join("server.key"),
                             SCITQ_CA=folder.join("ca.pem"))
            output, status = shell.type(commands)
            is_(status, 0, "security, %s, block %d" % (db, number + 1))
            if printed is not None:
                ok(re.fullmatch(pattern(printed.strip()), output.strip(), re.S),
                   "security, %s, block %d prints what it says" % (db, number + 1), output)
        shell.stop()
    folder.stop()


known = {os.path.basename(p)[:-3] for p in glob.glob(os.path.join(TOP, "doc/guide/*.md"))}
is_([n for n in LIVE if n not in known], [], "the guides are there")
for database in databases():
    for each in LIVE:
        run(guide, each, database)
    run(security, database)
done()
