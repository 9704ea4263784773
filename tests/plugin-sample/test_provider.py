#!/usr/bin/env python3
"""A provider that scitq has never heard of: built outside the tree against an
installation, checked, and then lent from by the installed server, from the flavors it
offers to the machine it takes back, without a change of anything of scitq."""

import glob
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from outside import (  # noqa: E402
    Outside, Server, diag, done, has, is_, json, ok, run, signal, wait_until)
from fleet import processes  # noqa: E402

LIMIT_S = 180
MARK = b"SHED_MACHINE="
outside = Outside()


def checks(so):
    """Right as it is; and what is wrong with those that are not."""
    code, text = outside.tool("scitq-manage", "plugin", "check", so)
    ok(code == 0, "the provider keeps its promises", text)
    has(text, "two instances live side by side", "line by line")
    has(text, "each call canceled before it began says so", "and canceled calls end so")
    path = outside.work.join("site") + ":"
    code, text = outside.tool("scitq-manage", "--json", "plugin", "list",
                              SCITQ_PLUGIN_PATH=path)
    found = {p["name"]: p for p in json.loads(text)} if code == 0 else {}
    ok("shed" in found and "local" in found and not found["shed"]["problem"],
       "it is found beside scitq's own", text)
    is_([s["key"] for s in found["shed"]["settings"]],
        ["SHED_WORKER", "SHED_QUOTA", "SHED_MACHINE"], "with its settings")
    for flag, words in (("-DSHED_DEAF", "canceled before it began"),
                        ("-DSHED_MUTE", "without one line that says why")):
        wrong = outside.build("wrong", "shed.c", "shed", flag)
        code, text = outside.tool("scitq-manage", "plugin", "check", wrong)
        ok(code == 1 and words in text, "one built with %s is refused: %s" % (flag, words),
           text)


class Lender(Server):
    """Machines outlive their server, but not the test."""

    def stop(self):
        super().stop()
        for pid in processes(MARK + self.settings["SCITQ_STATE_DIR"].encode()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def new_server():
    server = Lender(start=False, SCITQ_PLUGIN_PATH=outside.work.join("site") + ":",
                    SHED_WORKER=outside.installed("sbin", "scitq-worker"), SHED_QUOTA=6,
                    WORKER_IDLE_DELAY=2, WORKER_CREATE_RETRY=0, EVICTION_ACTION="delete")
    server.binary = outside.installed("sbin", "scitq-server")
    server.fetch = outside.installed("bin", "scitq-fetch")
    libexec = outside.installed("libexec", "scitq")
    server.env = {"LD_LIBRARY_PATH": outside.installed("lib"),
                  "SCITQ_PLUGIN_PATH": outside.work.join("site") + ":",
                  "SCITQ_SUPERVISOR": os.path.join(libexec, "scitq-supervisor"),
                  "SCITQ_WATCH": os.path.join(libexec, "scitq-watch")}
    return server.start()


class Shed:
    """What the shed has: its folders, and the processes of this machine."""

    def __init__(self, server):
        self.home = os.path.join(server.settings["SCITQ_STATE_DIR"], "providers", "shed")

    def folders(self):
        return {open(f + "/about").read().split()[0]: f
                for f in glob.glob(self.home + "/*") if os.path.exists(f + "/about")}

    def processes(self):
        return list(processes(MARK + self.home.encode()))


def story():
    with new_server() as server:
        api, shed = server.api(), Shed(server)

        def workers():
            return {w["name"]: w for w in api.get("/workers/").json}

        def manage(*words):
            code, text = outside.tool("scitq-manage", "-s", server.address,
                                      *map(str, words))
            ok(code == 0, "scitq-manage " + " ".join(map(str, words)), text)
            return text

        def until(what, condition):
            try:
                wait_until(what, condition, LIMIT_S, 0.05)
            except TimeoutError:
                diag("%s\n%s" % (workers(), server.log()[-3000:]))
                diag(server.sql("select action, status, log from job"))
                raise
            ok(True, what)

        is_([f for f in api.get("/flavor/", {"provider": "shed"}).json], [],
            "what it offers is not known before it is asked")
        has(manage("flavor", "update", "-P", "shed"), "1 flavors, 1 offers in 1 regions",
            "it tells when it is")
        has(manage("flavor", "list", "-P", "shed", "--protofilters", "cpu>=2:tags#N"),
            "bench", "its flavor is listed")
        manage("worker", "deploy", "-f", "auto:cpu>=2", "-P", "shed", "-r", "auto", "-b",
               "trial", "-C", 1)
        until("a worker comes", lambda: [w["status"] for w in workers().values()]
              == ["running"])
        w = list(workers().values())[0]
        is_((w["flavor"], w["provider"], w["region"], w["permanent"]),
            ("bench", "shed", "garden", False), "of that provider")
        is_(list(shed.folders()), [w["name"]], "which has one machine")
        t = api.task("true", batch="trial")
        ok(api.wait_task(t), "a task runs there")
        taken_back(server, api, shed, w, workers, until)
        # Recruited, and given back when there is nothing to do.
        manage("recruiter", "create", "-b", "trial", "-f", "auto:provider==shed", "-P",
               "auto", "-r", "garden", "-C", 1, "-W", 5)
        ids = [api.task("sleep 1", batch="trial") for _ in range(8)]
        until("recruited ones do the rest", lambda: all(
            api.get("/tasks/%d" % i).json["status"] == "succeeded" for i in ids))
        rows = server.sql("select count(distinct worker_id) from execution e "
                          "where task_id in (%s)" % ",".join(map(str, ids)))
        ok(1 <= int(rows[0][0]) <= 3, "no more than its quota of processors lets come",
           rows)
        until("they are given back", lambda: not workers())
        is_(glob.glob(shed.home + "/*"), [], "the shed has no machine")
        is_(shed.processes(), [], "and no process")


def taken_back(server, api, shed, w, workers, until):
    """Evicted: the task that runs there goes back, the machine too."""
    t = api.task("sleep 1000", batch="trial", retry=0)
    api.wait_task(t, "running")
    open(os.path.join(shed.folders()[w["name"]], "evict"), "w").close()
    until("it is evicted and destroyed", lambda: not workers() and not shed.folders())
    is_(shed.processes(), [], "with all that ran there")
    is_(api.get("/tasks/%d" % t).json["status"], "pending", "its task is pending again")
    api.put("/tasks/%d" % t, {"command": "true"})


run(outside.install)
run(checks, outside.build("providers", "shed.c", "shed"))
run(story)
done()
