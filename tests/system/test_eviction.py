"""Machines that are taken back, that vanish and that nobody owns: noticed on the worker
by its provider's plugin, or by the server's janitor, with the local provider and with a
mock of Azure.  What there is is told by this machine's process table and by the mock."""

import glob
import os
import signal
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fleet import *  # noqa: E402,F403
sys.path.insert(1, os.path.join(TOP, "tests", "servers"))
import azure_data as data  # noqa: E402


def deploy(server, n=1, **more):
    body = {"flavor": "local", "provider": "local", "region": "here", "batch": "b",
            "number": n, "concurrency": 1}
    body.update(more)
    server.api().put("/workers/deploy", body)


def workers(server):
    return {w["name"]: w for w in server.api().get("/workers/").json}


def running(server):
    return [n for n, w in workers(server).items() if w["status"] == "running"]


def folder_of(server, name):
    """The folder of a worker's machine."""
    home = os.path.join(server.settings["SCITQ_STATE_DIR"], "providers", "local")
    for path in glob.glob(home + "/*/about"):
        with open(path) as f:
            if f.readline().strip() == name:
                return os.path.dirname(path)


def take_back(server, name):
    open(os.path.join(folder_of(server, name), "evict"), "w").close()


def marked(folder):
    """The machine's processes."""
    return {pid: line for pid, (value, line) in
            processes(b"SCITQ_LOCAL_MACHINE=" + folder.encode()).items() if value == folder}


def crash(server, name, remove=False):
    """The machine dies, and with `remove` is no more."""
    folder = folder_of(server, name)
    kill_all(lambda: marked(folder))
    if remove:
        shutil.rmtree(folder)


def why(server):
    return lambda: "%s %s %s" % (workers(server), server.log()[-3000:],
                                 server.sql("select action, target, status, log from job"))


def worker_of(server, task):
    rows = server.sql("select w.name from execution e join worker w "
                      "on w.worker_id = e.worker_id where e.task_id = %d and e.status = "
                      "'running'" % task)
    return rows[0][0] if rows else None


def taken_back(db):
    """The one that runs a task is taken back: another comes for it, and the task is done
    there, at no cost of a retry."""
    with new_server(db, EVICTION_ACTION="replace", WORKER_IDLE_DELAY=3600) as server:
        api = server.api()
        deploy(server)
        until("a worker comes", lambda: len(running(server)) == 1, why(server))
        first = running(server)[0]
        mark = server.folder.join("mark")
        task = api.post("/tasks/", {"batch": "b", "retry": 1, "command":
                        "sh -c 'echo x >>%s; [ $(wc -l <%s) = 2 ] || sleep 1000'"
                        % (mark, mark)}).json["task_id"]
        until("it works", lambda: os.path.exists(mark), why(server))
        folder = folder_of(server, first)
        take_back(server, first)
        until("another does its task", lambda: api.get("/tasks/%d" % task).json["status"]
              == "succeeded", why(server))
        is_(api.get("/tasks/%d" % task).json["retry"], 1, "no retry was used up")
        until("the first is gone", lambda: list(workers(server)) == running(server) and
              first not in workers(server), why(server))
        is_(len(workers(server)), 1, "one came for one")
        ok(not os.path.exists(folder) and not marked(folder), "with its machine")
        w = list(workers(server).values())[0]
        is_((w["batch"], w["concurrency"], w["region"]), ("b", 1, "there"),
            "for the same batch, where it was not just taken back")


def left_alone():
    """Without EVICTION_ACTION: it stays, evicted, is given nothing and lets go of what it
    had; until somebody says that it runs."""
    with new_server(WORKER_IDLE_DELAY=3600) as server:
        api = server.api()
        deploy(server)
        until("a worker comes", lambda: len(running(server)) == 1, why(server))
        name = running(server)[0]
        pid_file = server.folder.join("pid")
        task = queue(api, "b", 1, "sh -c 'echo $$ >%s; sleep 1000'" % pid_file)[0]
        until("it works", lambda: os.path.exists(pid_file) and
              os.path.getsize(pid_file) > 0, why(server))
        with open(pid_file) as f:
            pid = int(f.read())
        take_back(server, name)
        until("it is evicted", lambda: workers(server)[name]["status"] == "evicted",
              why(server))
        until("its command is stopped", lambda: not os.path.exists("/proc/%d" % pid))
        is_(api.get("/tasks/%d" % task).json["status"], "pending", "its task waits")
        is_([e["status"] for e in api.get("/executions/", {"task_id": task}).json],
            ["failed"], "its execution failed")
        os.unlink(pid_file)
        manage(server, "worker", "update", "-n", name, "-S", "running")
        until("told to run it does", lambda: os.path.exists(pid_file), why(server))
        is_(jobs(server, "worker_destroy"), [], "nobody destroys it")


