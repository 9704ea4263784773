"""Recruiting end to end with the local provider: workers come, share the work, are
moved to another batch, are taken back, go when idle.  The provider's own list is this
machine's process table and its folder, never what the server says.  (A server killed in
the middle: tests/fault/test_machines.py.)"""

import glob
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fleet import *  # noqa: E402,F403


def story(db):
    """The story of a user who has no account."""
    with new_server(db, WORKER_IDLE_DELAY=8) as server:
        api = server.api()
        manage(server, "recruiter", "create", "-b", "mybatch", "-f", "local", "-P",
               "local", "-r", "here", "-C", 2, "-W", 3)
        has(manage(server, "recruiter", "list"), "mybatch", "the recruiter is listed")
        manage(server, "recruiter", "create", "-b", "next", "-f", "local", "-C", 1)
        queue(api, "mybatch", 40, "sleep 0.05")
        until("all tasks succeed", lambda: (batches(api).get("mybatch") or {})["succeeded"]
              == 40, lambda: "%s %s" % (server.log(), jobs(server, "worker_deploy")))
        names = {w["name"]: w for w in api.get("/workers/").json}
        is_(len(names), 3, "three workers came, no more")
        is_({w["hostname"] is None for w in names.values()}, {False}, "each from a host")
        is_([w["status"] for w in names.values()], ["running"] * 3, "they run")
        is_(api.get("/inventory/").json["_meta"]["hostvars"], {},
            "no playbook takes them for machines of their own")
        done_by = number(server, "select count(distinct worker_id) from execution")
        is_(done_by, 3, "and share the work")
        is_(sorted(len(p) > 0 for p in machines(server).values()), [True] * 3,
            "the provider has as many")
        # The next batch only recycles: the same workers, at its own concurrency.
        queue(api, "next", 2, "sleep 0.2")
        until("two of them are moved", lambda: (batches(api).get("next") or {})["succeeded"]
              == 2, lambda: manage(server, "worker", "list", "-L"))
        moved = number(server, "select count(*) from worker where batch = 'next' "
                       "and concurrency = 1")
        is_(moved, 2, "with the concurrency of the recruiter")
        is_(set(w["name"] for w in api.get("/workers/").json), set(names),
            "nobody else came")
        until("they go when idle", lambda: not api.get("/workers/").json and
              not machines(server), lambda: "%s %s" % (jobs(server, "worker_destroy"),
                                                       machines(server)))
        until("their jobs are done", lambda: number(
            server, "select count(*) from job where action = 'worker_destroy' "
            "and status = 'succeeded'") == 3)
        text = manage(server, "job", "list")
        has(text, "worker_deploy", "job list")
        first = number(server,
                       "select min(job_id) from job where action = 'worker_deploy'")
        has(manage(server, "job", "log", "-i", first), "has come", "job log")
        has(manage(server, "job", "log", "-f", "-i", first), "has come",
            "followed, it ends with its job")
        manage(server, "job", "delete", "-i", first)
        is_(number(server, "select count(*) from job where job_id = %d" % first), 0,
            "job delete")
        api.delete("/jobs/")
        is_(number(server, "select count(*) from job"), 0, "all that ended are deleted")
        manage(server, "recruiter", "update", "-b", "mybatch", "-W", 7)
        is_(api.get("/recruiter/mybatch/1").json["maximum_workers"], 7,
            "recruiter update")
        manage(server, "recruiter", "delete", "-b", "mybatch")
        is_(api.get("/recruiter/mybatch/1").status, 404, "recruiter delete")


def failed(server, words):
    until("a job fails, and says: " + words,
          lambda: any(j[0] == "failed" and words in j[1]
                      for j in jobs(server, "worker_deploy")),
          lambda: jobs(server, "worker_deploy"))


