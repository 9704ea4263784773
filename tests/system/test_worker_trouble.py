"""What a worker must survive or refuse: commands that do what they like with their
directory, full disks, wrong settings and options, a second worker of its name."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from worker import *  # noqa: E402,F403


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
            lacking("disks that get full", "the right to mount")
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
    warned = Worker(server, SCITQ_TOKEN="secret-x", NO_SUCH_THING="1", NFS_TIMEOUT="20",
                    AZURE_IMDS_ENDPOINT="http://127.0.0.1:9")
    registered(warned, api)
    has(warned.log(), "scitq-worker.conf line ", "a warning names the file and line")
    has(warned.log(), "NO_SUCH_THING", "a setting that nobody knows")
    ok("NFS_TIMEOUT" not in warned.log() and "AZURE_IMDS" not in warned.log(),
       "but none that a storage declares, or a provider", warned.log())
    ok("secret-x" not in warned.log(), "and no token")
    warned.stop()


def main():
    server = Server()
    api, folder = server.api(), Folder()
    with Worker(server, concurrency=4) as worker:
        registered(worker, api)
        for part in (hostile,):
            run(part, server, worker, api, folder)
    for part in (full_disk, refusals):
        run(part, server, api, folder)
    server.stop()
    done()


if __name__ == "__main__":
    main()
