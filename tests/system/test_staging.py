"""A task's data: inputs, shared resources, outputs; what a killed worker does with what
it was in the midst of; cancellation; what cannot be moved, in words.

The storage is file://, the program that moves is the true scitq-fetch, behind
gated_fetch.py, which counts what is asked and holds it in a phase as long as a test
needs."""

import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from gates import Gated  # noqa: E402
from worker import (  # noqa: E402
    ended, execution, read, registered, send, state_of, write)


class GatedWorker(Gated, Worker):
    def __init__(self, server, gates, *args, **settings):
        self.make_gates(gates)
        super().__init__(server, *args, **settings)

    def resources(self):
        """The folders of the cache."""
        base = self.settings["BASE_WORKDIR"]
        found = [os.path.join(base, n) for n in os.listdir(base) if "-resources-" in n]
        return [os.path.join(f, n) for f in found for n in sorted(os.listdir(f))]


def uri(path):
    return "file://" + path


def shared(server, api, folder):
    """Many small tasks, one resource."""
    count = 200
    write(folder.join("db/index"), "index\n")
    write(folder.join("db/deep/part 1"), "part\n")
    script = ("sh -c 'cat $INPUT/* $RESOURCE/index \"$RESOURCE/deep/part 1\" "
              "> $OUTPUT/result && stat -c %a $RESOURCE/index'")
    with GatedWorker(server, folder.join("gates"), concurrency=4) as worker:
        registered(worker, api)
        row = worker.row(api)
        api.put("/workers/%d" % row["worker_id"], {"prefetch": 4})
        ids = []
        for i in range(count):
            path = write(folder.join("in/%d.txt" % i), "input %d\n" % i)
            ids.append(api.task(script, input=uri(path),
                                resource=uri(folder.join("db/")),
                                output=uri(folder.join("out/%d/" % i))))
        states = [api.wait_task(t, ("succeeded", "failed"), 300)["status"] for t in ids]
        is_(states.count("succeeded"), count, "all of %d tasks succeed" % count)
        wrong = [i for i in range(count) if read(folder.join("out/%d/result" % i)) !=
                 "input %d\nindex\npart\n" % i]
        is_(wrong, [], "their outputs are right to the byte")
        is_(worker.asked("get", uri(folder.join("db/"))), 1,
            "the resource was downloaded once")
        ok(worker.asked("info", uri(folder.join("db/"))) <= count,
           "and looked at no more often than it was needed")
        is_(execution(api, ids[0])["output_files"], "result", "outputs are listed")
        is_(api.raw_log(execution(api, ids[0])["execution_id"], "stdout"), b"444\n",
            "a resource is read-only")


def remembered(server, api, folder):
    """Across restarts; refreshed; mended; reset."""
    source = write(folder.join("db.txt"), "one")
    show = "sh -c 'cat $RESOURCE/db.txt'"
    with GatedWorker(server, folder.join("gates"), options=["-b", "remembered"]) as worker:
        def got():
            return ended(api, api.task(show, batch="remembered",
                                       resource=uri(source)))[2]
        registered(worker, api)
        is_(got(), b"one", "a resource")
        worker.kill()
        worker.start()
        is_(got(), b"one", "after kill -9")
        is_(worker.asked("get", uri(source)), 1, "it is remembered")
        write(source, "two!")
        is_(got(), b"two!", "a changed source is noticed")
        is_(worker.asked("get", uri(source)), 2, "and fetched again")
        for text in ("owt!", "two"):
            write(source, text)
            os.utime(source, (1000, 1000))
            is_(got(), text.encode(), "by its date alone, or its size")
        is_(worker.asked("get", uri(source)), 4, "each is fetched again")
        for text, date in (("owt", 2000), ("spoilt", 1000)):
            wait_until("the old one is removed", lambda: len(worker.resources()) == 1)
            cached = os.path.join(worker.resources()[0], "data", "db.txt")
            os.chmod(cached, 0o644)
            write(cached, text)
            os.utime(cached, (date, date))
            is_(got(), b"two", "what somebody wrote into the cache is given to nobody")
        is_(worker.asked("get", uri(source)), 6, "it is fetched anew")
        wait_until("the spoilt one is removed", lambda: len(worker.resources()) == 1)
        os.unlink(os.path.join(worker.resources()[0], "about"))
        worker.kill()
        worker.start()
        is_(got(), b"two", "half a resource is none")
        is_(worker.asked("get", uri(source)), 7, "it is fetched anew, too")
        send(api, worker, -3)
        wait_until("the cache is empty", lambda: worker.resources() == [])
        ok(True, "reset-resources empties the cache")
        is_(got(), b"two", "and it fills again")
        own = [os.path.join("a", "x"), os.path.join("b", "x")]
        both = [uri(write(folder.join(p), p)) for p in own]
        out = ended(api, api.task("true", batch="remembered", resource=" ".join(both)))
        is_(out[:2], ("failed", -1001), "two resources with a file of one name")
        has(out[3].decode(), "both bring x", "are told")
        out = ended(api, api.task("sh -c 'cat $RESOURCE/x $RESOURCE/m/x'",
                                  batch="remembered",
                                  resource="%s %s|mv:m" % tuple(both)))
        is_(out[2], b"a/xb/x", "and do not collide otherwise")


