"""The language of the tables: a row is a number of statements.txt, what tells it from the
other rows of that number, and steps; each step is a call with what must come of it, or
something done behind the server's back.

    row("A3.04", "by itself",
        task("first", status="paused"),
        POST("/tasks/", {"command": "c", "required_task_ids": ["$first"]}, 201,
             TASK(status="waiting"), keep="t"),
        GET("/tasks/$t", None, 200, TASK(required_task_ids=["$first"])))

Names kept by earlier steps are written $name, in paths, bodies and wanted values; $batch
is a name that no other row has, without workers.  A row stands alone, so that any one of
them can be run by itself."""

import datetime
import itertools
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir,
                                "system"))
from harness import *  # noqa: E402,F403

DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$")
rows = []
_numbers = itertools.count(1)


class Row:
    def __init__(self, number, variant, steps, server):
        self.number, self.variant = number, variant
        self.steps, self.server = steps, server


def row(number, variant, *steps, server="main"):
    """`server`: which of the servers of test_conformance.py it is about."""
    rows.append(Row(number, variant, steps, server))


class Wrong(Exception):
    """What came is not what the row wants."""


def until_good(attempt):
    """Try until it finds nothing wrong; what it found last is raised after a minute."""
    last = [None]

    def good():
        try:
            attempt()
            return True
        except Wrong as e:
            last[0] = e
            return False
    try:
        wait_until("as wanted", good, 60)
    except TimeoutError:
        raise last[0]


class Context:
    """What a row has kept, and the server it speaks to."""

    def __init__(self, server, api):
        self.server, self.api = server, api
        self.kept = {"batch": "row%d" % next(_numbers), "nobody": NOBODY}
        self.undo = []

    def fill(self, v):
        """`v` with every $name in it replaced; a text that is but a name becomes its
        value, whatever that is."""
        if isinstance(v, str):
            whole = re.fullmatch(r"\$(\w+)", v)
            if whole and whole[1] in self.kept:
                return self.kept[whole[1]]
            return re.sub(r"\$(\w+)", lambda m: str(self.kept.get(m[1], m[0])), v)
        if isinstance(v, list):
            return [self.fill(x) for x in v]
        if isinstance(v, dict):
            return {self.fill(k): self.fill(x) for k, x in v.items()}
        return v

    def end(self):
        for undo in reversed(self.undo):
            undo()


def check(context, got, want):
    """As client.matches, for wants that know what was kept; says where it differs."""
    if hasattr(want, "of_answer"):
        want.of_answer(context, got)
        return
    want = context.fill(want)
    if isinstance(want, dict):
        if not isinstance(got, dict):
            raise Wrong("%.500r is no object" % (got,))
        for key, value in want.items():
            if key not in got:
                raise Wrong("no %s in %.500r" % (key, got))
            try:
                check(context, got[key], value)
            except Wrong as e:
                raise Wrong("%s: %s" % (key, e))
    elif isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            raise Wrong("%.800r is no list of %d" % (got, len(want)))
        for i, (g, w) in enumerate(zip(got, want)):
            try:
                check(context, g, w)
            except Wrong as e:
                raise Wrong("[%d]: %s" % (i, e))
    elif hasattr(want, "search"):
        if not isinstance(got, str) or not want.search(got):
            raise Wrong("%.500r is not like %s" % (got, want.pattern))
    elif callable(want):
        if not want(got):
            raise Wrong("%.500r is not as wanted" % (got,))
    elif got != want or isinstance(got, bool) != isinstance(want, bool):
        raise Wrong("%.500r instead of %.500r" % (got, want))


# ---- what answers are held to

class Exactly:
    """This value and nothing beside it, members in this order."""

    def __init__(self, value):
        self.value = value

    def of_answer(self, context, got):
        want = context.fill(self.value)
        if json.dumps(got) != json.dumps(want):
            raise Wrong("%.800r instead of exactly %.800r" % (got, want))


class Kept:
    """The whole answer that an earlier call kept, but for some members."""

    def __init__(self, name, /, **but):
        self.name, self.but = name, but

    def of_answer(self, context, got):
        want = dict(context.kept[self.name])
        for name, value in context.fill(self.but).items():
            check(context, got.get(name) if isinstance(got, dict) else got, value)
            want[name] = got[name]
        if json.dumps(got) != json.dumps(want):
            raise Wrong("%.800r instead of what it was: %.800r" % (got, want))


