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
import unicodedata

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from worker import state_of  # noqa: E402

UP, DOWN = "\x1bOA", "\x1bOB"  # as a vt100 has them


class Terminal:
    """A program on a terminal; `screen` is what stands on it: enough of a VT100 for what
    curses sends to TERM=vt100 without colours."""

    def __init__(self, argv, env, lines=40, columns=120, term="vt100"):
        self.rest = ""
        self.master, slave = pty.openpty()
        self.set_size(lines, columns)
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave,
                                        env=dict(env, TERM=term, LC_ALL="C.UTF-8"),
                                        start_new_session=True)
        os.close(slave)

    def set_size(self, lines, columns):
        self.n_lines, self.n_columns = lines, columns
        self.lines = [[" "] * columns for _ in range(lines)]
        self.row = self.column = 0
        self.top, self.bottom = 0, lines - 1  # what scrolls
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, lines, columns):
        """It is told as a terminal's owner does, this one being nobody's."""
        self.read()
        self.set_size(lines, columns)
        os.kill(self.process.pid, signal.SIGWINCH)

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)

    def put(self, c):
        if c == "\r":
            self.column = 0
        elif c == "\n":
            if self.row == self.bottom:
                self.scroll(self.top, self.bottom)
            else:
                self.row = min(self.row + 1, self.n_lines - 1)
        elif c == "\b":
            self.column = max(self.column - 1, 0)
        elif c >= " ":
            self.lines[self.row][min(self.column, self.n_columns - 1)] = c
            self.column += 1
            if unicodedata.east_asian_width(c) == "W":  # two columns
                self.lines[self.row][min(self.column, self.n_columns - 1)] = ""
                self.column += 1

    def control(self, args, letter):
        numbers = [int(n or 0) for n in args.split(";")] if args else []
        first = numbers[0] if numbers else 0
        if letter == "H":
            self.row = max(first, 1) - 1
            self.column = (numbers[1] if len(numbers) > 1 else 1) - 1
        elif letter == "J":
            self.clear(self.row, self.column, self.n_lines - 1)
        elif letter == "K":
            span = range(0, self.column + 1) if first == 1 else range(self.column, self.n_columns)
            for i in span:
                self.lines[self.row][i] = " "
        elif letter == "r":
            self.top = max(first, 1) - 1
            self.bottom = (numbers[1] if len(numbers) > 1 else self.n_lines) - 1
            self.row = self.column = 0
        elif letter in "ABCD":
            n = max(first, 1)
            self.row += {"A": -n, "B": n}.get(letter, 0)
            self.column += {"C": n, "D": -n}.get(letter, 0)
        # What was drawn before top heard of its new size may be outside of it.
        self.row = max(0, min(self.row, self.n_lines - 1))
        self.column = max(0, min(self.column, self.n_columns - 1))
        self.top, self.bottom = (min(n, self.n_lines - 1) for n in (self.top, self.bottom))

    def scroll(self, gone, new):
        del self.lines[gone]
        self.lines.insert(new, [" "] * self.n_columns)

    def reverse_index(self):
        if self.row == self.top:
            self.scroll(self.bottom, self.top)
        else:
            self.row = max(self.row - 1, 0)

    def clear(self, row, column, last):
        for r in range(row, last + 1):
            for c in range(column if r == row else 0, self.n_columns):
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
        screen = new_screen(server)
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


def new_screen(server, *words, **size):
    return Terminal([program("scitq-manage"), "top"] + list(words),
                    clean_env(SCITQ_SERVER=server.address), **size)


def test_sizes():
    """Small windows, windows that change, and cells that are too wide."""
    with Server() as server:
        api = server.api()
        api.task("x" * 300, name="名" * 50, batch="b" * 60)
        api.task("true", name="second")
        screen = new_screen(server, lines=24, columns=80)
        screen.wait("Batches: 2(.|\n)*Workers: 0(.|\n)*Tasks: 2", "80 x 24: all lists")
        screen.key("\t\t")
        screen.wait("1 +" + "名" * 20 + "  pending  b{20}\n", "wide cells are cut, apart")
        for lines, columns, words in (
                (8, 40, "Tasks: 2(.|\n)*2 +second"), (3, 12, "Tasks: 2"),
                (1, 1, ""), (12, 80, "Tasks: 2(.|\n)*2 +second +pending"),
                (60, 200, "Batches: 2(.|\n)*Tasks: 2(.|\n)*b{40}  x{50}")):
            screen.resize(lines, columns)
            screen.wait(words, "%d x %d" % (columns, lines))
        screen.key("q")
        is_(screen.end(), 0, "and it ends")


