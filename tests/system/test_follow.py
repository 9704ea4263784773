"""Following a task's output and a job's log, while servers go away and come back:
every byte once, in words what happens, and an end that says how the task ended."""

import http.server
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403


class Follower:
    """scitq-manage that follows; what it prints is gathered as it comes."""

    def __init__(self, server, *words):
        self.out, self.err = bytearray(), bytearray()
        self.process = subprocess.Popen(
            [program("scitq-manage"), *map(str, words)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=clean_env(SCITQ_SERVER=server.address))
        self.threads = [threading.Thread(target=self.read, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.out),
                                     (self.process.stderr, self.err))]
        for thread in self.threads:
            thread.start()
        remember(self)

    def stop(self):
        forget(self)
        self.process.kill()
        self.end()

    @staticmethod
    def read(pipe, to):
        while True:
            data = os.read(pipe.fileno(), 65536)
            if not data:
                return
            to.extend(data)

    def says(self, words, times=1):
        """Waits until its standard error has it."""
        try:
            wait_until(words, lambda: self.err.count(words.encode()) >= times)
            ok(True, "it says: " + words)
        except TimeoutError:
            ok(False, "it says: " + words, bytes(self.err))

    def prints(self, data):
        try:
            wait_until("printed", lambda: data in self.out)
            ok(True, "it prints %.40r" % data)
        except TimeoutError:
            ok(False, "it prints %.40r" % data, bytes(self.out[-2000:]))

    def end(self):
        """Its exit status, when everything was read."""
        try:
            status = self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "no end: %r" % bytes(self.err)
        for thread in self.threads:
            thread.join(60)
        forget(self)
        return status


