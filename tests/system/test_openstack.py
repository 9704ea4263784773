#!/usr/bin/env python3
"""The openstack provider under a real server, with the mock of OpenStack and that of OVH's
API (tests/servers): from settings to a worker that goes when it is idle; what a user
reads of each refusal; and kill -9 of the server at any moment, after which the cloud's
own table has no machine that nobody knows.

The last with a real cloud too (HACKING.md, "A real OpenStack"): then servers are counted
by questions of the test to Nova."""

import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
import nova  # noqa: E402
import openstack_forms as form  # noqa: E402
import ovh as ovh_form  # noqa: E402
import fleet  # noqa: E402
from fleet import ansible, until  # noqa: E402
from harness import *  # noqa: E402,F403
from mocks import Running  # noqa: E402

fleet.LIMIT_S = LIMIT_S = 600  # of a real cloud on a busy machine
PLACE = {"flavor": "b2-7", "provider": "ovh", "region": "GRA11", "batch": "b"}


class Cloud:
    """The mock, as a server's settings name it."""
    site = {"keyname": form.KEYPAIR}

    def __init__(self):
        self.mock = Running("openstack")

    def settings(self):
        return {"OS_AUTH_URL": self.mock.url + "/identity/v3", "OS_USERNAME": form.USER,
                "OS_PASSWORD": nova.quoted(form.PASSWORD), "OS_PROJECT_ID": form.PROJECT,
                "OVH_REGIONS": "GRA11 SBG5"}

    def machines(self, owner=None):
        return [s["id"] for s in self.mock.table()["servers"]
                if owner in (None, s["metadata"].get("scitq-owner"))]


def new_server(cloud, fails=False, **settings):
    """With an Ansible of its own, which `fails` once."""
    folder = Folder()
    of_ansible, env = ansible(folder)
    with open(folder.join("site"), "w") as f:
        json.dump({"ssh_public_key": folder.join("key"), **cloud.site}, f)
    if fails:
        fleet.spoil_playbook(folder)
    server = fleet.Lender(start=False, **{
        **cloud.settings(), **of_ansible, "WORKER_CREATE_RETRY": 0, "WORKER_IDLE_DELAY": 2,
        **settings})
    server.env = env
    return server.start()


def jobs(server, action="worker_deploy"):
    return server.sql("select status, log from job where action = '%s' order by job_id"
                      % action)


def ended(server, action="worker_deploy"):
    return [j for j in jobs(server, action) if j[0] in ("failed", "succeeded")]


def story(cloud):
    """An account becomes a worker: prices, the cheapest that will do, a task, its end."""
    with Running("ovh") as ovh:
        keys = {"OVH_ENDPOINT": ovh.url + "/1.0", "OVH_APPLICATIONKEY": ovh_form.KEY,
                "OVH_APPLICATIONSECRET": ovh_form.SECRET,
                "OVH_CONSUMERKEY": ovh_form.CONSUMER, "OS_PROJECT_ID": form.PROJECT}
        with new_server(cloud, **keys) as server:
            api = server.api()
            ok("unknown" not in server.log(), "its settings are known", server.log())
            out = subprocess.run(
                [os.path.join(TOP, "providers/openstack/scitq-ovh-updater"), "-s",
                 server.address], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, timeout=LIMIT_S,
                env=clean_env(PATH=BUILD + ":" + os.environ["PATH"]))
            is_(out.returncode, 0, "scitq-ovh-updater updates: " + out.stdout)
            offers = api.get("/flavor/", {"provider": "ovh", "limit": 100}).json
            ok(offers and all(o["cost"] > 0 for o in offers), "prices are known", str(offers))
            api.put("/workers/deploy", dict(PLACE, flavor="auto:cpu>=2:ram>=4",
                                            region="auto", concurrency=2))
            until("the worker comes", lambda: [w["status"] for w in
                  api.get("/workers/").json] == ["running"], lambda: jobs(server))
            w = api.get("/workers/").json[0]
            best = min((o for o in offers if o["cpu"] >= 2 and o["ram"] >= 4 and
                        "M" not in (o["tags"] or "")), key=lambda o: o["cost"])
            is_((w["flavor"], w["provider"]), (best["name"], "ovh"), "the cheapest that will do")
            until("its job has ended", lambda: ended(server))
            ok(form.PASSWORD not in jobs(server)[0][1] + server.log() and
               "gAAAAA" not in server.log(), "no secret is in a log")
            is_(len(cloud.machines()), 1, "the cloud has one machine")
            t = api.post("/tasks/", {"command": "true", "batch": "b"}).json["task_id"]
            until("a task runs on it",
                  lambda: api.get("/tasks/%d" % t).json["status"] == "succeeded")
            until("idle, it goes", lambda: not api.get("/workers/").json,
                  lambda: jobs(server, "worker_destroy"))
            is_(cloud.machines(), [], "and the cloud has nothing")
        is_(cloud.mock.refused() + ovh.refused(), [], "no request was of another form")