def vanished(db):
    """Machines that die without a word: tasks are others' as soon as the provider says
    so; not while it says that the machine runs, however silent the worker is."""
    with new_server(db, WORKER_IDLE_DELAY=3600, WORKER_OFFLINE_DELAY=3) as server:
        api = server.api()
        deploy(server, 3)
        until("three workers come", lambda: len(running(server)) == 3, why(server))
        tasks = queue(api, "b", 3, "sleep 1000")
        until("they work", lambda: [worker_of(server, t) for t in tasks].count(None) == 0,
              why(server))
        silent, dead, gone = [worker_of(server, t) for t in tasks]
        frozen = [p for p in machines(server)[os.path.basename(folder_of(server, silent))]]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        until("one is silent", lambda: workers(server)[silent]["status"] == "offline",
              why(server))
        crash(server, dead)
        crash(server, gone, remove=True)
        until("one is destroyed: its machine is gone", lambda: gone not in workers(server),
              why(server))
        until("one is evicted: its machine does not run",
              lambda: workers(server)[dead]["status"] == "evicted", why(server))
        is_(sorted(api.get("/tasks/%d" % t).json["status"] for t in tasks),
            ["pending", "pending", "running"], "their tasks wait for others")
        is_((workers(server)[silent]["status"], worker_of(server, tasks[0])),
            ("offline", silent), "the silent one keeps what it has")
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        until("and is back", lambda: workers(server)[silent]["status"] == "running",
              why(server))
        # One that was silent already when the server ended, and whose machine goes then.
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        until("it is silent again", lambda: workers(server)[silent]["status"] == "offline",
              why(server))
        server.end()
        for name in (silent, dead):
            crash(server, name, remove=True)
        server.sql("update worker set last_contact_date = '2026-01-01 00:00:00.000000' "
                   "where name = '%s'" % silent)
        server.start(WORKER_OFFLINE_DELAY=36000)
        until("the next server asks for those at once", lambda: silent not in
              workers(server), why(server))
        ok(dead in workers(server), "not for one that was there just now")


def found(server):
    return server.sql("select target, status from job where action = 'machine_destroy' "
                      "order by job_id")


def destroy_job(server, token, worker_id):
    """A job that failed to destroy this one."""
    about = {"provider": "local", "token": token, "machine": token, "name": "some"}
    if worker_id:
        about["worker_id"] = int(worker_id)
    server.sql("insert into job (target, action, status, args) values ('%s', "
               "'machine_destroy', 'failed', '%s')" % (token, json.dumps(about)))
    return number(server, "select max(job_id) from job")


