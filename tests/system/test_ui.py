#!/usr/bin/env python3
"""The web interface: how its files are served, and a real browser (browser.py) on each
page, against a real server and worker; what a button did is asked of the API."""

import glob
import os
import shutil
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser  # noqa: E402
import fleet  # noqa: E402
from guards import ADMIN, READ, guarded  # noqa: E402
from harness import *  # noqa: E402,F403

PAGES = {"/ui/": "Workers", "/ui/task/": "Tasks", "/ui/batch/": "Batches"}
FILES = sorted(f for f in os.listdir(os.path.join(TOP, "ui"))
               if f.endswith((".js", ".css", ".svg")))
TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
         "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
MANY = 20000
HOSTILE = "<img src=x onerror=\"document.title='owned'\">&lt;b&gt; \u202ertl\u202c \u05e9\u05dc"
ODD = "a?b=c&d#e%41"
LONG = "n" * 100
FOREVER = "sh -c 'echo begun; while true; do sleep 0.1; done'"


# ---- over HTTP

def files(api, server):
    for path, title in PAGES.items():
        answer = api.get(path)
        is_((answer.status, answer.headers["content-type"]), (200, TYPES["html"]), path)
        has(answer.body.decode(), "<title>%s" % title, path + " is that page")
        policy = answer.headers["content-security-policy"]
        ok("default-src 'none'" in policy and "frame-ancestors 'none'" in policy and
           "script-src 'self';" in policy and "unsafe" not in policy,
           path + ": nothing of others, no frame, nothing inline", policy)
        ok("<script>" not in answer.body.decode() and "style=" not in answer.body.decode(),
           path + " has nothing inline")
    for name in FILES:
        answer = api.get("/ui/" + name)
        is_((answer.status, answer.headers["content-type"],
             answer.headers["x-content-type-options"]),
            (200, TYPES[name.rsplit(".")[-1]], "nosniff"), name)
        with open(os.path.join(TOP, "ui", name), "rb") as f:
            is_(answer.body, f.read(), name + ", whole")
        ok(not [w for w in (b"http://", b"https://", b"innerHTML", b"insertAdjacentHTML",
                            b"document.write", b"eval(")
                if w in answer.body.replace(b"http://www.w3.org/2000/svg", b"")],
           name + " asks nobody else, and parses no HTML")
    etag = api.get("/ui/app.css").headers["etag"]
    for known, status in ((etag, 304), ('W/"x", ' + etag, 304), ('"other"', 200)):
        answer = api.call("GET", "/ui/app.css", None, {"If-None-Match": known})
        is_((answer.status, len(answer.body) > 0), (status, status == 200),
            "known as " + known)
        is_((answer.headers["etag"], answer.headers["cache-control"]), (etag, "no-cache"),
            "asked about each time")
    answer = api.call("HEAD", "/ui/")
    is_((answer.status, answer.body), (200, b""), "HEAD")
    for path in ("/ui", "/ui/task", "/ui/batch"):
        answer = api.get(path)
        is_((answer.status, answer.headers["location"]), (308, path + "/"), path)
    is_(api.get("/ui/task/?task=3&status=failed").status, 200, "a query is the page's own")
    has(api.get("/").body.decode(), 'href="/ui/"', "the page at / leads there")


def raw(server, path):
    """The status line of a GET whose path nobody mends on the way."""
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path)
        return int(s.makefile("rb").readline().split()[1])


def escapes(api, server):
    for path in (b"/ui/../scitq.conf", b"/ui/..%2fscitq.conf", b"/ui/%2e%2e/scitq.conf",
                 b"/ui/%2e%2e%2fscitq.conf", b"/ui/..", b"/ui/%2e%2e", b"/ui/.",
                 b"/ui//etc/passwd", b"/ui/%2fetc%2fpasswd", b"/ui/app.css/",
                 b"/ui/app.css/..", b"/ui/app.css%20", b"/ui/App.css", b"/ui/Makefile.inc",
                 b"/ui/workers.html", b"/ui/task/tasks.js", b"/ui/..\\app.css", b"/ui/x",
                 b"/ui/" + b"a" * 3000):
        is_(raw(server, path), 404, path.decode()[:60])
    for path in (b"/ui/app.css%00.js", b"/ui/%ff", b"/ui/%zz", b"/ui/" + b"a" * 5000):
        is_(raw(server, path), 400, path.decode()[:60])
    for method in ("POST", "PUT", "DELETE"):
        answer = api.call(method, "/ui/app.css", b"{}")
        is_((answer.status, answer.headers["allow"]), (405, "GET, HEAD"), method)