# What is wrong, the server's settings, the mock's, what is deployed, the words of the log.
REFUSALS = (
    ("a wrong password", {"OS_PASSWORD": "wrong"}, {}, {},
     "refuses the login: The request you have made requires authentication. (401)"),
    ("a project that is none", {"OS_PROJECT_ID": "0" * 32}, {}, {}, "refuses the login"),
    ("no password", {"OS_PASSWORD": ""}, {}, {}, "OS_PASSWORD is not set"),
    ("a cloud that does not answer", {"OS_AUTH_URL": "http://127.0.0.1:1/v3"}, {}, {},
     "cannot be reached by OS_AUTH_URL: POST http://127.0.0.1:1/v3"),
    ("an unknown flavor", {}, {}, {"flavor": "b9-9"}, 'no flavor "b9-9" in GRA11'),
    ("an unknown region", {}, {}, {"region": "MOON1"},
     '"MOON1" is no region of this cloud: it has'),
    ("an unknown image", {"OPENSTACK_IMAGE": "BeOS"}, {}, {}, 'no image "BeOS" in GRA11'),
    ("an unknown network", {"OPENSTACK_NETWORK": "Other"}, {}, {},
     'no network "Other" in GRA11'),
    ("an unknown key pair", {"OPENSTACK_KEYNAME": "nokey"}, {}, {},
     "Invalid key_name provided. (400)"),
    ("an unknown zone", {"OPENSTACK_ZONE": "moon"}, {}, {},
     "The requested availability zone is not available (400)"),
    ("a full quota", {}, {"instances": 0}, {},
     "Quota exceeded for instances: Requested 1, but already used 0 of 0 instances (403)"),
    ("too few processors", {}, {"cores": 1}, {}, "Quota exceeded for cores"),
    ("no capacity", {}, {"full": ".*"}, {}, "No valid host was found"),
    ("no right", {}, {"forbidden": True}, {}, "Policy doesn't allow"),
    ("a filter with a typo", {}, {}, {"flavor": "auto:cpu>>8"}, "cpu>>8"),
)
# Troubles that may pass: (what, fault, the words of the first try); the second try helps.
TROUBLES = (
    ("a machine in ERROR", {"match": "POST .*/servers$", "do": "fail",
                            "message": "Disk is on fire."},
     "the machine came up in ERROR: Disk is on fire."),
    ("a server that is forgotten", {"match": "POST .*/servers$", "do": "forget"},
     "that it promised is gone"),
)


def refused(cloud, what, settings, place, words):
    with new_server(cloud, **settings) as server:
        answer = server.api().put("/workers/deploy", place)
        if answer.status == 200:
            until(what + " fails", lambda: ended(server), lambda: jobs(server))
        said = ended(server)[0][1] if answer.status == 200 else answer.json["message"]
        has(said, words, "and says so")
        is_(cloud.machines(owner(server)), [], "nothing is left of it")


def refusals(cloud):
    """Each in the cloud's own words, in the log of its job; nothing is left."""
    for what, settings, of_mock, place, words in REFUSALS:
        cloud.mock.reset()
        cloud.mock.set(**of_mock)
        refused(cloud, what, settings, {**PLACE, **place}, words)
    is_(cloud.mock.refused(), [], "no request was of another form")


def troubles(cloud):
    for what, fault, words in TROUBLES:
        cloud.mock.reset()
        with new_server(cloud, WORKER_CREATE_RETRY=1) as server:
            api = server.api()
            cloud.mock.faults([fault])
            api.put("/workers/deploy", PLACE)
            until(what + ": the next try helps", lambda: ended(server), lambda: jobs(server))
            is_(ended(server)[0][0], "succeeded", "it comes")
            has(ended(server)[0][1], words, "the log tells of the first try")
            is_(len(cloud.machines()), 1, "one machine")
            api.delete("/workers/%d" % api.get("/workers/").json[0]["worker_id"])
            until("it goes", lambda: not api.get("/workers/").json)
            is_(cloud.machines(), [], "all of it")
    with new_server(cloud, fails=True) as server:
        server.api().put("/workers/deploy", PLACE)
        until("a playbook fails", lambda: ended(server))
        has(ended(server)[0][1], "no route to it", "in the words of Ansible")
        is_(cloud.machines(), [], "the machine does not stay")


