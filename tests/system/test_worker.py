"""The worker as those meet it who wrote the command: exit statuses, output to the byte,
what a command finds around it, signals to whole trees, places to run.

The server behind it is the real one, on SQLite: what differs between databases is
tested elsewhere.  Waiting is for events (a file, a pipe, a status), never for luck."""

import hashlib
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from worker import *  # noqa: E402,F403


def commands(server, worker, api, folder):
    table = [
        # command, status, return code, stdout, stderr
        ("true", "succeeded", 0, b"", b""),
        ("false", "failed", 1, b"", b""),
        ("sh -c 'exit 255'", "failed", 255, b"", b""),
        ("echo 'two  spaces' \"and 'quotes'\" $HOME * | ; a\\ b", "succeeded", 0,
         b"two  spaces and 'quotes' $HOME * | ; a b\n", b""),
        ("sh -c 'echo out; echo err >&2; exit 3'", "failed", 3, b"out\n", b"err\n"),
        ("printf '\\0\\377\\303('", "succeeded", 0, b"\0\xff\xc3(", b""),
        ("sh -c 'kill -9 $$'", "failed", -9, b"",
         b"scitq: killed by signal 9 (SIGKILL)\n"),
        ("sh -c 'printf partial; kill -11 $$'", "failed", -11, b"partial",
         b"scitq: killed by signal 11 (SIGSEGV)\n"),
        ("no-such-command -x", "failed", 127, b"",
         b"scitq: no such command: no-such-command\n"),
        ("/", "failed", 127, b"", None),
        ("echo 'never closed", "failed", 127, b"", None),
        ("sh -c 'echo one > /dev/stderr; cat /dev/stdin; echo done'", "succeeded", 0,
         b"done\n", b"one\n"),
    ]
    ids = [api.task(row[0]) for row in table]
    for row, task_id in zip(table, ids):
        got = ended(api, task_id)
        want = row[1:]
        if row[4] is None:
            has(got[3].decode(), "scitq: ", "%s: the reason is told" % row[0])
            got, want = got[:3], want[:3]
        is_(got, want, "%s: status, return code, output" % row[0])


