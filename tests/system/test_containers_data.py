"""Containers with data: what a task finds at /input, /resource, /output, /tmp, what it can
and cannot do there, as root and as nobody, and what becomes of its data when the worker
is killed with -9 while it runs.

Over docker and podman; the storage is file://, with victims of the test's own."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "servers")]
from harness import *  # noqa: E402,F403
from engine import Docker, IMAGE, Podman  # noqa: E402
from fetch import tree, write  # noqa: E402
from worker import execution, registered  # noqa: E402
import worker as of_worker  # noqa: E402


def ended(api, task):
    """Engines are slow on a busy machine."""
    api.wait_task(task, ("succeeded", "failed"), timeout_s=180)
    return of_worker.ended(api, task)


class Scene:
    """A folder with sources, and a task over them."""

    def __init__(self, engine, api, worker):
        self.engine, self.api, self.worker, self.folder = engine, api, worker, Folder()
        self.src = {"in/a": b"input a\n", "in/sub/b c": b"input b\n", "db/index": b"db\n",
                    "db/deep/part": b"part\n", "victim/secret": b"secret\n"}
        for name, data in self.src.items():
            write(self.folder.join(name), data)

    def queue(self, script, options="", **fields):
        write(self.folder.join("script/run"), script.encode())
        fields.setdefault("input", "%s/ %s" % (self.folder.join("in"),
                                               self.folder.join("script/run|mv:s")))
        fields.setdefault("resource", self.folder.join("db") + "/")
        fields.setdefault("output", self.folder.join("out") + "/")
        return self.api.task("sh /input/s/run", container=IMAGE,
                             container_options=options, **fields)

    def whole(self, name):
        """What the task was given is as it was."""
        is_({k: v for k, v in tree(self.folder.path).items()
             if v is not None and k.split("/")[0] in ("in", "db", "victim")}, self.src,
            name + ": nothing of its sources has changed")

    def out(self):
        return {k: v for k, v in tree(self.folder.join("out")).items() if v is not None}


def given(engine, api, worker):
    """The same for root and for a user that is nobody on this machine."""
    for name, options in (("root", ""), ("nobody", "-u 4321:4321")):
        scene = Scene(engine, api, worker)
        name = "%s, %s" % (engine.name, name)
        task = scene.queue("""
            cat /input/a '/input/sub/b c' /resource/index /resource/deep/part > /output/all
            ls -A /input /resource > /output/names
            mkdir -p '/output/d e'; head -c 100000 /dev/zero > '/output/d e/zeros'
            echo t > /tmp/t && cat /tmp/t
            for f in index deep/part new; do echo x > /resource/$f; done 2>/dev/null
            rm -f /resource/index 2>/dev/null
            chmod 777 /resource/index 2>/dev/null
            echo more > /input/new && rm /input/new && echo can write""", options)
        is_(ended(api, task), ("succeeded", 0, b"t\ncan write\n", b""), name + ": it runs")
        is_(scene.out(), {"all": b"input a\ninput b\ndb\npart\n",
                          "names": b"/input:\na\ns\nsub\n\n/resource:\ndeep\nindex\n",
                          "d e/zeros": bytes(100000)}, name + ": its output")
        is_(execution(api, task)["output_files"], "all d%20e/zeros names",
            name + ": is listed")
        scene.whole(name)
        is_(ended(api, scene.queue("cat /resource/index", options))[2], b"db\n",
            name + ": the next one has the resource as it was")


def hostile(engine, api, worker):
    """Links that a container leaves mean something else out here."""
    scene, name = Scene(engine, api, worker), engine.name
    victim = scene.folder.join("victim")
    task = scene.queue("""
        ln -s %s /output/folder; ln -s %s/secret /output/file
        mkdir /output/d; ln -s ../../../victim/secret /output/d/up; echo x > /output/x
        rm -r /input/sub; ln -s %s /input/sub; ln -s %s /tmp/l""" % ((victim,) * 4))
    got = ended(api, task)
    is_(got[0], "succeeded", name + ": links among the outputs")
    is_(scene.out(), {"x": b"x\n"}, name + ": are not uploaded")
    has(got[3].decode(), "not uploaded, since no files: ", name + ": and named")
    is_(ended(api, scene.queue("ls /input /tmp"))[0], "succeeded", name + ": the next")
    scene.whole(name)


def killed(engine, api, worker):
    """kill -9 of the worker while the container runs; it ends later, or meanwhile."""
    for meanwhile in (False, True):
        scene = Scene(engine, api, worker)
        name = "%s, killed, it ends %s" % (engine.name,
                                           "meanwhile" if meanwhile else "later")
        task = scene.queue("""
            cat /input/a > /output/o; echo kept > /tmp/t; echo on
            until [ -e /tmp/go ]; do sleep 0.1; done
            cat '/input/sub/b c' /resource/deep/part /tmp/t >> /output/o; echo off""")
        number = wait_until("it is given", lambda: api.get(
            "/executions/", {"task_id": task}).json)[0]["execution_id"]
        wait_until("it runs", lambda: api.raw_log(number) == b"on\n")
        (container,) = engine.of_task(task)
        worker.kill()
        ok("execution %d: starting -> running" % number in worker.log() and
           "execution %d: running ->" % number not in worker.log(),
           name + ": while it ran")
        if meanwhile:
            engine.go(container)
            wait_until("it ended", lambda: engine.status(container) == "exited")
            worker.start()
        else:
            worker.start()
            engine.go(container)
        is_(ended(api, task), ("succeeded", 0, b"on\noff\n", b""), name + ": it succeeds")
        is_(scene.out(), {"o": b"input a\ninput b\npart\nkept\n"},
            name + ": its output is right to the byte")
        is_(len(api.get("/executions/", {"task_id": task}).json), 1,
            name + ": in one execution")
        wait_until("its container is removed", lambda: not engine.of_task(task))
        scene.whole(name)


def failed(engine, api, worker):
    """What fails before the container is made, and an output of one that fails."""
    scene, name = Scene(engine, api, worker), engine.name
    got = ended(api, scene.queue("true", resource=scene.folder.join("none")))
    is_(got[:3], ("failed", -1001, b""), name + ": without its resource none is made")
    has(got[3].decode(), scene.folder.join("none"), name + ": which is named")
    task = scene.queue("echo half > /output/half; exit 3")
    is_(ended(api, task)[:2], ("failed", 3), name + ": a failure")
    is_(scene.out(), {"half": b"half\n"}, name + ": is uploaded from, too")
    for output, words in ((scene.folder.join("in/a") + "/o/", "in/a is a file"),
                          ("http://127.0.0.1:1/o/", "http is read-only")):
        task = scene.queue("touch /seen/ran", "-v %s:/seen" % scene.folder.path,
                           output=output)
        got = ended(api, task)
        is_(got[:3], ("failed", -1000, b""), name + ": an output that cannot be stored")
        has(got[3].decode(), words, name + ": in words")
        is_((os.path.exists(scene.folder.join("ran")), engine.of_task(task)), (False, []),
            name + ": and no container was made")
    got = ended(api, scene.queue("true", "--no-such-option"))
    is_(got[:2], ("failed", 125), name + ": refused options, with data")
    has(got[3].decode(), "unknown flag", name + ": in words")


def main():
    if os.geteuid() != 0:
        lacking("containers with data", "root, who starts the engines")
        done()
    server = Server()
    api = server.api()
    for make in (Docker, Podman):
        engine = make()
        with Worker(server, concurrency=2, LOG_LEVEL="debug",
                    SCITQ_CONTAINER_RUNTIME=engine.name) as worker:
            registered(worker, api)
            for part in (given, hostile, killed, failed):
                run(part, engine, api, worker)
        engine.stop()
    server.stop()
    done()


main()
