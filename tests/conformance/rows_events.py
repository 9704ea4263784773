"""B: /events, the feed of changes."""

from engine import *  # noqa: F401,F403


class Listener:
    """A client of /events, as a browser's EventSource is one."""

    def __init__(self, server, query="", last=None):
        self.conn = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.conn.request("GET", "/events" + query,
                          headers={"Last-Event-ID": last} if last else {})
        self.answer = self.conn.getresponse()
        self.last = last
        if self.answer.status != 200 or \
                self.answer.headers["content-type"] != "text/event-stream":
            raise Wrong("%d %s %r" % (self.answer.status, self.answer.headers,
                                      self.answer.read()))

    def next(self):
        """(event, data); waits for it."""
        event = data = None
        end = time.monotonic() + 60
        while True:
            line = self.answer.readline()
            if not line or time.monotonic() > end:
                raise Wrong("no event came" if line else "the feed ended")
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                data = json.loads(value)
            elif name == "id":
                self.last = value
            elif line == b"\n" and event:
                return event, data

    def until(self, kind, **want):
        """The next of that kind which is so; what came before it is kept in `before`."""
        self.before = []
        while True:
            event, data = self.next()
            if event == kind and all(data.get(k) == v for k, v in want.items()):
                return data
            self.before.append((event, data))

    def close(self):
        self.conn.close()


def listen(name, query="", last=None):
    def do(context):
        known = context.kept[last].last if last else None
        context.kept[name] = Listener(context.server, context.fill(query), known)
        context.undo.append(context.kept[name].close)
        if not last:
            got = context.kept[name].next()
            if got != ("ready", {}):
                raise Wrong("%r instead of ready" % (got,))
    return step(do)


def told(name, kind, want, **which):
    """The listener hears of that one (its members by which it is known), and it is so."""
    def do(context):
        check(context, context.kept[name].until(kind, **context.fill(which)), want)
    return step(do)


def heard(name, *wanted):
    """Its next events are of these kinds, and so; nothing else comes between."""
    def do(context):
        for kind, want in wanted:
            event, data = context.kept[name].next()
            if event != kind:
                raise Wrong("%s %r instead of %s" % (event, data, kind))
            check(context, data, want)
    return step(do)


TASK_EVENT = {"task_id": "$t", "status": "paused"}
EXECUTION_FIELDS = [f for f in FIELDS["Execution"] if f not in ("output", "error")]
row("B.20", "made, changed, deleted", listen("l"), task("t"),
    told("l", "task", TASK(task_id="$t", status="paused", batch="$batch"), task_id="$t"),
    PUT("/tasks/$t", {"name": "n"}), told("l", "task", TASK(name="n"), task_id="$t"),
    DELETE("/tasks/$t"), told("l", "task", Exactly({"task_id": "$t", "deleted": True}),
                              task_id="$t"))
row("B.20", "by its execution, its requirements, the scheduler", task("a"), worker("w"),
    task("t", status="waiting", required_task_ids=["$a"]), listen("l"),
    execution("e", "$w", "$a"), told("l", "task", {"status": "assigned"}, task_id="$a"),
    PUT("/executions/$e", {"status": "succeeded"}),
    told("l", "task", {"status": "pending"}, task_id="$t", status="pending"))
row("B.20", "of an array, and of a batch that is deleted", listen("l", "?batch=$batch"),
    POST("/tasks/", [{"command": "c", "batch": "$batch", "status": "paused"}] * 3,
         whole="list"),
    step(lambda c: c.kept.update(last=c.kept["list"][2]["task_id"])),
    told("l", "task", {"status": "paused"}, task_id="$last"),
    DELETE("/batch/$batch"), told("l", "task", {"deleted": True}, task_id="$last"))
row("B.21", "", worker("w"), task("t"), listen("l"), execution("e", "$w", "$t"),
    told("l", "execution", lambda v: list(v) == EXECUTION_FIELDS, execution_id="$e"),
    PUT("/executions/$e", {"status": "running", "pid": "7"}),
    told("l", "execution", {"status": "running", "pid": "7"}, execution_id="$e",
         status="running"),
    PUT("/executions/$e/output_files", {"text": "a b"}),
    told("l", "execution", {"output_files": "a b"}, execution_id="$e", output_files="a b"),
    PUT("/executions/$e/delete"), told("l", "execution", {"deleted": True},
                                       execution_id="$e", deleted=True))
row("B.22", "", listen("l"), worker("w"),
    told("l", "worker", WORKER(worker_id="$w", status="paused"), worker_id="$w"),
    PUT("/workers/$w", {"concurrency": 5}),
    told("l", "worker", WORKER(concurrency=5), worker_id="$w"),
    PUT("/batch/$batch-workers/go"),
    told("l", "worker", {"status": "running"}, worker_id="$w"),
    PUT("/workers/$w/ping", {"memory": 2.5}),
    told("l", "worker", {"memory": 2.5, "last_contact_date": is_now}, worker_id="$w"),
    DELETE("/workers/$w"), told("l", "worker", Exactly({"worker_id": "$w",
                                                        "deleted": True}),
                                worker_id="$w", deleted=True))