def by_hand():
    """worker deploy, what cannot be deployed, and deletion under way."""
    with new_server(LOCAL_FLAVORS="small:1:2:10:0.2:0 big:8:32:500:1.5:0:N",
                    LOCAL_QUOTA=8, WORKER_CREATE_RETRY=0,
                    STATIC_MACHINES="/dev/null") as server:
        api = server.api()
        text = manage(server, "flavor", "list")
        has(text, "small", "the flavors are known from the start")
        is_([f["name"] for f in api.get("/flavor/", {"min_cpu": 4}).json], ["big"] * 2,
            "filtered")
        has(manage(server, "flavor", "update", "-P", "local"), "2 flavors, 4 offers in 2",
            "flavor update tells what it found")
        job = json.loads(manage(server, "--json", "flavor", "update", "-P", "local"))
        is_((job["action"], job["status"]), ("flavor_update", "succeeded"), "as JSON too")
        has(manage(server, "flavor", "update", "-P", "static"),
            "static offers nothing: scitq-plugin(7) tells where it is told what there is",
            "nor is it silent about nothing")
        has(manage(server, "flavor", "update", "-P", "nobody", good=False),
            "no provider is called nobody", "or why not")
        has(manage(server, "worker", "deploy", "-f", "auto:cpu>=2", "-P", "auto", "-r",
                   "auto", "-C", 3, "-b", "b"), "being deployed", "worker deploy")
        until("it comes", lambda: [w["status"] for w in api.get("/workers/").json]
              == ["running"])
        w = api.get("/workers/").json[0]
        is_((w["flavor"], w["provider"], w["region"], w["concurrency"], w["batch"],
             w["permanent"]), ("big", "local", "here", 3, "b", False), "as it was chosen")
        is_([f["available"] for f in api.get("/flavor/", {"provider": "local",
             "region": "here", "min_cpu": 8}).json], [0], "and its quota is used up")
        for body, words in (
                ({"flavor": "auto:cpu>=100", "provider": "local", "region": "here"},
                 "no flavor auto:cpu>=100"),
                ({"flavor": "auto:cpu>100x", "provider": "local", "region": "here"},
                 "100x is not a number"),
                ({"flavor": "small", "provider": "nobody", "region": "here"},
                 "no provider is called nobody"),
                ({"flavor": "auto", "provider": "local", "region": "moon"},
                 "local offers nothing in a region moon"),
                ({"flavor": "auto", "provider": "static", "region": "auto"},
                 "nothing is known of what static offers: `scitq-manage flavor update"),
                ({"provider": "local", "region": "here"}, "flavor is required"),
                ({"flavor": "small", "provider": "local", "region": "here", "number": 0},
                 "number must be")):
            answer = api.put("/workers/deploy", body)
            ok(answer.status >= 400 and words in answer.json["message"],
               "refused: " + words, str(answer.json))
        is_(len(api.get("/workers/").json), 1, "and nothing is kept")
        # What only its provider can judge fails as a job, in its words; and so does what
        # a recruiter wants of a provider that is not there.
        api.put("/workers/deploy", {"flavor": "huge", "provider": "local",
                                    "region": "here", "batch": "c"})
        failed(server, "no flavor huge")
        api.post("/recruiter/", {"batch": "d", "worker_flavor": "small",
                                 "worker_provider": "nobody", "worker_region": "here",
                                 "worker_concurrency": 1})
        queue(api, "d", 1)
        failed(server, "no provider is called nobody")
        api.delete("/batch/d")
        is_([w["status"] for w in api.get("/workers/").json], ["running", "failed",
                                                               "failed"],
            "and their workers have failed")
        is_(len(machines(server)), 1, "no machine is left of them")
        for w in api.get("/workers/").json:
            api.delete("/workers/%d" % w["worker_id"])
        until("all are destroyed", lambda: not machines(server) and
              not api.get("/workers/").json, lambda: "%s" % api.get("/workers/").json)
        has("".join(j[1] for j in jobs(server, "worker_destroy")),
            "nobody is no provider here, and nothing is known to be made for %s-node3"
            % here(), "the one of a provider that nobody knows too")


