#!/usr/bin/env python3
"""The web interface: how its files are served, and a real browser (browser.py) on each
page but that of the tasks (test_ui_tasks.py), against a real server and worker; what a
button did is asked of the API."""

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
from webpages import FOREVER, HOSTILE, clean, running, try_pages  # noqa: E402

PAGES = {"/ui/": "Workers", "/ui/task/": "Tasks", "/ui/batch/": "Batches"}
FILES = sorted(f for f in os.listdir(os.path.join(TOP, "ui"))
               if f.endswith((".js", ".css", ".svg")))
TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
         "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
ODD = "a?b=c&d#e%41"
LONG = "n" * 100


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
    server.sql("update job set status = 'failed', log = 'before' where job_id = %d" % job)
    b.click(at + "[data-act=log]")
    b.shows("dialog .output", "before")
    b.shows("dialog h2", "failed")
    api.post("/jobs/%d/restart" % job)
    b.shows("dialog .output", "has come")
    b.shows("dialog h2", "succeeded")
    ok(True, "a log that is open grows, and tells how it ended")
    b.click("dialog button")
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
    try_pages(batches, workers)


def with_server(group):
    with Server() as server:
        group(server.api(), server)


main()
done()
