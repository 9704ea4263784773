"""What the tests of the fleet share: a server that lends machines of its own, what there
is of them on this machine, and a stand-in for Ansible."""

import glob
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

LIMIT_S = 120


def processes(mark):
    """{pid: (value, command line)} of those with a variable that begins so."""
    found = {}
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as f:
                words = [w for w in f.read().split(b"\0") if w.startswith(mark)]
            with open(path.replace("environ", "cmdline"), "rb") as f:
                line = f.read()
        except OSError:
            continue
        if words:
            found[int(path.split("/")[2])] = (words[0].split(b"=", 1)[1].decode(), line)
    return found


class Lender(Server):
    """Machines outlive their server, but not the test: neither the local provider's nor
    those that the stand-in for Ansible made workers of."""

    def stop(self):
        super().stop()
        for name, folder in ((b"SCITQ_LOCAL_MACHINE", "SCITQ_STATE_DIR"),
                             (b"SCITQ_STATE_DIR", "SCITQ_PLAYBOOKS")):
            mark = name + b"=" + self.settings.get(folder, "/nowhere").encode() + b"/"
            while processes(mark):
                for pid in processes(mark):
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass


def new_server(db="sqlite", **settings):
    s = {"LOCAL_WORKER": program("scitq-worker"), "WORKER_IDLE_DELAY": 2,
         "WORKER_FIRST_TASK_DELAY": 60, "LOCAL_REGIONS": "here there"}
    s.update(settings)
    server = Lender(db, start=False, **s)
    server.env = {"SCITQ_SUPERVISOR": program("scitq-supervisor")}
    return server.start()


def machines(server):
    """{folder: [pid]}: every machine there is a folder or a process of."""
    home = os.path.join(server.settings["SCITQ_STATE_DIR"], "providers", "local")
    found = {os.path.basename(f): [] for f in glob.glob(home + "/*")}
    mark = b"SCITQ_LOCAL_MACHINE=" + home.encode() + b"/"
    for pid, (folder, line) in processes(mark).items():
        pids = found.setdefault(os.path.basename(folder), [])
        if b"scitq-worker" in line:
            pids.append(pid)
    return found


def until(what, condition, show=lambda: ""):
    try:
        wait_until(what, condition, LIMIT_S, 0.05)
    except Exception:
        diag(str(show()))
        raise
    ok(True, what)


def manage(server, *words, good=True):
    p = subprocess.run([program("scitq-manage"), "-s", server.address, *map(str, words)],
                       env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, timeout=LIMIT_S)
    if good and p.returncode != 0:
        ok(False, "scitq-manage " + " ".join(map(str, words)), p.stdout)
    return p.stdout


def queue(api, batch, n, command="true"):
    return [t["task_id"] for t in
            api.post("/tasks/", [{"command": command, "batch": batch}] * n).json]


def batches(api):
    return {b["batch"]: b for b in api.get("/batch/").json}


def jobs(server, action):
    return server.sql("select status, log from job where action = '%s' "
                      "order by job_id" % action)


def number(server, sql):
    return int(server.sql(sql)[0][0])


def here():
    return socket.gethostname().split(".")[0]


ANSIBLE = """#!/usr/bin/env python3
# In Ansible's place: what it is asked is noted, a worker started or ended.
import json, os, signal, stat, subprocess, sys
folder = os.path.dirname(sys.argv[0])
if os.path.basename(sys.argv[0]) == "ansible-inventory":
    assert sys.argv[1:] == ["-i", os.path.join(folder, "inventory"), "--host", "localhost"]
    with open(os.path.join(folder, "site")) as f:
        text = f.read()
    if text.startswith("{"):
        print(text)
        sys.exit(0)
    print(text, file=sys.stderr)
    sys.exit(5)
i, inventory, e, variables, playbook = sys.argv[1:]
assert (i, e, variables[0]) == ("-i", "-e", "@"), sys.argv
assert stat.S_IMODE(os.stat(variables[1:]).st_mode) == 0o600
assert os.path.basename(variables).startswith("worker-"), "named by users' words"
with open(variables[1:]) as f:
    v = json.load(f)
v["scitq_host"] = v["scitq_host"]["__ansible_unsafe"]
name = os.path.basename(playbook)
pid_file = os.path.join(folder, v["scitq_host"] + ".pid")
with open(os.path.join(folder, "calls"), "a") as f:
    f.write("%s %s\\n" % (inventory, name))
with open(os.environ["ANSIBLE_CONFIG"]) as f:
    print(f.read().strip())
if name == "deploy.yml":
    if os.path.exists(os.path.join(folder, "fail")):
        os.unlink(os.path.join(folder, "fail"))
        print("TASK [reach : Wait for SSH] ****")
        print('fatal: [x]: UNREACHABLE! => {"msg": "no route to it"}', file=sys.stderr)
        sys.exit(4)
    print("TASK [x] PERCENT_40")
    p = subprocess.Popen(
        [os.environ["TEST_WORKER"], v["scitq_server"], str(v["scitq_concurrency"]), "-n",
         v["scitq_host"], "-b", v["scitq_batch"]["__ansible_unsafe"], "-c", "/dev/null"],
        env=dict(os.environ, SCITQ_STATE_DIR=os.path.join(folder, v["scitq_host"]),
                 BASE_WORKDIR=os.path.join(folder, "work"), SCITQ_PERMANENT_WORKER="0"),
        start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    with open(pid_file, "a") as f:
        f.write("%d\\n" % p.pid)
elif os.path.exists(pid_file):  # its machine is gone: nothing on it says goodbye
    with open(pid_file) as f:
        for pid in f.read().split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
    os.unlink(pid_file)
"""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFJxTestsOnly me@here"


def ansible(folder):
    """The stand-in in this folder, and what a server needs to take it for Ansible:
    settings and environment."""
    for name, text in (("ansible-playbook", ANSIBLE), ("ansible-inventory", ANSIBLE),
                       ("ansible.cfg", "# our own"), ("key", KEY + "\n"),
                       ("site", json.dumps({"ssh_public_key": folder.join("key"),
                                              "keyname": "my pair"}))):
        with open(folder.join(name), "w") as f:
            f.write(text)
        os.chmod(folder.join(name), 0o755)
    os.mkdir(folder.join("inventory"))
    return ({"SCITQ_PLAYBOOKS": folder.path, "SCITQ_INVENTORY": folder.join("inventory")},
            {"PATH": folder.path + ":" + os.environ["PATH"],
             "SCITQ_SUPERVISOR": program("scitq-supervisor"),
             "TEST_WORKER": program("scitq-worker")})
