"""Tasks in containers, with the real engines: what is mounted, output to the byte, exit
codes of the command and of the engine told apart, signals, and that nothing is lost when
the worker, its supervisor, the client or the engine's daemon is killed.

Only what a real engine cannot be brought to do (to hang) is a script in its place."""

import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "servers"))
from harness import *  # noqa: E402,F403
from worker import both, ended, execution  # noqa: E402
from engine import Docker, IMAGE, Podman  # noqa: E402

MADE_BYTES = "i=0; while [ $i -lt %d ]; do echo line $i; echo err $i >&2; i=$((i+1)); done; "


def queue(api, command, options=None, image=IMAGE, **fields):
    if options:
        fields["container_options"] = options
    return api.task(command, container=image, **fields)


def send(api, worker, number, task_id=None):
    answer = api.post("/workers/%d/signals" % worker.row(api)["worker_id"], {
        "execution_id": execution(api, task_id)["execution_id"] if task_id else None,
        "signal": number})
    assert answer.status == 200, answer


def said(api, task_id, text, stream=0):
    wait_until("%r in its output" % text, lambda: text in both(api, task_id)[stream])


def no_containers(engine, *tasks):
    for task in tasks:
        wait_until("its container is removed", lambda: not engine.of_task(task))


def supervisor_of(worker):
    for pid in worker.leftovers():
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                if b"scitq-supervisor" in f.read().split(b"\0")[0]:
                    return pid
        except (FileNotFoundError, ProcessLookupError):
            pass
    return None


def gone(pid):
    def look():
        try:
            with open("/proc/%d/stat" % pid) as f:
                return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return True
    return look


# ---- what a task sees and says

