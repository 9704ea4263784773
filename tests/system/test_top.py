"""scitq-manage top on a terminal of its own: what it shows as things happen, and what its
keys do."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from worker import state_of  # noqa: E402

LINES, COLUMNS = 40, 120


class Terminal:
    """A program on a terminal; `screen` is what stands on it: enough of a VT100 for what
    curses sends to TERM=vt100 without colours."""

    def __init__(self, argv, env):
        self.lines = [[" "] * COLUMNS for _ in range(LINES)]
        self.row = self.column = 0
        self.top, self.bottom = 0, LINES - 1  # what scrolls
        self.rest = ""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave,
                                        env=dict(env, TERM="vt100", LC_ALL="C.UTF-8"),
                                        start_new_session=True)
        os.close(slave)

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)

    def put(self, c):
        if c == "\r":
            self.column = 0
        elif c == "\n":
            if self.row == self.bottom:
                self.scroll(self.top, self.bottom)
            else:
                self.row = min(self.row + 1, LINES - 1)
        elif c == "\b":
            self.column = max(self.column - 1, 0)
        elif c >= " ":
            self.lines[self.row][min(self.column, COLUMNS - 1)] = c
            self.column += 1

    def control(self, args, letter):
        numbers = [int(n or 0) for n in args.split(";")] if args else []
        first = numbers[0] if numbers else 0
        if letter == "H":
            self.row = max(first, 1) - 1
            self.column = (numbers[1] if len(numbers) > 1 else 1) - 1
        elif letter == "J":
            self.clear(self.row, self.column, LINES - 1)
        elif letter == "K":
            span = range(0, self.column + 1) if first == 1 else range(self.column, COLUMNS)
            for i in span:
                self.lines[self.row][i] = " "
        elif letter == "r":
            self.top = max(first, 1) - 1
            self.bottom = (numbers[1] if len(numbers) > 1 else LINES) - 1
            self.row = self.column = 0
        elif letter in "ABCD":
            n = max(first, 1)
            self.row += {"A": -n, "B": n}.get(letter, 0)
            self.column += {"C": n, "D": -n}.get(letter, 0)

    def scroll(self, gone, new):
        del self.lines[gone]
        self.lines.insert(new, [" "] * COLUMNS)

    def reverse_index(self):
        if self.row == self.top:
            self.scroll(self.bottom, self.top)
        else:
            self.row = max(self.row - 1, 0)

    def clear(self, row, column, last):
        for r in range(row, last + 1):
            for c in range(column if r == row else 0, COLUMNS):
                self.lines[r][c] = " "

    def feed(self, data):
        text = self.rest + data.decode(errors="replace")
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                known = re.match(r"\x1b\[\??([\d;]*)([A-Za-z])|\x1b[()][A-Z0-9]|\x1b[=>78M]",
                                 text[at:])
                if not known:
                    break
                if known[0] == "\x1bM":
                    self.reverse_index()
                elif known[2]:
                    self.control(known[1], known[2])
                at += known.end()
            else:
                self.put(text[at])
                at += 1
        self.rest = text[at:]

    def read(self, timeout_s=0.05):
        while select.select([self.master], [], [], timeout_s)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            self.feed(data)
            timeout_s = 0

    def wait(self, words, what):
        def there():
            self.read()
            return re.search(words, self.text())
        try:
            wait_until(what, there)
            ok(True, what)
        except TimeoutError:
            ok(False, what, self.text())

    def key(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """Its exit status."""
        deadline = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        os.close(self.master)
        return self.process.wait()


def test_top(db):
    with Server(db=db) as server, Worker(server, concurrency=1) as worker:
        api = server.api()
        wait_until("the worker is there", lambda: worker.row(api))
        first = api.task("sleep 1000", name="longest")
        second = api.task("sleep 1000", name="next-one")
        odd = api.task("sh -c 'echo \x1b[31mred'", name="caf\u00e9", batch="else\x1b[2J\u202ez")
        api.wait_task(first, "running")
        screen = Terminal([program("scitq-manage"), "top"],
                          clean_env(SCITQ_SERVER=server.address))
        screen.wait("Batches: 2", "%s: the batches are counted" % db)
        screen.wait("%s +running +1 +Default" % worker.name, "the worker is shown")
        screen.wait("%d +longest +running +Default +sleep 1000" % first,
                    "a task that runs is shown")
        screen.wait("caf\u00e9 +pending +else\\?\\[2J\\?z +sh -c 'echo \\?\\[31mred'",
                    "what is not printable is not sent to the terminal")
        third = api.task("sleep 1000", name="newcomer")
        screen.wait("newcomer", "a task that comes is shown")
        screen.key("\t\t")  # the tasks
        screen.key("k")
        screen.wait(r"kill task %d \(longest\)\?" % first, "a kill is asked about")
        screen.key("n")
        screen.wait("q: quit", "no: the keys again")
        is_(api.get("/tasks/%d" % first).json["status"], "running", "and nothing happens")
        screen.key("ky")
        api.wait_task(first, "failed")
        screen.wait("%d +longest +failed" % first, "yes: it fails, which is shown")
        api.wait_task(second, "running")
        screen.wait("%d +next-one +running" % second, "the next one runs")
        screen.key("\t\t")  # the workers
        screen.key("py")
        wait_until("the worker is paused", lambda: worker.row(api)["status"] == "paused")
        screen.wait("%s +paused" % worker.name, "a worker is paused and shown so")
        screen.key("ry")
        screen.wait("%s +running" % worker.name, "and resumed")
        screen.key("ky")
        screen.wait("worker delete", "what cannot be is explained")
        screen.key("q")
        is_(screen.end(), 0, "q ends it")
        for task in (second, third, odd):
            api.put("/tasks/%d" % task, {"status": "paused"})


def held(api, folder, name, **fields):
    """A task that ends when its gate is written to: (its id, the gate)."""
    gate = folder.join(name)
    os.mkfifo(gate)
    return api.task("cat " + gate, name=name, **fields), gate


def test_asked():
    """A yes is for what was asked about, though it is gone when the answer comes and
    another stands in its place."""
    with Server() as server, Worker(server, concurrency=2):
        api, folder = server.api(), Folder()
        tasks = [held(api, folder, name) for name in ("asked", "beside")]
        for task, _ in tasks:
            api.wait_task(task, "running")
        screen = Terminal([program("scitq-manage"), "top"],
                          clean_env(SCITQ_SERVER=server.address))
        screen.wait("asked +running(.|\n)*beside +running", "two run")
        screen.key("\t\tk")
        screen.wait(r"kill task %d \(asked\)\?" % tasks[0][0], "of the first it is asked")
        with open(tasks[0][1], "w"):
            pass
        api.wait_task(tasks[0][0])
        screen.wait("Tasks: 1(.|\n)*asked\\)\\?", "which ends before the answer")
        screen.key("y")
        screen.wait("task %d does not run any more" % tasks[0][0], "it is told so")
        screen.key("q")
        is_(screen.end(), 0, "q ends it")
        is_(api.get("/tasks/%d" % tasks[1][0]).json["status"], "running",
            "and the other one runs on")
        api.put("/tasks/%d" % tasks[1][0], {"status": "paused"})


def test_keys():
    """Batches, the keys that move, and a task that is paused and goes on."""
    with Server() as server, Worker(server, concurrency=1) as worker:
        api, folder = server.api(), Folder()
        task, _ = held(api, folder, "held")
        api.wait_task(task, "running")
        for name in ("waits", "waits-too"):
            api.task("true", name=name)
        screen = Terminal([program("scitq-manage"), "top"],
                          clean_env(SCITQ_SERVER=server.address))
        screen.wait("waits-too +pending", "three are shown")
        screen.key("py")
        wait_until("paused", lambda: worker.row(api)["status"] == "paused")
        screen.wait("%s +paused" % worker.name, "a batch is paused: its workers are")
        screen.key("ry")
        wait_until("resumed", lambda: worker.row(api)["status"] == "running")
        ok(True, "and resumed")
        screen.key("\t\tp")
        screen.wait("pause task %d" % task, "a task that runs")
        screen.key("y")
        pid = int(wait_until("it has a pid", lambda: api.get(
            "/executions/", {"task_id": task}).json[0]["pid"]))
        wait_until("stopped", lambda: state_of(pid) == "T")
        ok(True, "is paused")
        screen.key("ry")
        wait_until("it goes on", lambda: state_of(pid) != "T")
        ok(True, "and goes on")
        screen.key("\x1bOB\x1bOB\x1bOA")
        screen.key("p")
        screen.wait(r"\(waits\)\?", "down, down and up again: the second is asked about")
        screen.key("y")
        screen.wait("waits +paused", "it is paused where it waits")
        screen.key("r")
        screen.wait(r"resume task .*\(waits\)\?", "it is selected still")
        screen.key("y")
        screen.wait("waits +pending", "and resumed")
        screen.key("\tk")
        screen.wait("kill batch Default with all that it runs", "of a batch it is asked, too")
        screen.key("y")
        api.wait_task(task, "failed")
        ok(True, "and all that it runs is killed")
        screen.key("q")
        is_(screen.end(), 0, "q ends it")


def test_no_terminal():
    with Server() as server:
        p = subprocess.run([program("scitq-manage"), "top"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           env=clean_env(SCITQ_SERVER=server.address), timeout=60)
        is_(p.returncode, 1, "without a terminal: exit 1")
        has(p.stderr, "top needs a terminal", "and why")


for each in databases():
    run(test_top, each)
run(test_asked)
run(test_keys)
run(test_no_terminal)
done()