row("B.23", "", listen("l"),
    PUT("/workers/deploy", {"flavor": "f", "provider": "none", "region": "r",
                            "batch": "$batch"}),
    GET("/workers/", {"batch": "$batch"}, want=[{}], whole="workers"),
    step(lambda c: c.kept.update(target=c.kept["workers"][0]["name"])),
    told("l", "job", JOB(status="failed"), target="$target", action="worker_deploy",
         status="failed"),
    GET("/jobs/", {"target": "$target", "action": "worker_deploy"}, want=Each({}),
        whole="jobs"),
    step(lambda c: c.kept.update(j=c.kept["jobs"][-1]["job_id"])),
    DELETE("/jobs/$j"), told("l", "job", {"deleted": True}, job_id="$j", deleted=True))
FILTER = "?batch=$batch&kind=task"
row("B.24", "", listen("l", FILTER), task("a"), heard("l", ("task", {"task_id": "$a"})),
    step(lambda c: c.kept["l"].close()), task("b"), task("c"), PUT("/tasks/$b", {"name": "n"}),
    listen("m", FILTER, last="l"),
    heard("m", ("task", {"task_id": "$c"}), ("task", {"task_id": "$b", "name": "n"})),
    task("d"), heard("m", ("task", {"task_id": "$d"})))
row("B.24", "nothing twice: what was known is not told again",
    listen("l", FILTER), task("a"), task("b"),
    told("l", "task", {}, task_id="$b"),
    listen("m", FILTER, last="l"), task("c"), heard("m", ("task", {"task_id": "$c"})))
for known in ("0123456789abcdef-5", "nonsense", "5"):
    row("B.24", "an id of another server is told so: %s" % known,
        step(lambda c, known=known: c.kept.update(
            l=Listener(c.server, c.fill("?batch=$batch"), known))),
        heard("l", ("reset", Exactly({}))), task("t"), heard("l", ("task", TASK_EVENT)),
        step(lambda c: c.kept["l"].close()))


def forgotten(context):
    """More changes than are remembered: a client that comes back is told so, and one that
    listens all the while hears of the last all the same.  (The same whatever the
    database.)"""
    if context.server.db != "sqlite":
        return
    api, b = context.api, context.kept["batch"]
    old = Listener(context.server, "?batch=" + b)
    old.next()
    task("t")(context)
    old.until("task", task_id=context.kept["t"])
    old.close()
    many = [{"command": "c", "batch": "x" + b, "status": "paused"}] * 70000
    api.post("/tasks/", many)
    api.delete("/batch/x" + b)
    again = Listener(context.server, "?batch=" + b, old.last)
    got = again.next()
    again.close()
    if got != ("reset", {}):
        raise Wrong("%r instead of reset" % (got,))


row("B.24", "more happened than is remembered", step(forgotten))


def alike(context):
    """Rows of all kinds that have the same number: each is told of."""
    with Server(context.server.db) as own:
        old = Listener(own, "?kind=worker&kind=task&kind=execution")
        old.next()
        old.close()
        api = own.api()
        w = api.post("/workers/", {"name": "w", "concurrency": 1}).json["worker_id"]
        t = api.task("c", status="paused")
        e = api.post("/executions/", {"worker_id": w, "task_id": t}).json["execution_id"]
        if (w, t, e) != (1, 1, 1):
            raise Wrong("%r" % ((w, t, e),))
        again = Listener(own, "?kind=worker&kind=task&kind=execution", old.last)
        kinds = sorted(again.next()[0] for _ in range(3))
        again.close()
        if kinds != ["execution", "task", "worker"]:
            raise Wrong("%r" % kinds)


row("B.24", "rows with the same number", step(alike))


def alive(context):
    """A comment, with how far it is, after a while in which nothing happened."""
    lines = [context.kept["l"].answer.readline() for _ in range(3)]
    if lines[0::2] != [b":\n", b"\n"] or not lines[1].startswith(b"id: "):
        raise Wrong("%r" % lines)


if LONG:
    row("B.24", "who listens knows that it is not dead", listen("l", "?batch=$batch"),
        step(alive))
row("B.25", "", task("o", batch="$batch-other"), listen("l", "?batch=$batch"),
    PUT("/tasks/$o", {"name": "x"}), task("t"), heard("l", ("task", TASK_EVENT)))
row("B.25", "two, both hold", listen("l", "?batch=$batch&status=debug"), task("t"),
    PUT("/tasks/$t", {"status": "debug"}), heard("l", ("task", {"status": "debug"})))
row("B.25", "several values", listen("l", "?batch=$batch&name=a&name=b"), task("x"),
    task("a", name="a"), task("b", name="b"),
    told("l", "task", {"name": "b"}, task_id="$b"),
    step(lambda c: [check(c, e, "task") for e, _ in c.kept["l"].before]))
row("B.25", "of what a row has not, none is told", running("e"),
    listen("l", "?task_id=$t"), PUT("/workers/$w", {"prefetch": 2}),
    PUT("/executions/$e", {"pid": "5"}),
    heard("l", ("execution", {"execution_id": "$e", "pid": "5"})))
row("B.25", "kinds", running("e"), listen("l", "?kind=worker&kind=execution"),
    PUT("/tasks/$t", {"name": "x"}), PUT("/executions/$e", {"pid": "6"}),
    told("l", "execution", {"pid": "6"}, execution_id="$e"),
    step(lambda c: [check(c, e, lambda v: v != "task") for e, _ in c.kept["l"].before]))
row("B.25", "wrong ones are refused",
    Call("GET", "/events", {"colour": "red"}, 400, Message(has="colour")),
    Call("GET", "/events?kind=stone", None, 400, Message(has="kind")),
    Call("GET", "/events?task_id=x", None, 400, Message(has="task_id")))