def forgotten(db):
    """Machines that nobody owns are reported, and destroyed by whoever restarts the job
    that says so; or by the janitor, when it is told to."""
    with new_server(db, JANITOR_PERIOD=1, WORKER_IDLE_DELAY=3600) as server:
        deploy(server)
        until("a worker comes", lambda: len(running(server)) == 1, why(server))
        mine = running(server)[0]
        owner = os.path.basename(folder_of(server, mine)).split("-")[0]
        # One is being made, by a program that never comes as a worker.
        stand_in = server.folder.join("scitq-worker")
        with open(stand_in, "w") as f:
            f.write("#!/bin/sh\nexec sleep 1000\n")
        os.chmod(stand_in, 0o755)
        server.end()
        server.start(LOCAL_WORKER=stand_in)
        deploy(server)
        until("another is being made", lambda: number(
            server, "select count(*) from job where status = 'running' and log like "
            "'%waiting for its worker%'"), why(server))
        foreign = orphan(server, "s000000000000", "w1-1", "theirs")
        lost = orphan(server, owner, "w999-1", "lost")
        until("what nobody owns is found", lambda: found(server), why(server))
        is_(found(server), [["w999-1", "failed"]], "that alone is reported")
        until("once", lambda: server.log().count("no worker has") == 1)
        job = number(server, "select job_id from job where action = 'machine_destroy'")
        log = manage(server, "job", "log", "-i", job)
        has(log, "local has a machine of ours that no worker has: lost in here",
            "in a sentence")
        has(log, "restarting this job destroys it", "which says what to do")
        ok(os.path.exists(lost), "it is left")
        server.end()
        server.start()
        # A second one as a sign that all were looked at again.
        other = orphan(server, owner, "w998-1", "other")
        until("another is found", lambda: len(found(server)) == 2, why(server))
        is_([s for _, s in found(server)], ["failed", "failed"],
            "what was reported is not reported again")
        has(manage(server, "job", "list"), "machine_destroy", "job list tells")
        manage(server, "job", "restart", "-i", job)
        until("restarting the job destroys it", lambda: not os.path.exists(lost),
              why(server))
        until("and it is done", lambda: found(server)[0][1] == "succeeded")
        ok(os.path.exists(other), "the other is left")
        # One that has a worker by the time its job is restarted; of a worker that came
        # though its deployment failed; and of one whose row is gone.
        token = os.path.basename(folder_of(server, mine)).split("-", 1)[1]
        for worker_id, words in ((None, "delete that worker"),
                                 (token[1:].split("-")[0], "has come after all: delete that")):
            job = destroy_job(server, token, worker_id)
            manage(server, "job", "restart", "-i", job)
            until("what has a worker is not destroyed", lambda: found(server)[-1][1] ==
                  "failed" and words in manage(server, "job", "log", "-i", job), why(server))
            manage(server, "job", "delete", "-i", job)
        is_(running(server), [mine], "its worker goes on")
        # Whose deployment is under way waits for it; the next one is done meanwhile.
        making = [n for n in workers(server) if n != mine][0]
        token = os.path.basename(folder_of(server, making)).split("-", 1)[1]
        waits = destroy_job(server, token, token[1:].split("-")[0])
        manage(server, "job", "restart", "-i", waits)
        job = destroy_job(server, "w996-1", 996)
        left = orphan(server, owner, "w996-1", "left")
        manage(server, "job", "restart", "-i", job)
        until("what is left of a worker that was deleted goes by its token",
              lambda: found(server)[-1][1] == "succeeded", why(server))
        ok(not os.path.exists(left), "wholly")
        manage(server, "job", "delete", "-i", job)
        is_(server.sql("select status from job where job_id = %d" % waits), [["pending"]],
            "of one that is being made waits")
        server.sql("delete from job where job_id = %d" % waits)
        is_(number(server, "select count(*) from job where action = 'worker_deploy' and "
                   "status = 'running'"), 1, "and does not end its making")
        server.end()
        server.start(JANITOR_ACTION="destroy")
        until("told to, the janitor destroys", lambda: not os.path.exists(other),
              why(server))
        until("by the same job", lambda: [s for _, s in found(server)] ==
              ["succeeded", "succeeded"], why(server))
        third = orphan(server, owner, "w997-1", "third")
        until("and what comes later", lambda: not os.path.exists(third), why(server))
        # A worker that is being made, whose row somebody deletes: its job has to end first.
        making = [n for n in workers(server) if n != mine]
        is_(len(making), 1, "nor what is being made")
        folder = folder_of(server, making[0])
        server.sql("delete from worker where name = '%s'" % making[0])
        too_early = []

        def gone():
            too_early.extend(server.sql(
                "select d.target from job d, job w where d.action = 'machine_destroy' and "
                "d.target = '%s' and w.action = 'worker_deploy' and w.status = 'running'"
                % os.path.basename(folder).split("-", 1)[1]))
            return not os.path.exists(folder)
        until("a machine whose worker was deleted by hand goes too", gone, why(server))
        is_(too_early, [], "not before its job has ended")
        ok(os.path.exists(foreign), "never what is another's")
        is_(running(server), [mine], "nor what a worker has")
        shutil.rmtree(foreign)


def kept_awake():
    """The watch of a worker that is killed is started again; its end ends the watch."""
    with new_server(WORKER_IDLE_DELAY=3600) as server:
        deploy(server)
        until("a worker comes", lambda: len(running(server)) == 1, why(server))
        folder = folder_of(server, running(server)[0])

        def watches():
            return [pid for pid, line in marked(folder).items() if b"scitq-watch" in line]
        until("it is watched", lambda: len(watches()) == 1)
        first = watches()[0]
        os.kill(first, signal.SIGKILL)
        until("a watch that is killed is started again", lambda: len(watches()) == 1 and
              watches() != [first])
        with open(os.path.join(folder, "log")) as f:
            has(f.read(), "the watch of local ended (signal 9)", "the worker's log says so")
        for pid in machines(server)[os.path.basename(folder)]:
            os.kill(pid, signal.SIGKILL)
        until("it ends with its worker", lambda: not watches())


