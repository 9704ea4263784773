#!/usr/bin/env python3
"""scitq-manage debug run: a task of a real server run here as a worker would, with its
inputs from a disk and from S3, in containers of the real engines; the server hears
nothing of it."""

import os
import pty
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "servers")]
from harness import *  # noqa: E402,F403
from daemons import BUILD  # noqa: E402
from engine import Docker, IMAGE, Podman  # noqa: E402
from servers import Servers  # noqa: E402
from worker import read, write  # noqa: E402

TIMEOUT_S = 180


class World:
    def __init__(self, server):
        self.server, self.folder = server, server.folder
        self.servers = self.folder.join("servers")
        self.base = self.folder.join("base")
        write(self.folder.join("worker.conf"),
              'BASE_WORKDIR="%s"\nRCLONE_CONFIG="%s"\n' % (self.base, os.path.join(self.servers, "rclone.conf")))
        self.env = clean_env(SCITQ_SERVER=server.address, SECRET_OF_USER="seen",
                             SCITQ_FETCH=os.path.join(BUILD, "scitq-fetch"))

    @property
    def api(self):
        """A new connection: an idle one is closed."""
        return self.server.api()

    def words(self, *words):
        return [program("scitq-manage"), "debug", "run", "-c",
                self.folder.join("worker.conf")] + [str(w) for w in words]

    def debug(self, *words, stdin=b"", **env):
        """(exit code, stdout, stderr) as texts."""
        p = subprocess.run(self.words(*words), input=stdin, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=TIMEOUT_S,
                           env=dict(self.env, **env))
        err = p.stderr.decode(errors="replace")
        if any(mark in err for mark in SANITIZERS):
            ok(False, "no sanitizer's report", err)
        return p.returncode, p.stdout.decode(errors="replace"), err

    def place(self, task):
        return os.path.join(self.base, "debug-%d" % task)


def commands(w):
    """What a command gets, and what becomes of its exit code."""
    show = w.api.task("sh -c 'echo $INPUT $OUTPUT $RESOURCE $TEMP $CPU; pwd; "
                      "echo \"$SECRET_OF_USER|$SCITQ_SERVER|$HOME\"; cat; echo e >&2'")
    top = w.place(show)
    code, out, err = w.debug("-i", show, stdin=b"typed\n")
    is_((code, out.splitlines()),
        (0, ["%s/input %s/output %s/resource %s/tmp %d" % (
            top, top, top, top, len(os.sched_getaffinity(0))), top,
            "seen||" + os.environ["HOME"], "typed"]), "the environment of a task")
    ok("e\n" in err and "exit code 0 in " + top in err, "its error, and where it was", err)
    is_([oct(os.stat(os.path.join(top, n)).st_mode)[-3:]
         for n in ("input", "output", "resource", "tmp")], ["777"] * 4, "its folders")
    for command, want, word in (("sh -c 'exit 7'", 7, "exit code 7"),
                                ("sh -c 'kill -9 $$'", 137, "killed by signal 9"),
                                ("no-such-program x", 127, "cannot run no-such-program"),
                                ("/etc/passwd", 126, "Permission denied"),
                                ("sh -c 'open", 1, "never closed")):
        code, out, err = w.debug("-i", w.api.task(command))
        ok(code == want and word in err, "%s gives %d" % (command, want), err)
    named = w.api.task("echo by name", name="a name")
    is_(w.debug("-n", "a name")[:2], (0, "by name\n"), "by its name")
    row = w.api.get("/tasks/%d" % named).json
    is_((row["status"], w.api.get("/executions/", {"task_id": named}).json),
        ("pending", []), "the server was told nothing")


def batches(w):
    code, _, err = w.debug("-b", "empty")
    ok(code == 1 and "no task in status debug or pending" in err, "an empty batch", err)
    w.api.task("echo first", batch="b")
    w.api.task("echo second", batch="b")
    is_(w.debug("-b", "b")[:2], (0, "first\n"), "the first pending one of a batch")
    w.api.task("echo apart", batch="b", status="debug")
    is_(w.debug("-b", "b")[:2], (0, "apart\n"), "one put aside for it comes first")


