"""Valgrind finds no leak and no error over a full start-work-stop cycle of server and
worker: tasks that succeed, fail, are retried, wait for others, are signalled; lists,
logs and refused requests; then a clean stop of both.

Part of ./check long (valgrind is slow, and the sanitized build covers ./check)."""

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


if not os.environ.get("SCITQ_TEST_LONG"):
    skip("start, work, stop under valgrind", "part of ./check long")
else:
    for database in databases():
        run(cycle, database)
done()
