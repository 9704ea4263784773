"""kill -9 of the server at random moments while it makes and destroys machines: at every
such moment each machine that there is at the provider belongs to a worker's row, and
none is there twice but where a cloud made two and the job that is to delete one of them
was cut off; once all jobs have ended none is, and in the end there is none.

On each provider that can be had anywhere: local, with real workers; static; and the
mocks of Azure and OpenStack, which are made to lose answers, to repeat requests, to be
full or slow.  Machines are counted in the provider's own table while the server is dead.
Moments and deeds are random; the seed is printed, and SCITQ_TEST_SEED gives it back.
SCITQ_TEST_LONG=1: 300 cycles a provider."""

import glob
import os
import random
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "system"))
from harness import *  # noqa: E402,F403
from clouds import (  # noqa: E402
    Running, azure_settings, azure_tokens, openstack_settings, openstack_tokens)
from fleet import Lender, ansible, machines  # noqa: E402

SEED = int(os.environ.get("SCITQ_TEST_SEED", random.randrange(10 ** 6)))
CYCLES = 300 if LONG else 3
QUIET_EVERY = 25  # cycles
LIVE = 6          # workers at once
SETTLE_S = 300
TWINS_S = 10


class Local:
    name, flavors, regions = "local", ["local"], ["here", "there"]
    settings = {"LOCAL_REGIONS": "here there"}
    makes_twins = False  # of a request that comes twice

    def start(self, folder):
        self.settings = dict(self.settings, LOCAL_WORKER=program("scitq-worker"))

    def tokens(self, server):
        """The token of every machine that there is, as often as it is there."""
        return [folder.split("-", 1)[1] for folder, pids in machines(server).items()
                for _ in range(max(1, len(pids)))]

    def more(self, server):
        """What helps to see why."""
        return subprocess.run(["ps", "-o", "pid,ppid,stat,etimes,args", "-p", ",".join(
            str(pid) for pids in machines(server).values() for pid in pids)],
            stdout=subprocess.PIPE, text=True).stdout

    def trouble(self, rng):
        pass

    def calm(self):
        pass

    def check(self):
        pass


class Static(Local):
    name, flavors, regions = "static", ["small"], ["lab"]
    settings = {}

    def start(self, folder):
        self.settings = {"STATIC_MACHINES": folder.join("machines")}
        with open(folder.join("machines"), "w") as f:
            for i in range(LIVE):
                f.write("m%d address=10.0.0.%d user=lab flavor=small region=lab cpu=4 "
                        "ram=16 disk=100\n" % (i, i))

    def tokens(self, server):
        found = []
        for lease in glob.glob(os.path.join(server.settings["SCITQ_STATE_DIR"],
                                            "providers", "static", "*.lease")):
            with open(lease) as f:
                found.append(f.read().split()[1])
        return found


class Mocked(Local):
    """One of tests/servers: MAKE and END are the requests that matter most."""

    def start(self, folder):
        self.mock = Running(self.mocked)
        remember(self.mock)
        self.calm()

    def trouble(self, rng):
        if rng.random() < 0.5:
            return
        match = rng.choice([self.make, self.end, ".*", "GET .*"])
        deed = rng.choice(["lose", "drop", "repeat", "cut", "slow", "status", "lie"])
        fault = {"match": match, "do": deed, "times": rng.choice([1, 2, 5])}
        if deed == "status":
            fault.update(status=503, headers={"Retry-After": 0})
        if deed == "slow":
            fault.update(delay_s=0.2)
        if deed == "lie":
            fault.update(match="DELETE .*")
        self.mock.faults([fault])
        if rng.random() < 0.2:
            self.mock.set(**self.full)

    def calm(self):
        self.mock.faults([])
        self.mock.set(delay_s=0.05, **self.room)

    def check(self):
        is_(self.mock.refused(), [], "no request of another form than the published one")


class Azure(Mocked):
    name, mocked, flavors = "azure", "azure", ["Standard_D4ds_v5", "Standard_F32s_v2"]
    regions = ["swedencentral", "northeurope"]
    make, end = "PUT .*virtualMachines", "DELETE .*"
    full, room = {"capacity": {"*": "AllocationFailed"}}, {"capacity": {},
                                                           "spot_cores": 2000}

    def start(self, folder):
        super().start(folder)
        self.settings = azure_settings(self.mock.url, " ".join(self.regions))

    def tokens(self, server):
        return azure_tokens(self.mock)


