"""Recruiters over hours in a minute: three batches, ranks and caps, quotas, recycling,
evictions, a killed server, workers given back.  What the provider has is looked at
each second, in its folder and in the process table, and compared with a simulation that
knows the rules and nothing of the server (recruit_model.py).

Most tasks are short; the others wait at a gate that only the test opens.  So whatever
the order in which things happen on the way, the story goes from rest to rest, and at
rest it is known exactly which machines there are.  In between there may be those of
before and those of after, and nothing else."""

import collections
import copy
import errno
import glob
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fleet import *  # noqa: E402,F403
from recruit_model import Model, Offer, Recruiter, Worker as Simulated  # noqa: E402

LIMIT_S = 180
MARK = b"SCITQ_LOCAL_MACHINE="
FLAVORS = {"small": (1, 2, 10, 0.1, 0, ""), "wide": (2, 4, 20, 0.5, 0, ""),
           "big": (4, 16, 100, 0.9, 0, "N"), "risky": (8, 64, 100, 0.01, 20, "")}
REGIONS, QUOTA = ("here", "there"), 8
# (short, gated) tasks; in all 60, or 600.
SIZES = {"alpha": (200, 58), "beta": (0, 9, 121, 50), "gamma": (140, 20)} if LONG else {
    "alpha": (4, 20), "beta": (0, 9, 2, 9), "gamma": (2, 12)}
HAND = 2
MARGIN = 5


# ---- the provider's own list