def refreshed(server, api, folder):
    """A folder is what it was by the names, sizes and dates of all that is in it."""
    top = folder.join("db/")
    for name in ("a/x", "y"):
        os.utime(write(top + name, "1\n"), (1000, 1000))

    def date():
        os.utime(top + "a/x", (2000, 2000))

    def content():
        write(top + "a/x", "22\n")
        os.utime(top + "a/x", (2000, 2000))
    changes = (("nothing", lambda: None, "./a/x:1 ./y:1"),
               ("a name", lambda: os.rename(top + "y", top + "z"), "./a/x:1 ./z:1"),
               ("a date", date, "./a/x:1 ./z:1"), ("a size", content, "./a/x:22 ./z:1"),
               ("one file less", lambda: os.unlink(top + "z"), "./a/x:22"))
    with GatedWorker(server, folder.join("gates"), options=["-b", "refreshed"]) as worker:
        registered(worker, api)
        for n, (what, change, want) in enumerate(changes):
            change()
            for again in ("", ", again"):
                out = ended(api, api.task(
                    "sh -c 'cd $RESOURCE && grep -r . . | sort'", batch="refreshed",
                    resource=uri(top)))
                is_((" ".join(out[2].decode().split()), worker.asked("get", uri(top))),
                    (want, n + 1), "a folder, %s changed%s" % (what, again))


def phases(server, api, folder):
    """kill -9 of the worker in each phase: the phase is asserted, the result is the same
    as without."""
    source = write(folder.join("data.txt"), "data\n")
    with GatedWorker(server, folder.join("gates"), options=["-b", "phases"],
                     LOG_LEVEL="debug") as worker:
        registered(worker, api)
        for n in range(10 if LONG else 2):
            fifo = folder.join("fifo%d" % n)
            os.mkfifo(fifo)
            resource = write(folder.join("r%d" % n), "r%d\n" % n)
            out = folder.join("out%d" % n)
            for op in ("info", "get", "put"):
                worker.close_gate(op)
            task = api.task("sh -c 'cat %s; cat $INPUT/* $RESOURCE/* > $OUTPUT/o'" % fifo,
                            batch="phases", input=uri(source), resource=uri(resource),
                            output=uri(out + "/"))

            def killed(what, status):
                wait_until("the server knows", lambda: api.get(
                    "/tasks/%d" % task).json["status"] == status)
                number = execution(api, task)["execution_id"]
                lines = [line for line in worker.log().split("\n")
                         if "execution %d: " % number in line and "->" in line]
                worker.kill()
                ok(lines[-1].endswith("-> " + what),
                   "round %d: killed while %s" % (n, what), lines[-1])
                worker.start()

            pids = [worker.held("get")]
            wait_until("the look is asked", lambda: worker.asked("info", uri(resource)))
            killed("downloading", "accepted")
            wait_until("the old child is gone", lambda: not state_of(pids[0]))
            ok(True, "round %d: its child dies with it" % n)
            worker.open_gate("info")
            worker.open_gate("get")
            wait_until("it runs", lambda: api.get(
                "/tasks/%d" % task).json["status"] == "running")
            killed("running", "running")
            with open(fifo, "w"):
                pass
            pid = worker.held("put")
            killed("uploading", "running")
            wait_until("the old child is gone", lambda: not state_of(pid))
            worker.open_gate("put")
            is_(ended(api, task), ("succeeded", 0, b"", b""), "round %d: it succeeds" % n)
            is_(read(out + "/o"), "data\nr%d\n" % n, "round %d: to the byte" % n)