def commands(engine, server, worker, api):
    docker = engine.name == "docker"
    table = [
        # command, options, image, status, return code, stdout, part of stderr
        ("sh -c 'echo out; echo err >&2; exit 3'", None, IMAGE, "failed", 3, b"out\n",
         b"err\n"),
        (r"printf '\0\377\303('", None, IMAGE, "succeeded", 0, b"\0\xff\xc3(", b""),
        ("sh -c 'echo $CPU $A $B'", "-e A=1 -e 'B=two words'", IMAGE, "succeeded", 0,
         b"%d 1 two words\n" % max(1, len(os.sched_getaffinity(0)) // 4), b""),
        ("sh -c 'echo $CPU'", "-e CPU=77", IMAGE, "succeeded", 0, b"77\n", b""),
        ("hostname", "--hostname host1 --rm -d", IMAGE, "succeeded", 0, b"host1\n", b""),
        ("true", "--log-driver none", IMAGE, "succeeded", 0, b"", b""),
        # the command's own 125, 126 and 127 …
        ("sh -c 'exit 125'", None, IMAGE, "failed", 125, b"", b""),
        ("sh -c 'exit 126'", None, IMAGE, "failed", 126, b"", b""),
        ("sh -c 'exit 127'", None, IMAGE, "failed", 127, b"", b""),
        # … and the engine's
        ("no-such-command x", None, IMAGE, "failed", 127, b"",
         b"scitq: the command cannot be run in the image scitq-test:1: No such file"),
        ("/bin", None, IMAGE, "failed", 126, b"",
         b"scitq: the command cannot be run in the image scitq-test:1: Permission den"),
        ("no-such-command", "--init=false", IMAGE, "failed", 127, b"",
         b"scitq: the command cannot be run in the image scitq-test:1: "),
        ("true", None, "localhost:1/no-such-image:1", "failed", 125, b"",
         b"scitq: %s has no image localhost:1/no-such-image:1 and cannot get it: "
         % engine.name.encode()),
        ("true", "--no-such-option", IMAGE, "failed", 125, b"",
         b"scitq: %s refuses the container's options: unknown flag: --no-such-option"
         % engine.name.encode()),
        ("sh -c 'exit 7'", "--rm=1", IMAGE, "failed", 7, b"", b""),
        ("echo again", "--restart=always", IMAGE, "failed", 125, b"",
         b"scitq: the container's options: --restart would run the command again"),
        ("true", "-v /nowhere:/tmp", IMAGE, "failed", 125, b"",
         b"scitq: %s refuses the container's options: " % engine.name.encode()),
        ("true", "-e 'A", IMAGE, "failed", 125, b"",
         b"scitq: the container's options: the command has a ' that is never closed"),
        ("true", None, "-x", "failed", 125, b"", b'scitq: "-x" is no name of an image'),
        ("echo 'open", None, IMAGE, "failed", 125, b"", b"scitq: the command has a '"),
        ("sh -c 'kill -9 $$'", None, IMAGE, "failed", 137, b"",
         b"is what a container ends with when its command is killed by signal 9 (SIGKILL)"),
    ]
    ids = [queue(api, row[0], row[1], row[2]) for row in table]
    for row, task in zip(table, ids):
        name = "%s: %s %s" % (engine.name, row[1] or "", row[0][:60])
        got = ended(api, task)
        is_(got[:3], row[3:6], name + ": status, return code, output")
        if row[6].strip(b"err\n"):
            has(got[3].decode(), row[6].decode(), name + ": its error")
        elif docker or got[3] != b"":
            is_(got[3], row[6], name + ": its error")
    no_containers(engine, *[t for row, t in zip(table, ids) if row[3] == "succeeded"])
    ok(True, "%s: containers of successes are removed" % engine.name)
    ok(engine.of_task(ids[0]), "%s: that of a failure is kept" % engine.name)
    send(api, worker, -1)
    no_containers(engine, *ids)
    ok(True, "%s: until the worker is told to clean" % engine.name)


def memory(engine, server, worker, api):
    """Who has too little memory says so, and not who is killed at the same time."""
    task = queue(api, "sh -c 'echo here; while [ ! -e /tmp/go ]; do sleep 0.1; done; "
                      "kill -9 $$'")
    said(api, task, b"here\n")
    (container,) = engine.of_task(task)
    got = ended(api, queue(api, "sh -c 'a=$(head -c 100000000 /dev/zero | tr \"\\0\" x); "
                                "echo $?'", "-m 32m"))
    is_(got[:2], ("failed", 137), "%s: one is out of memory" % engine.name)
    has(got[3].decode(), "scitq: out of memory: ", "and says so")
    engine.go(container)
    got = ended(api, task)
    is_(got[:2], ("failed", 137), "%s: another is killed" % engine.name)
    has(got[3].decode(), "scitq: 137 is what a container ends with", "and not that")


def folders(engine, server, worker, api):
    task = queue(api, "sh -c 'mkdir /output/d; echo 1 >/output/d/a; echo 2 >/tmp/t; "
                      "touch /resource/x; ls -d /input /output /resource /tmp /data; "
                      "cat /input/../output/d/a'")
    got = ended(api, task)
    is_(got[2], b"/input\n/output\n/resource\n/tmp\n%s1\n" % (
        b"/data\n" if os.path.isdir("/data") else b""), "%s: its folders" % engine.name)
    has(got[3].decode(), "/resource/x: Read-only file system", "resources are read-only")
    is_(execution(api, task)["output_files"], "d/a", "%s: its outputs" % engine.name)
    is_(ended(api, queue(api, "ls -A /output /tmp"))[2], b"/output:\n\n/tmp:\n",
        "%s: nothing is left of them for the next" % engine.name)


def live(engine, server, worker, api):
    task = queue(api, "sh -c 'echo first; while [ ! -e /tmp/go ]; do sleep 0.1; done; "
                      "echo last'")
    said(api, task, b"first\n")
    ok(True, "%s: output is there while it runs" % engine.name)
    (container,) = engine.of_task(task)
    engine.go(container)
    is_(ended(api, task)[:3], ("succeeded", 0, b"first\nlast\n"), "and the rest after")


def signals(engine, server, worker, api):
    for number in (3, 15, 9):
        task = queue(api, "sh -c 'echo on; sleep 1000; echo no'")
        said(api, task, b"on\n")
        send(api, worker, number, task)
        got = ended(api, task)
        is_(got[:3], ("failed", -number, b"on\n"), "%s: signal %d" % (engine.name, number))
        has(got[3].decode(), "scitq: killed by signal %d " % number, "it is told")
    task = queue(api, "sh -c 'trap \"echo caught; exit 5\" TERM; echo on; "
                      "while :; do sleep 0.1; done'")
    said(api, task, b"on\n")
    send(api, worker, 15, task)
    is_(ended(api, task)[:3], ("failed", 5, b"on\ncaught\n"), "%s: one that catches 15"
        % engine.name)
    task = queue(api, "sh -c 'echo on; sleep 1000'")
    said(api, task, b"on\n")
    (container,) = engine.of_task(task)
    send(api, worker, 20, task)
    wait_until("paused", lambda: engine.status(container) == "paused")
    send(api, worker, 18, task)
    wait_until("running", lambda: engine.status(container) == "running")
    ok(True, "%s: 20 pauses and 18 resumes" % engine.name)
    send(api, worker, 20, task)
    wait_until("paused", lambda: engine.status(container) == "paused")
    send(api, worker, 15, task)
    is_(ended(api, task)[:2], ("failed", -15), "%s: 15 ends a paused one" % engine.name)
    task = queue(api, "sleep 1000")
    api.wait_task(task, "running")
    is_(api.delete("/tasks/%d" % task).status, 200, "a task that runs is deleted")
    no_containers(engine, task)
    ok(True, "%s: and its container is removed" % engine.name)


# ---- nothing is lost

def waiting(api, worker, folder, lines=200, **fields):
    """One that wrote something and waits for `go` in its tmp."""
    task = queue(api, "sh -c '%s while [ ! -e /tmp/go ]; do sleep 0.1; done; echo end; "
                      "echo enderr >&2; exit 4'" % (MADE_BYTES % lines), **fields)
    said(api, task, b"line %d\n" % (lines - 1))
    said(api, task, b"err %d\n" % (lines - 1), 1)
    return task


def right(api, task, name, lines=200, but=None):
    """To the byte; without what matches `but` in the error stream."""
    out = b"".join(b"line %d\n" % i for i in range(lines)) + b"end\n"
    err = b"".join(b"err %d\n" % i for i in range(lines)) + b"enderr\n"
    got = list(ended(api, task))
    got[3] = re.sub(but, b"", got[3]) if but else got[3]
    is_(got, ["failed", 4, out, err], name)
    is_(len(api.get("/executions/", {"task_id": task}).json), 1, "in one execution")


def worker_killed(engine, server, worker, api):
    task = waiting(api, worker, None)
    (container,) = engine.of_task(task)
    worker.kill()
    worker.start()
    engine.go(container)
    right(api, task, "%s: kill -9 of the worker changes nothing" % engine.name)
    task = waiting(api, worker, None)
    (container,) = engine.of_task(task)
    worker.kill()
    engine.go(container)
    wait_until("ended", lambda: engine.status(container) == "exited")
    worker.start()
    right(api, task, "%s: nor when it ends meanwhile" % engine.name)


def supervisor_killed(engine, server, worker, api):
    task = waiting(api, worker, None)
    (container,) = engine.of_task(task)
    os.kill(supervisor_of(worker), signal.SIGKILL)
    if engine.name == "podman":
        got = ended(api, task)
        is_(got[:2], ("failed", -9), "podman: the supervisor is killed: the task fails")
        has(got[3].decode(), "the supervisor was killed, and the container with it",
            "with that reason")
        no_containers(engine, task)
        ok(True, "and its container is removed")
        return
    wait_until("it is followed again", lambda: "logs" in followers(worker))
    engine.go(container)
    right(api, task, "kill -9 of the supervisor changes nothing")
    task = waiting(api, worker, None)
    (container,) = engine.of_task(task)
    supervisor = supervisor_of(worker)
    worker.kill()
    os.kill(supervisor, signal.SIGKILL)
    engine.go(container)
    wait_until("ended", lambda: engine.status(container) == "exited")
    worker.start()
    right(api, task, "kill -9 of worker and supervisor changes nothing")
    task = waiting(api, worker, None)
    (container,) = engine.of_task(task)
    supervisor = supervisor_of(worker)
    worker.kill()
    os.kill(supervisor, signal.SIGKILL)
    wait_until("the clients are dead", gone(supervisor))
    engine("rm", "-f", container)
    worker.start()
    got = ended(api, task)
    is_(got[:2], ("failed", -9), "one that is gone meanwhile fails")
    has(got[3].decode(), "the container is gone", "with that reason")


def followers(worker):
    """The second words of docker's clients under this worker."""
    words = []
    for pid in worker.leftovers():
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                argv = f.read().decode().split("\0")
            if os.path.basename(argv[0]) == "docker":
                words.append(argv[1])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return words


def client_killed(engine, server, worker, api):
    task = waiting(api, worker, None)
    (container,) = engine.of_task(task)
    os.kill(int(execution(api, task)["pid"]), signal.SIGKILL)
    wait_until("it is followed again", lambda: "logs" in followers(worker))
    engine.go(container)
    right(api, task, "kill -9 of the client changes nothing")


def daemon_killed(engine, server, worker, api):
    task = waiting(api, worker, None)
    (container,) = engine.of_task(task)
    engine.kill()
    wait_until("it is noticed", lambda: "cannot be asked" in worker.log())
    engine.start()
    engine.go(container)
    right(api, task, "kill -9 of the engine's daemon changes nothing",
          but=rb"time=[^\n]*error waiting for container: [^\n]*\n")
    is_(ended(api, queue(api, "echo again"))[2], b"again\n", "and the next ones run")


def leftovers(engine, server, worker, api):
    task = queue(api, "false")
    ended(api, task)
    (kept,) = engine.of_task(task)
    labels = engine("container", "inspect", "--format",
                    '{{index .Config.Labels "scitq.worker"}} '
                    '{{index .Config.Labels "scitq.execution"}} {{.Name}}', kept).split()
    is_(labels[1], str(execution(api, task)["execution_id"]), "%s: labels" % engine.name)
    ok(re.fullmatch(r"/?scitq-%s-[0-9a-f]{8}-[0-9a-f]{8}" % labels[1], labels[2]),
       "and a name", labels)
    mine = engine("create", "--label=scitq.worker=" + labels[0], IMAGE, "true").strip()
    other = engine("create", "--label=scitq.worker=other", IMAGE, "true").strip()
    worker.kill()
    worker.start()
    wait_until("it is swept", lambda: mine not in engine.containers())
    ok(other in engine.containers(), "%s: at its start a worker removes what is its own"
       % engine.name)
    ok(kept in engine.containers(), "but not that of a failure")
    engine("rm", "-f", other)
    send(api, worker, -1)
    no_containers(engine, task)
    is_(worker.end(), 0, "it stops")
    worker.start()
    wait_until("it is back", lambda: worker.row(api)["status"] == "running")
    wait_until("nothing is left to be swept", lambda: not os.path.exists(
        os.path.join(worker.settings["SCITQ_STATE_DIR"], "worker-" + worker.name,
                     "containers." + engine.name)))
    ok(True, "%s: with none left the engine is asked no more" % engine.name)


# ---- where it goes wrong

def absent(api, server):
    """No engine in PATH, a daemon that is not there, an engine that hangs."""
    folder = Folder()
    path, host = os.environ["PATH"], os.environ["DOCKER_HOST"]
    os.environ["PATH"] = folder.path
    with Worker(server, options=["-b", "none"]) as worker:
        os.environ["PATH"] = path
        got = ended(api, queue(api, "true", batch="none"))
        is_(got[:3], ("failed", 125, b""), "without an engine a container fails")
        is_(got[3], b"scitq: there is no container engine here: neither docker nor podman "
            b"is in the PATH\n", "in words")
    os.environ["PATH"] = folder.path
    with Worker(server, options=["-b", "told"], SCITQ_CONTAINER_RUNTIME="podman"):
        os.environ["PATH"] = path
        has(ended(api, queue(api, "true", batch="told"))[3].decode(),
            "there is no podman in the PATH: install it, or change "
            "SCITQ_CONTAINER_RUNTIME", "without the one that was told, too")
    os.environ["DOCKER_HOST"] = "unix://" + folder.join("nobody")
    with Worker(server, options=["-b", "down"]):
        got = ended(api, queue(api, "true", batch="down"))
        is_(got[:2], ("failed", 125), "with its daemon down a container fails")
        has(got[3].decode(), "docker does not answer; is its service running?", "in words")
    os.environ["DOCKER_HOST"] = host
    hangs = folder.join("docker")
    with open(hangs, "w") as f:
        f.write("#!/bin/sh\necho $$ >%s\nexec sleep 1000\n" % folder.join("pid"))
    os.chmod(hangs, 0o755)
    os.environ["PATH"] = folder.path + ":" + path
    with Worker(server, options=["-b", "hangs"]) as worker:
        os.environ["PATH"] = path
        task = queue(api, "true", batch="hangs")
        wait_until("it is called", lambda: os.path.exists(folder.join("pid")))
        send(api, worker, 9, task)
        got = ended(api, task)
        is_(got[:2], ("failed", -9), "its task can be killed")
        has(got[3].decode(), "killed by signal 9 (SIGKILL) before it started", "and says so")
        with open(folder.join("pid")) as f:
            wait_until("the call is dead", gone(int(f.read())))
        task = queue(api, "true", batch="hangs")
        wait_until("it is called again", lambda: execution(api, task)["status"]
                   in ("accepted", "running"))
        is_(api.delete("/tasks/%d" % task).status, 200, "or deleted")
        is_(ended(api, api.task("echo free", batch="hangs"))[2], b"free\n",
            "and its slot is free")
    refused = Worker(server, start=False, SCITQ_CONTAINER_RUNTIME="lxc")
    refused.start()
    is_(refused.process.wait(60), 1, "another engine is refused at the start")
    has(refused.log(), 'SCITQ_CONTAINER_RUNTIME must be docker or podman, not "lxc"',
        "in words")
    refused.process = None
    refused.stop()


def main():
    if os.geteuid() != 0:
        lacking("containers", "root, who starts the engines")
        done()
    server = Server()
    api = server.api()
    docker = Docker()
    common = (commands, memory, folders, live, signals, worker_killed, supervisor_killed)
    with Worker(server, concurrency=4) as worker:
        wait_until("registered", lambda: worker.row(api))
        for part in common + (client_killed, daemon_killed, leftovers):
            run(part, docker, server, worker, api)
    run(absent, api, server)
    podman = Podman()
    with Worker(server, concurrency=4, SCITQ_CONTAINER_RUNTIME="podman") as worker:
        wait_until("registered", lambda: worker.row(api))
        for part in common + (leftovers,):
            run(part, podman, server, worker, api)
    podman.stop()
    docker.stop()
    server.stop()
    done()


if __name__ == "__main__":
    main()
