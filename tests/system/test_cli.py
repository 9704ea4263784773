"""scitq-launch and scitq-manage against the real server: what a person types, what is
printed, which exit code.  Executions are played through the 1.3 calls, so that every
status is reached at will; one task runs on a real worker, to be followed live."""

import json
import os
import re
import select
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from uris import MALFORMED  # noqa: E402

TIMEOUT_S = 120


class Tool:
    """scitq-launch and scitq-manage speaking to one server."""

    def __init__(self, address):
        self.env = clean_env(SCITQ_SERVER=address)

    def run(self, name, *words, **env):
        """(exit code, stdout, stderr), texts; a sanitizer's report is a failure."""
        p = subprocess.run([program(name)] + [str(w) for w in words],
                           env=dict(self.env, **env), stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=TIMEOUT_S)
        err = p.stderr.decode(errors="replace")
        if any(words in err for words in SANITIZERS):
            ok(False, "%s: no sanitizer's report" % name, err)
        return p.returncode, p.stdout.decode(errors="surrogateescape"), err

    def manage(self, *words, **env):
        return self.run("scitq-manage", *words, **env)

    def launch(self, *words, **env):
        return self.run("scitq-launch", *words, **env)

    def good(self, *words):
        """Standard output of a scitq-manage that must succeed."""
        code, out, err = self.manage(*words)
        if code != 0:
            ok(False, "scitq-manage %s" % " ".join(map(str, words)), err)
        return out

    def queue(self, *words):
        code, out, err = self.launch(*words)
        found = re.fullmatch(r"Task queued with task id: (\d+)\n", out)
        if not ok(code == 0 and found, "scitq-launch %s" % " ".join(map(str, words)),
                  out + err):
            raise RuntimeError("not queued")
        return int(found.group(1))

    def json(self, *words):
        return json.loads(self.good(*words, "--json"))


def cells(text):
    return [line.split() for line in text.splitlines()]


def play(api, worker, task, status="succeeded", output="", error=""):
    """One execution of `task` on `worker`, ended in `status`; its id."""
    e = api.post("/executions/", {"worker_id": worker, "task_id": task}).json
    e = e["execution_id"]
    api.put("/executions/%d" % e, {"status": "accepted"})
    api.put("/executions/%d" % e, {"status": "running", "pid": 1})
    if output:
        api.put("/executions/%d/output" % e, {"text": output})
    if error:
        api.put("/executions/%d/error" % e, {"text": error})
    if status != "running":
        answer = api.put("/executions/%d" % e, {"status": status, "return_code": 0})
        if answer.status != 200:
            raise RuntimeError("playing %d: %r" % (task, answer))
    return e


def test_launch(tool, api):
    t = tool.queue("-n", "first", "-b", "B", "-i", "/a /b", "-i", "/c", "-r", "/r|untar",
                   "-o", "/out/", "--retry", "2", "--run-timeout", "10",
                   "--download-timeout=20", "--use-cache", "-d", "img", "-O", "--rm",
                   "-u", "5", "-g", "6", "sh", "-c", "echo 'a b' | wc", "-n")
    row = api.get("/tasks/%d" % t).json
    want = dict(name="first", batch="B", input="/a /b /c", resource="/r|untar",
                output="/out/", retry=2, run_timeout=10, download_timeout=20,
                use_cache=True, container="img", container_options="-u 5:6 --rm",
                command="sh -c \"echo 'a b' | wc\" -n", status="pending")
    is_({k: row[k] for k in want}, want, "every option arrives")
    second = tool.queue("-R", "%d" % t, "-u", "5", "-g", "6", "id")
    row = api.get("/tasks/%d" % second).json
    is_([row["status"], row["required_task_ids"], row["command"]],
        ["waiting", [t], 'sudo -u "#5" -g "#6" id'], "a requirement makes it wait")

    n = len(api.get("/tasks/").json)
    has(tool.launch("-b", "x")[2], "usage: scitq-launch [-d IMAGE]", "no command: usage")
    code, out, err = tool.launch("-t", "echo", "Hello world!")
    is_((code, out), (0, "command: echo 'Hello world!'\n"), "--test prints the task")
    for words, what in [
            ((), "no command"), (("-i", "s3://", "true"), "bad URI"),
            (("-b", "x", "-b", "y", "true"), "--batch is given twice"),
            (("-O", "--rm", "true"), "--option needs --docker")]:
        code, out, err = tool.launch(*words)
        is_((code, out), (2, ""), "refused: %s" % what)
        has(err.splitlines()[0], what, "its first line says why")
        is_(err.splitlines()[-1], "try 'scitq-launch --help'", "its last where help is")
    for field, text, words in MALFORMED:
        code, out, err = tool.launch("--%s=%s" % (field, text), "true")
        is_((code, out), (2, ""), "refused: %s %.40r" % (field, text))
        has(err, words, "and why")
        has(err, "--" + field, "and of which option")
    for option in ("-i", "-r", "-o"):
        code, out, err = tool.launch(option, "", "true")
        is_((code, out), (2, ""), "refused: %s without a URI" % option)
        has(err, "is given without a URI", "in words")
    code, out, err = tool.launch("-R", "99999", "true")
    is_(code, 1, "a requirement that does not exist is the server's to refuse")
    has(err, "99999", "and it is named")
    code, out, err = tool.launch("-b", "a/b", "true")
    is_(code, 1, "a batch with a / is refused")
    is_(len(api.get("/tasks/").json), n, "nothing of all this was queued")
    api.delete("/tasks/%d" % second)
    api.delete("/tasks/%d" % t)