def cancel(server, api, folder):
    """Events only: what was waiting for the slot ends while the gate is still closed."""
    source = write(folder.join("data.txt"), "data\n")
    with GatedWorker(server, folder.join("gates"), options=["-b", "cancel"]) as worker:
        registered(worker, api)
        for field in ("input", "resource"):
            op = "get" if field == "input" else "info"
            worker.close_gate(op)
            first = api.task("true", batch="cancel", **{field: uri(source)})
            second = api.task("echo free", batch="cancel")
            pid = worker.held(op)
            is_(api.get("/tasks/%d" % first).json["status"], "accepted",
                "%s: downloading is accepted" % field)
            send(api, worker, 9, first)
            is_(ended(api, first), (
                "failed", -9, b"", b"scitq: killed by signal 9 (SIGKILL) before it "
                b"started\n"), "%s: killed in mid-download" % field)
            is_(ended(api, second)[:3], ("succeeded", 0, b"free\n"),
                "%s: its slot is free at once" % field)
            wait_until("the child is gone", lambda: not state_of(pid))
            worker.open_gate(op)
        worker.close_gate("put")
        task = api.task("sh -c 'echo x > $OUTPUT/x'", batch="cancel",
                        output=uri(folder.join("out/")))
        pid = worker.held("put")
        other = api.task("echo free", batch="cancel")
        send(api, worker, 9, task)
        out = ended(api, task)
        is_(out[:2], ("failed", -9), "killed in mid-upload")
        has(out[3].decode(), "while its output was uploaded", "it says so")
        is_(ended(api, other)[0], "succeeded", "the next one runs")
        wait_until("the child is gone", lambda: not state_of(pid))
        worker.open_gate("put")
        worker.close_gate("get")
        task = api.task("true", batch="cancel", input=uri(source))
        pid = worker.held("get")
        api.delete("/tasks/%d" % task)
        wait_until("the child is gone", lambda: not state_of(pid))
        ok(True, "a deleted task's download is given up")
        worker.open_gate("get")


def prefetched(server, api, folder):
    """Downloaded ahead, told so, and kept over a restart."""
    source = write(folder.join("data.txt"), "data\n")
    fifo = folder.join("fifo")
    os.mkfifo(fifo)
    with GatedWorker(server, folder.join("gates"), options=["-b", "ahead"]) as worker:
        row = registered(worker, api)
        api.put("/workers/%d" % row["worker_id"], {"prefetch": 1})
        first = api.task("cat " + fifo, batch="ahead")
        wait_until("the first one runs", lambda: api.get(
            "/tasks/%d" % first).json["status"] == "running")
        second = api.task("sh -c 'cat $INPUT/*'", batch="ahead", input=uri(source),
                          download_timeout=1000)
        number = wait_until("the second one is given", lambda: [
            e for e in api.get("/executions/", {"task_id": second}).json])
        number = number[0]["execution_id"]
        wait_until("its download is told to be over", lambda: server.sql(
            "select downloaded from execution where execution_id = %d" % number)
            in ([[1]], [["t"]]))
        is_(api.get("/tasks/%d" % second).json["status"], "accepted",
            "fetched ahead, while another one runs")
        worker.kill()
        worker.start()
        with open(fifo, "w"):
            pass
        is_(ended(api, first)[0], "succeeded", "the first one")
        is_(ended(api, second), ("succeeded", 0, b"data\n", b""), "the second one")
        is_(worker.asked("get", uri(source)), 1,
            "what was downloaded is not fetched again after kill -9")


