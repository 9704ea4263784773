#!/usr/bin/env python3
"""The page of the tasks in a real browser (browser.py), against a real server and worker:
each button, outputs, filters, 20,000 rows; what a button did is asked of the API."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from webpages import FOREVER, HOSTILE, clean, running, try_pages  # noqa: E402

MANY = 20000


def tasks(b, server, worker):
    api = server.api()
    row = worker.row(api)["worker_id"]
    api.put("/workers/%d" % row, {"status": "running", "batch": "work"})
    b.go(server.url + "/ui/task/")
    b.shows(".empty", "scitq-launch")
    task = api.task("sh -c 'echo one; echo woe >&2; read x </dev/null; "
                    "while [ ! -e %s ]; do sleep 0.05; done; echo two'"
                    % server.folder.join("go"), batch="work", name=HOSTILE[:60])
    row_of = "[id='row-%d']" % task
    b.shows(row_of + " .state", "running")
    ok(True, "a task appears, and what becomes of it")
    b.js(KEEP_NOTICES)
    b.click(row_of + " .name")
    b.shows(".panel h2", HOSTILE[:20])
    b.shows(".panel .output", "one")
    with open(server.folder.join("go"), "w"):
        pass
    b.shows(".panel .output", "two")
    is_(b.js(WRITTEN), "one\ntwo\n", "output is followed")
    b.shows(".panel-head", "succeeded")
    b.click(".tabs [data-stream=stderr]")
    b.shows(".panel .output", "woe")
    b.click(".tabs [data-stream=stdout]")
    b.shows(".panel .output", "one\ntwo")
    b.click(".tabs .end")
    saved = wait_until("the output is saved", lambda: [
        f for f in os.listdir(b.folder.join("downloads")) if f.endswith(".stdout")]
        if os.path.isdir(b.folder.join("downloads")) else None)
    with open(b.folder.join("downloads", saved[0])) as f:
        is_(f.read(), "one\ntwo\n", "output is downloaded, whole")
    acts(b, api, task)
    requires(b, server, api)
    outputs(b, server, api)
    many_at_once(b, server, api)
    filters(b, server, api, row)
    clean(b, "tasks")


KEEP_NOTICES = """
const { setTimeout } = window;
window.setTimeout = (work, ms) => ms === 4000 ? 0 : setTimeout(work, ms);
"""
WRITTEN = "return document.querySelector('.panel .output').textContent"


def acts(b, api, task):
    """Each button of one task's panel."""
    b.click(".panel [data-act=edit]")
    b.type("dialog textarea", FOREVER)
    b.click("dialog input[name=again]")
    b.click("dialog .primary")
    execution = running(api, task)
    is_(api.get("/tasks/%d" % task).json["command"], FOREVER, "the command is another")
    b.shows(".panel .output", "begun")
    ok(True, "the panel is with the new execution")

    def state():
        with open("/proc/%s/stat" % api.get("/executions/%d" % execution).json["pid"]) as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    b.click(".panel [data-act=pause]")
    wait_until("it is suspended", lambda: state() == "T")
    b.click(".panel [data-act=resume]")
    wait_until("it goes on", lambda: state() != "T")
    ok(True, "paused and resumed")
    b.click(".panel [data-act=kill]")
    b.shows("dialog h2", "\ufffdrtl\ufffd")
    ok(True, "a name does not turn the question around")
    b.click("dialog .primary")
    api.wait_task(task, "failed")
    b.shows(".notices", "Kill: task %d (<img" % task)
    b.shows(".notices", "\ufffdrtl\ufffd")
    ok(True, "nor the answer")
    b.shows(".panel-head", "failed")
    b.click(".panel [data-act=relaunch]")
    running(api, task)
    b.shows(".panel-head", "running")
    b.click(".panel [data-act=stop]")
    api.wait_task(task, "failed")
    ok(True, "killed, relaunched, stopped")
    waits = api.task("true", batch="nobody's")
    b.click("[id='row-%d'] .command" % waits)
    b.shows(".panel .why", "worker")
    ok(True, "why a task does not run is told")
    b.click(".panel [data-act=pause]")
    api.wait_task(waits, "paused")
    b.shows(".panel-head", "paused")
    b.click(".panel [data-act=resume]")
    api.wait_task(waits, "pending")
    b.shows(".panel-head", "pending")
    b.click(".panel [data-act=delete]")
    b.click("dialog .primary")
    wait_until("it is gone", lambda: api.get("/tasks/%d" % waits).status == 404)
    b.until("the panel is closed", "return document.querySelector('.panel').hidden")
    b.until("its row is gone", "return !document.querySelector(arguments[0])",
            "[id='row-%d']" % waits)
    ok(True, "held back, let go, deleted")