def test_server_goes():
    """A server that ends and comes back, and one that keeps silent: keys go on."""
    with Server() as server:
        api = server.api()
        api.task("true", name="before")
        screen = new_screen(server, "-t", "2")
        screen.wait("before", "a task")
        server.end()
        screen.wait("cannot reach the scitq server", "a server that is gone is told")
        ok("before" in screen.text(), "what was known stands")
        screen.key("\t\tp")
        screen.wait("pause task 1", "keys go on")
        screen.key("y")
        screen.wait("cannot reach the scitq server", "what cannot be done is told")
        server.start()
        server.api().task("true", name="after")
        screen.wait("after", "one that comes back is seen")
        screen.key(DOWN)
        screen.wait("q: quit", "and no trouble any more")
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            server_is_stopped = screen.text()
            screen.key("py\t")
            screen.wait("did not answer within 2 s", "a silent one is told")
            screen.key("q")
            is_(screen.end(), 0, "and q ends top meanwhile") or diag(server_is_stopped)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)


def test_keys_on_tasks():
    """What p, r and k do to tasks in each status, and to batches."""
    with Server() as server:
        api = server.api()
        w = api.post("/workers/", {"name": "w", "hostname": "h", "concurrency": 1,
                                   "batch": "else"}).json["worker_id"]
        first = api.task("true", name="first", batch="lot")
        after = api.task("true", name="after", batch="lot", required_task_ids=[first])
        screen = new_screen(server)
        screen.wait("first +pending(.|\n)*after +waiting", "a task waits for another")

        def press(keys, task, status, words=""):
            screen.key(keys)
            api.wait_task(task, status)
            if words:
                screen.wait(words, words)

        screen.key("\t\t" + DOWN)  # the second task
        screen.key("r")
        screen.wait(r"resume task %d \(after\)" % after, "resume is asked about")
        screen.key("y")
        screen.wait("task %d is waiting: it is not held up" % after, "not what waits")
        press("py", after, "paused", "after +paused")
        press("ry", after, "waiting", "after +waiting")
        e = api.post("/executions/", {"worker_id": w, "task_id": first}).json
        e = "/executions/%d" % e["execution_id"]
        screen.wait("first +assigned", "the other is assigned")
        screen.key(UP)
        signals = []

        def wait_signal(n):
            def come():
                signals.extend(s["signal"] for s in
                               api.get("/workers/%d/signals" % w).json)
                return n in signals
            wait_until("signal %d" % n, come)
            ok(True, "signal %d" % n)
        screen.key("ky")
        wait_signal(9)
        api.put(e, {"status": "accepted"})
        api.put(e, {"status": "running", "pid": 1})
        screen.wait("first +running", "it runs")
        screen.key("py")
        wait_signal(20)
        screen.key("ry")
        wait_signal(18)
        api.put(e, {"status": "failed", "return_code": 1})
        screen.wait("first +failed", "it fails")
        del signals[:]
        screen.key("\t")  # the batches
        screen.key("r")
        screen.wait("resume batch", "a batch")
        screen.key("n")
        screen.key("q")
        is_(screen.end(), 0, "q ends it")


def test_thousands():
    """A queue of 20,000: the first ones are shown, and it follows changes."""
    with Server() as server:
        api = server.api()
        made = api.post("/tasks/", [{"command": "true", "name": "t%d" % i}
                                    for i in range(20000)]).json
        screen = new_screen(server)
        screen.wait("Tasks: 500 or more(.|\n)* t0 +pending", "the first of them")
        screen.key("\t\t" + DOWN * 200)
        screen.wait(r"\bt200 +pending", "gone through")
        for i in range(0, 2000, 100):
            api.put("/tasks/%d" % made[i]["task_id"], {"status": "paused"})
        api.put("/tasks/%d" % made[200]["task_id"], {"status": "failed"})
        screen.wait(r"\bt201 +pending", "it moves on")
        screen.key("q")
        is_(screen.end(), 0, "and ends")


def test_no_terminal():
    with Server() as server:
        p = subprocess.run([program("scitq-manage"), "top"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           env=clean_env(SCITQ_SERVER=server.address), timeout=60)
        is_(p.returncode, 1, "without a terminal: exit 1")
        has(p.stderr, "top needs a terminal", "and why")
        for name in ("dumb", "unheard-of", ""):
            screen = new_screen(server, term=name)
            screen.wait("top needs a terminal that can place its", "TERM=%s: why not" % name)
            is_(screen.end(), 1, "exit 1")


for each in databases():
    run(test_top, each)
for each in (test_asked, test_keys, test_sizes, test_server_goes, test_keys_on_tasks,
             test_thousands, test_no_terminal):
    run(each)
done()
