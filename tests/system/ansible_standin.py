#!/usr/bin/env python3
"""In the place of ansible-playbook and of ansible-inventory, by whose names it is called
(fleet.py puts it into a folder).  Beside it there:

babble  deploy.yml says the worker's token, and fails
site    what the inventory says to localhost: JSON, else words it fails with
fail    "once WORDS" or "always WORDS": deploy.yml fails with them, which "noise" begins
        where it prints more than a megabyte before
calls   what was asked is noted here

Where TEST_WORKER names a scitq-worker, deploy.yml starts one and destroy.yml ends it; else
the worker registers, and is never heard of again: the server has to be given all the time
to notice."""

import hashlib
import http.client
import json
import os
import signal
import stat
import subprocess
import sys

FOLDER = os.path.dirname(sys.argv[0])


def beside(name):
    return os.path.join(FOLDER, name)


def fail(text, status):
    print(text, file=sys.stderr)
    sys.exit(status)


def own_token():
    """The inventory's scripts read the server with it; nobody else does."""
    path = os.environ["SCITQ_TOKEN_FILE"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and "SCITQ_TOKEN" not in os.environ
    with open(path) as f, open(beside("token"), "w") as to:
        to.write(f.read())


def inventory():
    assert sys.argv[1:] == ["-i", beside("inventory"), "--host", "localhost"], sys.argv
    with open(beside("site")) as f:
        text = f.read()
    if not text.startswith("{"):
        fail(text, 5)
    print(text)


def told(path):
    """What the playbook has to know; only its owner reads it, and no user named it."""
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert os.path.basename(path).startswith("worker-"), "named by users' words"
    with open(path) as f:
        v = json.load(f)
    for key in ("scitq_host", "scitq_batch"):  # users wrote them
        v[key] = v[key]["__ansible_unsafe"]
    return v


def fail_if_told():
    if not os.path.exists(beside("fail")):
        return
    with open(beside("fail")) as f:
        how, words = f.read().split(" ", 1)
    if how == "once":
        os.unlink(beside("fail"))
    for _ in range(300 if words.startswith("noise") else 0):
        print("x" * 4000)
    print("TASK [reach : Wait for SSH] ****")
    fail("fatal: [x]: " + words, 4 if "UNREACHABLE" in words else 2)


def register(v):
    host, port = v["scitq_server"].split("//")[-1].split("/")[0].split(":")
    c = http.client.HTTPConnection(host, int(port), timeout=60)
    c.request("POST", "/workers/register", json.dumps({
        "name": v["scitq_host"], "hostname": v["scitq_host"], "permanent": False,
        "concurrency": v["scitq_concurrency"], "batch": v["scitq_batch"],
        "launch_token": v["scitq_launch_token"],
        "spool": hashlib.md5(v["scitq_host"].encode()).hexdigest()}),
        {"Content-Type": "application/json", "Authorization": "Bearer " + v["scitq_token"]})
    answer = c.getresponse()
    if answer.status // 100 != 2:
        fail("fatal: [x]: %s %s" % (answer.status, answer.read()), 2)


def start(v):
    p = subprocess.Popen(
        [os.environ["TEST_WORKER"], v["scitq_server"], str(v["scitq_concurrency"]), "-n",
         v["scitq_host"], "-b", v["scitq_batch"], "-c", "/dev/null"],
        env=dict(os.environ, SCITQ_STATE_DIR=beside(v["scitq_host"]),
                 BASE_WORKDIR=beside("work"), SCITQ_PERMANENT_WORKER="0",
                 SCITQ_LAUNCH_TOKEN=v["scitq_launch_token"], SCITQ_TOKEN=v["scitq_token"]),
        start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    with open(beside(v["scitq_host"] + ".pid"), "a") as f:
        f.write("%d\n" % p.pid)


def end(v):
    """Its machine is gone: nothing on it says goodbye."""
    pid_file = beside(v["scitq_host"] + ".pid")
    if not os.path.exists(pid_file):
        return
    with open(pid_file) as f:
        for pid in f.read().split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
    os.unlink(pid_file)


def playbook():
    i, where, e, variables, path = sys.argv[1:]
    assert (i, e, variables[0]) == ("-i", "-e", "@"), sys.argv
    v, name = told(variables[1:]), os.path.basename(path)
    with open(beside("calls"), "a") as f:
        f.write("%s %s\n" % (where, name))
    with open(os.environ["ANSIBLE_CONFIG"]) as f:
        print(f.read().strip())
    if name == "destroy.yml":
        end(v)
        return
    if os.path.exists(beside("babble")):
        print("TASK [babble] %s and %s" % (v["scitq_token"], v["scitq_token"]))
        sys.exit("fatal: [x]: FAILED! => {\"msg\": \"it is %s\"}" % v["scitq_token"])
    fail_if_told()
    print("TASK [x] PERCENT_40")
    start(v) if "TEST_WORKER" in os.environ else register(v)


own_token()
if os.path.basename(sys.argv[0]) == "ansible-inventory":
    inventory()
else:
    playbook()