def requires(b, server, api):
    one = api.task("true", batch="nobody's", status="paused")
    other = api.task("true", batch="nobody's", status="paused", required_task_ids=[one])
    b.go(server.url + "/ui/task/?task=%d" % other)
    b.shows(".panel h2", str(other))
    ok(True, "the address opens a task")
    b.click(".panel dd button")
    b.shows(".panel h2", str(one))
    b.until("the address is this one's", "return location.search === arguments[0]",
            "?task=%d" % one)
    b.click("[id='row-%d'] .command" % other)
    b.shows(".panel h2", str(other))
    b.click(".panel [data-act=resume]")
    api.wait_task(other, "waiting")
    ok(True, "what a task requires is a way to it, and waited for")
    for task in (other, one):
        api.delete("/tasks/%d" % task)


def outputs(b, server, api):
    """How long ones are shown, and none; of what failed its errors first."""
    def opened(command, status):
        task = api.task("sh -c '%s'" % command, batch="work")
        api.wait_task(task, status)
        b.click("[id='row-%d'] .command" % task)
        b.shows(".panel h2", str(task))

    opened("echo begun; yes \u20ac | head -n 30000 | tr -d \"\\n\"", "succeeded")
    b.shows(".tabs [role=status]", "ended")
    is_(b.js(WRITTEN), "\u20ac" * 21845, "the last 64 KiB, of whole characters")
    b.click(".tabs + button")
    b.until("more", "return document.querySelector('.tabs + button').hidden")
    is_(b.js(WRITTEN), "begun\n" + "\u20ac" * 30000, "what is before joins it")
    b.click(".tabs [data-stream=stderr]")
    b.shows(".tabs [role=status]", "nothing was written")
    opened("echo out; echo woe >&2; exit 3", "failed")
    b.shows(".panel .output", "woe")
    b.shows(".panel", "exit code 3")
    is_(b.js("return document.querySelector('.tabs [aria-selected=true]').dataset.stream"),
        "stderr", "of what failed its errors")
    go = server.folder.join("go on")
    opened("while [ ! -e \"%s\" ]; do sleep 0.05; done; yes 0123456789 | head -c 700000"
           % go, "running")
    b.shows(".tabs [role=status]", "nothing yet")
    with open(go, "w"):
        pass
    b.shows(".tabs [role=status]", "ended")
    b.shows(".tabs + button", "download it")
    ok(0 < len(b.js(WRITTEN)) <= 512 << 10, "of very much no more than 512 KiB is kept")


def many_at_once(b, server, api):
    ids = [t["task_id"] for t in api.post("/tasks/", [
        {"command": "true", "batch": "several", "status": "paused"} for _ in range(3)]).json]
    for task in ids:
        b.click("[id='row-%d'] input" % task)
    b.shows(".chosen", "3 chosen")
    b.click(".chosen [data-act=relaunch]")
    for task in ids:
        api.wait_task(task, "pending")
    b.click(".chosen [data-act=delete]")
    b.click("dialog .primary")
    wait_until("they are gone", lambda: not api.get("/tasks/?batch=several").json)
    ok(True, "several are acted upon at once")


ROWS = "return document.querySelectorAll('.grid-space .row').length"
SEEN = ("const top = document.querySelector('.grid-body').getBoundingClientRect().top;"
        "const at = (r) => r.getBoundingClientRect();"
        "const ids = [...document.querySelectorAll('.grid-space .row')]"
        ".filter((r) => at(r).bottom > top + 1).sort((r, s) => at(r).top - at(s).top)"
        ".map((r) => Number(r.id.slice(4)));")