class Mock:
    """A mock of tests/servers, for as long as the test."""

    def __init__(self, name):
        script = os.path.join(TOP, "tests", "servers", name + ".py")
        self.process = subprocess.Popen([sys.executable, "-B", script, "0"],
                                        stdout=subprocess.PIPE, text=True)
        self.url = "http://127.0.0.1:" + self.process.stdout.readline().split("=")[1].strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + "/_mock/" + path, data,
                                         {"Content-Type": "application/json"})
        proxies = urllib.request.ProxyHandler({})
        with urllib.request.build_opener(proxies).open(request, timeout=LIMIT_S) as answer:
            return json.loads(answer.read() or b"null")

    def machines(self):
        return [m["name"] for m in self.ask("table")["machines"]]


def cloud():
    """A spot machine of Azure: its metadata service announces that it is taken back, one
    whose row was lost is found, one that somebody else deleted is given up."""
    folder = Folder()
    with Mock("azure") as azure:
        settings, env = ansible(folder)
        settings.update(
            AZURE_SUBSCRIPTION_ID=data.SUBSCRIPTION, AZURE_TENANT=data.TENANT,
            AZURE_CLIENT_ID=data.CLIENT, AZURE_SECRET=data.SECRET,
            AZURE_REGIONS="swedencentral northeurope", AZURE_ARM_ENDPOINT=azure.url,
            AZURE_LOGIN_ENDPOINT=azure.url, AZURE_PRICES_ENDPOINT=azure.url,
            EVICTION_ACTION="delete", JANITOR_PERIOD=1, WORKER_OFFLINE_DELAY=3)
        server = Lender(start=False, **settings)
        # What its machines have of their own; nothing goes through this proxy.
        server.env = dict(env, AZURE_IMDS_ENDPOINT=azure.url,
                          http_proxy="http://127.0.0.1:1")
        with server.start():
            api = server.api()
            where = {"flavor": "Standard_D4ds_v5", "provider": "azure",
                     "region": "swedencentral"}
            for _ in range(3):
                deploy(server, **where)
            until("three workers come", lambda: len(running(server)) == 3, why(server))
            is_(len(azure.machines()), 3, "on a machine each")
            until("their jobs are done", lambda: number(
                server, "select count(*) from job where action = 'worker_deploy' and "
                "status = 'succeeded'") == 3, why(server))
            names = running(server)

            def pid(name):
                with open(folder.join(name + ".pid")) as f:
                    return int(f.read())
            # A list that cannot be had says nothing of anybody.
            azure.ask("set", {"forbidden": True})
            until("a provider that fails is told of", lambda: "which machines azure has is "
                  "not known: " in server.log(), why(server))
            has(server.log(), "AuthorizationFailed", "in its own words")
            azure.ask("set", {"forbidden": False})
            # One's row is lost.
            lost = names[0]
            os.kill(pid(lost), signal.SIGTERM)
            server.sql("delete from worker where name = '%s'" % lost)
            until("it is found", lambda: found(server), why(server))
            is_([s for _, s in found(server)], ["failed"], "and reported")
            is_(len(azure.machines()), 3, "nothing is destroyed yet")
            manage(server, "job", "restart", "-i", number(
                server, "select job_id from job where action = 'machine_destroy'"))
            until("until somebody says so", lambda: len(azure.machines()) == 2, why(server))
            # One is deleted by somebody else.
            groups = {m["name"]: m["id"].split("/")[4] for m in azure.ask("table")["machines"]}
            gone = names[1]
            azure.ask("act", {"do": "delete", "group": groups[gone]})
            os.kill(pid(gone), signal.SIGTERM)
            until("one that is gone is given up", lambda: gone not in workers(server),
                  why(server))
            # One is taken back.
            task = queue(api, "b", 1, "sleep 1000")[0]
            until("the last works", lambda: worker_of(server, task) == names[2],
                  why(server))
            azure.ask("act", {"do": "event", "type": "Reboot", "vm": names[2]})
            azure.ask("act", {"do": "evict", "vm": names[2]})
            until("it is evicted and destroyed", lambda: not workers(server) and
                  not azure.machines(), why(server))
            is_(api.get("/tasks/%d" % task).json["status"], "pending", "its task waits")
            is_(azure.ask("table")["groups"], [], "nothing is left there")
            is_(azure.ask("refused"), [], "and it refused nothing")
            is_(server.log().count("is not known"), 1, "what failed was told of once")


for test in (left_alone, kept_awake, cloud):
    run(test)
for database in databases():
    run(taken_back, database)
    run(vanished, database)
    run(forgotten, database)
done()