def test_tasks(tool, api, worker):
    ids = [tool.queue("-n", "name%d" % i, "-b", "lists", "echo", str(i))
           for i in range(3)]
    out = tool.good("task", "list", "-b", "lists")
    rows = cells(out)
    is_(rows[0], "task_id name status command creation_date modification_date "
        "status_date batch".split(), "the columns of task list")
    is_([r[0] for r in rows[1:]], [str(i) for i in ids], "by ascending id")
    is_(cells(tool.good("task", "list", "-H", "-b", "lists", "-S", "failed")), [],
        "a status filter")
    long = tool.queue("-b", "lists", "echo", "x" * 60)
    has(tool.good("task", "list", "-b", "lists"), "echo " + "x" * 44 + "...  ",
        "values over 50 characters are cut")
    has(tool.good("task", "list", "-L", "-b", "lists"), "x" * 60, "not with -L")
    is_(len(cells(tool.good("task", "list", "-L", "-b", "lists"))[0]), 18,
        "-L has every column")
    is_([t["task_id"] for t in tool.json("task", "list", "-b", "lists")],
        ids + [long], "--json lists them")
    is_(tool.json("task", "list", "-b", "lists")[0], api.get("/tasks/%d" % ids[0]).json,
        "whole objects")

    is_(tool.good("task", "update", "-n", "name1", "-c", "echo changed", "-N", "other",
                  "-j", "/x", "--run-timeout", "7"),
        "Task %d updated: pending\n" % ids[1], "task update")
    row = api.get("/tasks/%d" % ids[1]).json
    is_([row["command"], row["name"], row["input"], row["run_timeout"]],
        ["echo changed", "other", "/x", 7], "the task is changed")
    tool.good("task", "update", "-i", ids[1], "-j", "")
    is_(api.get("/tasks/%d" % ids[1]).json["input"], None, "'' empties a field")
    why = tool.good("task", "why", "-i", ids[0])
    ok(re.match(r"Task %d: \w.* \w" % ids[0], why), "task why is a sentence", why)
    is_(tool.json("task", "why", "-i", ids[0])["task_id"], ids[0], "and fields")

    play(api, worker, ids[0], "failed")
    has(tool.good("task", "relaunch", "-i", ids[0]), "relaunched: pending", "relaunch")
    is_(api.get("/tasks/%d" % ids[0]).json["status"], "pending", "it is pending again")
    after = tool.queue("-b", "lists", "-R", ids[0], "true")
    has(tool.good("task", "relaunch", "-i", after), "waiting",
        "a task whose requirement has not succeeded waits")
    play(api, worker, ids[0])
    api.wait_task(after, "pending")
    play(api, worker, after, "failed")
    has(tool.good("task", "relaunch", "-i", after), "pending",
        "one whose requirements have succeeded is pending at once")

    is_(tool.good("task", "delete", "-i", ids[2]), "Task %d deleted\n" % ids[2],
        "task delete")
    code, out, err = tool.manage("task", "delete", "-i", ids[2])
    is_((code, out), (1, ""), "not twice")
    has(err, "Task %d doesn't exist" % ids[2], "says who does not exist")