def absent(api, server):
    """A server that was installed without the pages says so, and serves the rest."""
    folder = Folder()
    os.mkdir(folder.join("bin"))
    real = os.path.join(BUILD, ".libs", "scitq-server")
    binary = folder.join("bin", "scitq-server")
    shutil.copy(real if os.path.exists(real) else program("scitq-server"), binary)
    os.makedirs(folder.join("share", "scitq", "ui"))
    shutil.copy(os.path.join(TOP, "ui", "app.css"), folder.join("share", "scitq", "ui"))
    server = Server(start=False)
    server.binary = binary
    server.env = {"LD_LIBRARY_PATH": os.path.join(BUILD, "lib", ".libs")}
    server.start()
    api = server.api()
    is_(api.get("/ui/app.css").status, 200, "what is there is served")
    answer = api.get("/ui/")
    is_(answer.status, 404, "what is missing is not")
    has(answer.message, "not installed", "and why")
    is_(api.get("/tasks/").status, 200, "the API is served")
    has(server.log(), "the web interface is not whole", "the log says it")
    server.stop()


def strangers(api, server):
    """Where tokens are asked for the pages are everybody's, and nothing else is."""
    with guarded() as asking:
        nobody = asking.api(token=None)
        for path in (*PAGES, "/ui/app.css"):
            is_(nobody.get(path).status, 200, "without a token: " + path)
            is_(nobody.call("GET", path, None, {"Authorization": "Bearer wrong"}).status,
                200, "with a wrong one: " + path)
        for path in ("/tasks/", "/workers/", "/batch/", "/events", "/"):
            is_(nobody.get(path).status, 401, "asks for one: " + path)
        foreign = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
        is_(nobody.call("GET", "/ui/", None, foreign).status, 401,
            "a page of another site does not load it")
        tokens(asking)


def tokens(server):
    if not browser.there():
        return
    with browser.Browser() as b:
        b.go(server.url + "/ui/batch/")
        b.shows("dialog", "asks for a token")
        b.type("dialog input", "wrongwrong-1234567")
        b.press("Enter")
        b.until("it is asked again, in the server's words",
                "const d = document.querySelector('dialog');"
                "return d && !d.querySelector('input').value && d.innerText.includes('token')")
        b.type("dialog input", ADMIN)
        b.press("Enter")
        b.shows(".live", "live")
        is_(b.js("return [sessionStorage.getItem('scitq.token'), localStorage.length, "
                 "document.cookie]"), [ADMIN, 0, ""], "kept for this tab alone")
        b.go(server.url + "/ui/task/")
        b.shows(".live", "live")
        is_(b.text("dialog"), None, "asked once")
        server.api().task("true", batch="seen")
        b.shows(".grid-body", "seen")
        b.js("sessionStorage.setItem('scitq.token', arguments[0])", READ)
        b.go(server.url + "/ui/batch/")
        b.click("button[data-act=go]")
        b.shows(".notice.error", "does not suffice")
        ok(True, "a role that does not suffice is told in the server's words")


# ---- in a browser

def clean(b, name):
    """No script failed, nothing was forbidden by the policy, nothing hostile ran."""
    told = [line for line in b.complaints() if "Failed to load resource" not in line]
    is_(told, [], name + ": nothing goes wrong unseen")
    ok("owned" not in b.js("return document.title"), name + ": names are text")


