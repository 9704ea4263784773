"""The worker as its users meet it: commands and their output to the byte, signals to
whole trees, its own end and return, and what it says when something is wrong.

The server behind it is the real one, on SQLite: what differs between databases is
tested elsewhere.  Waiting is for events (a file, a pipe, a status), never for luck."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403


def execution(api, task_id):
    """The task's latest execution."""
    return [e for e in api.get("/executions/", {"task_id": task_id}).json
            if e["latest"]][0]


def both(api, task_id):
    number = execution(api, task_id)["execution_id"]
    return api.raw_log(number, "stdout"), api.raw_log(number, "stderr")


def ended(api, task_id):
    """Wait for the end: (task status, return code, stdout, stderr)."""
    task = api.wait_task(task_id, ("succeeded", "failed"))
    return (task["status"], execution(api, task_id)["return_code"]) + both(api, task_id)


def registered(worker, api):
    return wait_until("registered", lambda: worker.row(api))


def send(api, worker, number, task_id=None):
    """A signal to the task's execution, or to the worker itself."""
    answer = api.post("/workers/%d/signals" % registered(worker, api)["worker_id"], {
        "execution_id": execution(api, task_id)["execution_id"] if task_id else None,
        "signal": number})
    assert answer.status == 200, answer


def exists(path):
    return lambda: os.path.exists(path)


