#!/usr/bin/env python3
"""Bad input to every route that the server describes: bodies that are no JSON or of a
wrong kind, every member and parameter with every wrong value, ids of nobody and of no
number, and conflicting calls at the same moment.  Each is answered precisely, in words;
what is refused has changed nothing.  On SQLite and again on PostgreSQL.  Paths on the
command line choose routes."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine import *  # noqa: E402,F403

DEEP = b"[" * 3000 + b"]" * 3000
NO_JSON = (b"{", b"}", b"[1,", b"{]", b"command=x", b"'x'", b'{"a":1,}', b'{"a":1}{}',
           b'{"a":1} // no', b'{"a":NaN}', b'{"a":1e999}', b'{"a":01}', b'{"a":"\x01"}',
           b'{"a":"\xff\xfe"}', b'{"a":"b', b'{"\xff":1}', b'{"a":"\\ud800"}',
           b'{"a\x00b":1}', b'{"a":' + DEEP + b"}", DEEP, b'{"a":1,"a":2}',
           b'{"a":123456789012345678901234567890}')
NO_OBJECT = (b"3", b'"x"', b"true", b"[1]", b"[[]]", b"[null]", b"1.5")
VALUES = (-1, 0, 2 ** 31, 2 ** 31 - 1, -2 ** 31 - 1, 2 ** 53 + 1, 2 ** 63 - 1, 1.5, -0.5,
          1e300, True, "", "x", " ", "-1", "1.5", "99999999999999999999", "1e5", "\u00e9",
          "\U0001f600", "a/b", "../../etc/passwd", "%00", "'; drop table task; --",
          "{{ 7 }}", "x" * 5000, [], {}, [1], ["x"], [None], [[]], {"a": 1}, [2 ** 40],
          ["#0"], None)
IDS = ("0", str(NOBODY), "2147483648", "9223372036854775807", "9223372036854775808",
       "1" * 400)
NO_IDS = ("-1", "+1", "1.5", "x", "0x1", "%00", "%ff", "1%00", "1%20", "%2e%2e", "1;2")
TYPES = ("text/plain", "multipart/form-data; boundary=x", "application/xml", "image/png")

# What a call takes besides what is wrong with it, so that it is looked at.
BASE = {
    "POST /tasks/": {"command": "c", "batch": "$batch", "status": "paused"},
    "POST /workers/": {"name": "n", "concurrency": 1, "batch": "$batch-bad"},
    "POST /executions/": {"worker_id": "$w", "task_id": "$o"},
    "POST /requirement/": {"task_id": "$t", "other_task_id": "$o"},
    "POST /recruiter/": {"batch": "$batch-bad", "worker_flavor": "f",
                         "worker_concurrency": 1},
    "POST /workers/{id}/signals": {"execution_id": "$e", "signal": 9},
    "PUT /workers/deploy": {"flavor": "f", "provider": "none", "region": "r",
                            "batch": "$batch-bad"},
    "POST /workers/register": {"name": "$batch-r", "hostname": "h", "concurrency": 1,
                               "spool": "s", "batch": "$batch-bad"},
    "PUT /workers/{id}/sync": {"spool": "another's"},  # 409 when nothing else is wrong
    "POST /inventory/": {"host": "h"},
}
AT_ONCE = 4
# Routes that take any bytes as the text of an output, and those that never end.
OUTPUT = ("PUT /executions/{id}/output", "PUT /executions/{id}/error")
ENDLESS = ("GET /events",)
# 410: the machine was given back; 421: of another database; 503: nothing is offered that
# would do.
REFUSALS = (308, 400, 404, 409, 410, 413, 415, 421, 503)
STATUS_WORDS = ("is not possible", "cannot change status", "cannot be created")


# What a database may take otherwise than another; the rest is refused before it is asked.
OF_DATABASES = (-1, 2 ** 31, 2 ** 31 - 1, 2 ** 63 - 1, 1e300, "\U0001f600", "x" * 5000,
                "'; drop table task; --", [2 ** 40], None)


def values(db):
    """All of them once; over the second database in the long form only."""
    return VALUES if db == "sqlite" or LONG else OF_DATABASES


class Route:
    def __init__(self, context, doc, method, path, operation):
        self.context, self.method, self.pattern = context, method, path
        self.name = "%s %s" % (method, path)
        self.bad, self.calls, self.counted = [], 0, counted(context.server)
        body = [p for p in operation["parameters"] if p["in"] == "body"]
        self.takes_body = bool(body)
        self.query = [p["name"] for p in operation["parameters"] if p["in"] == "query"]
        schema = body[0]["schema"] if body else {}
        if "$ref" in schema:
            schema = doc["definitions"][schema["$ref"].split("/")[-1]]
        self.members = tuple(schema.get("properties", ()))

    def base(self):
        return self.context.fill(BASE.get(self.name, {}))

    def path(self, id=None, name=None):
        """Its path, of what there is or of these."""
        kept, path = self.context.kept, self.pattern
        own = {"tasks": kept["t"], "workers": kept["w"], "executions": kept["e"],
               "requirement": kept["r"], "jobs": kept["j"],
               "recruiter": 1}.get(path.split("/")[1], 1)
        if path.endswith("/sync"):
            own = kept["ours"]  # of another spool than those that call
        names = {"batch": kept["batch"], "recruiter": kept["batch"],
                 "inventory": "nobody.example"}
        word = names.get(path.split("/")[1], "stdout") if name is None else name
        path = path.replace("{id2}", str(kept["e"])).replace("{status}", "running")
        path = path.replace("{id}", str(own if id is None else id))
        return path.replace("{name}", urllib.parse.quote(str(word), "%"))

    def call(self, what, path, body=None, headers=None, wanted=None):
        """One call; whatever is wrong with its answer is noted."""
        server, api = self.context.server, self.context.api
        answer = api.call(self.method, path, body, headers)
        self.calls += 1
        good = answer.status < 300 or answer.status in REFUSALS or (
            answer.status == 500 and any(w in answer.message for w in STATUS_WORDS))
        before, self.counted = self.counted, counted(server)
        if answer.status >= 400:
            good = good and isinstance(answer.json, dict) and list(answer.json) == [
                "message"] and bool(answer.message) and self.counted == before
        if wanted is not None:
            good = good and answer.status in wanted
        if not good:
            self.bad.append("%s: %s %.200s %.300r: %r" % (what, self.method, path, body,
                                                          answer))

    def run(self):
        if self.takes_body:
            self.bodies()
            self.members_wrong()
        else:
            self.bodies_of_nobody()
        if self.method == "GET" and self.query and not self.takes_body:
            for text in NO_JSON + NO_OBJECT:
                self.call("a body that is none", self.path(), text, wanted=(400,))
        for name in self.query:
            for value in values(self.context.server.db):
                if not isinstance(value, (list, dict)) and value is not None:
                    self.call("a parameter", "%s?%s=%s" % (
                        self.path(), name, urllib.parse.quote(str(value))))
            self.call("a parameter that is no text", "%s?%s=%%ff%%00" % (self.path(), name))
        self.ids()
        if self.method != "GET" or "signals" in self.pattern:
            self.at_once()
        ok(not self.bad, "%s: %d bad calls" % (self.name, self.calls),
           "\n".join(self.bad[:10]))

    def bodies(self):
        for text in NO_JSON:
            wanted = (200, 400) if self.name in OUTPUT else (400,)
            self.call("no JSON", self.path(), text, wanted=wanted)
        for text in NO_OBJECT:
            self.call("no object", self.path(), text, wanted=(400,))
        for kind in TYPES:
            self.call("another type", self.path(), b"<a/>", {"Content-Type": kind},
                      wanted=(415,))
        for text in (None, b"", b"null", b"{}"):
            self.call("no body", self.path(), text)
        if self.members:
            self.call("an unknown member", self.path(),
                      dict(self.base(), **{"colour of it": 1}), wanted=(400,))

    def bodies_of_nobody(self):
        """A body that the call has no use for is looked at by nobody, or refused."""
        for text in NO_JSON[:2] + (DEEP, b'{"a":"\\u0000"}', b'{"a":"\xff"}', b"\0", b"[1]"):
            self.call("a body of no use", self.path(NOBODY, "nobody"), text)
        for kind in TYPES:
            self.call("another type", self.path(NOBODY, "nobody"), b"<a/>", {"Content-Type": kind})

    def at_once(self):
        """The same call by several clients at the same moment."""
        gate, got = threading.Barrier(AT_ONCE), []

        def one():
            api = Api("127.0.0.1", self.context.server.port)
            gate.wait()
            got.append(api.call(self.method, self.path(), self.base() or None))
            api.close()
        threads = [threading.Thread(target=one) for _ in range(AT_ONCE)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(180)
        self.counted = counted(self.context.server)
        good = [a.status < 300 or a.status in REFUSALS or (
            a.status == 500 and any(w in a.message for w in STATUS_WORDS)) for a in got]
        # One object goes once.
        once = self.method == "DELETE" and "{id}" in self.pattern
        if len(got) != AT_ONCE or not all(good) or (
                once and sorted(a.status for a in got) != [200] + [404] * (AT_ONCE - 1)):
            self.bad.append("at once: %s %s: %r" % (self.method, self.path(), got))

    def members_wrong(self):
        for name in self.members:
            for value in values(self.context.server.db):
                self.call("a member", self.path(), dict(self.base(), **{name: value}))
            for text in (b'"\\u0000"', b'"a\\u0000b"', b'"\\ud800"', b'"\xff"', b"1e999",
                         DEEP, b"123456789012345678901234567890"):
                self.call("a member", self.path(), b'{"%s":%s}' % (name.encode(), text),
                          wanted=None if self.name in OUTPUT else (400, 409))

    def ids(self):
        if "{id}" in self.pattern:
            for id in IDS:
                self.call("an absent id", self.path(id=id), self.base() or None)
            for id in NO_IDS:
                self.call("no id", self.path(id=id), self.base() or None,
                          wanted=(400, 404, 405))
        if "{name}" in self.pattern:
            for name in ("%00", "%ff", "%", "a%2fb", "x" * 300, "%2e%2e%2f"):
                self.call("a name", self.path(name=name), self.base() or None)


TABLES = ("task", "worker", "execution", "requirement", "recruiter", "job",
          "inventory_host")


def counted(server):
    """How many there are of what calls make.  (Signals are taken by being read, and jobs
    end by themselves: their number stays.)"""
    return query(server, "select " + ", ".join("(select count(*) from %s)" % t
                                               for t in TABLES))


def things(context):
    """One of everything, anew."""
    running("e")(context)
    registered("ours", batch="$batch-ours")(context)
    task("o")(context)
    task("q", required_task_ids=["$t"])(context)
    GET("/requirement/", {"task_id": "$q"}, want=[{}], whole="list")(context)
    context.kept["r"] = context.kept["list"][0]["requirement_id"]
    POST("/recruiter/", {"batch": "$batch", "worker_flavor": "f",
                         "worker_concurrency": 1})(context)
    PUT("/workers/deploy", {"flavor": "f", "provider": "none", "region": "r",
                            "batch": "$batch-deployed"})(context)
    GET("/workers/", {"batch": "$batch-deployed"}, want=[{}], whole="list")(context)
    context.kept["target"] = context.kept["list"][0]["name"]
    GET("/jobs/", {"target": "$target", "action": "worker_deploy", "status": "failed"},
        want=[{}], whole="list", until=True)(context)
    context.kept["j"] = context.kept["list"][0]["job_id"]


# ---- at the same moment

def at_same_time(number):
    """(what, things made, method, path, body, sorted statuses): one wins, or all are
    the same."""
    rest = number - 1
    return (
        ("DELETE of a task", task("x"), "DELETE", "/tasks/$x", None, [200] + [404] * rest),
        ("DELETE of a worker", worker("x"), "DELETE", "/workers/$x", None,
         [200] + [404] * rest),
        ("DELETE of a job", step(things), "DELETE", "/jobs/$j", None, [200] + [404] * rest),
        ("DELETE of a requirement", step(things), "DELETE", "/requirement/$r", None,
         [200] + [404] * rest),
        ("DELETE of a recruiter", step(things), "DELETE", "/recruiter/$batch/1", None,
         [200] + [404] * rest),
        ("restart of a job", step(things), "POST", "/jobs/$j/restart", None, None),
        ("an execution of a task", step(things), "POST", "/executions/",
         {"worker_id": "$w", "task_id": "$o"}, [201] + [500] * rest),
        ("the end of an execution", step(things), "PUT", "/executions/$e",
         {"status": "succeeded"}, [200] * number),
        ("a recruiter", step(things), "POST", "/recruiter/",
         {"batch": "$batch", "worker_flavor": "g", "worker_concurrency": 1},
         [201] * number),
        ("a task twice", step(things), "PUT", "/tasks/$t", {"status": "paused"},
         [200] * number),
    )


def conflicts(server, api):
    for what, made, method, path, body, statuses in at_same_time(8):
        context = Context(server, api)
        try:
            made(context)
            if statuses:
                at_once(8, method, path, body, statuses)(context)
            ok(True, "at once: " + what)
        except Wrong as e:
            ok(False, "at once: " + what, e)
    context = Context(server, api)
    things(context)
    at_once(8, "POST", "/recruiter/", {"batch": "$batch", "worker_flavor": "g",
                                       "worker_concurrency": 1}, [201] * 8)(context)
    is_(len(api.get("/recruiter/", {"batch": context.kept["batch"]}).json), 1,
        "at once: one recruiter of a key")


def main():
    for db in databases():
        diag("over " + db)
        with Server(db, SCITQ_PROVIDERS="none=static", WORKER_OFFLINE_DELAY=600,
                    WORKER_CREATE_RETRY=0) as server:
            api = server.api()
            doc = api.get("/swagger.json").json
            for path, operations in doc["paths"].items():
                for method, operation in operations.items():
                    name = "%s %s" % (method.upper(), path)
                    if name in ENDLESS or (sys.argv[1:] and path not in sys.argv[1:]):
                        continue
                    context = Context(server, api)
                    things(context)
                    run(Route(context, doc, method.upper(), path, operation).run)
            if not sys.argv[1:]:
                conflicts(server, api)
            is_(api.get("/healthz").status, 200, "the server lives")
            close_sessions()
    done()


main()