def outlived(cloud):
    """What is left of a worker whose machine was given back ends, with its tasks: no row is
    made that nobody would remove."""
    with new_server(cloud) as server:
        api, folder = server.api(), server.settings["SCITQ_PLAYBOOKS"]
        there = lambda: fleet.processes(b"SCITQ_STATE_DIR=" + folder.encode() + b"/")  # noqa: E731
        api.put("/workers/deploy", PLACE)
        until("a worker comes", lambda: [w["status"] for w in
              api.get("/workers/").json] == ["running"], lambda: jobs(server))
        w = api.get("/workers/").json[0]
        task = api.post("/tasks/", {"command": "sleep 1000", "batch": "b", "retry": 0})
        until("it runs a task", lambda: api.get(
            "/tasks/%d" % task.json["task_id"]).json["status"] == "running")
        noted = os.path.join(folder, w["name"] + ".pid")
        with open(noted) as f:
            pid = int(f.read())
        os.unlink(noted)
        os.kill(pid, signal.SIGSTOP)
        api.delete("/workers/%d" % w["worker_id"])
        until("its row goes", lambda: not api.get("/workers/").json)
        os.kill(pid, signal.SIGCONT)
        until("it ends, and all of it", lambda: not there(), there)
        is_(api.get("/workers/").json, [], "no row is nobody's")


def owner(server):
    """Whose its machines are, as their metadata says."""
    return "s" + server.sql("select identity from scitq_identity")[0][0][:12].lower()


def killed(cloud, place, rounds, pause_s):
    """Launched and destroyed by a server that is killed, at random moments."""
    seed = random.randrange(10 ** 6)
    diag("seed %d" % seed)
    dice = random.Random(seed)
    with new_server(cloud, JOB_MAX_LIFETIME=LIMIT_S) as server:
        its = owner(server)
        for i in range(rounds):
            api = server.api()
            n = dice.randint(1, 2)
            api.put("/workers/deploy", dict(place, number=n))
            time.sleep(dice.random() * pause_s)
            server.kill()
            server.start()
            api = server.api()
            if dice.random() < 0.5:  # else they are destroyed half-made
                until("round %d: they come" % i, lambda: [w["status"] for w in
                      api.get("/workers/").json] == ["running"] * n, lambda: jobs(server))
                is_(len(cloud.machines(its)), n, "one machine each")
            for w in api.get("/workers/").json:
                api.delete("/workers/%d" % w["worker_id"])
            time.sleep(dice.random() * pause_s)
            server.kill()
            server.start()
            api = server.api()
            until("round %d: they go" % i, lambda: not api.get("/workers/").json,
                  lambda: jobs(server, "worker_destroy"))
            is_(cloud.machines(its), [], "the cloud has none")


def logins(cloud):
    """The ways to log in that an openrc file may say."""
    id, name, secret = cloud.credential()
    none = {"OS_PASSWORD": "", "OS_PROJECT_ID": "", "OS_PROJECT_NAME": ""}
    try:
        for what, settings in (
                ("a project by its name", {"OS_PROJECT_ID": ""}),
                ("an application credential by its id",
                 {**none, "OS_USERNAME": "", "OS_APPLICATION_CREDENTIAL_ID": id,
                  "OS_APPLICATION_CREDENTIAL_SECRET": secret}),
                ("an application credential by its name",
                 {**none, "OS_APPLICATION_CREDENTIAL_NAME": name,
                  "OS_APPLICATION_CREDENTIAL_SECRET": secret})):
            with new_server(cloud, **settings) as server:
                said = fleet.manage(server, "flavor", "update", "-P", "openstack",
                                    good=False)
                has(said, " offers in ", what + " logs in")
                ok(secret not in server.log(), "its secret is not told")
    finally:
        cloud.drop_credential(id)


def real():
    """The same with a real cloud."""
    reason = nova.lacking()
    if reason:
        skip("a real OpenStack", reason)
        return
    cloud = nova.Nova()
    place = {"flavor": cloud.flavor, "region": cloud.region, "provider": "openstack",
             "batch": "b"}
    run(logins, cloud)
    for what, settings, of_mock, other, words in REFUSALS + (
            ("no capacity", {}, {}, {"flavor": cloud.huge}, "No valid host was found"),):
        if not of_mock and (cloud.huge or other != {"flavor": None}):
            run(refused, cloud, what, settings, {**place, **other},
                words.replace("GRA11", cloud.region))
    run(killed, cloud, place, 30, 8)


def main():
    cloud = Cloud()
    try:
        for test in (story, refusals, troubles, outlived):
            run(test, cloud)
        cloud.mock.reset()
        run(killed, cloud, PLACE, 60 if LONG else 3, 0.6)
        is_(cloud.mock.refused(), [], "no request was of another form")
    finally:
        cloud.mock.stop()
    run(real)
    done()


main()