class Impatient:
    """Between a client and a server, as a proxy that cuts what is silent: a log's answer
    as soon as it has begun."""

    def __init__(self, server):
        self.server, self.cuts, self.cutting = server, 0, True
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            near = self.socket.accept()[0]
            threading.Thread(target=self.carry, args=(near,), daemon=True).start()

    def carry(self, near):
        log = False
        with near, socket.create_connection(("127.0.0.1", self.server.port)) as far:
            while True:
                for one in select.select([near, far], [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    log = log or b"/log/" in data
                    (far if one is near else near).sendall(data)
                    if one is far and log and self.cutting:
                        self.cuts += 1
                        return


AWAY, BACK = "waiting for it\n", "the server is back\n"


def command_of(pid):
    """Its command line; nothing where it is gone."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read()
    except OSError:
        return b""


def test_server_dies(db):
    """kill -9, then a stop in good order, in the middle of lines; the command writes on
    meanwhile, and ends while nobody is there to hear of it."""
    folder = Folder()
    with Server(db=db) as server, Worker(server) as worker:
        api = server.api()
        wait_until("the worker is there", lambda: worker.row(api))
        steps = [folder.join("step%d" % i) for i in range(4)]
        lines = "".join("i=0; while [ $i -lt 500 ]; do echo %s-$i; echo err%s-$i >&2; "
                        "i=$((i+1)); done; until [ -e '%s' ]; do sleep .05; done; "
                        % (name, name, path) for name, path in zip("abcd", steps))
        t = api.task("sh -c \"%s printf end\"" % lines.replace("$", "\\$"))
        follower = Follower(server, "task", "output", "-i", t, "--follow")
        follower.prints(b"a-499\n")
        server.kill()
        follower.says(AWAY)
        open(steps[0], "w").close()
        server.start()
        follower.says(BACK)
        follower.prints(b"b-499\n")
        is_(server.end(), 0, "the server stops while it is followed")
        follower.says(AWAY, 2)
        server.start()
        follower.says(BACK, 2)
        open(steps[1], "w").close()
        follower.prints(b"c-499\n")
        is_(server.end(), 0, "and once more")
        follower.says(AWAY, 3)
        for path in steps[2:]:
            open(path, "w").close()
        wait_until("the command has ended", lambda: not any(
            b"printf" in command_of(pid) for pid in worker.leftovers()))
        server.start()
        follower.says(BACK, 3)
        is_(follower.end(), 0, "it ends with the task, which succeeded")
        want = b"".join(b"%s-%d\n" % (name, i) for name in (b"a", b"b", b"c", b"d")
                        for i in range(500))
        ok(follower.out == want + b"end", "every byte of the output came, once",
           "%d bytes, wanted %d" % (len(follower.out), len(want) + 3))
        got = b"".join(line for line in bytes(follower.err).splitlines(True)
                       if line.startswith(b"err"))
        ok(got == b"".join(b"err" + line for line in want.splitlines(True)),
           "and of the error", "%d bytes" % len(got))
        is_(bytes(follower.err).count(b"scitq-manage:"), 6,
            "nothing else is said than that the server went and came, each time")
    folder.stop()


def test_tries(db):
    """A task that has not started, is tried again, is started again by somebody."""
    folder = Folder()
    with Server(db=db) as server:
        api = server.api()
        t = api.task("sh -c 'echo try; test -e %s'" % folder.join("good"), retry=1)
        follower = Follower(server, "task", "output", "-i", t, "-f")
        follower.says("task %d is pending: waiting for it to start\n" % t)
        with Worker(server):
            is_(follower.end(), 1, "a task that failed: exit 1")
            first, second = [e["execution_id"] for e in
                             api.get("/executions/", {"task_id": t}).json]
            is_(bytes(follower.out), b"try\ntry\n", "both tries were followed")
            # Whether the next is there when the one before has ended is chance.
            told = [line for line in bytes(follower.err).decode().splitlines(True)
                    if "is pending, waiting for it to start again" not in line]
            is_("".join(told),
                "scitq-manage: task %d is pending: waiting for it to start\n"
                "scitq-manage: execution %d failed (return code 1): now follows "
                "execution %d\nscitq-manage: task %d failed: execution %d failed "
                "(return code 1)\n" % (t, first, second, t, second), "and told")
            follower = Follower(server, "task", "output", "-i", t, "-f", "-e")
            is_((follower.end(), bytes(follower.out)), (1, b""),
                "what has ended already: its output, and the same exit")
            follower = Follower(server, "task", "output", "-i", t, "-f", "-o", "--json")
            is_((follower.end(), json.loads(follower.out), bytes(follower.err).decode()),
                (1, {"execution_id": second, "output": "try\n"},
                 "scitq-manage: task %d failed\n" % t), "as JSON: the latest one's")
            open(folder.join("good"), "w").close()
            api.put("/tasks/%d" % t, {"status": "pending"})
            api.wait_task(t)
            follower = Follower(server, "task", "output", "-i", t, "-f", "-o")
            is_((follower.end(), bytes(follower.out), bytes(follower.err)),
                (0, b"try\n", b""), "the latest execution of one that succeeded: exit 0")
        gone = api.task("true", status="paused")
        follower = Follower(server, "task", "output", "-i", gone, "-f")
        follower.says("task %d is paused: waiting for it to start\n" % gone)
        is_(server.end(), 0, "the server stops while its events are listened to")
        follower.says(AWAY)
        server.start()
        follower.says(BACK)
        api.put("/tasks/%d" % gone, {"name": "another"})
        api.delete("/tasks/%d" % gone)
        is_((follower.end(), bytes(follower.err).count(b"waiting for it to start")), (1, 1),
            "a task that is deleted: exit 1; of waiting it spoke once")
        has(bytes(follower.err).decode(), "Task %d doesn't exist" % gone, "and why")
        done = api.task("true", status="paused")
        follower = Follower(server, "task", "output", "-i", done, "-f")
        follower.says("waiting for it to start\n")
        asked = Follower(server, "task", "output", "-i", done, "-f", "--json")
        api.put("/tasks/%d" % done, {"status": "succeeded"})
        is_((follower.end(), bytes(follower.out)), (0, b""),
            "one that succeeds without an execution, as from the cache: exit 0")
        is_((asked.end(), bytes(asked.out), bytes(asked.err)), (0, b"null\n", b""),
            "as JSON: null")
    folder.stop()


def test_many_tries():
    """Executions that come and go faster than they are looked at: none is left out."""
    with Server(WORKER_OFFLINE_DELAY=600) as server:
        api = server.api()
        api.register("player", "s", batch="b", concurrency=1)
        t = api.task("c", batch="b", retry=20)
        follower = Follower(server, "task", "output", "-i", t, "-f")
        want = b""
        for i in range(20):
            wait_until("assigned", lambda: api.get("/tasks/%d" % t).json["status"] ==
                       "assigned")
            e = api.get("/executions/", {"task_id": t, "latest": True}).json[0]
            path = "/executions/%d" % e["execution_id"]
            api.put(path, {"status": "running"})
            api.put(path + "/output", {"text": "try %d\n" % i})
            want += b"try %d\n" % i
            if i == 0:
                follower.prints(want)
            api.put(path, {"status": "succeeded" if i == 19 else "failed"})
        is_(follower.end(), 0, "it ends with the last of twenty")
        is_(bytes(follower.out), want, "each was followed, in order")


def test_silence():
    """An execution that writes nothing, through something that cuts what is silent."""
    with Server() as server:
        api = server.api()
        w = api.register("player", "s", batch="b").json["worker"]["worker_id"]
        t = api.task("c", batch="c")
        e = api.post("/executions/", {"worker_id": w, "task_id": t}).json["execution_id"]
        between = Impatient(server)
        follower = Follower(between, "task", "output", "-i", t, "-f")
        wait_until("it was cut again and again", lambda: between.cuts >= 6)
        between.cutting = False
        path = "/executions/%d" % e
        api.put(path, {"status": "running"})
        api.put(path + "/output", {"text": "now\n"})
        follower.prints(b"now\n")
        api.put(path, {"status": "succeeded"})
        is_((follower.end(), bytes(follower.out), bytes(follower.err)), (0, b"now\n", b""),
            "it goes on, without a word")


class Hurried:
    """Answers as a server would, but ends each answer of a log at once, although the
    execution runs; it has ended when it is looked at for the `rounds`th time, or the
    server fails then."""

    def __init__(self, rounds, failure=None):
        stand_in = self
        self.rounds, self.failure, self.looks = rounds, failure, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                asked = json.loads(self.rfile.read(length) or b"{}")
                data = stand_in.answer(self.path, asked)
                code = 200 if isinstance(data, bytes) else data
                data = b"" if code != 200 else data
                self.send_response(code)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # who has heard enough hangs up
        self.address = "127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path, asked):
        ended = len(self.looks) >= self.rounds
        status = "succeeded" if ended else "running"
        if path.startswith("/events"):
            return b"event: ready\ndata: {}\n\n"
        if path.startswith("/tasks/"):
            self.looks.append(None)
            if ended and self.failure:
                return self.failure
            return json.dumps({"task_id": 1, "status": status}).encode()
        if "/log/" in path:
            return b""
        if path.startswith("/executions/"):
            if asked.get("after", 0) >= 5:
                return b"[]"
            self.looks.append(time.monotonic())
            return json.dumps([{"execution_id": 5, "status": status}]).encode()
        return 404

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def test_hurried():
    """Whatever ends each answer at once is not asked again without a pause."""
    server = Hurried(6)
    follower = Follower(server, "task", "output", "-i", 1, "-f")
    is_((follower.end(), bytes(follower.err)), (0, b""), "it ends with the task")
    server.stop()
    times = [t for t in server.looks if t]
    # 200, 400, 800 ms: they may be longer, never shorter.
    ok(times[-1] - times[0] > 0.6, "answers without a byte are asked for at pauses")
    server = Hurried(2, failure=500)
    follower = Follower(server, "task", "output", "-i", 1, "-f", "--json")
    is_((follower.end(), bytes(follower.out)), (1, b""),
        "a server that fails is no task that did: nothing is printed")
    server.stop()


class OneSided(Hurried):
    """Ends its answer of the output in good order while that of the errors goes on."""

    def __init__(self):
        self.asked, self.asked_again, self.alone = 0, threading.Event(), False
        super().__init__(0)

    def answer(self, path, asked):
        if path.endswith("/log/stdout?follow=1"):
            self.asked += 1
            if self.asked == 1:
                return b"one\n"
            self.asked_again.set()
            return b"one\ntwo\n"
        if path.endswith("/log/stderr?follow=1"):
            self.alone = self.alone or not self.asked_again.wait(30)
            return b"woe\n"
        self.rounds = 0 if self.asked_again.is_set() else 1 << 30
        return super().answer(path, asked)


def test_one_sided():
    """A stop of the server may end one stream's answer and break the other's."""
    server = OneSided()
    follower = Follower(server, "task", "output", "-i", 1, "-f")
    is_((follower.end(), bytes(follower.out)), (0, b"one\ntwo\n"), "each stream comes, once")
    has(bytes(follower.err).decode(), "woe\n", "the errors too")
    ok(not server.alone, "neither waits for the other")
    server.stop()


def test_job():
    """The log of a job, whose server goes away; another process carries it out."""
    if not with_postgresql():
        skip("a job followed from another process", "no PostgreSQL")
        return
    with Server("postgresql", role="main", SCITQ_PROVIDERS="none=static") as server:
        api = server.api()
        api.put("/workers/deploy", {"flavor": "f", "provider": "none", "region": "r"})
        j = api.get("/jobs/", {"action": "worker_deploy"}).json[0]["job_id"]
        server.sql("update job set log = 'zero\n' where job_id = %d" % j)
        follower = Follower(server, "job", "log", "-f", "-i", j)
        follower.prints(b"zero\n")
        server.kill()
        follower.says(AWAY)
        server.sql("update job set log = log || 'one\ntwo\n' where job_id = %d" % j)
        server.start()
        follower.says(BACK)
        follower.prints(b"one\ntwo\n")
        server.kill()
        follower.says(AWAY, 2)
        server.sql("update job set log = log || 'three\n' where job_id = %d" % j)
        server.start()
        follower.says(BACK, 2)
        with Server("postgresql", server.uri, role="queue",
                    SCITQ_PROVIDERS="none=static"):
            wait_until("the job has ended", lambda: api.get("/jobs/%d" % j).json["status"]
                       in ("failed", "succeeded"))
            job = api.get("/jobs/%d" % j).json
            is_(follower.end(), 0 if job["status"] == "succeeded" else 1,
                "it ends as the job does")
        is_(bytes(follower.out).decode(), job["log"], "the whole log came, each part once")
        has(job["log"], "one\ntwo\nthree\n", "which has what was written meanwhile")
        t = Follower(server, "job", "log", "-f", "-i", j + 1000)
        is_(t.end(), 1, "a job that is not there: exit 1")


def test_refused():
    """What a server refuses is told at once, and ends it."""
    folder = Folder()
    with open(folder.join("tokens"), "w") as f:
        f.write("admin:secret\n")
    os.chmod(folder.join("tokens"), 0o600)
    with Server(SCITQ_TOKEN_FILE=folder.join("tokens")) as server:
        follower = Follower(server, "task", "output", "-i", 1, "-f")
        is_(follower.end(), 1, "without a token: exit 1")
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))  # and nobody listens
        address = "127.0.0.1:%d" % mute.getsockname()[1]
        follower = Follower(types.SimpleNamespace(address=address), "task", "output",
                            "-i", 1, "-f")
        is_(follower.end(), 1, "where no server ever was: exit 1, at once")
        has(bytes(follower.err).decode(), "cannot reach the scitq server", "with its words")
    folder.stop()


for each in databases():
    run(test_server_dies, each)
    run(test_tries, each)
run(test_many_tries)
run(test_silence)
run(test_hurried)
run(test_one_sided)
run(test_job)
run(test_refused)
done()