class Other:
    """Not the value that was kept."""

    def __init__(self, name):
        self.name = name

    def of_answer(self, context, got):
        if got == context.kept[self.name]:
            raise Wrong("%.500r as before" % (got,))


class Each:
    """A list, each of which is as wanted; at least one."""

    def __init__(self, want):
        self.want = want

    def of_answer(self, context, got):
        if not isinstance(got, list) or not got:
            raise Wrong("%.500r is no list of some" % (got,))
        for one in got:
            check(context, one, self.want)


class Among:
    """A list, one of which is as wanted (and none, with lacking=True)."""

    def __init__(self, want, lacking=False):
        self.want, self.lacking = want, lacking

    def of_answer(self, context, got):
        if not isinstance(got, list):
            raise Wrong("%.500r is no list" % (got,))

        def fits(one):
            try:
                check(context, one, self.want)
                return True
            except Wrong:
                return False
        if any(fits(one) for one in got) == self.lacking:
            raise Wrong("%s of %.1500r is %.500r" % (
                "one" if self.lacking else "none", got, context.fill(self.want)))


class Message:
    """An error: these words and nothing else, or (has=) with these somewhere."""

    def __init__(self, words=None, has=()):
        self.words, self.parts = words, [has] if isinstance(has, str) else has

    def of_answer(self, context, got):
        if not isinstance(got, dict) or list(got) != ["message"] or \
                not isinstance(got["message"], str) or not got["message"]:
            raise Wrong("%.500r is no message" % (got,))
        if self.words is not None and got["message"] != context.fill(self.words):
            raise Wrong("%r instead of %r" % (got["message"], context.fill(self.words)))
        for part in self.parts:
            if context.fill(part) not in got["message"]:
                raise Wrong("%r lacks %r" % (got["message"], context.fill(part)))


# ---- types: fields in their order, each null or of its kind

KINDS = {"int": lambda v: type(v) is int, "str": lambda v: type(v) is str,
         "bool": lambda v: type(v) is bool, "float": lambda v: type(v) in (int, float),
         "date": lambda v: type(v) is str and DATE.match(v),
         "ids": lambda v: type(v) is list and all(type(i) is int for i in v),
         "object": lambda v: type(v) is dict, "null": lambda v: v is None}
SHAPES = {
    "Task": "task_id:int name:str status:str command:str creation_date:date "
            "modification_date:date status_date:date batch:str input:str output:str "
            "container:str container_options:str resource:str required_task_ids:ids "
            "retry:int download_timeout:int run_timeout:int use_cache:bool",
    "Worker": "worker_id:int name:str concurrency:int prefetch:int hostname:str "
              "status:str load:str memory:float stats:str task_properties:str "
              "creation_date:date modification_date:date last_contact_date:date "
              "batch:str permanent:bool flavor:str region:str provider:str",
    "Execution": "execution_id:int worker_id:int task_id:int status:str return_code:int "
                 "pid:str creation_date:date modification_date:date output:str "
                 "error:str output_files:str command:str freeze:null latest:bool",
    "Short": "execution_id:int command:str status:str task_id:int creation_date:date "
             "modification_date:date pid:str output_files:str latest:bool batch:str "
             "taskstatus:str",
    "Signal": "execution_id:int worker_id:int signal:int",
    "Batch": "batch:str pending:int accepted:int running:int failed:int succeeded:int "
             "workers:str",
    "Requirement": "requirement_id:int task_id:int other_task_id:int",
    "Recruiter": "batch:str rank:int tasks_per_worker:int worker_flavor:str "
                 "worker_provider:str worker_region:str worker_concurrency:int "
                 "worker_prefetch:int minimum_tasks:int maximum_workers:int",
    "Flavor": "name:str provider:str region:str cpu:int ram:float disk:float tags:str "
              "gpu:str gpumem:float cost:float eviction:int available:int",
    "Job": "job_id:int target:str action:str args:object retry:int status:str log:str "
           "creation_date:date modification_date:date progression:int",
}
FIELDS = {name: [word.split(":")[0] for word in text.split()]
          for name, text in SHAPES.items()}