# The answer to "late" comes when it is let go.
LATE = """
const { fetch } = window;
window.late = {};
window.fetch = async (path, options) => {
  const answer = await fetch(path, options);
  if (!path.includes("name_has=late")) return answer;
  const text = await answer.text();
  return new Promise((done) => {
    late.go = () => {
      done(new Response(text));
      return new Promise((then) => requestAnimationFrame(() => setTimeout(then, 0)));
    };
  });
};
"""


def made_first(api):
    return api.get("/tasks/?limit=1").json[0]["task_id"]


def filters(b, server, api, worker):
    made = api.post("/tasks/", [
        {"command": "true " + "long " * 50, "batch": "many", "status": "paused",
         "name": "sample %d" % i} for i in range(MANY)]).json
    first, last = made[0]["task_id"], made[-1]["task_id"]
    b.go(server.url + "/ui/task/?batch=many")
    b.until("the newest first", SEEN + " return ids[0] === arguments[0]", last)
    ok(b.js(ROWS) < 60, "%d tasks, %d rows in the document" % (MANY, b.js(ROWS)))
    b.until("all are read while it is scrolled",
            "const g = document.querySelector('.grid-body'); g.scrollTop = g.scrollHeight;"
            "return document.querySelector('.count').innerText.includes(arguments[0])",
            "{:,} tasks".format(MANY))
    b.until("the oldest is at the end",
            "const g = document.querySelector('.grid-body'); g.scrollTop = g.scrollHeight;"
            "return !!document.querySelector(arguments[0])", "[id='row-%d']" % first)
    ok(b.js(ROWS) < 60, "at the end too: %d rows" % b.js(ROWS))
    b.js("document.querySelector('.grid-body').focus()")
    b.press("Home", "Enter")
    b.shows(".panel h2", str(last))
    b.press("Escape")
    ok(True, "the keyboard moves and opens")
    b.type("input[name=name]", "sample 1999")
    b.shows(".count", "11 tasks")
    ok(True, "filtered by what the name has")
    api.put("/tasks/%d" % first, {"command": "changed"})
    api.put("/tasks/%d" % made[1999]["task_id"], {"name": "no more"})
    b.shows(".count", "10 tasks")
    ok(True, "one that changes so leaves, none of another name comes")
    b.js(LATE)
    b.type("input[name=name]", "late")
    b.until("it is asked for", "return !!window.late.go")
    b.type("input[name=name]", "sample 19999")
    b.shows(".count", "1 task")
    b.js("return window.late.go()")
    is_(b.text(".count"), "1 task", "an answer that comes late is not taken for the last")
    b.type("input[name=name]", "")
    b.choose("select[name=status]", "failed")
    b.shows(".empty", "No task is left")
    b.click(".empty button")
    b.choose("select[name=worker]", str(worker))
    of_worker = len(api.get("/tasks/?worker_id=%d" % worker).json)
    b.until("by worker", ROWS + " === arguments[0]", of_worker)
    api.task("true", batch="work")
    b.until("and what it is given meanwhile", ROWS + " === arguments[0]", of_worker + 1)
    is_(b.js("return location.search"), "?worker=%d" % worker, "the address has the filters")
    b.choose("select[name=worker]", "")
    b.choose("select[name=order]", "oldest")
    b.until("the oldest first", SEEN + " return ids[0] === arguments[0]", made_first(api))
    b.choose("select[name=order]", "")
    b.type("input[name=batch]", "many")
    b.shows(".count", "tasks and more")
    api.put("/tasks/%d" % last, {"name": "another name"})
    b.shows(".grid-body", "another name")
    api.delete("/tasks/%d" % last)
    b.until("a deleted one goes", "return !document.querySelector(arguments[0])",
            "[id='row-%d']" % last)
    ok(True, "among many, changes are seen")
    api.delete("/batch/many")
    b.shows(".empty", "No task is left")


try_pages(tasks)
done()
