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


def kill_all(find):
    """Kill what find() knows by pid, until it finds none."""
    while True:
        found = find()
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Lender(Server):
    """Machines outlive their server, but not the test: neither the local provider's nor
    those that the stand-in for Ansible made workers of."""

    def stop(self):
        super().stop()
        for name, folder in ((b"SCITQ_LOCAL_MACHINE", "SCITQ_STATE_DIR"),
                             (b"SCITQ_STATE_DIR", "SCITQ_PLAYBOOKS")):
            mark = name + b"=" + self.settings.get(folder, "/nowhere").encode() + b"/"
            kill_all(lambda: processes(mark))


def new_server(db="sqlite", start=True, **settings):
    s = {"LOCAL_WORKER": program("scitq-worker"), "WORKER_IDLE_DELAY": 2,
         "WORKER_FIRST_TASK_DELAY": 60, "LOCAL_REGIONS": "here there"}
    s.update(settings)
    server = Lender(db, start=False, **s)
    server.env = {"SCITQ_SUPERVISOR": program("scitq-supervisor")}
    return server.start() if start else server


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


def orphan(server, owner, token, name):
    """A machine that is written down nowhere but at the provider."""
    home = os.path.join(server.settings["SCITQ_STATE_DIR"], "providers", "local")
    folder = os.path.join(home, "%s-%s" % (owner, token))
    os.makedirs(folder)
    with open(os.path.join(folder, "about"), "w") as f:
        f.write("%s\nlocal\nhere\n" % name)
    return folder


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


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFJxTestsOnly me@here"
# Of the remote side nothing is asked that matters here.
SSH = "#!/bin/sh\nexit 0\n"


def ansible(folder, workers=True):
    """Stand-ins for Ansible (ansible_standin.py) and ssh in this folder, and what a server
    needs to take them for these: settings and environment.  Without `workers` those of
    the machines are only said to be there."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                           "ansible_standin.py")) as f:
        program_text = f.read()
    for name, text in (("ansible-playbook", program_text), ("ansible-inventory", program_text),
                       ("ssh", SSH), ("ansible.cfg", "# our own"), ("key", KEY + "\n"),
                       ("site", json.dumps({"ssh_public_key": folder.join("key"),
                                            "keyname": "my pair"}))):
        with open(folder.join(name), "w") as f:
            f.write(text)
        os.chmod(folder.join(name), 0o755)
    os.mkdir(folder.join("inventory"))
    env = {"PATH": folder.path + ":" + os.environ["PATH"],
           "SCITQ_SUPERVISOR": program("scitq-supervisor")}
    if workers:
        env["TEST_WORKER"] = program("scitq-worker")
    return {"SCITQ_PLAYBOOKS": folder.path, "SCITQ_INVENTORY": folder.join("inventory")}, env


def spoil_playbook(folder, words='UNREACHABLE! => {"msg": "no route to it"}', how="once"):
    """The next deployment's playbook fails in these words, or (how "always") each."""
    with open(folder.join("fail"), "w") as f:
        f.write("%s %s" % (how, words))
