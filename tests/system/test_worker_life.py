"""A worker's own life: stopped, killed, restarted and back under its running commands; its
supervisor killed; its state, its row or its server gone; idle."""

import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from servers import Gate  # noqa: E402
from worker import *  # noqa: E402,F403


def directories(worker):
    base = worker.settings["BASE_WORKDIR"]
    return sorted(os.path.join(base, name) for name in os.listdir(base))


def goodbye(server, api, folder):
    """Stopped cleanly it is given nothing more, from that moment on."""
    gate = folder.join("goodbye")
    os.mkfifo(gate)
    with Worker(server, concurrency=3, options=["-b", "goodbye"]) as worker:
        task = api.task("sh -c 'cat %s'" % gate, batch="goodbye")
        api.wait_task(task, "running")
        is_(worker.end(), 0, "stopped")
        is_(worker.row(api)["status"], "offline", "it is offline at once")
        later = api.task("echo later", batch="goodbye")
        is_(api.get("/tasks/%d" % later).json["status"], "pending",
            "a task submitted then is nobody's")
        worker.start()
        is_(ended(api, later)[:3], ("succeeded", 0, b"later\n"),
            "it is back and takes it")
        is_(worker.row(api)["status"], "running", "as a running worker")
        with open(gate, "w") as f:
            f.write("on\n")
        is_(ended(api, task)[:3], ("succeeded", 0, b"on\n"), "what ran went on")
        is_(len(api.get("/executions/", {"task_id": task}).json), 1, "in one execution")


def leaves_nothing_behind(server, api, folder):
    """What it was given ahead is for others when it stops."""
    with Worker(server, concurrency=4, options=["-b", "leaver"]) as worker:
        ids = [row["task_id"] for row in api.post("/tasks/", [
            {"command": "true", "batch": "leaver"}] * 2000).json]
        api.wait_task(ids[100])
        is_(worker.end(), 0, "stopped in the middle of short tasks")
        left = api.get("/tasks/?batch=leaver&status=assigned").json
        is_(len(left), 0, "none is left with it that it had not begun")
        worker.start()
        api.wait_task(ids[-1], timeout_s=180)


def is_kept(directory):
    try:
        with open(directory + "/.execution", "rb") as f:
            return b" K " in f.read()
    except FileNotFoundError:  # it is just being made
        return False


def returns(server, api, folder):
    with Worker(server, concurrency=4, options=["-b", "returns"]) as worker:
        gates = [folder.join("gate%d" % n) for n in range(3)]
        for gate in gates:
            os.mkfifo(gate)
        ids = [api.task("sh -c 'echo before; cat %s; echo after; exit %d'" % (g, n),
                        batch="returns") for n, g in enumerate(gates)]
        for i in ids:
            api.wait_task(i, "running")
        row = registered(worker, api)
        api.put("/workers/%d" % row["worker_id"], {"concurrency": 3, "prefetch": 1})
        wait_until("heard of it", lambda: "concurrency is now 3" in worker.log())
        worker.kill()
        with open(gates[0], "w") as f:  # one ends while nobody looks
            f.write("\0unseen\xff\n")
        worker.start()
        got = ended(api, ids[0])
        is_(got[:3], ("succeeded", 0, b"before\n\0unseen\xc3\xbf\nafter\n"),
            "killed and back: a command that ended meanwhile is reported")
        again = registered(worker, api)
        is_({k: again[k] for k in ("worker_id", "concurrency", "prefetch", "batch")},
            {"worker_id": row["worker_id"], "concurrency": 3, "prefetch": 1,
             "batch": "returns"}, "it took back its row as it was")
        is_(worker.end(), 0, "stopped in the middle: exit 0")
        worker.start()
        wait_until("back", lambda: worker.log().count(", concurrency 3") >= 2)
        with open(gates[1], "w") as f:
            f.write("late\n")
        is_(ended(api, ids[1])[:3], ("failed", 1, b"before\nlate\nafter\n"),
            "stopped and back: a command goes on under it")
        send(api, worker, -2)
        wait_until("restarted", lambda: "restarting: " in worker.log())
        with open(gates[2], "w") as f:
            f.write("restart\n")
        is_(ended(api, ids[2])[:3], ("failed", 2, b"before\nrestart\nafter\n"),
            "it restarts itself when told, under running commands")
        for i in ids:
            is_(len(api.get("/executions/", {"task_id": i}).json), 1, "one execution")
        wait_until("the failed ones' directories are kept", lambda: len(
            [d for d in directories(worker) if is_kept(d)]) == 2)
        kept = [d for d in directories(worker) if is_kept(d)]
        send(api, worker, -1)
        wait_until("cleaned", lambda: not any(map(os.path.exists, kept)))
        ok(True, "until it is told to clean")
        is_(worker.end(), 0, "an idle worker ends")
        wait_until("the supervisor is gone", lambda: not worker.leftovers())
        ok(True, "and its supervisor with it")