def test_names(tool, api, worker):
    a = tool.queue("-n", "twin", "-b", "names", "true")
    b = tool.queue("-n", "twin", "-b", "names", "true")
    code, out, err = tool.manage("task", "why", "-n", "twin")
    ok(code == 0 and out.startswith("Task %d:" % b), "reading takes the newest", out)
    has(err, "2 tasks are named 'twin': taking the newest, %d" % b, "and says so")
    play(api, worker, a, "failed")
    play(api, worker, b, "failed")
    code, out, err = tool.manage("task", "relaunch", "-n", "twin")
    is_((code, out), (0, "Task %d relaunched: pending\n" % b), "so does relaunching")
    code, out, err = tool.manage("task", "delete", "-n", "twin")
    is_((code, out), (1, ""), "deleting refuses")
    ok(all(re.search(r"^%d\s+twin\s" % i, err, re.M) for i in (a, b)), "and lists them",
       err)
    is_(len(api.get("/tasks/", {"name": "twin"}).json), 2, "both are still there")
    for words in [("task", "why"), ("task", "delete"), ("worker", "update", "-C", "2")]:
        code, out, err = tool.manage(*words, "-n", "nobody")
        is_(code, 1, "%s %s of an unknown name" % words[:2])
        has(err, "is named 'nobody'", "is told so")


def strangers(tool):
    """A list of what does not exist is empty, and says why; of what does, only empty."""
    nobody = "no task, worker or recruiter is of a batch named 'nobody'"
    for words, note in (
            (("task", "list", "-b", "nobody"), nobody),
            (("worker", "list", "-b", "nobody"), nobody),
            (("recruiter", "list", "-b", "nobody"), nobody),
            (("execution", "list", "-b", "nobody"), nobody),
            (("execution", "list", "-n", "nobody"), "no task is named 'nobody'"),
            (("execution", "list", "-i", "99999"), "no task has the id 99999"),
            (("flavor", "list", "-P", "nobody"),
             "no flavor is known of a provider named 'nobody'"),
            (("flavor", "list", "-r", "nobody"),
             "no flavor is known of a region named 'nobody'"),
            (("recruiter", "list", "-b", "outs"), None),
            (("task", "list", "-b", "outs", "-S", "waiting"), None),
            (("execution", "list", "-n", "out", "-S", "refused"), None),
            (("flavor", "list", "-P", "local", "--min-cpu", "9999"), None)):
        is_(tool.manage(*words, "-H"),
            (0, "", "scitq-manage: %s\n" % note if note else ""), " ".join(words))
        is_(tool.manage(*words, "--json")[:2], (0, "[]\n"), "as JSON, the empty list")