def batches(b, server, worker):
    api = server.api()
    b.go(server.url + "/ui/batch/")
    b.shows(".empty", "scitq-launch")
    ok(True, "an empty list says what to do")
    row = worker.row(api)["worker_id"]
    api.put("/workers/%d" % row, {"status": "running", "batch": "lively"})
    task = api.task(FOREVER, batch="lively")
    api.task("true", batch=HOSTILE)
    b.shows(".grid-body", "lively")
    b.shows(".grid-body", HOSTILE[:20])
    ok(True, "batches appear as they are")
    api.task("true", batch=ODD, status="paused")
    at = "[id='row-%s'] " % ODD
    b.shows(at, ODD)
    is_(b.js("return document.querySelector(arguments[0]).getAttribute('href')", at + "a"),
        "/ui/task/?batch=" + urllib.parse.quote(ODD, safe=""), "a name is a link")
    b.click(at + "[data-act=delete]")
    b.click("dialog .primary")
    wait_until("it is gone", lambda: ODD not in [r["batch"] for r in api.get("/batch/").json])
    ok(True, "and in an address stands for itself")
    at = "[id='row-lively'] "
    b.until("it runs", "return document.querySelector(arguments[0]).innerText === '1'",
            at + ".number.running")
    api.wait_task(task, "running")
    b.click(at + "[data-act=pause]")
    wait_until("its worker is paused",
               lambda: api.get("/workers/%d" % row).json["status"] == "paused")
    b.click(at + "[data-act=go]")
    wait_until("its worker goes on",
               lambda: api.get("/workers/%d" % row).json["status"] == "running")
    b.click(at + "[data-act=kill]")
    b.shows("dialog", "Kill batch lively?")
    b.press("Escape")
    b.until("no dialog", "return !document.querySelector('dialog')")
    is_(api.get("/tasks/%d" % task).json["status"], "running", "not confirmed, not killed")
    b.click(at + "[data-act=kill]")
    b.click("dialog .primary")
    api.wait_task(task, "failed")
    ok(True, "killed")
    again = api.task("sh -c 'trap \"exit 0\" QUIT; echo begun; while :; do sleep 0.1; done'",
                     batch="lively")
    b.click(at + "[data-act=go]")
    execution = running(api, again)
    wait_until("it has begun", lambda: api.raw_log(execution))
    b.click(at + "[data-act=stop]")
    b.click("dialog .primary")
    api.wait_task(again, "succeeded")
    ok(True, "asked to end, it ends")
    is_(api.get("/workers/%d" % row).json["status"], "paused", "its worker is paused")
    b.until("the mean time is told", "return document.querySelector(arguments[0]).innerText",
            at + ".lasted")
    ok(True, "how long tasks took is told")
    b.click(at + "[data-act=delete]")
    b.click("dialog .primary")
    wait_until("its tasks are gone", lambda: not api.get("/tasks/?batch=lively").json)
    b.until("it is gone from the page", "return !document.querySelector(arguments[0])", at)
    ok(True, "deleted")
    server.kill()
    b.shows(".live", "reconnecting")
    server.start()
    server.api().task("true", batch="after")
    b.shows(".grid-body", "after")
    b.shows(".live", "live")
    ok(True, "a server that was away is taken up again, with what came meanwhile")
    server.api().delete("/batch/after")
    clean(b, "batches")


def running(api, task):
    """Its execution, once it runs."""
    api.wait_task(task, "running")
    return api.get("/executions/", {"task_id": task, "status": "running"}).json[0][
        "execution_id"]


def tasks(b, server, worker):
    api = server.api()
    api.delete("/batch/" + urllib.parse.quote(HOSTILE, safe=""))
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


def workers(b, server, worker):
    """On a server of its own, which can lend machines."""
    with fleet.new_server() as server:
        api = server.api()
        b.go(server.url + "/ui/")
        b.shows(".workers .empty", "scitq-worker")
        with Worker(server, concurrency=2, name="w-" + LONG[:40]) as worker:
            row = wait_until("it is there", lambda: worker.row(api))["worker_id"]
            one_worker(b, api, worker, row)
            several(b, api, row)
        api.delete("/workers/%d" % row)
        deployed(b, server, api)
        clean(b, "workers")