def supervisor(server, api, folder):
    with Worker(server, concurrency=2, options=["-b", "sup"]) as worker:
        task, pids = tree(api, batch="sup")
        api.wait_task(task, "running")
        os.kill(supervisor_of(worker), signal.SIGKILL)
        got = ended(api, task)
        is_(got[:2], ("failed", -9), "the supervisor is killed: its tasks fail")
        has(got[3].decode(), "the supervisor was killed", "with that reason")
        wait_until("all are dead", gone(pids))
        is_(ended(api, api.task("echo on", batch="sup"))[2], b"on\n",
            "and the next ones run under another")


def homeless(server, api, folder):
    """Its state directory is removed, and then its supervisor dies."""
    worker = Worker(server, concurrency=1, options=["-b", "homeless"])
    task, pids = tree(api, batch="homeless")
    api.wait_task(task, "running")
    registered(worker, api)
    api.put("/workers/%d" % worker.row(api)["worker_id"], {"prefetch": 1})
    held = api.task("echo held", batch="homeless")
    api.wait_task(held, "accepted")
    shutil.rmtree(worker.folder.join("state"))
    os.kill(supervisor_of(worker), signal.SIGKILL)
    is_(worker.process.wait(60), 1, "it ends with 1")
    has(worker.log(), "was removed under this worker", "and says why")
    wait_until("all are dead", gone(pids))
    worker.start()
    is_(ended(api, task)[0], "failed", "what ran has failed")
    is_(ended(api, held)[2], b"held\n", "what waited is run after a new start")
    worker.stop()


def row_gone(server, api, folder):
    with Worker(server, concurrency=2, options=["-b", "gone"]) as worker:
        task, pids = tree(api, batch="gone")
        api.wait_task(task, "running")
        number = registered(worker, api)["worker_id"]
        is_(api.delete("/workers/%d" % number).status, 200, "its row is deleted")
        wait_until("all are dead", gone(pids))
        ok(True, "its commands are stopped")
        wait_until("a new row", lambda: (worker.row(api) or {}).get("worker_id",
                                                                    number) != number)
        ok(True, "it registers anew")
        task = api.task("echo new", batch="Default")
        api.put("/workers/%d" % worker.row(api)["worker_id"], {"batch": "other"})
        is_(ended(api, api.task("echo new", batch="other"))[2], b"new\n", "and works")
        api.delete("/tasks/%d" % task)


class Far:
    """The server beyond a line so slow that as many tasks as a worker asks for end within
    a call, even where each takes a second: so it asks for the most (worker/ahead.c)."""

    def __init__(self, server, folder):
        self.server = server
        self.gate = Gate(folder.join("far"), server.port)
        self.gate.set("late:1100")
        self.gate.start()
        self.target = "127.0.0.1:%d" % self.gate.port
        remember(self)

    def api(self):
        return self.server.api()

    def stop(self):
        forget(self)
        self.gate.stop()