def test_outputs(tool, api, worker):
    t = tool.queue("-n", "out", "-b", "outs", "true")
    code, out, err = tool.manage("task", "output", "-i", t)
    is_((code, out), (1, ""), "no output before it ran")
    has(err, "pending", "with its status")
    first = play(api, worker, t, "failed", "one\n", "bad\n")
    tool.good("task", "relaunch", "-i", t)
    last = play(api, worker, t, "succeeded", "two\né", "")
    is_(tool.good("task", "output", "-i", t), "two\né", "the latest execution's output")
    is_(tool.good("task", "output", "-n", "out", "-e"), "", "its error")
    is_(tool.good("execution", "output", "-i", t, "-N", "-1", "-H", "-e"), "bad\n",
        "the one before")
    code, out, err = tool.manage("execution", "output", "-x", first, "-H")
    is_((code, out, err), (0, "one\n", "bad\n"), "both streams, each in its place")
    is_(cells(tool.good("execution", "output", "-n", "out", "-l", "2", "-o", "-C",
                        "execution_id,status")),
        [["execution_id", "status"], [str(last), "succeeded"], ["two"],
         ["éexecution_id", "status"], [str(first), "failed"], ["one"]],
        "several executions, each under its line")
    got = tool.json("execution", "output", "-x", last)
    is_((got["output"], got["execution_id"]), ("two\né", last), "as JSON")
    is_(tool.manage("execution", "output", "-i", t, "-N", "-2")[0], 1, "no such one")

    rows = cells(tool.good("execution", "list", "-i", t))
    is_(rows[0], "execution_id task_id worker_id status command creation_date "
        "modification_date latest".split(), "the columns of execution list")
    is_([r[0] for r in rows[1:]], [str(last), str(first)], "newest first")
    is_(len(cells(tool.good("execution", "list", "-H", "-b", "outs", "-S", "failed"))),
        1, "filters")
    is_(len(cells(tool.good("execution", "list", "-H", "-n", "out", "-l", "1"))), 1,
        "a limit")
    strangers(tool)
    rows = cells(tool.good("execution", "list", "-L", "-i", t))
    is_((rows[0][8:], rows[2][8:]), (
        "return_code pid output_files output error".split(),
        ["0", "1", "-", "one\\n", "bad\\n"]), "-L has the rest")

    e = play(api, worker, tool.queue("true"), "succeeded")
    api.put("/executions/%d/output" % e, {"text": "x" * 10})
    many = [play(api, worker, tool.queue("-b", "many", "true")) for _ in range(12)]
    is_(len(tool.json("execution", "list")), 10, "ten by default")
    is_(len(tool.json("execution", "list", "-b", "many", "-l", "0")), len(many),
        "-l 0 is all")


def test_workers(tool, api):
    a = api.post("/workers/", {"name": "wa", "hostname": "h", "concurrency": 1,
                               "batch": "W"}).json["worker_id"]
    rows = cells(tool.good("worker", "list", "-b", "W"))
    is_(rows[0], "worker_id name status concurrency creation_date last_contact_date "
        "batch".split(), "the columns of worker list")
    is_(rows[1][:4], [str(a), "wa", "paused", "1"], "a worker")
    is_(len(cells(tool.good("worker", "list", "-L", "-b", "W"))[0]), 19,
        "-L has every column")
    row, = tool.json("worker", "list", "-b", "W")
    facts = {"cores": 2, "memory_bytes": 2 ** 40, "disk_bytes": None, "gpu": ""}
    api.post("/workers/register", {"name": "wa", "hostname": "h", "concurrency": 1,
                                   "batch": "W", "spool": "s", "facts": facts})
    long, = tool.json("worker", "list", "-b", "W", "-L")
    is_((list(long), long["facts"]), (list(row) + ["facts"], facts),
        "--json has what 1.3 had; with -L also what its machine has")
    is_([list(e) for e in tool.json("execution", "list", "-L", "-l", "1")],
        [list(e) for e in tool.json("execution", "list", "-l", "1")],
        "and where there is no more, the same")
    tool.good("worker", "update", "-n", "wa", "-C", "3", "-p", "2", "-b", "W2", "-f",
              "big", "-S", "running")
    row = api.get("/workers/%d" % a).json
    is_([row[k] for k in ("concurrency", "prefetch", "batch", "flavor", "status")],
        [3, 2, "W2", "big", "running"], "worker update")
    is_([w["name"] for w in tool.json("worker", "list", "-b", "W2", "-S", "running")],
        ["wa"], "filters and --json")
    code, out, err = tool.manage("worker", "deploy", "-f", "auto:x>1", "-r", "r",
                                 "-P", "local")
    is_(code, 1, "worker deploy of what is no flavor")
    has(err, "protofilter x>1", "says why not")
    is_(tool.good("worker", "delete", "-n", "wa"), "Worker %d (wa) deleted\n" % a,
        "worker delete")
    is_(api.get("/workers/%d" % a).status, 404, "it is gone")