def parent_of(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return int(f.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def listed(server):
    """{folder: (name, flavor, region, workers that run)}"""
    home = os.path.join(server.settings["SCITQ_STATE_DIR"], "providers", "local")
    workers, found = collections.defaultdict(list), {}
    for pid, (folder, line) in processes(MARK + home.encode() + b"/").items():
        if os.path.basename(line.split(b"\0")[0]) == b"scitq-worker":
            workers[folder].append(pid)
    for folder in set(glob.glob(home + "/*")) | set(workers):
        try:
            with open(folder + "/about") as f:
                name, flavor, region = f.read().split()
        except (OSError, ValueError):  # it is only just made, or nearly gone
            name, flavor, region = "?", folder, "?"
        # Not the children that are about to become something else.
        running = [p for p in workers[folder] if parent_of(p) not in workers[folder]]
        found[folder] = (name, flavor, region, len(running))
    return found


def folder_of(server, name):
    return next(f for f, m in listed(server).items() if m[0] == name)


class Sampler(threading.Thread):
    """Looks each second.  At rest what is seen must be what is expected, on the way all
    of it must be of before or after, and what is in both must be there."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.lock, self.end = server, threading.Lock(), threading.Event()
        self.always, self.perhaps, self.resting = set(), set(), True
        self.samples = self.exact = 0
        self.wrong = []
        remember(self)

    def expect(self, machines):
        """On the way to these."""
        with self.lock:
            self.always, self.perhaps = self.always & machines, self.perhaps | machines
            self.resting = False

    def rest(self, machines):
        with self.lock:
            self.always = self.perhaps = set(machines)
            self.resting = True

    def run(self):
        while not self.end.wait(1):
            with self.lock:
                self.look()

    def look(self):
        seen = sorted(listed(self.server).values())
        self.samples += 1
        self.exact += self.resting
        if self.resting:
            right = seen == sorted((*m, 1) for m in self.always)
        else:
            known = [m[:3] for m in seen if m[0] != "?"]
            right = (self.always <= set(known) <= self.perhaps and
                     len(known) == len(set(known)) and all(m[3] <= 1 for m in seen))
        if not right:
            self.wrong.append("%s: %s, where %s (always %s)" % (
                "at rest" if self.resting else "on the way", seen, sorted(self.perhaps),
                sorted(self.always)))

    def once_more(self):
        """Until one more sample has been taken."""
        before = self.samples
        wait_until("a sample", lambda: self.samples > before, LIMIT_S, 0.05)

    def stop(self):
        forget(self)
        self.end.set()
        if self.is_alive():
            self.join()


# ---- the world and its double

class World:
    def __init__(self, server, model):
        self.server, self.model, self.api = server, model, server.api()
        self.folder = Folder()
        self.gates = {}                          # {task_id: path}, those not yet opened
        self.unfinished = collections.Counter()  # of gated tasks
        self.total = self.number = 0
        self.sampler = Sampler(server)
        self.sampler.start()

    # -- what is done

    def queue(self, batch, short, gated):
        """All in one transaction, the gated last."""
        paths = []
        for _ in range(gated):
            self.number += 1
            paths.append(self.folder.join("gate%d" % self.number))
            os.mkfifo(paths[-1], 0o644)
        self.model.pending[batch] += short + gated
        self.unfinished[batch] += gated
        self.model.sweep()
        self.sampler.expect(self.model.machines())
        commands = ["true"] * short + ["cat " + p for p in paths]
        made = self.api.post("/tasks/", [{"command": c, "batch": batch, "retry": 2}
                                         for c in commands])
        if made.status != 201:
            raise RuntimeError(repr(made))
        self.gates.update(zip([t["task_id"] for t in made.json[short:]], paths))
        self.total += short + gated

    def open(self, worker, task):
        """Let one go on that waits at its gate."""
        path = self.gates.pop(task)

        def try_open():
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                return True
            except OSError as e:
                if e.errno != errno.ENXIO:  # nobody reads yet
                    raise
        batch, _ = worker.tasks.pop(task)
        self.unfinished[batch] -= 1
        wait_until("task %d at its gate" % task, try_open, LIMIT_S, 0.02)

    def open_one(self, worker, batch):
        self.open(worker, min(t for t, (b, runs) in worker.tasks.items()
                              if b == batch and runs))

    def rounds(self, batch):
        """Until nothing of the batch is pending: as many are let go as are pending, and
        their places are taken."""
        while self.model.pending[batch] > 0:
            n = self.model.pending[batch]
            for worker in self.model.workers:
                for task, (b, runs) in sorted(worker.tasks.items()):
                    if b == batch and runs and n > 0 and worker.batch == batch:
                        self.open(worker, task)
                        n -= 1
            self.rest("a round of " + batch, quietly=True)

    def finish(self, batch):
        """All of it, and those who worked for it go."""
        self.rounds(batch)
        for worker in list(self.model.workers):
            for task in [t for t, (b, _) in worker.tasks.items() if b == batch]:
                self.open(worker, task)
        self.rest("%s is done" % batch)

    # -- what is seen

    def tasks(self):
        return [(int(t), batch, status, execution, name) for
                t, batch, status, execution, name in self.server.sql(
            "select t.task_id, t.batch, t.status, coalesce(e.status, ''), "
            "coalesce(w.name, '') from task t left join execution e on "
            "e.task_id = t.task_id and e.latest left join worker w on "
            "w.worker_id = e.worker_id where t.status <> 'succeeded' and "
            "t.batch <> 'a sweep'")]

    def placed(self):
        """The double, told which task is where; None on the way."""
        model, left, pending = copy.deepcopy(self.model), collections.Counter(), \
            collections.Counter()
        for worker in model.workers:
            worker.tasks = {}
        for task, batch, status, execution, name in self.tasks():
            left[batch] += 1
            if task not in self.gates:  # short, or its gate is open
                return None
            if status == "pending":
                pending[batch] += 1
            elif execution in ("pending", "accepted", "running") and name in [
                    w.name for w in model.workers]:
                model.worker(name).tasks[task] = (batch, execution == "running")
            else:
                return None
        if +left != +self.unfinished:
            return None
        model.pending = pending
        full = all(w.room() == 0 for w in model.workers if pending[w.batch])
        return model if full and all(w.is_right() for w in model.workers) else None

    def rows(self):
        return {w["name"]: (w["batch"], w["status"], w["concurrency"], w["prefetch"],
                            {b: tuple(v) for b, v in
                             json.loads(w["task_properties"] or "{}").items()})
                for w in self.api.get("/workers/").json}

    def expected_rows(self):
        return {w.name: (w.batch, "running", w.concurrency, w.prefetch, w.weights)
                for w in self.model.workers}

    def show(self):
        return "rows %s\nwanted %s\nmachines %s\nwanted %s\ntasks %s\nwanted %s" % (
            self.rows(), self.expected_rows(), listed(self.server),
            self.model.machines(), self.tasks(), self.unfinished)

    def until(self, what, condition):
        try:
            return wait_until(what, condition, LIMIT_S, 0.1)
        except TimeoutError:
            diag(self.show())
            raise

    def after_a_sweep(self):
        """A task that waits for nothing, written behind the server's back, is noticed
        by the next sweep: the one in which all recruiters act."""
        self.server.sql(
            "insert into task (command, status, creation_date, batch, retry) values "
            "('x', 'waiting', '2026-11-22 00:00:00.000000', 'a sweep', 0)")
        self.until("a sweep", lambda: self.server.sql(
            "select count(*) from task where status = 'waiting'")[0][0] in ("0", 0))

    def rest(self, what, quietly=False):
        """Both go on until nothing changes any more, by the same way."""
        self.model.sweep()
        self.model.give_back()
        while True:
            self.sampler.expect(self.model.machines())
            self.until("%s: the rows" % what, lambda: self.rows() == self.expected_rows())
            self.until("%s: the machines" % what, lambda: sorted(
                listed(self.server).values()) == sorted(
                    (*m, 1) for m in self.model.machines()))
            self.model = self.until("%s: the tasks" % what, self.placed)
            self.after_a_sweep()
            if not self.model.sweep() and not self.model.give_back():
                break
        self.sampler.rest(self.model.machines())
        if not quietly:
            self.sampler.once_more()
            ok(not self.sampler.wrong, what, "\n".join(self.sampler.wrong[:5]))
            self.sampler.wrong = []

    def count(self, batch):
        """{(flavor, region): workers}"""
        return dict(collections.Counter((w.offer.flavor, w.offer.region)
                                        for w in self.model.of(batch)))


# ---- the story

def recruiter(world, batch, rank, flavor, provider=None, region=None, C=1, p=0, T=1,
              m=None, W=None):
    body = {"batch": batch, "rank": rank, "worker_flavor": flavor,
            "worker_provider": provider, "worker_region": region,
            "worker_concurrency": C, "worker_prefetch": p, "tasks_per_worker": T,
            "minimum_tasks": m, "maximum_workers": W}
    answer = world.api.post("/recruiter/", body)
    is_(answer.status, 201, "recruiter %s/%d" % (batch, rank))
    world.model.recruiters.append(
        Recruiter(batch, rank, flavor, provider, region, C, p, T, m, W))


def rules(world):
    recruiter(world, "alpha", 1, "auto:cpu>=4", "local", "auto", C=2, T=2, W=3)
    recruiter(world, "alpha", 2, "small", "local", "here", C=2, T=2, W=5)
    recruiter(world, "beta", 1, "auto:cpu>=4", C=4, T=4, m=10, W=4)
    recruiter(world, "beta", 2, "auto:cpu>=2", "auto", "auto", C=4, T=1, m=10, W=5)
    recruiter(world, "gamma", 1, "small", C=1, W=3)
    recruiter(world, "gamma", 2, "wide", "local", "here", C=1, p=1, W=4)
    recruiter(world, "gamma", 3, "big", C=2, W=5)


def alpha(world):
    world.queue("alpha", *SIZES["alpha"])
    world.rest("alpha has the workers it is allowed")
    is_(world.count("alpha"), {("big", "there"): 2, ("big", "here"): 1,
                               ("small", "here"): 2},
        "preferred regions first, as far as their quota goes, then the second rank")


def lose(world, worker, how):
    """Its machine goes, by `how`; the test goes on when its row is gone."""
    row = next(w for w in world.api.get("/workers/").json if w["name"] == worker.name)
    world.model.gone(worker.name)
    world.sampler.expect(world.model.machines())
    world.model.sweep()
    world.sampler.expect(world.model.machines())
    how(row["worker_id"], folder_of(world.server, worker.name))
    world.until("the row of %s is gone" % worker.name, lambda: world.api.get(
        "/workers/%d" % row["worker_id"]).status == 404)


def take_back(_, folder):
    open(os.path.join(folder, "evict"), "w").close()


def evicted(world):
    """The provider takes one of three back; a worker of the second rank takes its
    name."""
    worker = next(w for w in world.model.of("alpha") if w.offer.region == "there")
    lose(world, worker, take_back)
    world.rest("one is evicted")
    is_(world.count("alpha"), {("big", "there"): 1, ("big", "here"): 1,
                               ("small", "here"): 3}, "another comes in its place")
    is_(world.model.worker(worker.name).offer.flavor, "small", "under its name")


def dead(world):
    """A machine dies without a word, and somebody deletes its worker."""
    worker = next(w for w in world.model.of("alpha") if w.offer.flavor == "small")

    def kill(worker_id, folder):
        while processes(MARK + folder.encode()):
            for pid in processes(MARK + folder.encode()):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        world.api.delete("/workers/%d" % worker_id)
    lose(world, worker, kill)
    world.rest("one dies, and another comes")


def beta(world):
    """Work for beta when alpha needs no more: some are moved, some come."""
    world.rounds("alpha")
    big = next(w for w in world.model.of("alpha") if w.offer.flavor == "big")
    small = next(w for w in world.model.of("alpha") if w.offer.flavor == "small")
    for worker in (big.name, small.name):
        world.open_one(world.model.worker(worker), "alpha")
    world.rest("two of alpha have a free slot, and nothing is pending")
    short, gated, short2, gated2 = SIZES["beta"]
    world.queue("beta", short, gated)
    world.rest("nine tasks are too few for beta")
    is_(world.count("beta"), {}, "nobody comes")
    world.queue("beta", short2, gated2)
    world.rest("one more is enough")
    is_(world.model.moved, 1, "one is recycled: the other of its flavor is full")
    is_(world.model.worker(big.name).weights, {"alpha": (2.0, 1)},
        "where what it still runs weighs double")
    is_(world.count("beta"), {("big", big.offer.region): 1, ("wide", "there"): 2},
        "the rest come while there is room in a region, fewer than are wanted")
    ok(world.model.passed_over > 0, "a region without room was passed over")
    return big.name


def gamma(world, big):
    world.open_one(world.model.worker("byhand"), "hand")
    world.rest("the permanent worker has a free slot")
    world.queue("gamma", *SIZES["gamma"])
    world.rest("gamma takes small ones, a permanent worker too, and what it names")
    is_(world.model.worker("byhand").batch, "gamma", "the permanent one is moved")
    is_(world.model.worker("byhand").weights, {"hand": (0.5, 1)},
        "its own task weighs half")
    is_(world.count("gamma"), {("small", ""): 1, ("small", "here"): 1,
                               ("wide", "here"): 2}, "whatever the quota says")
    world.rounds("beta")
    world.open_one(world.model.worker(big), "beta")
    world.rest("beta needs no more: one of its workers is moved again")
    is_(world.model.worker(big).weights, {"beta": (0.5, 1), "alpha": (1.0, 2)},
        "weights are rescaled, and older by one")


def server_killed(world):
    """The next one is told to replace what is taken back."""
    world.server.kill()
    world.sampler.once_more()
    world.server.start(EVICTION_ACTION="replace")
    world.rest("nobody comes or goes with the server")


def replaced(world, region, what, wanted):
    """A small one of that region is taken back, and another comes for it."""
    worker = next(w for w in world.model.of("alpha") if (
        w.offer.flavor, w.offer.region) == ("small", region))
    world.model.replace(worker.name, MARGIN)
    world.sampler.expect(world.model.machines())
    lose(world, worker, take_back)
    world.rest("one is replaced " + what)
    new = world.model.workers[-1]
    is_((new.batch, new.offer.flavor, new.offer.region), ("alpha", *wanted),
        "by a %s one %s" % wanted)


def the_end(world):
    idle = next(w for w in world.model.of("alpha") if w.offer.flavor == "big")
    for _ in range(2):
        world.open_one(idle, "alpha")
    world.rest("who has nothing to do goes while others work")
    ok(idle.name not in [w.name for w in world.model.workers], "that was one")
    world.finish("beta")
    replaced(world, "here", "where there is room again", ("small", "there"))
    replaced(world, "there", "by the next best, not where it was just taken back",
             ("wide", "there"))
    for batch in ("alpha", "gamma", "hand"):
        world.finish(batch)
    is_(world.rows(), world.expected_rows(), "only the permanent worker is left")
    is_(listed(world.server), {}, "the provider has nothing")
    done = world.server.sql("select count(*), sum(case when status = 'succeeded' "
                            "then 1 else 0 end) from task where batch <> 'a sweep'")
    is_([int(n) for n in done[0]], [world.total] * 2, "all tasks have succeeded")


def story(db):
    offers = [Offer(name, "local", region, *facts)
              for name, facts in FLAVORS.items() for region in REGIONS]
    model = Model(here(), offers,
                  {("local", region): QUOTA for region in REGIONS}, {"local": "th%"})
    server = Lender(
        db, start=False, LOCAL_WORKER=program("scitq-worker"), LOCAL_QUOTA=QUOTA,
        LOCAL_FLAVORS=" ".join("%s:%g:%g:%g:%g:%g%s" % (
            name, *f[:5], ":" + f[5] if f[5] else "") for name, f in FLAVORS.items()),
        LOCAL_REGIONS=" ".join(REGIONS), PREFERRED_REGIONS="local:th%",
        WORKER_IDLE_DELAY=2, EVICTION_ACTION="delete", EVICTION_COST_MARGIN=MARGIN)
    server.env = {"SCITQ_SUPERVISOR": program("scitq-supervisor")}
    with server.start():
        world = World(server, model)
        with Worker(server, 2, "byhand", ("-b", "hand", "-f", "small")):
            model.workers.append(Simulated(
                "byhand", "hand", Offer("small", "", "", 0, 0, 0, 0, 0, ""), 2,
                permanent=True))
            rules(world)
            world.queue("hand", 0, HAND)
            world.rest("nobody comes where there is no recruiter")
            alpha(world)
            evicted(world)
            dead(world)
            gamma(world, beta(world))
            server_killed(world)
            replaced(world, "here", "in the same place, as there is no other with room",
                     ("small", "here"))
            the_end(world)
            diag("%d tasks; %d samples, %d of them at rest; %d workers deployed, %d "
                 "moved, %d replaced" % (
                     world.total, world.sampler.samples, world.sampler.exact,
                     world.model.deployed, world.model.moved, world.model.replaced))
        world.sampler.stop()


for database in databases() if LONG else databases()[:1]:
    run(story, database)
done()