# Frames and what is put wait until they are let go; `came`: the event with that word has.
HOLD = """
const { fetch, requestAnimationFrame } = window, { parse } = JSON;
const held = window.held = { frames: [], sent: [], came: false, word: arguments[0],
  end() {
    Object.assign(window, { fetch, requestAnimationFrame });
    JSON.parse = parse;
    held.frames.forEach((frame) => requestAnimationFrame(frame));
    held.go();
  } };
window.requestAnimationFrame = (frame) => held.frames.push(frame);
window.fetch = (path, options) => {
  if (options?.method !== "PUT") return fetch(path, options);
  held.sent.push(options.body);
  return new Promise((done) => { held.go = () => done(fetch(path, options)); });
};
JSON.parse = (text, ...more) => {
  held.came ||= text.includes(held.word);
  return parse(text, ...more);
};
"""
TWICE = """
const shown = [1, 2].map(() => {
  document.querySelector(arguments[0] + "[data-act='more concurrency']").click();
  for (let frame; (frame = held.frames.shift());) frame(0);
  return document.querySelector(arguments[0] + ".concurrency b").innerText;
});
return [shown, held.sent];
"""


def twice_quickly(b, api, at, path):
    """A row of before the first press is drawn after it, and the second comes before the
    first is answered."""
    b.js(HOLD, '"while it waits"')
    api.put(path, {"batch": "while it waits"})
    b.until("the row has come", "return held.came")
    is_(b.js(TWICE, at), [["3", "4"], ['{"concurrency":3}']],
        "each press counts at once, and one at a time is sent")
    b.js("held.end()")


def one_worker(b, api, worker, row):
    at, path = "[id='row-%d'] " % row, "/workers/%d" % row

    def becomes(key, value):
        wait_until("%s is %s" % (key, value), lambda: api.get(path).json[key] == value)
    b.shows(at + ".load", "CPU")
    b.shows(at + ".disk", "MB/s")
    b.shows(at + ".net", "MB/s")
    ok(True, "its load comes, live")
    b.shows(at + ".state", "running")
    b.click(at + "[data-act=pause]")
    becomes("status", "paused")
    b.shows(at + ".state", "paused")
    b.click(at + "[data-act=resume]")
    becomes("status", "running")
    twice_quickly(b, api, at, path)
    becomes("concurrency", 4)
    b.click(at + "[data-act='less concurrency']")
    becomes("concurrency", 3)
    b.click(at + "[data-act='more prefetch']")
    becomes("prefetch", 1)
    b.click(at + "[data-act='less prefetch']")
    becomes("prefetch", 0)
    ok(True, "paused, resumed, more and less")
    api.put(path, {"batch": HOSTILE})
    b.shows(at + ".batch", HOSTILE[:20])
    b.until("no less than none", "return document.querySelector(arguments[0]).disabled",
            at + "[data-act='less prefetch']")
    execution = running(api, api.task(FOREVER, batch=HOSTILE))
    b.shows(at + ".work", "1 run")
    ok(True, "what it runs is counted")
    pid = api.get("/executions/%d" % execution).json["pid"]
    api.wait_task(api.task("sh -c 'touch left; exit 1'", batch=HOSTILE), "failed")

    def left():
        return glob.glob(worker.folder.join("work", "**", "left"), recursive=True)
    wait_until("a failure leaves its directory", left)
    b.click(at + "[data-act=clean]")
    wait_until("cleaned, it is gone", lambda: not left())
    b.click(at + "[data-act=restart]")
    wait_until("restarted", lambda: "restarting: the server asks" in worker.log())
    ok(True, "cleaned, restarted")
    is_(api.get("/executions/%d" % execution).json["pid"], pid, "what it runs goes on")