def test_batches(tool, api):
    w = api.post("/workers/", {"name": "wb", "hostname": "h", "concurrency": 4,
                               "status": "paused", "batch": "b c"}).json["worker_id"]
    t = tool.queue("-b", "b c", "true")
    play(api, w, tool.queue("-b", "b c", "true"))
    running = play(api, w, tool.queue("-b", "b c", "true"), "running")
    rows = tool.good("batch", "list").splitlines()
    is_(rows[0].split(), "batch pending accepted running failed succeeded "
        "workers".split(), "the columns of batch list")
    ok(any(r.startswith("b c ") and r.endswith(" wb") for r in rows), "a batch", rows)
    is_(tool.good("batch", "go", "-n", "b c"), "Batch b c goes on\n", "batch go")
    is_(api.get("/workers/%d" % w).json["status"], "running", "its worker works")
    is_(tool.good("batch", "stop", "-n", "b c", "--pause"), "Batch b c stopped\n",
        "batch stop")
    is_(api.get("/workers/%d" % w).json["status"], "paused", "its worker is paused")
    is_([s["signal"] for s in api.get("/workers/%d/signals" % w).json
         if s["execution_id"] == running], [20], "what runs is told")
    tool.good("batch", "go", "-n", "b c", "--cont")
    is_([s["signal"] for s in api.get("/workers/%d/signals" % w).json
         if s["execution_id"] == running], [18], "what was frozen is told")
    code, out, err = tool.manage("batch", "stop", "-n", "b c", "nobody")
    is_((code, out), (1, ""), "an unknown batch")
    has(err, "'nobody'", "is named")
    is_(api.get("/workers/%d" % w).json["status"], "running", "and nothing is done")
    tool.good("batch", "delete", "-n", "b c")
    is_(api.get("/tasks/%d" % t).status, 404, "batch delete")
    api.delete("/workers/%d" % w)


def test_many(tool, api):
    """10,000 tasks: every one is listed once, in order."""
    n = 10000
    made = api.post("/tasks/", [{"command": "true", "batch": "big", "name": "t%d" % i,
                                 "status": "paused"} for i in range(n)])
    is_(made.status, 201, "10,000 tasks are made")
    begin = time.monotonic()
    rows = cells(tool.good("task", "list", "-H", "-b", "big"))
    diag("task list of %d: %.3f s" % (n, time.monotonic() - begin))
    is_([r[1] for r in rows], ["t%d" % i for i in range(n)], "and listed")
    begin = time.monotonic()
    got = tool.json("task", "list", "-b", "big")
    diag("the same as JSON: %.3f s" % (time.monotonic() - begin))
    is_([t["name"] for t in got], [r[1] for r in rows], "as JSON too")
    tool.good("batch", "delete", "-n", "big")
    is_(tool.good("task", "list", "-H", "-b", "big"), "", "and deleted")


def test_trouble(tool):
    down = Tool("127.0.0.1:%d" % free_port())
    for words in [("task", "list"), ("worker", "update", "-n", "x", "-C", "1"),
                  ("task", "output", "-i", "1", "--follow")]:
        code, out, err = down.manage(*words)
        is_((code, out), (1, ""), "no server: %s %s" % words[:2])
        has(err, "cannot reach the scitq server at http://127.0.0.1:", "in words")
    code, out, err = down.launch("true")
    is_((code, out), (1, ""), "no server: scitq-launch")
    with socket.socket() as deaf:  # it accepts and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        code, out, err = tool.manage("-s", "127.0.0.1:%d" % deaf.getsockname()[1], "-t",
                                     "1", "task", "list")
    is_(code, 1, "a server that does not answer")
    has(err, "did not answer within 1 s: -t gives it more time", "how to wait longer")
    code, out, err = tool.manage("-s", "127.0.0.1:1", "task", "list")
    is_(code, 1, "-s wins over SCITQ_SERVER")
    code, out, err = tool.manage("task", "list", SCITQ_SERVER="http://")
    is_(code, 1, "a server's name that is none")
    for words, known in [
            (("task", "list", "--bogus"), " task list"),
            (("task", "list", "-S", "bogus"), " task list"),
            (("task", "relaunch"), " task relaunch"), (("bogus", "list"), ""),
            (("task", "bogus"), " task"), (("task",), " task"), ((), "")]:
        code, out, err = tool.manage(*words)
        is_((code, out), (2, ""), "misuse: %s" % " ".join(words))
        is_([err.splitlines()[0][:14]] + err.splitlines()[1:],
            ["scitq-manage: ", "try 'scitq-manage%s --help'" % known],
            "a line says why, one where help is: %s" % " ".join(words))
    code, out, err = tool.manage("--version")
    ok(code == 0 and re.fullmatch(r"scitq-manage \d+\.\d+\.\d+\n", out), "--version", out)
    full = subprocess.run([program("scitq-manage"), "task", "list"], env=tool.env,
                          stdout=open("/dev/full", "w"), stderr=subprocess.PIPE,
                          timeout=TIMEOUT_S)
    is_(full.returncode, 1, "a full disk behind the output")
    has(full.stderr.decode(), "No space left", "is told")


