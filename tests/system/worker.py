"""What tests of the worker ask and do: of a task's execution, its output and end, its tree
of processes; of a worker, its row, signals to it, its directories."""

import os

from client import *  # noqa: F401,F403
from daemons import *  # noqa: F401,F403
from tap import *  # noqa: F401,F403


def execution(api, task_id):
    """The task's latest execution."""
    return [e for e in api.get("/executions/", {"task_id": task_id}).json
            if e["latest"]][0]


def both(api, task_id):
    number = execution(api, task_id)["execution_id"]
    return api.raw_log(number, "stdout"), api.raw_log(number, "stderr")


def ended(api, task_id):
    """Wait for the end: (task status, return code, stdout, stderr)."""
    task = api.wait_task(task_id, ("succeeded", "failed"), timeout_s=180)
    return (task["status"], execution(api, task_id)["return_code"]) + both(api, task_id)


def registered(worker, api):
    return wait_until("registered", lambda: worker.row(api))


def send(api, worker, number, task_id=None):
    """A signal to the task's execution, or to the worker itself."""
    answer = api.post("/workers/%d/signals" % registered(worker, api)["worker_id"], {
        "execution_id": execution(api, task_id)["execution_id"] if task_id else None,
        "signal": number})
    assert answer.status == 200, answer


def state_of(pid):
    """The letter of /proc; None when it is gone (a zombie is gone)."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            letter = f.read().rsplit(")", 1)[1].split()[0]
            return None if letter in "ZX" else letter
    except (FileNotFoundError, ProcessLookupError):
        return None


def supervisor_of(worker):
    """The pid of its supervisor."""
    for pid in worker.leftovers():
        try:
            with open("/proc/%d/comm" % pid) as f:
                if f.read().startswith("scitq-superviso"):
                    return pid
        except OSError:  # it has just ended
            pass
    raise RuntimeError("no supervisor of %r" % worker)


def number_in(path):
    """A pid that a command wrote, whole."""
    def look():
        try:
            with open(path) as f:
                text = f.read()
            return int(text) if text.endswith("\n") else None
        except FileNotFoundError:
            return None
    return wait_until("a number in " + path, look)


TREE = ("sh -c 'echo $$ > %(f)s/one; sh -c \"trap : TERM; echo \\$\\$ > %(f)s/two; "
        "while :; do sleep 1000; done\" & setsid sh -c \"echo \\$\\$ > %(f)s/three; "
        "sleep 1000\" & wait'")


def tree(api, **fields):
    """Start a tree of three shells, one of a session of its own; their pids."""
    folder = Folder()
    task = api.task(TREE % {"f": folder.path}, **fields)
    return task, [number_in(folder.join(n)) for n in ("one", "two", "three")]


def gone(pids):
    return lambda: not any(state_of(p) for p in pids)


# ---- files of tests

def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return path


def read(path):
    with open(path) as f:
        return f.read()
