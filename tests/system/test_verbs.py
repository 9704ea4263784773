"""Every verb of scitq-manage, as its own help lists them: its help, its JSON (read by
Python's json), and what becomes of it where its output goes nowhere, where the server
is down, refuses it, or is silent.  A verb that no table here has is a failure."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fleet import *  # noqa: E402,F403

TIMEOUT_S = 120
NAME = "é 100% \"a' b  c"  # of tasks, batches and workers here

# What each verb is given besides its words, so that it succeeds once, in this order.
# {task} is a task of this name, {made} another one, {job} and {failed} are jobs that have
# ended.
ASKS = [
    ("worker list", ["-L"]),
    ("worker update", ["-n", NAME, "-C", "2"]),
    ("worker delete", ["-n", NAME]),
    ("worker deploy", ["-f", "auto:cpu>=1", "-r", "here", "-P", "local", "-b", NAME]),
    ("task list", ["-b", NAME, "-L"]),
    ("task update", ["-n", NAME, "-N", NAME, "--run-timeout", ""]),
    ("task why", ["-n", NAME]),
    ("task output", ["-n", NAME]),
    ("task relaunch", ["-n", NAME]),
    ("execution list", ["-n", NAME, "-L"]),
    ("execution output", ["-n", NAME, "-l", "2"]),
    ("batch list", []),
    ("batch stop", ["-n", NAME, "--term"]),
    ("batch go", ["-n", NAME, "--cont"]),
    ("recruiter create", ["-b", NAME, "-f", "auto:cpu>=1000", "-C", "2"]),
    ("recruiter update", ["-b", NAME, "-W", "3"]),
    ("recruiter list", ["-b", NAME]),
    ("recruiter delete", ["-b", NAME]),
    ("flavor update", ["-P", "local"]),
    ("flavor list", ["--min-ram", "0.5"]),
    ("job list", ["-L"]),
    ("job log", ["-i", "{job}", "-f"]),
    ("job restart", ["-i", "{failed}"]),
    ("job delete", ["-i", "{job}"]),
    ("config rclone", ["--install"]),
    ("ansible inventory", ["--list"]),
    ("debug run", ["-i", "{task}", "-c", "{conf}", "-w", "{folder}"]),
    ("top", []),
    ("task delete", ["-i", "{made}"]),
    ("batch delete", ["-n", NAME]),
]
# These ask no server.
ALONE = [
    ("plugin list", ["-L"], 0),
    ("plugin check", ["{module}"], 0),
    ("plugin check", ["/nowhere"], 1),
    ("db init", ["-c", "{server}"], 0),
    ("db check", ["-c", "{server}"], 0),
    ("db upgrade", ["-c", "{server}"], 0),
    ("db upgrade-or-init", ["-c", "{server}"], 0),
    ("db prune", ["-c", "{server}", "-d", "1"], 0),
    ("config check", ["-c", "{server}"], 0),
    ("ansible path", [], None),  # as playbooks are installed here or not
    ("ansible install", ["-p", "{folder}/inventory"], None),
]


def manage(*words, env=None, stdout=subprocess.PIPE, **more):
    p = subprocess.run([program("scitq-manage")] + list(words), stdin=subprocess.DEVNULL,
                       stdout=stdout, stderr=subprocess.PIPE, timeout=TIMEOUT_S,
                       env=env or clean_env(), **more)
    err = p.stderr.decode(errors="replace")
    if any(mark in err for mark in SANITIZERS):
        ok(False, "no sanitizer's report of %s" % " ".join(words), err)
    return p.returncode, (p.stdout or b"").decode(), err


def verbs_of_help():
    """["worker list", …, "top"], from the help."""
    found = []
    for name, verbs in re.findall(r"^  (\w+) +((?:[a-z-]+ ?)*)\n {13}\w",
                                  manage("--help")[1], re.M):
        found += ["%s %s" % (name, v) for v in verbs.split()] or [name]
    return found


def test_help():
    known = verbs_of_help()
    is_(sorted({v for v, *_ in ASKS + ALONE}), sorted(known),
        "the tables have every verb of the help")
    for verb in known:
        code, out, err = manage(*verb.split(), "--help")
        ok(code == 0 and out.startswith("usage: scitq-manage %s" % verb) and not err and
           max(map(len, out.splitlines())) <= 88, "%s --help" % verb, out + err)
        code, out, err = manage(*verb.split(), "--nonsense")
        is_((code, out, err.splitlines()[1:]),
            (2, "", ["try 'scitq-manage %s --help'" % verb]), "%s --nonsense" % verb)
    has(manage("top", "-h")[1], "k                           kill", "top's keys")
    has(manage("flavor", "list", "-h")[1], "items        cpu ram", "what filters are")
    has(manage("task", "frob")[2], "(there are: list relaunch", "verbs there are")
    has(manage("frob")[2], "(there are: worker task", "objects there are")


def write_conf(path, **settings):
    with open(path, "w") as f:
        f.writelines("%s=%s\n" % s for s in settings.items())
    return path


def prepare(api):
    """The objects that the verbs are asked of; the ids that their words need."""
    worker = api.post("/workers/", {"name": NAME, "hostname": "h", "concurrency": 1,
                                    "batch": "elsewhere"}).json["worker_id"]
    task = api.task("sh -c 'echo said; echo beside >&2'", name=NAME, batch=NAME)
    e = api.post("/executions/", {"worker_id": worker, "task_id": task}).json
    for change in ({"status": "accepted"}, {"status": "running", "pid": 1},
                   {"status": "failed", "return_code": 1}):
        api.put("/executions/%d" % e["execution_id"], change)
    failed = api.post("/flavor/update", {"provider": "azure"}).json["job_id"]  # no key
    wait_until("a job fails", lambda: api.get("/jobs/%d" % failed).json["status"] ==
               "failed")
    return {"task": task, "made": api.task("true", batch=NAME), "failed": failed}


def test_json(db):
    folder = Folder()
    rclone = write_conf(folder.join("rclone.conf"))
    conf = write_conf(folder.join("worker.conf"), BASE_WORKDIR=folder.join("work"))
    with new_server(db, LOCAL_WORKER="/bin/false", RCLONE_CONFIG=rclone) as server:
        api = server.api()
        ids = dict(prepare(api), conf=conf, folder=folder.join("debugged"))
        env = clean_env(SCITQ_SERVER=server.address, RCLONE_CONFIG=folder.join("own"))
        got = {}
        for verb, words in ASKS:
            code, out, err = manage(*verb.split(), *[w.format(**ids) for w in words],
                                    "--json", env=env)
            try:
                got[verb] = json.loads(out)
                ok(code == 0 and (verb != "debug run" or "said\nbeside\n" in err),
                   "%s --json (%s)" % (verb, db), err)
            except ValueError:
                ok(False, "%s --json (%s)" % (verb, db), out + err)
            if verb == "flavor update":
                ids["job"] = got[verb]["job_id"]
        is_([e["status"] for e in got["execution list"]], ["failed"], "a list")
        is_([type(got["execution output"]), type(got["task output"])], [list, dict],
            "-l makes a list")
        is_(sorted(got["top"]), ["batches", "tasks", "workers"], "top, once")
        is_([got["debug run"]["exit_code"], got["config rclone"]["written"]], [0, True],
            "what was done")
        ok(NAME in got["batch stop"], "odd names", got["batch stop"])
    folder.stop()


def test_json_alone():
    folder = Folder()
    values = {"folder": folder.path, "module": os.path.join(
        BUILD, "plugins", "nfs", ".libs", "nfs.so"),
        "server": write_conf(folder.join("server.conf"), SCITQ_STATE_DIR=folder.join("s"),
                             SCITQ_DATABASE_URI="sqlite:///" + folder.join("db"))}
    env = clean_env(PATH=BUILD + os.pathsep + os.environ["PATH"])
    for verb, words, wanted in ALONE:
        words = [w.format(**values) for w in words]
        code, out, err = manage(*verb.split(), *words, "--json", env=env)
        ok(code == wanted or wanted is None, "%s --json: exit %d" % (verb, code), err)
        ok(json.loads(out or "null") is not None or code, "%s: JSON" % verb, out)
        ok(not code or re.match("scitq-(manage|server): ", err), "%s: its error" % verb,
           err)
    folder.stop()


def test_no_reader():
    """Output to a pipe that nobody reads, and to nothing at all."""
    with Server() as server:
        api = server.api()
        api.post("/tasks/", [{"command": "x" * 100} for _ in range(5000)])
        env = clean_env(SCITQ_SERVER=server.address)
        for words in (["task", "list", "-L"], ["task", "list", "--json"]):
            p = subprocess.Popen([program("scitq-manage")] + words, env=env,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
            p.stdout.read(10)
            p.stdout.close()
            err = p.stderr.read().decode()
            is_((p.wait(TIMEOUT_S), err), (-signal.SIGPIPE, ""), "%s | head" % words)
            for fds, what in (((1,), "no output"), ((0, 1, 2), "no streams at all")):
                code, _, err = manage(*words, env=env, stdout=None, preexec_fn=lambda: [
                    os.close(fd) for fd in fds])
                is_(code, 1, "%s with %s" % (words, what))
        has(manage("task", "list", env=env, stdout=None, preexec_fn=lambda: os.close(1))[2],
            "cannot write the output", "said")


def trouble(env, code, words, what, patience_s=60):
    """Each verb of ASKS, all at once: a second is waited once."""
    ids = {"task": 1, "made": 1, "job": 1, "failed": 1, "conf": "/dev/null", "folder": "/nowhere"}
    with ThreadPoolExecutor(len(ASKS)) as pool:
        answers = pool.map(lambda ask: manage("-t", str(patience_s), *ask[0].split(), *[
            w.format(**ids) for w in ask[1]], env=env), ASKS)
    for (verb, _), (got, out, err) in zip(ASKS, answers):
        ok(got == code and out == "" and words in err and "\n" not in err.strip(),
           "%s, %s" % (verb, what), "%d %s%s" % (got, out, err))


def test_trouble():
    trouble(clean_env(SCITQ_SERVER="127.0.0.1:%d" % free_port()), 1,
            "cannot reach the scitq server at http://127.0.0.1:", "server down")
    with socket.socket() as deaf:  # it accepts and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(100)
        trouble(clean_env(SCITQ_SERVER="127.0.0.1:%d" % deaf.getsockname()[1]), 1,
                "did not answer within 1 s: -t gives it more time", "silent server", 1)
    folder = Folder()
    tokens = write_conf(folder.join("tokens"))
    with open(tokens, "w") as f:
        f.write("admin:secret\n")
    os.chmod(tokens, 0o600)
    with Server(SCITQ_TOKEN_FILE=tokens) as server:
        trouble(clean_env(SCITQ_SERVER=server.address, SCITQ_TOKEN="wrong"), 1, "token",
                "wrong token")
    folder.stop()


run(test_help)
for each in databases():
    run(test_json, each)
run(test_json_alone)
run(test_no_reader)
run(test_trouble)
done()
