"""A batch with its data over a real S3 server and a real Azure Blob emulator, half of it
in containers, one resource for all, two workers, which are killed with -9 in each phase:
while they download, run, upload.

Every command waits for a file before it ends, and both ways of the data go through gates
that can be stalled: so that a kill finds its worker in the phase that it is meant for,
and each says, by the worker's own log, that it did.  At the end each task has one
execution that succeeded, each command ran once, the outputs are listed and read through
the storage itself and compared with what a plain computation gives, and the storage
server's access log tells how often the resource was downloaded.

24 tasks and one kill a phase over SQLite; SCITQ_TEST_LONG=1: 200 tasks, ten kills a
phase, over both databases."""

import hashlib
import io
import os
import random
import re
import subprocess
import sys
import tarfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "system"), os.path.join(HERE, "..", "servers")]
from harness import *  # noqa: E402,F403
from engine import Docker, IMAGE  # noqa: E402
from fetch import tree, write  # noqa: E402
from servers import Servers, environment  # noqa: E402

TASKS = int(os.environ.get("SCITQ_TEST_TASKS", 200 if LONG else 24))
KILLS = int(os.environ.get("SCITQ_TEST_KILLS", 10 if LONG else 1))
SEED = int(os.environ.get("SCITQ_TEST_SEED", random.randrange(10 ** 6)))
STORES = ("s3", "azure")
CONCURRENCY, PREFETCH = 3, 1
STALL = "stall:5000"  # past requests and answers, within the data
RESOURCE = {"db/index": random.Random(SEED).randbytes(30000),  # nothing to compress
            "db/deep/part 1": bytes(range(256)) * 100}

# $1 to $3: where inputs, resources, outputs are; $4: the test's folder; $5: the number.
SCRIPT = r"""
echo ran >> "$4/ran.$5"
ls -A "$1" > "$3/names"
cat "$1"/* "$2/db/index" "$2/db/deep/part 1" > "$3/joined"
mkdir "$3/sub folder"
md5sum < "$3/joined" > "$3/sub folder/sum"
until [ -e "$4/go.$5" ] || [ -e "$4/go" ]; do sleep 0.1; done
echo end >> "$4/ran.$5"
"""


class Job:
    """One task: where its data is, what is in it, what must come out."""

    def __init__(self, number, dice, top, resource_store):
        self.number, self.container, self.top = number, dice.random() < 0.5, top
        self.store = dice.choice(STORES)
        self.inputs = {(dice.choice(STORES), "in/%d.a" % number):
                       dice.randbytes(20000 + 997 * number)}
        if number % 3 == 0:
            self.inputs[dice.choice(STORES), "in/b and %d" % number] = dice.randbytes(
                number % 2 * 1234)
        self.resource = "%s_in://lab/db.tgz|untar" % resource_store

    def fields(self):
        uris = ["%s_in://lab/%s" % (store, name.replace(" ", "%20"))
                for store, name in self.inputs]
        fields = {"input": " ".join(uris), "resource": self.resource, "batch": "batch",
                  "output": "%s_out://lab/%s/%d/" % (self.store, self.top, self.number)}
        if self.container:
            fields["container"] = IMAGE
        return fields

    def expected(self):
        names = sorted(os.path.basename(name) for _, name in self.inputs)
        by_name = {os.path.basename(key[1]): data for key, data in self.inputs.items()}
        joined = b"".join([by_name[n] for n in names] + [
            RESOURCE["db/index"], RESOURCE["db/deep/part 1"]])
        return {"names": "".join(n + "\n" for n in names).encode(), "joined": joined,
                "sub folder/sum": (hashlib.md5(joined).hexdigest() + "  -\n").encode()}


def archive():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in RESOURCE.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