def bare():
    """Machines that come bare, from a provider that is not scitq's own: configured by
    Ansible, known to its inventory, forgotten by both."""
    folder = Folder()
    os.makedirs(folder.join("modules", "providers"))
    os.symlink(os.path.join(BUILD, "tests", "system", ".libs", "bare.so"),
               folder.join("modules", "providers", "bare.so"))
    settings, env = ansible(folder)
    spoil_playbook(folder)
    server = Lender(start=False, SCITQ_PLUGIN_PATH=folder.join("modules") + ":", **settings)
    server.env = env
    with server.start():
        api = server.api()

        def machines_there():
            return glob.glob(os.path.join(server.settings["SCITQ_STATE_DIR"],
                                          "providers", "bare", "*"))
        ok("unknown" not in server.log(), "its settings are known", server.log())
        api.put("/workers/deploy", {"flavor": "plain", "provider": "naked",
                                    "region": "shed", "batch": "b b", "concurrency": 2})
        until("it comes", lambda: [w["status"] for w in api.get("/workers/").json]
              == ["running"], lambda: jobs(server, "worker_deploy"))
        until("its job is done", lambda: jobs(server, "worker_deploy")[0][0]
              == "succeeded")
        log = jobs(server, "worker_deploy")[0][1]
        for words in ("UNREACHABLE!", 'failed: deploy.yml failed at "reach : Wait for SSH", '
                      "x: no route to it\n", "trying again", "# our own", "PERCENT_40",
                      "has come", "which only this machine can"):
            has(log, words, "its log has " + words)
        w = api.get("/workers/").json[0]
        is_((w["batch"], w["permanent"], w["flavor"], w["provider"]),
            ("b b", False, "plain", "naked"), "as it was asked for")
        is_(len(machines_there()), 1, "one machine, though there were two tries")
        with open(machines_there()[0]) as f:
            is_(f.read().splitlines()[1:], [KEY, "my pair", "N"],
                "its provider was given the site's key, its name there and the tags")
        is_(os.listdir(os.path.join(server.settings["SCITQ_STATE_DIR"], "ansible")), [],
            "what the playbook was told is gone")
        hosts = api.get("/inventory/").json
        ok(w["name"] in str(hosts) and "2222" in str(hosts) and "127.0.0.1" in str(hosts),
           "Ansible knows how to reach it", str(hosts))
        t = api.post("/tasks/", {"command": "true", "batch": "b b"}).json["task_id"]
        until("a task runs on it",
              lambda: api.get("/tasks/%d" % t).json["status"] == "succeeded")
        api.delete("/workers/%d" % w["worker_id"])
        until("it is destroyed", lambda: not api.get("/workers/").json,
              lambda: jobs(server, "worker_destroy"))
        is_(machines_there(), [], "its provider has nothing of it")
        ok(w["name"] not in str(api.get("/inventory/").json), "nor has the inventory")
        with open(folder.join("calls")) as f:
            calls = [line.split()[:2] for line in f]
        inventory = folder.join("inventory")
        is_(calls, [[inventory, "deploy.yml"]] * 2 + [[inventory, "destroy.yml"]],
            "these playbooks were run")
        not_deployed(folder, server, machines_there)


def not_deployed(folder, server, machines_there):
    """What can never be configured is said before a machine is made."""
    api = server.api()

    def put(name, text):
        with open(folder.join(name), "w") as f:
            f.write(text)

    def without_ansible():
        server.end()
        os.unlink(folder.join("ansible-inventory"))
        server.env["PATH"] = folder.path
        server.start()

    def elsewhere(address):
        server.end()
        server.env["BARE_ADDRESS"] = address
        server.start()

    for address in ("{{lookup('pipe', 'touch /tmp/x')}}", "-oProxyCommand=x", "a b"):
        elsewhere(address)
        api.put("/workers/deploy", {"flavor": "plain", "provider": "naked",
                                    "region": "shed", "batch": "b b"})
        until("the address %s is not believed" % address,
              lambda: jobs(server, "worker_deploy")[-1][0] == "failed",
              lambda: jobs(server, "worker_deploy")[-1])
        has(jobs(server, "worker_deploy")[-1][1], "ansible_host has to be a name or an "
            "address", "its log says why")
        ok(address not in json.dumps(api.get("/inventory/").json),
           "Ansible never hears of it")
        is_(machines_there(), [], "and nothing is left")
    elsewhere("127.0.0.1")
    faults = (
        ("a key that is not there", lambda: put("site", '{"ssh_public_key": "/nowhere"}'),
         "ssh_public_key: cannot", False),
        ("a key that is none",
         lambda: put("site", json.dumps({"ssh_public_key": folder.join("ansible.cfg")})),
         "holds no SSH public key", False),
        ("an inventory that cannot be read", lambda: put("site", "it is broken"),
         "ansible-inventory ended with exit code 5: it is broken", True),
        ("answers that are none", lambda: put("site", "{"), "what ansible-inventory printed",
         False),
        ("no Ansible", without_ansible, "no ansible-inventory here", False),
        ("no inventory", lambda: os.rmdir(folder.join("inventory")),
         "`scitq-manage ansible install` makes it", False))
    for what, spoil, words, again in faults:
        spoil()
        api.put("/workers/deploy", {"flavor": "plain", "provider": "naked",
                                    "region": "shed", "batch": "b b"})
        until("a job fails: " + what, lambda: jobs(server, "worker_deploy")[-1][0] == "failed",
              lambda: jobs(server, "worker_deploy")[-1])
        log = jobs(server, "worker_deploy")[-1][1]
        has(log, words, "it says so")
        is_("trying again" in log, again, "tried again where that may help")
        is_(machines_there(), [], "no machine was made")