def refused(w):
    task = w.api.task("true")
    for words, want, word in ((("-i", 999999), 1, "999999"), (("-n", "nobody"), 1, "nobody"),
                              ((), 2, "is required"), (("-i", task, "-b", "b"), 2, ""),
                              (("-i", task, "-r"), 1, "no earlier debug run")):
        code, out, err = w.debug(*words)
        ok(code == want and word in err and not out, "%s is refused" % (words,), err)
    other = os.path.dirname(write(w.folder.join("other", "precious"), "keep"))
    for words in (("-w", other), ("-w", other, "-r")):
        code, _, err = w.debug("-i", task, *words)
        ok(code == 1 and "not of a debug run" in err, "a folder of others' is refused", err)
    is_(os.listdir(other), ["precious"], "and left alone")
    victim = os.path.dirname(write(w.folder.join("victim", "precious"), "keep"))
    link = w.api.task("sh -c 'rm -r output; ln -s %s output'" % victim)
    w.debug("-i", link)
    code, _, err = w.debug("-i", link)
    ok(code == 1 and os.listdir(victim) == ["precious"],
       "a link in the place of a folder is not followed", err)


def data(w, uri, put):
    """Inputs and resources, with actions; what is fetched stays for -r."""
    put("reads/a.txt", "one\n")
    put("db/x", "db")
    task = w.api.task("sh -c 'cat $INPUT/sub/a.txt $RESOURCE/x; echo out >$OUTPUT/o; "
                      "ls $OUTPUT $TEMP; touch $TEMP/t'",
                      input=uri + "reads/a.txt|mv:sub", resource=uri + "db/",
                      output=uri + "out/")
    code, out, err = w.debug("-i", task)
    is_((code, out), (0, "one\ndb%s/output:\no\n\n%s/tmp:\n" % (2 * (w.place(task),))),
        uri + ": the command finds its data")
    ok("fetching " + uri in err and "not uploaded" in err, "what is done is said", err)
    is_(read(os.path.join(w.place(task), "output", "o")), "out\n", "its output stays")
    put("reads/a.txt", "two\n")
    code, out, err = w.debug("-i", task, "-r")
    ok(code == 0 and out.startswith("one\ndb") and "fetching" not in err,
       "-r runs on what was fetched", out + err)
    ok(out.endswith("/tmp:\n"), "in an empty tmp", out)
    code, out, err = w.debug("-i", task)
    ok(code == 0 and out.startswith("two\ndb"), "without it all is fetched anew", out + err)
    w.api.put("/tasks/%d" % task, {"input": uri + "db/x|mv:sub"})
    code, out, err = w.debug("-i", task, "-r")
    ok("fetching " + uri + "db/x" in err and "db/ into" not in err and "a.txt" in err,
       "-r fetches what the task asks for since", err)
    w.api.put("/tasks/%d" % task, {"input": "", "command": "sh -c 'ls $RESOURCE | wc -l'"})
    code, out, err = w.debug("-i", task, "--no-resource")
    is_((code, out.strip()), (0, "0"), "--no-resource leaves them out")
    w.api.put("/tasks/%d" % task, {"input": uri + "none", "command": "echo ran"})
    code, out, err = w.debug("-i", task)
    ok(code == 1 and not out and "nothing was run" in err and "none" in err,
       "without its input it does not run", out + err)
    own = w.folder.join("own " + uri[:2])
    w.api.put("/tasks/%d" % task, {"input": uri + "db/x", "command": "cat input/x"})
    is_(w.debug("-i", task, "-w", own)[:2], (0, "db"), "-w names the folder")
    is_(w.debug("-i", task, "-w", own, "-r")[:2], (0, "db"), "also again")


