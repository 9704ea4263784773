"""The pages of the web interface in a real browser: what each of their tests begins
and ends with, and what they put on a page."""

import browser
from harness import *  # noqa: F401,F403

HOSTILE = "<img src=x onerror=\"document.title='owned'\">&lt;b&gt; \u202ertl\u202c \u05e9\u05dc"
FOREVER = "sh -c 'echo begun; while true; do sleep 0.1; done'"


def running(api, task):
    """Its execution, once it runs."""
    api.wait_task(task, "running")
    return api.get("/executions/", {"task_id": task, "status": "running"}).json[0][
        "execution_id"]


def clean(b, name):
    """No script failed, nothing was forbidden by the policy, nothing hostile ran."""
    told = [line for line in b.complaints() if "Failed to load resource" not in line]
    is_(told, [], name + ": nothing goes wrong unseen")
    ok("owned" not in b.js("return document.title"), name + ": names are text")


def try_pages(*pages):
    """Each page(b, server, worker), on one server with a worker."""
    if not browser.there():
        lacking("the pages in a browser", "chromium and chromium-driver")
        return
    with Server() as server, Worker(server) as worker, browser.Browser() as b:
        wait_until("the worker is there", lambda: worker.row())
        for page in pages:
            run(shown, page, b, server, worker)


def shown(page, b, server, worker):
    try:
        page(b, server, worker)
    except Exception:
        b.report()
        raise