class Openstack(Mocked):
    name, mocked, flavors, regions = "ovh", "openstack", ["b2-7"], ["GRA11", "SBG5"]
    make, end = "POST .*/servers$", "DELETE .*"
    full, room = {"full": ".*"}, {"full": "", "cores": 2000, "instances": 500}
    makes_twins = True

    def start(self, folder):
        super().start(folder)
        self.settings = openstack_settings(self.mock.url, " ".join(self.regions))

    def tokens(self, server):
        return openstack_tokens(self.mock)


# ---- one cycle

def workers(api):
    return api.get("/workers/").json


def do_something(api, site, rng):
    """Some workers are made, or destroyed, or both."""
    there = workers(api)
    if len(there) < LIVE and rng.random() < 0.7:
        api.put("/workers/deploy", {
            "provider": site.name, "flavor": rng.choice(site.flavors), "batch": "b",
            "region": rng.choice(site.regions), "concurrency": 1,
            "number": rng.randint(1, LIVE - len(there))})
    for w in there:
        if rng.random() < (0.8 if len(there) == LIVE else 0.3):
            api.delete("/workers/%d" % w["worker_id"])


def twins(tokens):
    return {token for token in tokens if tokens.count(token) > 1}


def unowned(server, site):
    """What is wrong at the provider, seen while nobody works there; None: nothing."""
    there = []
    at_work = {row[0] for row in server.sql(
        "select w.token from worker w join job j on j.target = w.name "
        "where w.token is not null and j.status in ('pending', 'running')")}
    at_work = at_work if site.makes_twins else set()

    def alone():
        """A worker that starts its supervisor looks like two for a moment; two that are
        two stay, since no server is there to refuse one."""
        there[:] = site.tokens(server)
        return twins(there) <= at_work
    try:
        wait_until("no machine is there twice", alone, TWINS_S, 0.1)
    except TimeoutError:
        pass
    rows = {row[0] for row in server.sql("select token from worker where token is not null")}
    if not twins(there) <= at_work:
        return "there twice: %s\n%s" % (sorted(there), site.more(server))
    if not set(there) <= rows:
        return "nobody's: %s" % sorted(set(there) - rows)
    return None


def cycle(server, site, rng):
    site.calm()
    site.trouble(rng)
    do_something(server.api(), site, rng)
    time.sleep(rng.random() ** 2)  # the moment
    server.kill()
    wrong = unowned(server, site)
    server.start()
    return wrong


def quiet(server):
    return server.sql("select count(*) from job where status in ('pending', 'running')"
                      )[0][0] in (0, "0")


def settle(server, site):
    """With nothing in its way each job comes to its end, and who runs has a machine."""
    site.calm()
    wait_until("all jobs have ended", lambda: quiet(server), SETTLE_S, 0.1)
    tokens = [row[0] for row in server.sql(
        "select token from worker where provider = '%s' and status = 'running'" % site.name)]
    there = site.tokens(server)
    is_(sorted(set(tokens) - set(there)), [], "who runs has a machine")
    if site.makes_twins:
        is_(sorted(twins(there)), [], "and one only")


def give_back(server, site):
    api = server.api()

    def gone():
        for w in workers(api) if quiet(server) else []:
            api.delete("/workers/%d" % w["worker_id"])
        return not workers(api) and quiet(server)
    site.calm()
    wait_until("all workers are destroyed", gone, SETTLE_S, 0.1)
    is_(site.tokens(server), [], "no machine is left")


def random_kills(site, db):
    rng, folder = random.Random("%d %s" % (SEED, site.name)), Folder()
    site.start(folder)
    of_ansible, env = ansible(folder, workers=False)
    server = Lender(db, start=False, WORKER_IDLE_DELAY=100000,
                    WORKER_FIRST_TASK_DELAY=100000, WORKER_OFFLINE_DELAY=100000,
                    **of_ansible, **site.settings)
    server.env = env
    wrong, done_cycles, begin = None, 0, time.monotonic()
    with server.start():
        while not wrong and done_cycles < CYCLES:
            wrong = cycle(server, site, rng)
            done_cycles += 1
            if not wrong and done_cycles % QUIET_EVERY == 0:
                settle(server, site)
        ok(not wrong, "each machine is of one worker, whenever the server dies", wrong)
        made = server.sql("select count(*) from job where action = 'worker_deploy'")[0][0]
        settle(server, site)
        give_back(server, site)
        site.check()
    diag("%s, %s: %d cycles, %s workers deployed, %d s" % (
        site.name, db, done_cycles, made, time.monotonic() - begin))


diag("SCITQ_TEST_SEED=%d" % SEED)
known = databases()
for number, one in enumerate((Local(), Static(), Azure(), Openstack())):
    run(random_kills, one, known[number % len(known)])
done()