def autocleaned(server, api, folder):
    """With a threshold that is always passed: what nobody uses goes, the one that was
    not used for longest first; what is used, or just asked for, stays."""
    sources = [uri(write(folder.join("r%d" % i), "r%d" % i)) for i in range(3)]
    fifo = folder.join("fifo")
    os.mkfifo(fifo)

    def last_used(worker):
        return [line.rsplit("/", 1)[1].split(",")[0] for line in worker.log().split("\n")
                if "removing the resource" in line]
    with GatedWorker(server, folder.join("gates"), options=["-b", "auto"]) as worker:
        registered(worker, api)
        for i in (1, 0, 2, 1, 0):
            ended(api, api.task("true", batch="auto", resource=sources[i]))
        is_(len(worker.resources()), 3, "below the threshold all stay")
        is_(worker.end(), 0, "it stops")
        worker.options += ["-a", "1"]
        worker.start()
        kept = ended(api, api.task("sh -c 'cat $RESOURCE/r1'", batch="auto",
                                   resource=sources[1]))
        wait_until("the others went", lambda: len(last_used(worker)) == 2)
        is_(kept[2], b"r1", "over it the one that is asked for stays")
        is_(last_used(worker), ["r2", "r0"], "the others go, the longest unused first")
        is_(worker.asked("get", sources[1]), 1, "it was not fetched again")
        task = api.task("cat " + fifo, batch="auto", resource=sources[0])
        wait_until("it runs", lambda: api.get("/tasks/%d" % task).json["status"] ==
                   "running")
        wait_until("the idle one went", lambda: last_used(worker)[2:] == ["r1"])
        is_(len(worker.resources()), 1, "what a running task has stays")
        with open(fifo, "w"):
            pass
        is_(ended(api, task)[0], "succeeded", "which succeeds")
        ended(api, api.task("true", batch="auto"))
        wait_until("all went", lambda: worker.resources() == [])
        ok(True, "and goes when it is over and another task comes")


def trouble(server, api, folder):
    """What cannot be moved, in words; what can be is moved even so."""
    with GatedWorker(server, folder.join("gates"), options=["-b", "trouble"]) as worker:
        registered(worker, api)
        absent = uri(folder.join("absent"))
        for field in ("input", "resource"):
            out = ended(api, api.task("true", batch="trouble", **{field: absent}))
            is_(out[:3], ("failed", -1001, b""), "%s: absent" % field)
            has(out[3].decode(), folder.join("absent"), "%s: named" % field)
        two = [uri(write(folder.join(p), p)) for p in ("a/x", "b/x")]
        out = ended(api, api.task("sh -c 'cat $INPUT/*'", batch="trouble",
                                  input=" ".join(two)))
        is_(out, ("failed", -1001, b"", b"scitq: the input cannot be had: two inputs are "
                  b"named x: %s and %s: put one into a folder of its own with |mv:\n"
                  % tuple(u.encode() for u in two)), "two inputs of one name")
        out = ended(api, api.task("sh -c 'cat $INPUT/x $INPUT/m/x'", batch="trouble",
                                  input="%s %s|mv:m %s" % (two[0], two[1], two[0])))
        is_(out[2], b"a/xb/x", "and in folders of their own, one named twice")
        late = folder.join("late")
        out = ended(api, api.task("sh -c 'echo x > $OUTPUT/x; touch %s'" % late,
                                  batch="trouble", output=uri(late + "/below/")))
        is_(out[:2], ("failed", -1000), "an output that cannot be stored any more")
        has(out[3].decode(), "the output is not uploaded", "says so")
        out = ended(api, api.task("sh -c 'echo x > $OUTPUT/x; exit 3'", batch="trouble",
                                  output=uri(folder.join("failed/"))))
        is_(out[:2], ("failed", 3), "a failed command")
        is_(read(folder.join("failed/x")), "x\n", "its output is uploaded all the same")
        victim = folder.join("victim")
        write(os.path.join(victim, "secret"), "secret")
        out = ended(api, api.task(
            "sh -c 'rmdir $OUTPUT; ln -s %s $OUTPUT'" % victim, batch="trouble",
            output=uri(folder.join("linked/"))))
        is_(out[:2], ("failed", -1000), "a link in the place of the output folder")
        ok(not os.path.exists(folder.join("linked/secret")), "is not followed")
        out = ended(api, api.task(
            "sh -c 'echo x > $OUTPUT/x; ln -s /etc/passwd $OUTPUT/link; "
            "mkfifo $OUTPUT/pipe'", batch="trouble", output=uri(folder.join("some/"))))
        is_(out[0], "succeeded", "links and pipes among the outputs")
        is_(os.listdir(folder.join("some")), ["x"], "stay here")
        has(out[3].decode(), "link", "and are named")


