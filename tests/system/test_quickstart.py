"""./quickstart as a newcomer runs it, in a copy of the sources, without a terminal and
with port 5000 taken: it ends with 0 and everything running, again too, and `stop`
leaves nothing behind.

All but a wrong use is part of ./check long: that builds the whole once more."""

import glob
import http.client
import re
import shutil
import socket
import urllib.request

from harness import *  # noqa: F403


def quickstart(top, *args):
    return subprocess.run(["./quickstart", *args], cwd=top, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=900, env=clean_env(), start_new_session=True)


def processes(top):
    """Pids of programs that live below this folder."""
    found = []
    for link in glob.glob("/proc/[0-9]*/exe"):
        try:
            if os.readlink(link).startswith(top + "/"):
                found.append(int(link.split("/")[2]))
        except OSError:
            pass
    return found


def daemons(top):
    """Pids of the server and the worker, as quickstart keeps them."""
    found = []
    for name in "server", "worker":
        with open(os.path.join(top, ".quickstart", name + ".pid")) as f:
            found.append(int(f.read()))
    return found


def healthy(address):
    host, port = address.split(":")
    conn = http.client.HTTPConnection(host, int(port), timeout=30)
    conn.request("GET", "/healthz")
    return conn.getresponse().status


def proposed(said):
    """What is proposed to be tried works: the task runs, on the worker that is there."""
    tried = re.search(r"try: +(\S+scitq-launch .*)", said)
    out = subprocess.run((tried.group(1) if tried else "false").split(), text=True,
                         stdout=subprocess.PIPE, timeout=60, env=clean_env()).stdout
    address = re.search(r"server: +http://(\S+)", said).group(1)
    task = re.search(r"task id: (\d+)", out)
    if not ok(task, "the last lines show a task that can be queued", said[-500:]):
        return

    def status():
        with urllib.request.urlopen("http://%s/tasks/%s" % (address, task.group(1))) as a:
            return json.load(a)["status"]
    wait_until("the task that was proposed runs", lambda: status() == "succeeded", 120)
    ok(True, "and it runs")


def newcomer(top):
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(("127.0.0.1", 5000))
        taken.listen()
    except OSError:
        diag("port 5000 is taken already: as well")
    before = set(os.listdir(top))
    running = []
    for time_of in ("first", "second", "third"):
        if time_of == "third":
            source = os.path.join(top, "core", "main.c")
            with open(source) as f:
                text = f.read()
            assert '"listening on ' in text
            with open(source, "w") as f:
                f.write(text.replace('"listening on ', '"listening now on '))
        got = quickstart(top)
        if not is_(got.returncode, 0, "the %s run ends with 0" % time_of):
            diag(got.stdout[-4000:])
            return
        is_("of an earlier build" in got.stdout, time_of == "third",
            "%s: daemons are started again when what they run changed" % time_of)
        running.append(daemons(top))
        has(got.stdout, "200/200 succeeded", "%s: progress is shown" % time_of)
        address = re.search(r"server: +http://(\S+)", got.stdout).group(1)
        ok(not address.endswith(":5000"), "%s: another port is taken" % time_of)
        is_(healthy(address), 200, "%s: the server is left running" % time_of)
        result = re.search(r"results: +(\S+)", got.stdout).group(1)
        with open(result) as f:
            bases = dict(line.split() for line in f)
        is_(sum(map(int, bases.values())), 100 * 200 * 60,
            "%s: the result counts every base" % time_of)
        has(got.stdout.splitlines()[-1], "./quickstart stop", "%s: how to end" % time_of)
        if time_of == "first":
            proposed(got.stdout)
    taken.close()
    is_(running[0], running[1], "the second run leaves the daemons alone")
    ok(not set(running[1]) & set(running[2]), "the third has new ones", running)
    is_(set(os.listdir(top)) - before, {".quickstart"}, "all of it is in ./.quickstart")
    ok(len(processes(top)) >= 2, "server and worker run")
    is_(quickstart(top, "stop").returncode, 0, "stop ends with 0")
    is_(processes(top), [], "no process is left")
    is_(set(os.listdir(top)), before, "no file is left")
    is_(quickstart(top, "stop").returncode, 0, "stop is safe to repeat")


def misused():
    """A wrong use is told as one, before anything is done."""
    for name in "quickstart", "check":
        got = subprocess.run([os.path.join(TOP, name), "nonsense"], cwd="/",
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=60,
                             env=clean_env())
        is_((got.returncode, got.stdout), (2, ""), "./%s nonsense: exit 2" % name)
        has(got.stderr, "usage: ", "with the usage")


run(misused)
if not LONG:
    skip("quickstart in a copy of the sources", "part of ./check long")
else:
    copy = Folder().join("scitq")
    shutil.copytree(TOP, copy, symlinks=True, ignore=shutil.ignore_patterns(
        ".git", ".cache", ".quickstart", "build", "build-check", "build-asan", "autom4te.cache",
        "scitq-*.tar.gz"))
    run(newcomer, copy)
done()