def own_machines():
    """Lines that the file of static machines cannot hold: ssh and Ansible would take some
    for options, and an address that is cut is another machine's."""
    folder = Folder()
    with new_server(STATIC_MACHINES=folder.join("machines")) as server:
        for words, good in (("address=10.0.0.1 user=root", True),
                            ("address=node-1.lab user=me.x", True),
                            ("address=2001:db8::1", True),
                            ("address=-oProxyCommand=x", False),
                            ("address=10.0.0.1 user=-oProxyCommand=x", False),
                            ("address={{x}}", False), ("address=10.0.0.1;id", False),
                            ("address=%s.lab" % ("a" * 42), False)):
            with open(folder.join("machines"), "w") as f:
                f.write("m1 %s flavor=own region=lab\n" % words)
            text = manage(server, "flavor", "update", "-P", "static", good=False)
            has(text, "1 flavors" if good else "with its value", "static: " + words)


def interrupted():
    """A worker deleted while it is being made; a job that takes too long."""
    with new_server(LOCAL_WORKER="/bin/sleep", WORKER_CREATE_RETRY=0) as server:
        api = server.api()
        api.put("/workers/deploy", {"flavor": "local", "provider": "local",
                                    "region": "here", "batch": "b"})
        until("what is no worker does not come",
              lambda: jobs(server, "worker_deploy")[0][0] == "failed")
        has(jobs(server, "worker_deploy")[0][1], "does not run any more",
            "its job says what became of it")
        is_(machines(server), {}, "nothing is left")
    folder = Folder()
    stand_in = folder.join("scitq-worker")
    with open(stand_in, "w") as f:
        f.write("#!/bin/sh\nexec sleep 1000\n")
    os.chmod(stand_in, 0o755)
    with new_server(LOCAL_WORKER=stand_in, JOB_MAX_LIFETIME=3,
                    WORKER_CREATE_RETRY=0) as server:
        api = server.api()
        api.put("/workers/deploy", {"flavor": "local", "provider": "local",
                                    "region": "here", "batch": "b", "number": 2})
        until("they are awaited", lambda: [j for j in jobs(server, "worker_deploy")
                                           if "waiting for its worker" in j[1]])
        api.delete("/workers/%d" % api.get("/workers/").json[0]["worker_id"])
        until("one is deleted half-way", lambda: len(api.get("/workers/").json) == 1)
        has(jobs(server, "worker_deploy")[0][1], "canceled", "its job is canceled")
        until("the other takes too long",
              lambda: jobs(server, "worker_deploy")[1][0] == "failed")
        has(jobs(server, "worker_deploy")[1][1], "JOB_MAX_LIFETIME", "its job says so")
        is_(api.get("/workers/").json[0]["status"], "failed", "and it has failed")
        is_(machines(server), {}, "no machine is left")


for test in (by_hand, bare, own_machines, interrupted):
    run(test)
for database in databases():
    run(story, database)
done()