def on_disk(w):
    top = w.folder.join("data")
    data(w, "file://%s/" % top, lambda name, text: write(os.path.join(top, name), text))


def on_s3(w):
    os.makedirs(w.servers)
    with Servers(["s3"], w.servers, gates=False) as servers:
        def put(name, text):
            subprocess.run(["rclone", "--config", servers.conf, "rcat", "s3:lab/" + name],
                           input=text.encode(), check=True, env=servers_env())
        data(w, "s3://lab/", put)


def servers_env():
    return {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RCLONE_"))}


def interrupted(w):
    """Ctrl-C is the command's; a SIGTERM of ours reaches it."""
    command = ("sh -c 'sleep 60 & trap \"kill $!; echo got INT; exit 5\" INT; echo ready; "
               "wait $!'")
    task = w.api.task(command)
    pid, fd = pty.fork()
    if pid == 0:
        # Ignored where the tests run in the background of a shell, and no shell can trap
        # what was ignored when it started.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execve(program("scitq-manage"), w.words("-i", task), w.env)
    said = b""
    while b"ready" not in said:
        said += os.read(fd, 1000)
    os.write(fd, b"\3")
    while True:
        try:
            more = os.read(fd, 1000)
        except OSError:
            more = b""
        if not more:
            break
        said += more
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    ok(code == 5 and b"got INT" in said and b"exit code 5" in said,
       "Ctrl-C on a terminal ends the command, and its exit code is told", said)
    p = subprocess.Popen(w.words("-i", w.api.task(command.replace("INT", "TERM"))), env=w.env,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.readline()
    p.send_signal(signal.SIGTERM)
    out, err = p.communicate(timeout=TIMEOUT_S)
    is_((p.returncode, out), (5, b"got TERM\n"), "so does a SIGTERM")


def containers(w, engine):
    """The same command lines as a worker's, and standard input."""
    env = {"SCITQ_CONTAINER_RUNTIME": engine.name}
    write(w.folder.join("in", "f"), "input\n")
    task = w.api.task("sh -c 'cat /input/f; cat; echo $A $CPU; echo o >/output/o; "
                      "touch /resource/x; exit 3'", container=IMAGE,
                      container_options="-e A=1", input="file://%s/f" % w.folder.join("in"))
    code, out, err = w.debug("-i", task, stdin=b"typed\n", **env)
    is_((code, out), (3, "input\ntyped\n1 %d\n" % len(os.sched_getaffinity(0))),
        "%s runs it, and its exit code passes" % engine.name)
    has(err, "Read-only", "resources are read-only")
    is_(read(os.path.join(w.place(task), "output", "o")), "o\n", "its output is here")
    is_(engine.of_task(task), [], "its container is removed")
    absent = 127 if engine.name == "docker" else 1  # what its init exits with
    for image, command, code, word in (("no-such-image:1", "true", 1, "no-such-image"),
                                       (IMAGE, "no-such-program", absent, "pid1" if absent == 1
                                        else "no-such-program"),
                                       (IMAGE, "sh -c 'kill -9 $$'", 137, "exit code 137")):
        task = w.api.task(command, container=image)
        got, out, err = w.debug("-i", task, **env)
        ok(got == code and word in err, "%s in %s is explained" % (command, image),
           "%d %s" % (got, err))
        is_(engine.of_task(task), [], "and nothing stays")
    code, _, err = w.debug("-i", task, SCITQ_CONTAINER_RUNTIME="rkt")
    ok(code == 1 and "neither docker nor podman" in err, "an unknown engine", err)


def main():
    with Server() as server:
        w = World(server)
        for part in (commands, batches, refused, on_disk, interrupted, on_s3):
            run(part, w)
        if os.geteuid() != 0:
            lacking("containers", "root, who starts the engines")
        else:
            for kind in (Docker, Podman):
                engine = kind()
                w.env.update({k: os.environ[k] for k in engine.env})
                run(containers, w, engine)
                engine.stop()
    done()


main()