class Shape:
    """An object of a type, whole, with these values."""

    def __init__(self, name, values):
        self.name, self.values = name, values
        self.fields = [word.split(":") for word in SHAPES[name].split()]

    def of_answer(self, context, got):
        names = [f for f, _ in self.fields]
        if not isinstance(got, dict) or list(got) != names:
            raise Wrong("%.800r has not the members of a %s, in their order: %s" % (
                got, self.name, " ".join(names)))
        for field, kind in self.fields:
            if got[field] is not None and not KINDS[kind](got[field]):
                raise Wrong("%s: %.200r is no %s" % (field, got[field], kind))
        check(context, got, self.values)


def _shape(name):
    return lambda **values: Shape(name, values)


TASK, WORKER, EXECUTION, SHORT, SIGNAL, BATCH, REQUIREMENT, RECRUITER, FLAVOR, JOB = map(
    _shape, SHAPES)


# ---- steps

class Call:
    def __init__(self, method, path, body=None, status=200, want=None, keep=None,
                 whole=None, headers=None, head=None, raw=None, until=False):
        """`status`: the one wanted, or several of which any will do; `keep`: the answer's
        id (or {name: member}); `whole`: the answer itself; `head`: wanted headers; `raw`:
        the body, byte for byte; `until`: it is asked again until the answer is as wanted."""
        self.method, self.path, self.body = method, path, body
        self.status, self.want, self.keep, self.whole = status, want, keep, whole
        self.headers, self.head, self.raw, self.until = headers, head, raw, until

    def __call__(self, context):
        if self.until:
            until_good(lambda: self.once(context))
        else:
            self.once(context)

    def once(self, context):
        path, body = context.fill(self.path), self.body
        if not isinstance(body, bytes):
            body = context.fill(body)
        answer = context.api.call(self.method, path, body, context.fill(self.headers))
        try:
            self.judge(context, answer)
        except Wrong as e:
            raise Wrong("%s %s %.500r: %s\n%.1500r" % (self.method, path, body, e, answer))
        self.remember(context, answer)

    def judge(self, context, answer):
        wanted = self.status if isinstance(self.status, tuple) else (self.status,)
        if answer.status not in wanted:
            raise Wrong("%d instead of %s" % (answer.status, wanted))
        for name, value in (self.head or {}).items():
            check(context, answer.headers.get(name), value)
        if self.raw is not None:
            check(context, answer.body, self.raw)
        if self.want is not None:
            if answer.headers.get("content-type") != "application/json":
                raise Wrong("%s is not JSON" % answer.headers.get("content-type"))
            check(context, answer.json, self.want)

    def remember(self, context, answer):
        if self.whole:
            context.kept[self.whole] = answer.json
        if isinstance(self.keep, str):
            context.kept[self.keep] = next(iter(answer.json.values()))
        elif self.keep:
            for name, member in self.keep.items():
                context.kept[name] = answer.json[member]


def GET(path, body=None, status=200, want=None, **more):
    return Call("GET", path, body, status, want, **more)


def POST(path, body=None, status=201, want=None, **more):
    return Call("POST", path, body, status, want, **more)


def PUT(path, body=None, status=200, want=None, **more):
    return Call("PUT", path, body, status, want, **more)


def DELETE(path, body=None, status=200, want=None, **more):
    return Call("DELETE", path, body, status, want, **more)


def HEAD(path, body=None, status=200, **more):
    return Call("HEAD", path, body, status, raw=b"", **more)


def task(name, /, **fields):
    """A paused task of this row's batch; its id is $name."""
    body = dict({"command": "c", "batch": "$batch", "status": "paused"}, **fields)
    return POST("/tasks/", body, keep=name)


def worker(name, /, **fields):
    """A paused worker; its id is $name, its batch none of tasks."""
    body = dict({"name": name, "concurrency": 1, "batch": "$batch-workers"}, **fields)
    return POST("/workers/", body, keep=name)


def execution(name, worker_id, task_id, status="pending"):
    """An execution brought to a status as 1.3's worker does it."""
    def do(context):
        path = "/executions/$%s" % name
        POST("/executions/", {"worker_id": worker_id, "task_id": task_id}, keep=name)(context)
        steps = {"failed": ("running", "failed"), "succeeded": ("running", "succeeded")}
        for step in steps.get(status, (status,) if status != "pending" else ()):
            PUT(path, {"status": step}, want={"status": step})(context)
    return do