def retried(server, api, folder):
    """A child that dies in its midst: what is not there yet is asked for again."""
    two = [uri(write(folder.join(p), p)) for p in ("a/x", "b/y")]
    out, source = uri(folder.join("out/")), uri(write(folder.join("r"), "r"))
    with GatedWorker(server, folder.join("gates"), options=["-b", "retried"]) as worker:
        registered(worker, api)
        for op in ("get", "put"):
            write(os.path.join(worker.gates, op + ".dies"), "")
        task = api.task("sh -c 'cat $INPUT/* > $OUTPUT/o'", batch="retried",
                        input=" ".join(two), output=out)
        is_(ended(api, task), ("succeeded", 0, b"", b""), "both ways: it succeeds")
        is_([worker.asked("get", u) for u in two] + [worker.asked("put", out)], [1, 2, 2],
            "what was there is not asked for again, the rest is")
        is_(read(folder.join("out/o")), "a/xb/y", "to the byte")
        write(os.path.join(worker.gates, "get.dies"), "")
        task = api.task("sh -c 'cat $RESOURCE/r'", batch="retried", resource=source)
        is_(ended(api, task)[:3], ("succeeded", 0, b"r"), "a resource, too")
        is_(worker.asked("get", source), 2, "is fetched again")


def unstorable(server, api, folder):
    """What can never be stored is not computed; what perhaps can, is."""
    blocked = write(folder.join("file"), "no folder")
    source = uri(write(folder.join("source"), "source"))
    absent = folder.join("mount")
    fstab = write(folder.join("fstab"), "nas:/x %s nfs rw 0 0\n" % absent)
    config = write(folder.join("rclone.conf"), "[web]\ntype = http\nurl = http://127.0.0.1:1\n")
    ran = folder.join("ran")
    with GatedWorker(server, folder.join("gates"), options=["-b", "unstorable"], concurrency=6,
                     RCLONE_CONFIG=config, NFS_FSTAB=fstab) as worker:
        registered(worker, api)
        for output, words in (
                (uri(blocked + "/below/"), blocked + " is a file"),
                (blocked, blocked + " is a file"),
                ("http://127.0.0.1:1/x/", "http is read-only"),
                ("run+fastq://ERR1/", "run+fastq is read-only"),
                ("nowhere://b/x/", 'there is no remote "nowhere" in ' + config),
                ("web://b/x/", "of the type http")):
            for more in ({}, {"input": source}, {"resource": source}, {"retry": 1}):
                task = api.task("touch " + ran, batch="unstorable", output=output, **more)
                out = ended(api, task)
                what = "%s, %s: " % (output, " ".join(more) or "nothing else")
                is_(out[:3], ("failed", -1000, b""), what + "fails")
                has(out[3].decode(), "scitq: the command was not run, since its output "
                    "cannot be stored: ", what + "in words")
                has(out[3].decode(), words, what + "with the reason")
                is_(len(api.get("/executions/", {"task_id": task}).json),
                    1 + more.get("retry", 0), what + "as often as a failure is tried")
        is_(os.path.exists(ran), False, "and no command was run")
        is_(worker.asked("check", blocked), 5, "each looked once")
        out = ended(api, api.task("touch " + ran, batch="unstorable",
                                  output=uri(absent + "/out/")))
        is_((out[0], os.path.exists(ran)), ("succeeded", True), "a mount may come yet")
        ended(api, api.task("true", batch="unstorable", output=uri(folder.join("o/"))))
        is_(os.path.exists(folder.join("o")), False, "to look makes nothing")
        is_(worker.asked("put", uri(folder.join("o/"))), 1, "what could be was stored")
        asked = read(os.path.join(worker.gates, "log"))
        ended(api, api.task("true", batch="unstorable"))
        is_(read(os.path.join(worker.gates, "log")), asked,
            "nothing is asked for a task without outputs")
        worker.close_gate("get")
        gets = worker.asked("get", source)
        held = [api.task("true", batch="unstorable", input=source) for _ in range(4)]
        wait_until("four downloads", lambda: worker.asked("get", source) == gets + 4)
        out = ended(api, api.task("true", batch="unstorable", output=uri(folder.join("o/"))))
        is_(out[0], "succeeded", "a look does not wait behind downloads")
        worker.open_gate("get")
        is_([ended(api, t)[0] for t in held], ["succeeded"] * 4, "which go on")


def main():
    server = Server()
    api = server.api()
    for part in (shared, remembered, refreshed, phases, cancel, prefetched, autocleaned,
                 trouble, unstorable, retried):
        run(part, server, api, Folder())
    server.stop()
    done()


if __name__ == "__main__":
    main()
