"""An HTTP client with a kept connection, and tables of calls: (method, path, body) ->
(status, what the answer holds)."""

import http.client
import json
import select
import sys

from tap import diag, ok, run, wait_until


class Answer:
    """status, headers (lower-case names), body (bytes), json (None if it is not)."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def message(self):
        j = self.json
        return j.get("message") if isinstance(j, dict) else None

    def __repr__(self):
        return "%d %.1000r" % (self.status, self.body)


class Api:
    """One kept connection; one thread at a time.  A body that is not bytes is sent as
    JSON.  A GET is tried again once when the kept connection is closed as it is sent;
    nothing else is ever repeated.  `token` is sent with each call, which comes from the
    address `source`; with `tls`, an ssl.SSLContext, over TLS."""

    def __init__(self, host, port, timeout_s=180, token=None, source=None, tls=None):
        self.host, self.port, self.timeout_s = host, port, timeout_s
        self.token, self.source, self.tls = token, source and (source, 0), tls
        self.conn = None

    def connect(self):
        if self.tls:
            return http.client.HTTPSConnection(
                self.host, self.port, timeout=self.timeout_s, context=self.tls,
                source_address=self.source)
        return http.client.HTTPConnection(self.host, self.port, timeout=self.timeout_s,
                                          source_address=self.source)

    def close(self):
        if self.conn:
            self.conn.close()
            self.conn = None

    def drop_closed(self):
        """The server closes a connection that was idle for a minute: a test that was held
        up for as long sends on a new one."""
        sock = self.conn and self.conn.sock
        if sock and select.select([sock], [], [], 0)[0]:
            self.close()

    def call(self, method, path, body=None, headers=None):
        self.drop_closed()
        head = dict(headers or {})
        if self.token:
            head.setdefault("Authorization", "Bearer " + self.token)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            head.setdefault("Content-Type", "application/json")
        for last in (False, True):
            kept = self.conn is not None
            if not kept:
                self.conn = self.connect()
            try:
                self.conn.request(method, path, body, head)
                got = self.conn.getresponse()
                data = got.read()
            except (http.client.HTTPException, OSError):
                self.close()
                if last or not kept or method not in ("GET", "HEAD"):
                    raise
                continue
            if got.will_close:
                self.close()
            return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, data)

    def get(self, path, body=None):
        return self.call("GET", path, body)

    def post(self, path, body=None):
        return self.call("POST", path, body)

    def put(self, path, body=None):
        return self.call("PUT", path, body)

    def delete(self, path, body=None):
        return self.call("DELETE", path, body)

    def task(self, command="true", **fields):
        """Queue one; its id."""
        answer = self.post("/tasks/", dict(fields, command=command))
        if answer.status != 201:
            raise RuntimeError("POST /tasks/: %r" % answer)
        return answer.json["task_id"]

    def wait_task(self, task_id, status="succeeded", timeout_s=180):
        """Until the task is in (one of) the status; the task."""
        wanted = (status,) if isinstance(status, str) else tuple(status)

        def look():
            task = self.get("/tasks/%d" % task_id).json
            return task if task.get("status") in wanted else None
        return wait_until("task %d %s" % (task_id, "/".join(wanted)), look, timeout_s)

    def raw_log(self, execution_id, stream="stdout"):
        return self.get("/executions/%d/log/%s" % (execution_id, stream)).body

    def register(self, name, spool, **more):
        """Present a worker as ours does, without running one."""
        return self.post("/workers/register", dict(
            {"name": name, "hostname": name + ".lab", "concurrency": 2, "batch": name,
             "spool": spool}, **more))


# ---- tables of calls

TASK_FIELDS = ["task_id", "name", "status", "command", "creation_date",
               "modification_date", "status_date", "batch", "input", "output",
               "container", "container_options", "resource", "required_task_ids",
               "retry", "download_timeout", "run_timeout", "use_cache"]
WORKER_FIELDS = ["worker_id", "name", "concurrency", "prefetch", "hostname", "status",
                 "load", "memory", "stats", "task_properties", "creation_date",
                 "modification_date", "last_contact_date", "batch", "permanent",
                 "flavor", "region", "provider"]
NOBODY = 2000000000  # an id that no row has


def matches(got, want):
    """A dict wants its keys only; a regular expression or a function decides; the
    rest is equality."""
    if isinstance(want, dict):
        return isinstance(got, dict) and all(
            k in got and matches(got[k], v) for k, v in want.items())
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(
            matches(g, w) for g, w in zip(got, want))
    if hasattr(want, "search"):
        return isinstance(got, str) and bool(want.search(got))
    return want(got) if callable(want) else got == want


def expect(api, name, method, path, body, status, want=None, message=None):
    """One row of a table: the call, its status, its answer or its message."""
    answer = api.call(method, path, body)
    good = answer.status == status
    if message is not None:
        good = good and answer.message is not None and message in answer.message
    elif want is not None:
        good = good and matches(answer.json, want)
    ok(good, "%s %s: %s" % (method, path, name),
       "%r\nwanted %s %r" % (answer, status, message or want))
    return answer.json


def table(api, rows):
    for row in rows:
        expect(api, *row)


def run_groups(groups, server):
    """Run each group(api, server), or only those named on the command line."""
    diag("over " + server.db)
    for group in groups:
        if not sys.argv[1:] or group.__name__ in sys.argv[1:]:
            run(group, server.api(), server)


def new_execution(api, worker, batch, status="pending", **fields):
    """A task and its execution brought to a status; (task_id, execution_id)."""
    t = api.task("c", batch=batch, status="paused", **fields)
    e = api.post("/executions/", {"worker_id": worker, "task_id": t}).json
    path = {"pending": [], "accepted": ["accepted"], "running": ["running"],
            "failed": ["running", "failed"], "succeeded": ["running", "succeeded"],
            "refused": ["refused"]}[status]
    for step in path:
        api.put("/executions/%d" % e["execution_id"], {"status": step})
    return t, e["execution_id"]