def several(b, api, row):
    other = api.register("beta", "spool-of-beta").json["worker"]["worker_id"]
    at = "[id='row-%d'] " % other
    for one in (row, other):
        b.click("[id='row-%d'] .check input" % one)
    b.click(".tools [data-act=edit]")
    b.type("dialog input[name=batch]", "both")
    b.type("dialog input[name=concurrency]", "5")
    b.click("dialog .primary")
    wait_until("both are changed", lambda: [
        (w["batch"], w["concurrency"], w["prefetch"]) for w in api.get("/workers/").json]
        == [("both", 5, 0)] * 2)
    ok(True, "several are changed at once, by what was filled in")
    b.click(".tools .plain")
    b.click(at + "[data-act=delete]")
    b.shows("dialog", "Delete worker beta?")
    b.press("Escape")
    b.until("no dialog", "return !document.querySelector('dialog')")
    is_(api.get("/workers/%d" % other).status, 200, "not confirmed, not deleted")
    b.click(at + "[data-act=delete]")
    b.click("dialog .primary")
    wait_until("it is deleted", lambda: api.get("/workers/%d" % other).status == 404)
    b.until("and gone", "return !document.querySelector(arguments[0])", at)
    ok(True, "deleted")


def deployed(b, server, api):
    api.post("/flavor/update", {"provider": "local"})
    wait_until("offers are known", lambda: api.get("/flavor/?max_eviction=100").json)
    b.click(".tools [data-act=deploy]")
    b.until("flavors are completed", "return [...document.querySelectorAll("
            "'#flavors option')].some((o) => o.value === 'local')")
    b.type("dialog input[name=flavor]", "nonsense")
    b.click("dialog .primary")
    b.shows("dialog .error", "nonsense")
    ok(True, "what the server refuses is told in its words, the form stays")
    b.type("dialog input[name=flavor]", "local")
    b.shows("dialog [role=status]", "CPU")
    b.type("dialog input[name=region]", "there")
    b.type("dialog input[name=concurrency]", "2")
    b.type("dialog input[name=batch]", "lent")
    b.click("dialog .primary")
    lent = wait_until("a worker comes", lambda: [
        w for w in api.get("/workers/").json if w["batch"] == "lent"])[0]
    is_((lent["flavor"], lent["region"], lent["concurrency"]), ("local", "there", 2),
        "as the form said")
    job = api.get("/jobs/?action=worker_deploy").json[0]["job_id"]
    at = ".jobs [id='row-%d'] " % job
    b.shows(at + ".state", "succeeded")
    b.click(at + "[data-act=log]")
    b.shows("dialog .output", "has come")
    b.click("dialog button")
    server.sql("update job set status = 'failed' where job_id = %d" % job)
    b.go(server.url + "/ui/")
    b.click(at + "[data-act=restart]")
    b.shows(at + ".state", "succeeded")
    ok(b.js("return document.querySelector(arguments[0]).disabled", at + "[data-act=restart]"),
       "a job: its progress, its log; started again, as only one that failed can be")
    b.click(at + "[data-act=delete]")
    b.click("dialog .primary")
    wait_until("it is gone", lambda: api.get("/jobs/%d" % job).status == 404)
    b.click(".jobs-part [data-act=clear]")
    b.click("dialog .primary")
    wait_until("all are gone", lambda: not api.get("/jobs/").json)
    b.shows(".jobs .empty", "No jobs")
    b.click("[id='row-%d'] [data-act=delete]" % lent["worker_id"])
    b.shows("dialog", "destroyed")
    b.click("dialog .primary")
    wait_until("its machine is destroyed", lambda: not api.get("/workers/").json and
               not fleet.machines(server))
    b.shows(".workers .empty", "no workers")
    ok(True, "a recruited worker goes with its machine")


def main():
    run(with_server, files)
    run(with_server, escapes)
    run(absent, None, None)
    run(strangers, None, None)
    if not browser.there():
        lacking("the pages in a browser", "chromium and chromium-driver")
        return
    with Server() as server, Worker(server) as worker, browser.Browser() as b:
        wait_until("the worker is there", lambda: worker.row())
        for page in (batches, tasks, workers):
            run(shown, page, b, server, worker)


def with_server(group):
    with Server() as server:
        group(server.api(), server)


def shown(page, b, server, worker):
    try:
        page(b, server, worker)
    except Exception:
        b.report()
        raise


main()
done()