def surroundings(server, worker, api, folder):
    names = ("INPUT", "OUTPUT", "RESOURCE", "TEMP", "CPU", "HOME", "PATH", "PWD",
             "SCITQ_SUPERVISOR")
    script = "".join('echo "%s=${%s-unset}"; ' % (n, n) for n in names)
    script += 'for d in "$INPUT" "$OUTPUT" "$RESOURCE" "$TEMP"; do stat -c %a "$d"; done'
    out = ended(api, api.task("sh -c '%s'" % script))[2].decode().split("\n")
    values = dict(line.split("=", 1) for line in out if "=" in line)
    top = values["PWD"]
    ok(top.startswith(worker.settings["BASE_WORKDIR"] + "/"), "it works in BASE_WORKDIR")
    for name, sub in (("INPUT", "input"), ("OUTPUT", "output"),
                      ("RESOURCE", "resource"), ("TEMP", "tmp")):
        is_(values[name], top + "/" + sub, name)
    is_(values["CPU"], str(max(1, len(os.sched_getaffinity(0)) // 4)), "CPU")
    ok(values["HOME"] != "unset" and values["PATH"] != "unset", "HOME and PATH are set")
    with open("/proc/%d/environ" % worker.pid) as f:
        ok("SCITQ_SUPERVISOR=" in f.read(), "the worker has a setting in its environment")
    is_(values["SCITQ_SUPERVISOR"], "unset", "the worker's own settings are not passed on")
    is_(out[-5:-1], ["777"] * 4, "the folders are open to all")


SLICE = """
import ctypes, sys
call = {"x86_64": 315, "aarch64": 275}[__import__("os").uname().machine]
for pid in map(int, sys.argv[1:] or ["0"]):
    a = (ctypes.c_uint64 * 6)()
    assert ctypes.CDLL(None).syscall(call, pid, a, 48, 0) == 0  # sched_getattr
    print(a[3])
"""


def slices(server, worker, api, folder):
    """How long the kernel lets who has the processor keep it: daemons ask for a tenth of
    a millisecond (lib/slice.h), in every thread; commands do not."""
    path = folder.join("slice.py")
    with open(path, "w") as f:
        f.write(SLICE)

    def asked(*pids):
        out = subprocess.check_output([sys.executable, path] + list(pids), text=True)
        return [int(line) for line in out.split()]
    own = asked()
    if own == [0]:
        skip("slices of daemons and commands", "this kernel has none to ask for")
        return
    for daemon, pid in (("the server", server.pid), ("the worker", worker.pid),
                        ("the supervisor", supervisor_of(worker))):
        threads = sorted(os.listdir("/proc/%d/task" % pid))
        is_(asked(*threads), [100000] * len(threads),
            "%s asks for short slices, in each thread" % daemon)
    command = ended(api, api.task("%s %s" % (sys.executable, path)))[2]
    is_(command, b"%d\n" % own[0], "a command has the kernel's slice, not the daemons'")


def files(server, worker, api, folder):
    task = api.task("sh -c 'cd $OUTPUT; echo > \"a b\"; mkdir d; echo > d/100%; "
                    "ln -s d link; mkfifo pipe; echo > ../tmp/t; echo > ../beside'")
    is_(ended(api, task)[0], "succeeded", "a task with files")
    is_(execution(api, task)["output_files"], "a%20b d/100%25",
        "output_files: relative, encoded, without links and pipes")
    got = ended(api, api.task("sh -c 'cd $OUTPUT; seq 1 100001 | xargs mkfifo; exit 3'"))
    is_(got[:2], ("failed", 3), "a task with very many pipes")
    has(got[3].decode(), "the list of its output files is cut", "and what it is told")
    left = ended(api, api.task("sh -c 'find . -mindepth 2; ls'"))
    # whichever directory it got, nothing of an earlier task is in it
    is_(left[2], b"input\noutput\nresource\ntmp\n", "the directory is clean again")


def large(server, worker, api, folder):
    path = folder.join("big")
    with open(path, "wb") as f:
        f.write(os.urandom(50_000_000))
    with open(path, "rb") as f:
        want = hashlib.md5(f.read()).hexdigest()
    out = ended(api, api.task("cat " + path))[2]
    is_(hashlib.md5(out).hexdigest(), want, "50 MB of any bytes arrive as they were")
    many = ended(api, api.task("seq 1 300000"))[2]
    is_(hashlib.md5(many).hexdigest(),
        hashlib.md5("".join("%d\n" % n for n in range(1, 300001)).encode()).hexdigest(),
        "300,000 lines in order")
    with open("/proc/%d/status" % worker.pid) as f:
        peak = [line for line in f if line.startswith("VmHWM")][0]
    if not any(word in open(os.path.join(BUILD, "config.log")).read()
               for word in ("enable-sanitizers",)):
        ok(int(peak.split()[1]) < 32 * 1024, "in constant memory", peak)


def live(server, worker, api, folder):
    """Output arrives while the command runs, and stays in order when it goes on."""
    gate = folder.join("gate")
    os.mkfifo(gate)
    task = api.task("sh -c 'echo first; echo e >&2; cat %s; echo last'" % gate)
    api.wait_task(task, "running")
    wait_until("the first line", lambda: both(api, task) == (b"first\n", b"e\n"))
    ok(True, "output arrives while the command waits")
    with open(gate, "w") as f:
        f.write("middle\n")
    is_(ended(api, task)[2], b"first\nmiddle\nlast\n", "and goes on in order")

    # a command that opens its streams anew, to write from their beginning
    task = api.task("sh -c 'echo a line; echo e; echo new > /dev/stdout; "
                    "echo 1 >&2; echo 2 > /dev/stderr; : > /dev/stdout; echo end'")
    out, err = ended(api, task)[2:]
    is_((out, err), (b"a line\ne\nnew\nend\n", b"1\n2\n"),
        "a stream that is opened anew is not emptied")


def signals(server, worker, api, folder):
    task, pids = tree(api)
    send(api, worker, 20, task)
    # D: a shell in vfork, held by its stopped child
    wait_until("stopped", lambda: all(state_of(p) in ("T", "D") for p in pids))
    ok(True, "20 pauses the whole tree")
    send(api, worker, 18, task)
    wait_until("resumed", lambda: not any(state_of(p) == "T" for p in pids))
    ok(True, "18 resumes it")
    send(api, worker, 9, task)
    is_(ended(api, task)[:2], ("failed", -9), "9 kills")
    wait_until("all are dead", gone(pids))
    ok(True, "the whole tree, one that ignores TERM and one of its own session too")

    task, pids = tree(api)
    send(api, worker, 15, task)
    is_(ended(api, task)[0], "failed", "15 ends the command")
    wait_until("all are dead", gone(pids))
    ok(True, "and then what is left of its tree")

    pid_file = folder.join("daemon")
    task = api.task("sh -c 'setsid sh -c \"echo \\$\\$ > %s; exec sleep 1000\" "
                    ">/dev/null 2>&1 & while ! test -s %s; do :; done; exit 0'"
                    % (pid_file, pid_file))
    is_(ended(api, task)[0], "succeeded", "a command that leaves a daemon ends")
    wait_until("the daemon is dead", gone([number_in(pid_file)]))
    ok(True, "and its daemon with it")

    task, pids = tree(api)
    answer = api.delete("/tasks/%d" % task)
    is_(answer.status, 200, "a running task is deleted")
    wait_until("all are dead", gone(pids))
    ok(True, "and its command killed")


def slots(server, api, folder):
    """Concurrency and prefetch, changed while it runs."""
    with Worker(server, concurrency=1, options=["-b", "slots"]) as worker:
        number = registered(worker, api)["worker_id"]
        api.put("/workers/%d" % number, {"prefetch": 2})
        gate = folder.join("slots")
        os.mkfifo(gate)
        ids = [api.task("sh -c 'echo %d; cat %s'" % (n, gate), batch="slots")
               for n in range(4)]
        api.wait_task(ids[0], "running")
        for i in ids[1:3]:
            api.wait_task(i, "accepted")
        is_([api.get("/tasks/%d" % i).json["status"] for i in ids],
            ["running", "accepted", "accepted", "pending"],
            "one runs, two are prefetched, one waits")
        send(api, worker, 15, ids[1])
        got = ended(api, ids[1])
        is_(got[:2], ("failed", -15), "one that has not started is stopped too")
        has(got[3].decode(), "before it started", "with the reason")
        api.put("/tasks/%d" % ids[2], {"status": "paused"})
        wait_until("withdrawn", lambda: execution(api, ids[2])["status"] == "refused")
        api.wait_task(ids[3], "accepted")
        ok(True, "a paused one is withdrawn, its place taken")
        api.put("/workers/%d" % number, {"concurrency": 2})
        api.wait_task(ids[3], "running")
        ok(True, "concurrency raised: the next starts at once")
        with open(gate, "w") as f:
            f.write("x")
        for i in (ids[0], ids[3]):
            api.wait_task(i, "succeeded")
        is_(execution(api, ids[2])["status"], "refused", "the withdrawn one never ran")


def main():
    server = Server()
    api, folder = server.api(), Folder()
    with Worker(server, concurrency=4) as worker:
        registered(worker, api)
        for part in (commands, surroundings, slices, files, live, signals, large):
            run(part, server, worker, api, folder)
    run(slots, server, api, folder)
    server.stop()
    done()


if __name__ == "__main__":
    main()