class World:
    """The storages, and an rclone.conf in which each has a gate a way: NAME_in, NAME_out.
    """

    def __init__(self):
        self.folder = Folder("scitq-batch-")
        os.mkdir(self.folder.join("servers"))
        self.servers = Servers(STORES, self.folder.join("servers"), gates=False)
        remember(self)
        with open(self.servers.conf, "a") as f:
            for name in STORES:
                for way in ("in", "out"):
                    server = self.servers[name]
                    lines = server.remote(server.gate(way).port)
                    f.write("[%s_%s]\n%s\n\n" % (name, way, "\n".join(lines)))

    def rclone(self, *words):
        out = subprocess.run(["rclone", "--config", self.servers.conf, *words],
                             env=environment(), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        if out.returncode:
            raise RuntimeError("rclone %s: %s" % (words, out.stderr.decode()))
        return out.stdout.decode()

    def gates(self, way, mode):
        for name in STORES:
            self.servers[name].gate(way).set(mode)

    def fill(self, jobs):
        for name in STORES:
            top = self.folder.join("fill", name)
            write(os.path.join(top, "db.tgz"), archive())
            for job in jobs:
                for (store, path), data in job.inputs.items():
                    if store == name:
                        write(os.path.join(top, path), data)
            self.rclone("copy", "--transfers=8", top, name + ":lab")

    def outputs(self, name, top):
        """What is below `top`, by the storage's own listing, and {name: bytes}."""
        there, to = "%s:lab/%s" % (name, top), self.folder.join("got", name, top)
        listed = self.rclone("lsf", "-R", "--files-only", there).splitlines()
        self.rclone("copy", "--transfers=8", there, to)
        return sorted(listed), {k: v for k, v in tree(to).items() if v is not None}

    def downloads(self, name):
        """Requests in the storage's access log for the resource itself."""
        return len(self.servers[name].requests(r"GET \S*/lab/db\.tgz[? ]"))

    def stop(self):
        forget(self)
        self.servers.stop()
        self.folder.stop()


class Batch:
    """The tasks over one server and two workers."""

    def __init__(self, world, db, resource_store):
        dice = random.Random(SEED)
        self.world, self.name = world, db
        self.jobs = [Job(i, dice, db, resource_store) for i in range(TASKS)]
        world.fill(self.jobs)
        self.control = Folder("scitq-control-")
        os.chmod(self.control.path, 0o777)
        write(self.control.join("script"), SCRIPT.encode())
        self.server = Server(db=db)
        self.api = self.server.api()
        self.workers = [Worker(self.server, concurrency=CONCURRENCY,
                               options=["-b", "batch"], LOG_LEVEL="debug",
                               RCLONE_CONFIG=world.servers.conf) for _ in range(2)]
        for worker in self.workers:
            row = wait_until("registered", lambda: worker.row(self.api))
            self.api.put("/workers/%d" % row["worker_id"], {"prefetch": PREFETCH})
        self.ids = [self.queue(job) for job in self.jobs]

    def queue(self, job):
        fields = job.fields()
        if job.container:
            fields["container_options"] = "-v %s:/control" % self.control.path
            command = "sh /control/script /input /resource /output /control %d"
        else:
            command = "sh -c 'exec sh %s/script $INPUT $RESOURCE $OUTPUT %s %%d'" % (
                self.control.path, self.control.path)
        return self.api.task(command % job.number, **fields)

    # ---- what goes on

    def executions(self):
        return self.api.get("/executions/", {"task_id": self.ids,
                                             "no_output": True}).json

    def phases(self, worker):
        """{execution: the state it was last brought to}, by the worker's log."""
        return dict((int(number), state) for number, state in re.findall(
            r"execution (\d+): \S+ -> (\w+)", worker.log()))

    def inside(self, worker, phase):
        return [n for n, state in self.phases(worker).items() if state == phase]

    def job_of(self, number):
        tasks = {e["execution_id"]: e["task_id"] for e in self.executions()}
        return self.jobs[self.ids.index(tasks[number])]

    def go(self, job):
        return self.control.join("go.%d" % job.number)

    def running(self, worker):
        """An execution that runs, and will until its task is let go."""
        def look():
            for number in self.inside(worker, "running"):
                if not os.path.exists(self.go(self.job_of(number))):
                    return number
            return None
        return wait_until("it runs", look, 180)

    def stalled(self, worker, way, phase):
        """Stall the gates of that way, let a command end, and wait until an execution
        that came into the phase since is held there, connected."""
        def opened():
            return sum(len(self.world.servers[name].gate(way).requests("opened"))
                       for name in STORES)
        job = self.job_of(self.running(worker))
        self.world.gates(way, STALL)
        connections, mark = opened(), len(worker.log())
        write(self.go(job))
        number = wait_until("one comes to be " + phase, lambda: re.findall(
            r"execution (\d+): \S+ -> %s\n" % phase, worker.log()[mark:]))[0]
        wait_until("it moves data", lambda: opened() > connections)
        return int(number)

    # ---- the kills

    def kill(self, worker, phase, round_number, victim):
        """kill -9 of the worker; by its log it was in that phase."""
        worker.kill()
        hit = self.inside(worker, phase)
        kinds = sorted({("plain", "container")[self.job_of(n).container] for n in hit})
        ok(victim in hit, "%s: kill %d while %s: %d of its tasks (%s)" % (
            self.name, round_number, phase, len(hit), ", ".join(kinds)),
           "%d\n%s" % (victim, worker.log()[-2000:]))

    def kill_downloading(self, worker, n):
        self.kill(worker, "downloading", n, self.stalled(worker, "in", "downloading"))
        self.world.gates("in", "pass")
        worker.start()

    def kill_running(self, worker, n):
        victim = self.running(worker)
        self.kill(worker, "running", n, victim)
        if n % 2:  # it ends while there is no worker
            job = self.job_of(victim)
            write(self.go(job))
            wait_until("it ended", lambda: self.ran(job) == "ran\nend\n")
        worker.start()

    def kill_uploading(self, worker, n):
        self.kill(worker, "uploading", n, self.stalled(worker, "out", "uploading"))
        self.world.gates("out", "pass")
        worker.start()

    def ran(self, job):
        try:
            with open(self.control.join("ran.%d" % job.number)) as f:
                return f.read()
        except FileNotFoundError:
            return ""

    # ---- the result

    def check(self):
        def ended():
            now = self.api.call("GET", "/tasks/status", {"task_id": self.ids}).json
            return all(s in (6, 7) for s in now)
        try:
            wait_until("all tasks ended", ended, 1200)
        except TimeoutError:
            diag(self.api.get("/executions/", {"task_id": self.ids}).json)
            raise
        rows = self.executions()
        is_(sorted(r["task_id"] for r in rows), sorted(self.ids),
            "%s: each task has one execution" % self.name)
        is_([(r["status"], self.api.raw_log(r["execution_id"], "stderr")) for r in rows
             if r["status"] != "succeeded"], [], "%s: each succeeded" % self.name)
        is_([j.number for j in self.jobs if self.ran(j) != "ran\nend\n"], [],
            "%s: each command ran once" % self.name)
        for name in STORES:
            want = {"%d/%s" % (job.number, file): data for job in self.jobs
                    if job.store == name for file, data in job.expected().items()}
            listed, got = self.world.outputs(name, self.name)
            is_(listed, sorted(want), "%s: %s lists the outputs of %d tasks, no more" % (
                self.name, name, len(want) // 3))
            is_(sorted(k for k in want if got.get(k) != want[k]), [],
                "%s: %s has them right to the byte" % (self.name, name))

    def stop(self):
        for worker in self.workers:
            worker.stop()
        self.server.stop()
        self.control.stop()


def batch(world, db, resource_store):
    begun = time.monotonic()
    world.gates("in", "pass")  # whatever failed before
    before = world.downloads(resource_store)
    b = Batch(world, db, resource_store)
    for worker in b.workers:
        wait_until("it has the resource", lambda: b.inside(worker, "running"), 120)
    n = 0
    for _ in range(KILLS):
        for kill in (b.kill_downloading, b.kill_running, b.kill_uploading):
            kill(b.workers[n % 2], n)
            n += 1
    write(b.control.join("go"))
    b.check()
    is_(world.downloads(resource_store) - before, len(b.workers),
        "%s: %s answered one download of the resource a worker, %d restarts "
        "notwithstanding" % (db, resource_store, n))
    ok(sum(job.container for job in b.jobs) in range(TASKS // 4, TASKS),
       "%s: %d of %d tasks were in containers" % (
           db, sum(job.container for job in b.jobs), TASKS))
    b.stop()
    diag("%s: %d tasks, %d kills, %.0f s" % (db, TASKS, n, time.monotonic() - begun))


def half_a_resource(world):
    """Killed while the resource itself comes: half of it is given to nobody."""
    jobs = [Job(0, random.Random(SEED), "half", "s3")]
    world.fill(jobs)
    with Server() as server:
        api = server.api()
        with Worker(server, RCLONE_CONFIG=world.servers.conf) as worker:
            world.gates("in", STALL)
            fields = {"resource": jobs[0].resource,
                      "command": "sh -c 'cat $RESOURCE/db/index $RESOURCE/db/deep/*'"}
            task = api.task(**fields)
            base = worker.settings["BASE_WORKDIR"]

            def came():
                return [os.path.join(folder, name)
                        for folder, _, names in os.walk(base) for name in names
                        if "-resources-" in folder and "/data" in folder]
            half = wait_until("it comes", came)
            worker.kill()
            is_(["about" in os.listdir(name.split("/data/")[0]) for name in half],
                [False], "killed while the resource was downloaded")
            before = world.downloads("s3")
            world.gates("in", "pass")
            worker.start()
            want = RESOURCE["db/index"] + RESOURCE["db/deep/part 1"]
            for i, task in enumerate((task, api.task(**fields))):
                api.wait_task(task)
                number = api.get("/executions/", {"task_id": task}).json[0]
                is_(api.raw_log(number["execution_id"]), want,
                    "task %d has it right to the byte" % i)
            wait_until("the storage says so",
                       lambda: world.downloads("s3") - before >= 1)
            ok(world.downloads("s3") - before <= 2,  # the one cut short may be told late
               "it was downloaded once more")
            is_([name for name in half if os.path.exists(name)], [],
                "nothing of the half is left")


def main():
    if os.geteuid() != 0:
        lacking("a batch in containers", "root, who starts the engines")
        done()
    diag("seed %d" % SEED)
    docker = Docker()
    world = World()
    run(half_a_resource, world)
    chosen = databases() if LONG else databases()[:1]
    for i, db in enumerate(chosen):
        run(batch, world, db, STORES[i % 2])
    world.stop()
    docker.stop()
    done()


main()
