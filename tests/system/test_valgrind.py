"""Valgrind finds no leak and no error over a full start-work-stop cycle of server and
worker: tasks that succeed, fail, are retried, wait for others, are signalled; lists,
logs and refused requests; then a clean stop of both.  That it would see them is shown
with a fault preloaded into both (plant.c): this file runs itself as the test that must
then fail.

Part of ./check long (valgrind is slow, and the sanitized build covers ./check)."""

import re

import daemons
from harness import *  # noqa: F403

VALGRIND = [os.path.join(BUILD, "libtool"), "--mode=execute", "valgrind", "-q",
            "--leak-check=full", "--show-leak-kinds=definite,indirect,possible",
            "--errors-for-leak-kinds=definite,indirect,possible",
            "--error-exitcode=9", "--num-callers=30"]


def cycle(db):
    with Server(db=db, wrapper=VALGRIND) as server:
        api = server.api()
        with Worker(server, concurrency=2, wrapper=VALGRIND) as worker:
            good = api.task("sh -c 'echo out; echo err >&2'", name="good")
            after = api.task("true", required_task_ids=[good])
            bad = api.task("false", retry=1)
            absent = api.task("no-such-command-at-all")
            long_one = api.task("sleep 1000")
            api.wait_task(long_one, "running", 120)
            row = api.get("/executions/", {"task_id": long_one}).json[0]
            api.post("/workers/%d/signals" % row["worker_id"],
                     {"execution_id": row["execution_id"], "signal": 9})
            for task_id in (good, after):
                api.wait_task(task_id, "succeeded", 120)
            for task_id in (bad, absent, long_one):
                api.wait_task(task_id, "failed", 120)
            done_one = api.get("/executions/", {"task_id": good}).json[0]
            is_(api.raw_log(done_one["execution_id"]), b"out\n", "%s: output" % db)
            is_(api.post("/tasks/", {"nonsense": 1}).status, 400, "%s: refusal" % db)
            is_(api.delete("/tasks/%d" % absent).status, 200, "%s: deletion" % db)
            is_(worker.end(), 0, "%s: the worker ends clean under valgrind" % db)
            diag(worker.log()[-2000:])
        is_(server.end(), 0, "%s: the server ends clean under valgrind" % db)
        diag(server.log()[-2000:])


def child():
    """Start and stop, with what $PLANT says in both daemons."""
    clean, env = daemons.clean_env, {
        "PLANT": os.environ["PLANT"],
        "LD_PRELOAD": os.path.join(BUILD, "tests", "system", ".libs", "plant.so")}
    daemons.clean_env = lambda **more: clean(**env, **more)
    with Server(wrapper=VALGRIND) as server, Worker(server, name="worker", wrapper=VALGRIND):
        wait_until("the worker works", lambda: server.api().get("/workers/").json)
    done()


def planted(plant, words):
    """`words`: what valgrind calls it; None: nothing is the matter."""
    got = subprocess.run([sys.executable, os.path.abspath(__file__), "child"],
                         env=dict(os.environ, PLANT=plant), stdout=subprocess.PIPE,
                         text=True, timeout=600)
    if words is None:
        is_(got.returncode, 0, "without a plant starting and stopping passes")
        return
    ok(got.returncode != 0, "with a planted %s it fails" % plant, got.stdout)
    has(got.stdout, words, "and says %s" % words)
    is_(got.stdout.count("it ended with 9"), 2, "both daemons end with 9")
    is_(sorted(re.findall(r"not ok \d+ - (\w+): no sanitizer's report", got.stdout)),
        ["server", "worker"], "and the logs of both are found to tell of it")


if sys.argv[1:] == ["child"]:
    child()
if not LONG:
    skip("start, work, stop under valgrind", "part of ./check long")
else:
    for database in databases():
        run(cycle, database)
    for plant in (("none", None), ("leak", "definitely lost"),
                  ("overflow", "Invalid write")):
        run(planted, *plant)
done()