def running(name, status="running", /, **fields):
    """A worker $w, a task $t and its execution $<name> in a status."""
    def do(context):
        for step in (worker("w"), task("t", **fields),
                     execution(name, "$w", "$t", status)):
            step(context)
    return do


def registered(name, /, **more):
    """A worker of this version, running in this row's batch; its id is $name, its spool
    "s"."""
    body = dict({"name": "$batch-" + name, "hostname": "h", "concurrency": 2,
                 "batch": "$batch", "spool": "s"}, **more)

    def do(context):
        answer = context.api.post("/workers/register", context.fill(body))
        if answer.status not in (200, 201):
            raise Wrong("register: %r" % answer)
        context.kept[name] = answer.json["worker"]["worker_id"]
    return do


def sync(worker, want=None, status=200, spool="s", **body):
    return PUT("/workers/%s/sync" % worker, dict(body, spool=spool), status, want)


class Session:
    """One psql for all that a test asks: starting it takes longer than the answer."""
    open = {}

    def __init__(self, uri):
        self.psql = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-d", uri], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def ask(self, text):
        self.psql.stdin.write(text + ";\n\\echo --end--\n")
        self.psql.stdin.flush()
        lines = []
        while True:
            line = self.psql.stdout.readline()
            if not line or line.startswith("ERROR"):
                raise RuntimeError("psql: %s" % (line or "has ended"))
            if line == "--end--\n":
                return [found.split("\t") for found in lines]
            lines.append(line.rstrip("\n"))

    def stop(self):
        self.psql.stdin.close()
        self.psql.wait()


def query(server, text):
    """As Server.sql, faster."""
    if server.db != "postgresql":
        return server.sql(text)
    if server.uri not in Session.open:
        Session.open[server.uri] = Session(server.uri)
    return Session.open[server.uri].ask(text)


def close_sessions():
    while Session.open:
        Session.open.popitem()[1].stop()


def sql(text, want=None):
    """Behind the server's back, as an administrator would."""
    def do(context):
        got = query(context.server, context.fill(text))
        if want is not None:
            check(context, [list(map(plain, r)) for r in got], want)
    return do


def plain(v):
    """psql has but texts."""
    return str(v) if v is not None else ""


def counts(name):
    """How many there are of everything, kept to be compared."""
    def do(context):
        tables = ("task", "worker", "execution", "requirement", "recruiter", "signal", "job")
        context.kept[name] = query(context.server, "select " + ", ".join(
            "(select count(*) from %s)" % t for t in tables))
    return step(do)


def nothing_came(context):
    was = context.kept["counts"]
    counts("counts")(context)
    if context.kept["counts"] != was:
        raise Wrong("%r became %r" % (was, context.kept["counts"]))


def until_sql(text, want):
    """The same, asked again until it is as wanted."""
    return lambda context: until_good(lambda: sql(text, want)(context))


def at_once(n, method, path, body, statuses):
    """The same call by so many clients at the same moment; their statuses, sorted."""
    def do(context):
        gate, got = threading.Barrier(n), [None] * n

        def one(i):
            api = Api("127.0.0.1", context.server.port)
            gate.wait()
            got[i] = api.call(method, context.fill(path), context.fill(body))
            api.close()
        threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(180)
        if sorted(a.status for a in got) != sorted(statuses):
            raise Wrong("%r" % got)
    return step(do)


def jobs_of_workers(action):
    """Each of $workers has one job of that action."""
    def do(context):
        for w in context.kept["workers"]:
            GET("/jobs/", {"target": w["name"], "action": action},
                want=lambda v: v and v[-1]["args"]["worker_id"] == w["worker_id"])(context)
    return step(do)


def keep(name, value):
    def do(context):
        context.kept[name] = context.fill(value)
    return do


def step(function):
    """Anything else: function(context), which raises Wrong."""
    return function


def now_utc():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def is_now(text):
    """A date within ten minutes of this clock: no time zone is as near."""
    when = datetime.datetime.fromisoformat(text)
    return abs((now_utc() - when).total_seconds()) < 600


def run_row(one, server, api):
    """One point of TAP."""
    context = Context(server, api)
    name = one.number + (" " + one.variant if one.variant else "")
    try:
        for do in one.steps:
            do(context)
        ok(True, name)
    except Wrong as e:
        ok(False, name, e)
    except Exception:
        ok(False, name, traceback.format_exc())
    finally:
        context.end()