def state_of(pid):
    """The letter of /proc; None when it is gone (a zombie is gone)."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            letter = f.read().rsplit(")", 1)[1].split()[0]
            return None if letter in "ZX" else letter
    except (FileNotFoundError, ProcessLookupError):
        return None


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


def directories(worker):
    base = worker.settings["BASE_WORKDIR"]
    return sorted(os.path.join(base, name) for name in os.listdir(base))


# ---- commands

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
    slice_of = ("import ctypes; a = (ctypes.c_uint64 * 6)(); "
                "ctypes.CDLL(None).syscall(%d, 0, a, 48, 0); print(a[3])" %
                {"x86_64": 315, "aarch64": 275}[os.uname().machine])  # sched_getattr
    ours = subprocess.check_output([sys.executable, "-c", slice_of])
    theirs = ended(api, api.task("%s -c '%s'" % (sys.executable, slice_of)))[2]
    is_(theirs, ours, "a command has the kernel's slice, not the daemons'")


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


def hostile(server, worker, api, folder):
    """Commands that do what they like with their directory.  What they point at is a
    folder of this test, so that a worker that goes astray harms nobody else."""
    victim = folder.join("victim")
    os.makedirs(victim + "/input/deep")
    for name in ("file", ".stdout", ".execution", "input/file", "input/deep/file"):
        with open(os.path.join(victim, name), "w") as f:
            f.write("safe")
    before = sorted(os.walk(victim))
    table = [
        ("a link in the place of its directory",
         "d=$PWD; mv $d $d.moved; ln -s %s $d; echo out"),
        ("a link in the place of a folder", "rmdir $INPUT; ln -s %s $INPUT; echo out"),
        ("a link in the place of its output",
         "echo out; rm .stdout; ln -s %s/.stdout .stdout"),
        ("a link in the place of its record",
         "rm .execution; ln -s %s/.execution .execution; echo out"),
        ("a bind mount", "mount --bind %s $INPUT; echo out"),
        ("a bind mount deeper", "mkdir $TEMP/m; mount --bind %s $TEMP/m; echo out"),
        ("no directory any more", "cd /; rm -rf $(dirname $INPUT); echo out; : %s"),
        ("a pipe in the place of its output", "rm .stdout; mkfifo .stdout; : %s"),
        ("a tree deeper than a path",
         "cd $TEMP; for i in $(seq 300); do mkdir -p dddddddddddddddddddd; "
         "cd -P dddddddddddddddddddd; done; echo out; : %s"),
    ]
    try:
        for what, script in table:
            task = api.task("sh -c '%s'" % (script % victim))
            ok(ended(api, task)[0] in ("succeeded", "failed"), "%s: it ends" % what)
            # four at once: whoever comes next gets a clean directory
            ids = [api.task("find . -mindepth 1 -not -name .stdout -not -name .stderr "
                            "-not -name .execution") for _ in range(4)]
            is_([sorted(ended(api, i)[2].split()) for i in ids],
                [[b"./input", b"./output", b"./resource", b"./tmp"]] * 4,
                "%s: the next ones work in clean directories" % what)
        is_(sorted(os.walk(victim)), before, "nothing outside is gone")
        for name in ("file", ".stdout", ".execution"):
            with open(os.path.join(victim, name)) as f:
                is_(f.read(), "safe", "nor changed: %s" % name)
    finally:
        with open("/proc/self/mounts") as f:
            for place in [line.split()[1] for line in f]:
                if place.startswith(worker.settings["BASE_WORKDIR"]):
                    subprocess.run(["umount", place])


# ---- signals

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


# ---- slots

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


# ---- its own end and return

def goodbye(server, api, folder):
    """Stopped cleanly it is given nothing more, from that moment on."""
    gate = folder.join("goodbye")
    os.mkfifo(gate)
    with Worker(server, concurrency=3, options=["-b", "goodbye"]) as worker:
        task = api.task("sh -c 'cat %s'" % gate, batch="goodbye")
        api.wait_task(task, "running")
        is_(worker.end(), 0, "stopped")
        is_(worker.row(api)["status"], "offline", "it is offline at once")
        later = api.task("echo later", batch="goodbye")
        is_(api.get("/tasks/%d" % later).json["status"], "pending",
            "a task submitted then is nobody's")
        worker.start()
        is_(ended(api, later)[:3], ("succeeded", 0, b"later\n"),
            "it is back and takes it")
        is_(worker.row(api)["status"], "running", "as a running worker")
        with open(gate, "w") as f:
            f.write("on\n")
        is_(ended(api, task)[:3], ("succeeded", 0, b"on\n"), "what ran went on")
        is_(len(api.get("/executions/", {"task_id": task}).json), 1, "in one execution")


def returns(server, api, folder):
    with Worker(server, concurrency=4, options=["-b", "returns"]) as worker:
        gates = [folder.join("gate%d" % n) for n in range(3)]
        for gate in gates:
            os.mkfifo(gate)
        ids = [api.task("sh -c 'echo before; cat %s; echo after; exit %d'" % (g, n),
                        batch="returns") for n, g in enumerate(gates)]
        for i in ids:
            api.wait_task(i, "running")
        row = registered(worker, api)
        api.put("/workers/%d" % row["worker_id"], {"concurrency": 3, "prefetch": 1})
        wait_until("heard of it", lambda: "concurrency is now 3" in worker.log())
        worker.kill()
        with open(gates[0], "w") as f:  # one ends while nobody looks
            f.write("\0unseen\xff\n")
        worker.start()
        got = ended(api, ids[0])
        is_(got[:3], ("succeeded", 0, b"before\n\0unseen\xc3\xbf\nafter\n"),
            "killed and back: a command that ended meanwhile is reported")
        again = registered(worker, api)
        is_({k: again[k] for k in ("worker_id", "concurrency", "prefetch", "batch")},
            {"worker_id": row["worker_id"], "concurrency": 3, "prefetch": 1,
             "batch": "returns"}, "it took back its row as it was")
        is_(worker.end(), 0, "stopped in the middle: exit 0")
        worker.start()
        wait_until("back", lambda: worker.log().count(", concurrency 3") >= 2)
        with open(gates[1], "w") as f:
            f.write("late\n")
        is_(ended(api, ids[1])[:3], ("failed", 1, b"before\nlate\nafter\n"),
            "stopped and back: a command goes on under it")
        send(api, worker, -2)
        wait_until("restarted", lambda: "restarting: " in worker.log())
        with open(gates[2], "w") as f:
            f.write("restart\n")
        is_(ended(api, ids[2])[:3], ("failed", 2, b"before\nrestart\nafter\n"),
            "it restarts itself when told, under running commands")
        for i in ids:
            is_(len(api.get("/executions/", {"task_id": i}).json), 1, "one execution")
        kept = [d for d in directories(worker)
                if b" K " in open(d + "/.execution", "rb").read()]
        is_(len(kept), 2, "the failed ones' directories are kept")
        send(api, worker, -1)
        wait_until("cleaned", lambda: not any(map(os.path.exists, kept)))
        ok(True, "until it is told to clean")
        is_(worker.end(), 0, "an idle worker ends")
        wait_until("the supervisor is gone", lambda: not worker.leftovers())
        ok(True, "and its supervisor with it")


def supervisor(server, api, folder):
    with Worker(server, concurrency=2, options=["-b", "sup"]) as worker:
        task, pids = tree(api, batch="sup")
        api.wait_task(task, "running")
        for pid in worker.leftovers():
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                if b"scitq-supervisor" in f.read().split(b"\0")[0]:
                    os.kill(pid, signal.SIGKILL)
        got = ended(api, task)
        is_(got[:2], ("failed", -9), "the supervisor is killed: its tasks fail")
        has(got[3].decode(), "the supervisor was killed", "with that reason")
        wait_until("all are dead", gone(pids))
        is_(ended(api, api.task("echo on", batch="sup"))[2], b"on\n",
            "and the next ones run under another")


def homeless(server, api, folder):
    """Its state directory is removed, and then its supervisor dies."""
    worker = Worker(server, concurrency=1, options=["-b", "homeless"])
    task, pids = tree(api, batch="homeless")
    api.wait_task(task, "running")
    registered(worker, api)
    api.put("/workers/%d" % worker.row(api)["worker_id"], {"prefetch": 1})
    held = api.task("echo held", batch="homeless")
    api.wait_task(held, "accepted")
    shutil.rmtree(worker.folder.join("state"))
    for pid in worker.leftovers():
        with open("/proc/%d/comm" % pid) as f:
            if f.read().startswith("scitq-superviso"):
                os.kill(pid, signal.SIGKILL)
    is_(worker.process.wait(60), 1, "it ends with 1")
    has(worker.log(), "was removed under this worker", "and says why")
    wait_until("all are dead", gone(pids))
    worker.start()
    is_(ended(api, task)[0], "failed", "what ran has failed")
    is_(ended(api, held)[2], b"held\n", "what waited is run after a new start")
    worker.stop()


def row_gone(server, api, folder):
    with Worker(server, concurrency=2, options=["-b", "gone"]) as worker:
        task, pids = tree(api, batch="gone")
        api.wait_task(task, "running")
        number = registered(worker, api)["worker_id"]
        is_(api.delete("/workers/%d" % number).status, 200, "its row is deleted")
        wait_until("all are dead", gone(pids))
        ok(True, "its commands are stopped")
        wait_until("a new row", lambda: (worker.row(api) or {}).get("worker_id",
                                                                    number) != number)
        ok(True, "it registers anew")
        task = api.task("echo new", batch="Default")
        api.put("/workers/%d" % worker.row(api)["worker_id"], {"batch": "other"})
        is_(ended(api, api.task("echo new", batch="other"))[2], b"new\n", "and works")
        api.delete("/tasks/%d" % task)


def idle(server, api, folder):
    """A recruited worker tells that it is idle; the server then sees to it."""
    server.end()
    server.start(WORKER_FIRST_TASK_DELAY=1, WORKER_IDLE_DELAY=1)
    api = server.api()
    with Worker(server, options=["-b", "idle"], SCITQ_PERMANENT_WORKER=0) as worker:
        name = registered(worker, api)["name"]
        wait_until("a job", lambda: server.sql(
            "select 1 from job where action = 'worker_destroy' and target = '%s'" % name))
        ok(True, "the idle callback of a recruited worker makes a destroy job")


def fill(folder):
    """Leave not a byte on the file system of the folder; the file to remove."""
    path = os.path.join(folder, "fill")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    for size in (65536, 4096, 1):
        try:
            while True:
                os.write(fd, b"x" * size)
        except OSError:
            pass
    os.close(fd)
    return path


def full_disk(server, api, folder):
    """State and working directories on disks that get full, then are not."""
    disks = [folder.join("state-disk"), folder.join("work-disk")]
    for disk in disks:
        os.mkdir(disk)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none",
                           disk]).returncode != 0:
            skip("disks that get full", "cannot mount")
            return
    try:
        with Worker(server, concurrency=2, options=["-b", "full"],
                    SCITQ_STATE_DIR=disks[0], BASE_WORKDIR=disks[1]) as worker:
            registered(worker, api)
            got = ended(api, api.task("sh -c 'yes; exit 7'", batch="full"))
            is_(got[:2], ("failed", 7), "output fills the disk: what fitted is reported")
            ok(got[2].count(b"y\n") > 50000, "all of it", len(got[2]))
            wait_until("cleaned", lambda: "is over 90%: removing" in worker.log())
            ok(True, "and its directory goes, since the disk is over the threshold")
            filled = [fill(disk) for disk in disks]
            ids = [api.task("true", batch="full") for _ in range(60)]
            is_({ended(api, i)[:2] for i in ids} - {("succeeded", 0), ("failed", -1001)},
                set(), "with full disks tasks end, with or without success")
            has(worker.log(), "No space left on device", "and the log says why")
            for path in filled:
                os.unlink(path)
            is_(ended(api, api.task("echo again", batch="full"))[2], b"again\n",
                "with room again they succeed")
    finally:
        for disk in disks:
            subprocess.run(["umount", "-l", disk])


# ---- what is wrong

def refuse(worker, name, status, words):
    """Start it by hand: it must end with `status`, saying `words`."""
    argv = [program("scitq-worker")] + worker
    out = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env=clean_env(SCITQ_SUPERVISOR=program("scitq-supervisor")),
                         text=True, timeout=60)
    is_(out.returncode, status, "%s: exit %d" % (name, status))
    has(out.stdout, words, "%s: it says why" % name)


def refusals(server, api, folder):
    state, work = folder.join("st"), folder.join("wk")

    def conf(name, **settings):
        path = folder.join(name + ".conf")
        with open(path, "w") as f:
            for key, value in dict({"SCITQ_STATE_DIR": state, "BASE_WORKDIR": work},
                                   **settings).items():
                f.write("%s=%s\n" % (key, value))
        return ["-c", path]
    one = [server.address, "1"]
    refuse([], "no argument", 2, "CONCURRENCY is missing\ntry 'scitq-worker --help'\n")
    refuse([server.address], "no concurrency", 2, "CONCURRENCY")
    refuse([server.address, "many"], "a concurrency that is none", 2, "many")
    refuse(one + ["-s", "asleep"], "a status that is none", 2, "asleep")
    refuse(one + ["-a", "120"], "an autoclean over 100", 2, "120")
    refuse(one + ["-b", "a/b"], "a batch with /", 2, "a/b")
    refuse(one + ["--nonsense"], "an unknown option", 2, "try 'scitq-worker --help'")
    refuse(one + ["-c", folder.join("absent")], "absent settings", 1, "absent")
    refuse(one + conf("level", LOG_LEVEL="loud"), "a bad level", 1,
           "level.conf line 3: LOG_LEVEL must be error, warning, info or debug")
    refuse(one + conf("size", LOG_FILE_MAX_SIZE="big"), "a bad size", 1,
           "LOG_FILE_MAX_SIZE")
    refuse(["1"] + conf("named", SCITQ_SERVER="ftp://nowhere"), "a server that is none in "
           "the settings", 1, "named.conf line 3: SCITQ_SERVER names no server")
    with open(folder.join("file"), "w") as f:
        f.write("x")
    refuse(one + conf("base", BASE_WORKDIR=folder.join("file")),
           "a base that is a file", 1, folder.join("file"))
    refuse(["ftp://nowhere", "1"] + conf("url"), "a server that is none", 1, "ftp")
    with Worker(server, options=["-b", "refusals"]) as worker:
        registered(worker, api)
        same = ["-n", worker.name, "-c", worker.folder.join("scitq-worker.conf")]
        refuse(one + same, "a second one here", 1, "another scitq-worker named")
        refuse(one + ["-n", worker.name] + conf("second"),
               "a second one elsewhere on this host", 1, "alive")
        is_(ended(api, api.task("echo still", batch="refusals"))[2], b"still\n", "the first one goes on")
        has(worker.log(), "worker %d at " % worker.row(api)["worker_id"], "its log")
    warned = Worker(server, SCITQ_TOKEN="x", NO_SUCH_THING="1")
    registered(warned, api)
    has(warned.log(), "scitq-worker.conf line ", "a warning names the file and line")
    has(warned.log(), ": not supported by this version, ignored",
        "a setting of later versions is warned of")
    has(warned.log(), "NO_SUCH_THING", "an unknown setting too")
    ok("x" != warned.log().split("SCITQ_TOKEN")[1][:1], "without its value")
    warned.stop()


def away(server, api, folder):
    """Started before its server: it waits, and says so once."""
    port = server.address
    server.end()
    with Worker(server, name="early", options=["-b", "early"]) as worker:
        wait_until("it says so", lambda: "no server at" in worker.log())
        server.start()
        registered(worker, api)
        is_(worker.log().count("no server at"), 1, "a server that is away: said once")
        # The row is there before its answer has reached the worker.
        wait_until("it says so", lambda: "is back" in worker.log())
        ok(True, "and when it is back")
    is_(server.address, port, "same server")


def odd_name(server, api, folder):
    name = "né/../w 1"
    with Worker(server, options=["-b", "odd", "-n", name]) as worker:
        wait_until("registered",
                   lambda: api.get("/workers/", {"name": name}).json)
        is_(ended(api, api.task("pwd", batch="odd"))[0], "succeeded",
            "any name will do")
        names = os.listdir(worker.settings["BASE_WORKDIR"])
        is_(names, ["n%C3%A9%2F..%2Fw%201-0"], "made fit for a file name")


def main():
    server = Server()
    api, folder = server.api(), Folder()
    with Worker(server, concurrency=4) as worker:
        registered(worker, api)
        for part in (commands, surroundings, files, live, hostile, signals, large):
            run(part, server, worker, api, folder)
    for part in (slots, goodbye, returns, supervisor, homeless, row_gone, odd_name, full_disk,
                 refusals, away, idle):
        run(part, server, api, folder)
    server.stop()
    done()


if __name__ == "__main__":
    main()