def short_then_long(server, api, folder):
    """Tasks shorter than a call to the server are given ahead; the long ones that follow
    them and find no slot are given back, to whoever has one."""
    gates = [folder.join("long%d" % n) for n in range(4)]
    for gate in gates:
        os.mkfifo(gate)
    far = Far(server, folder)
    with Worker(far, concurrency=2, options=["-b", "ahead", "-s", "paused"]) as worker:
        number = registered(worker, api)["worker_id"]
        rows = api.post("/tasks/", [{"command": "true", "batch": "ahead"}] * 12 + [
            {"command": "cat %s" % gate, "batch": "ahead"} for gate in gates]).json
        last = [row["task_id"] for row in rows[12:]]
        api.put("/workers/%d" % number, {"status": "running"})

        def statuses():
            return sorted(api.get("/tasks/%d" % i).json["status"] for i in last)

        def given_back():
            found = api.get("/executions/", {"batch": "ahead", "status": "refused"}).json
            return {e["task_id"] for e in found} & set(last)

        wait_until("some were given back", given_back)
        ok(True, "long tasks that were given ahead are given back")
        wait_until("two run, the others wait for a worker",
                   lambda: statuses() == ["pending", "pending", "running", "running"])
        with Worker(server, concurrency=2, name="second", options=["-b", "ahead"]):
            wait_until("all run", lambda: statuses() == ["running"] * 4)
            for gate in gates:
                with open(gate, "w"):
                    pass
            for i in last:
                is_(ended(api, i)[0], "succeeded", "a long one ends")
        done_once = api.get("/executions/", {"batch": "ahead",
                                             "status": "succeeded"}).json
        is_(sorted(e["task_id"] for e in done_once),
            sorted(row["task_id"] for row in rows), "each task ran once")
    far.stop()


def odd_name(server, api, folder):
    name = "né/../w 1"
    with Worker(server, options=["-b", "odd", "-n", name]) as worker:
        wait_until("registered",
                   lambda: api.get("/workers/", {"name": name}).json)
        is_(ended(api, api.task("pwd", batch="odd"))[0], "succeeded",
            "any name will do")
        want = ["n%%C3%%A9%%2F..%%2Fw%%201-%d" % i for i in range(10)]
        wait_until("its directories made ahead", lambda: sorted(
            os.listdir(worker.settings["BASE_WORKDIR"])) == want)
        ok(True, "made fit for a file name, those that it may need soon are ready")


def away(server, api, folder):
    """Started before its server: it waits, and says so once."""
    port = server.address
    server.end()
    with Worker(server, name="early", options=["-b", "early"]) as worker:
        wait_until("it says so", lambda: "no server at" in worker.log())
        server.start()
        registered(worker, api)
        is_(worker.log().count("no server at"), 1, "a server that is away: said once")
        # The row is there before its answer has reached the worker.
        wait_until("it says so", lambda: "is back" in worker.log())
        ok(True, "and when it is back")
    is_(server.address, port, "same server")


def idle(server, api, folder):
    """A recruited worker tells that it is idle; the server then sees to it."""
    server.end()
    server.start(WORKER_FIRST_TASK_DELAY=1, WORKER_IDLE_DELAY=1)
    api = server.api()
    with Worker(server, options=["-b", "idle"], SCITQ_PERMANENT_WORKER=0) as worker:
        name = registered(worker, api)["name"]
        wait_until("a job", lambda: server.sql(
            "select 1 from job where action = 'worker_destroy' and target = '%s'" % name))
        ok(True, "the idle callback of a recruited worker makes a destroy job")


def main():
    server = Server()
    api, folder = server.api(), Folder()
    for part in (goodbye, leaves_nothing_behind, returns, supervisor, homeless, row_gone,
                 short_then_long, odd_name, away, idle):
        run(part, server, api, folder)
    server.stop()
    done()


if __name__ == "__main__":
    main()