def test_db(db):
    folder = Folder()
    uri = (Postgres.get().database() if db == "postgresql" else
           "sqlite:///" + folder.join("new.db"))
    conf = folder.join("c.conf")
    with open(conf, "w") as f:
        f.write("SCITQ_DATABASE_URI=%s\nSCITQ_STATE_DIR=%s\n" % (uri, folder.path))
    tool = Tool("127.0.0.1:1")
    path = BUILD + os.pathsep + os.environ["PATH"]
    is_(tool.manage("db", "check", "-c", conf, PATH=path)[0], 1,
        "db check before there is a schema")
    code, out, err = tool.manage("db", "init", "-c", conf, PATH=path)
    is_(code, 0, "db init") or diag(err)
    is_(tool.manage("db", "check", "-c", conf, PATH=path)[0], 0, "db check after it")
    folder.stop()


def read_until(stream, words):
    """What comes until it holds `words`, or as much as came."""
    seen, end = b"", time.monotonic() + TIMEOUT_S
    while words not in seen and select.select([stream], [], [],
                                              max(0, end - time.monotonic()))[0]:
        piece = os.read(stream.fileno(), 1000)
        if not piece:
            break
        seen += piece
    return seen


def test_follow(tool, api, server):
    """What a running command writes is shown while it runs; following ends with it.
    Following begins before there is a worker: it waits for the task to start."""
    folder = Folder()
    flag = folder.join("go on")
    t = tool.queue("-b", "live", "sh", "-c",
                   "echo early; echo oops >&2; until test -e '%s'; do sleep .05; "
                   "done; printf 'late\\000\\377'" % flag)
    follow = subprocess.Popen([program("scitq-manage"), "task", "output", "-i", str(t),
                               "--follow"], env=tool.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        ok(read_until(follow.stderr, b"\n").endswith(
            b"task %d is pending: waiting for it to start\n" % t), "following waits")
        with Worker(server, concurrency=2, options=["-b", "live"]):
            is_(read_until(follow.stdout, b"early\n"), b"early\n",
                "output is shown while the command runs")
            is_(read_until(follow.stderr, b"oops\n"), b"oops\n", "so is its error")
            is_(api.get("/tasks/%d" % t).json["status"], "running", "it still runs")
            open(flag, "w").close()
            out, err = follow.communicate(timeout=TIMEOUT_S)
            is_((follow.returncode, out, err), (0, b"late\0\377", b""),
                "the rest comes in raw bytes, and following ends with the command")
            api.wait_task(t)
    finally:
        follow.kill()
    raw = subprocess.run([program("scitq-manage"), "task", "output", "-i", str(t)],
                         env=tool.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         timeout=TIMEOUT_S)
    is_((raw.stdout, raw.stderr), (b"early\nlate\0\377", b"oops\n"),
        "the whole afterwards, raw too")
    folder.stop()


def everything(db):
    diag("over %s" % db)
    with Server(db=db) as server:
        tool, api = Tool(server.address), server.api()
        worker = api.post("/workers/", {"name": "played", "hostname": "h",
                                        "concurrency": 1, "status": "paused",
                                        "batch": "nothing here"}).json["worker_id"]
        run(test_launch, tool, api)
        run(test_tasks, tool, api, worker)
        run(test_names, tool, api, worker)
        run(test_outputs, tool, api, worker)
        run(test_workers, tool, api)
        run(test_batches, tool, api)
        run(test_many, tool, api)
        run(test_follow, tool, api, server)
        run(test_trouble, tool)
    run(test_db, db)


for each in databases():
    run(everything, each)
done()
