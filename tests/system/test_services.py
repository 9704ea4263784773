#!/usr/bin/env python3
"""scitq as services: what the worker tells a service manager, and the units, settings
and folders that an installation brings."""

import glob
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess

from harness import (BUILD, Folder, Server, Worker, databases, done, has, is_, lacking, ok, program,
                     run)


SWEEPS_S = 5  # more than two of the scheduler's, which come whatever happens


def told(s, words, within=60):
    """Is a message that begins with `words` among those that come?"""
    s.settimeout(within)
    try:
        while not s.recv(100).startswith(words):
            pass
    except socket.timeout:
        return False
    return True


def worker():
    folder = Folder()
    path = folder.join("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s, Server() as server:
        s.bind(path)
        wrapper = ["env", "NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=1000000"]
        with Worker(server, wrapper=wrapper) as w:
            ok(told(s, b"READY=1\n"), "the worker tells that the server knows it")
            ok(w.row() is not None, "which is true")
            server.kill()
            ok(told(s, b"WATCHDOG=1\n") and told(s, b"WATCHDOG=1\n"),
               "it tells that it lives, also without a server")
            server.start()
            os.kill(w.pid, signal.SIGHUP)
            ok(told(s, b"RELOADING=1\nMONOTONIC_USEC="), "it tells that it reloads")
            ok(told(s, b"READY=1\n"), "and that it has")
            is_(w.end(), 0, "it stops")
            ok(told(s, b"STOPPING=1\n", 1), "and told so")


def roles():
    """One that stands by is ready and alive, and stops when it is asked to."""
    for role, beside in (("main", None), ("queue", None), ("queue", "queue")):
        name = "a %s%s" % (role, ", standing by," if beside else "")
        folder, first = Folder(), None
        path = folder.join("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            logs = {"LOG_FILE": folder.join("main.log"),
                    "QUEUE_LOG_FILE": folder.join("queue.log")}
            if beside:
                first = Server(db="postgresql", role=beside)
            env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"}
            with Server(db="postgresql", role=role, uri=first.uri if first else None,
                        wrapper=["env"] + ["%s=%s" % v for v in env.items()],
                        **logs) as server:
                s.settimeout(60)
                is_(s.recv(100), b"READY=1\n", name + " tells that it is ready")
                ok(told(s, b"WATCHDOG=1\n") and told(s, b"WATCHDOG=1\n"),
                   name + " tells that it lives")
                os.kill(server.pid, signal.SIGHUP)
                ok(told(s, b"RELOADING=1\n") and told(s, b"READY=1\n"), name + " reloads")
                is_(server.end(), 0, name + " stops")
                is_([p for p in ("main", "queue") if os.path.exists(folder.join(p + ".log"))],
                    [role], name + " has a log of its own")
            if first:
                first.stop()


def stuck():
    """One that cannot write any more tells no sign of life: so it is started anew."""
    folder = Folder()
    path = folder.join("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"}
        with Server(wrapper=["env"] + ["%s=%s" % v for v in env.items()]) as server:
            ok(told(s, b"WATCHDOG=1\n"), "a server tells that it lives")
            other = sqlite3.connect(server.folder.join("scitq.db"), isolation_level=None)
            other.execute("begin immediate")
            for _ in range(3):  # what was told, or under way, before
                silent = not told(s, b"WATCHDOG=1\n", SWEEPS_S)
                if silent:
                    break
            ok(silent, "and no more while nothing can be written")
            other.execute("rollback")
            other.close()
            ok(told(s, b"WATCHDOG=1\n"), "then again")


def command(*argv):
    """(exit code, output and errors) of a program."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=600, env=env)
    return p.returncode, p.stdout


def prefix():
    with open(os.path.join(BUILD, "lib", "scitq.pc")) as f:
        return f.readline().strip().split("=", 1)[1]


# Where others put things too, below the prefix: these may stay, empty.
SHARED = ("bin", "etc", "etc/cron.d", "etc/logrotate.d", "include", "lib", "lib/pkgconfig",
          "lib/systemd", "lib/systemd/system", "lib/sysusers.d", "lib/tmpfiles.d", "libexec",
          "sbin", "share", "share/bash-completion", "share/bash-completion/completions",
          "share/doc", "share/man")


def installation():
    """What `make install` brings, and that `make uninstall` takes it all away."""
    folder = Folder()
    dest = folder.join("dest")
    code, text = command("make", "-C", BUILD, "-s", "tests/plugin-sample/dest.stamp")
    is_(code, 0, "make install")
    shutil.copytree(os.path.join(BUILD, "tests/plugin-sample/dest"), dest, symlinks=True)
    os.unlink(os.path.join(dest, "log"))
    base = dest + prefix()
    units(base)
    crontab(base)
    if os.geteuid() != 0 or not all(map(shutil.which, ("logrotate", "systemd-tmpfiles"))):
        lacking("rotated logs, users and folders", "root, logrotate and systemd")
    else:
        logs(base)
        folders(base)
    theirs = os.path.join(base, "share/scitq/ansible/roles/ours.yml")
    with open(theirs, "w") as f:
        f.write("a file of the site")
    is_(command("make", "-C", BUILD, "-s", "uninstall", "DESTDIR=" + dest)[0], 0,
        "make uninstall")
    is_([os.path.join(d, name) for d, _, names in os.walk(dest) for name in names], [theirs],
        "leaves no file but what is not scitq's")
    left = {os.path.relpath(d, base) for d, _, _ in os.walk(base)} - set(SHARED) - {"."}
    is_({d for d in left if not d.startswith("share/man/")},
        {"share/scitq", "share/scitq/ansible", "share/scitq/ansible/roles"},
        "and no folder that was scitq's alone")


def units(base):
    found = sorted(glob.glob(base + "/lib/systemd/system/*"))
    is_([os.path.basename(p) for p in found],
        ["scitq-firewall.service", "scitq-main.service", "scitq-queue.service",
         "scitq-worker.service", "scitq.target"], "the units are installed")
    texts = []
    for path in found + glob.glob(base + "/lib/*.d/scitq.conf") + [base + "/etc/cron.d/scitq"]:
        with open(path) as f:
            texts.append(f.read())
    ok("@" not in "".join(texts), "nothing in them waits for its value", texts)
    for word in ("scitq-server", "scitq-worker"):
        has("".join(texts), "ExecStart=%s/sbin/%s" % (prefix(), word), word + " is started")
    verify(base, found)
    updaters(base)


def crontab(base):
    """What its lines run, once their # is off, is there."""
    with open(base + "/etc/cron.d/scitq") as f:
        text = f.read()
    lines = re.findall(r"(?m)^#\d+ \d+ \* \* \* nobody (\S+) >/dev/null$", text)
    is_([os.access(os.path.join(base, "bin", word), os.X_OK) for word in lines], [True] * 2,
        "cron finds what it is to run: %s" % lines)
    has(text, "\nPATH=%s/bin:" % prefix(), "where it looks")


SYSTEMCTL = """#!/bin/sh
echo "$*" >>%s
[ "$1" != -q ] || [ "$3" = scitq-main ]
"""


def logs(base):
    """logrotate with our rules, on folders of the test and for root alone: what runs is
    told to open its log anew, be its settings right or not."""
    folder = Folder()
    called, log = folder.join("called"), folder.join("log", "queue.log")
    with open(base + "/etc/logrotate.d/scitq") as f:
        text = f.read().replace("root scitq", "root root").replace("/var/log/scitq",
                                                                   folder.join("log"))
    with open(folder.join("conf"), "w") as f:
        f.write(text)
    os.mkdir(folder.join("log"), 0o700)
    with open(folder.join("systemctl"), "w") as f:
        f.write(SYSTEMCTL % called)
        os.chmod(f.name, 0o755)
    with open(log, "w") as f:
        f.write("a line\n")
    code, text = command("env", "PATH=%s:%s" % (folder.path, os.environ["PATH"]), "logrotate",
                         "-f", "-s", folder.join("state"), folder.join("conf"))
    is_((code, text), (0, ""), "logrotate finds nothing wrong")
    old = glob.glob(log + "-????????")
    ok(len(old) == 1 and os.path.getsize(old[0]) == 7, "a log is put away by its date", old)
    is_((os.path.getsize(log), os.stat(log).st_mode & 0o777), (0, 0o660), "for a new one")
    with open(called) as f:
        is_(re.findall(r"(?m)^kill --signal=HUP --kill-who=main (.*)$", f.read()),
            ["scitq-main"], "which runs is told")


def folders(base):
    """The user and the folders, in a tree of the test."""
    root = Folder().path
    with open(base + "/lib/tmpfiles.d/scitq.conf") as f:
        settings = re.search(r"(?m)^z (\S+)", f.read())[1]
    for path in (root + "/etc", os.path.dirname(root + settings)):
        os.makedirs(path, exist_ok=True)
    with open(root + settings, "w") as f:
        os.chmod(f.name, 0o644)
    for program, conf in (("systemd-sysusers", "/lib/sysusers.d/scitq.conf"),
                          ("systemd-tmpfiles", "/lib/tmpfiles.d/scitq.conf")):
        code, text = command(program, "--root=" + root, *(
            ["--create"] if "tmp" in program else []), base + conf)
        is_(code, 0, "%s: %s" % (program, text))
    with open(root + "/etc/group") as f:
        group = int(re.search(r"(?m)^scitq:[^:]*:(\d+):", f.read())[1])
    found = {}
    for path in (settings, "/var/lib/scitq", "/var/log/scitq"):
        st = os.stat(root + path)
        found[path] = ("%o" % (st.st_mode & 0o7777), st.st_uid, st.st_gid)
    is_(found, {settings: ("640", 0, group), "/var/lib/scitq": ("755", 0, 0),
                "/var/log/scitq": ("770", 0, group)}, "folders are whose they are to be")


def verify(base, found):
    """systemd's own opinion, of units whose programs are where they will be."""
    if not shutil.which("systemd-analyze"):
        return lacking("systemd's opinion of the units", "systemd-analyze")
    folder = Folder()
    for path in found + glob.glob(base + "/share/scitq/systemd/*.conf"):
        with open(path) as f:
            text = f.read().replace("=" + prefix(), "=" + base)
        name = os.path.basename(path)
        if name == "unprivileged.conf":
            os.mkdir(folder.join("scitq-main.service.d"))
            name = "scitq-main.service.d/" + name
            text = text.replace("User=scitq\n", "User=daemon\n")
        with open(folder.join(name), "w") as f:
            f.write(text)
    paths = [folder.join(os.path.basename(p)) for p in found]
    code, text = command("systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                         *paths)
    is_((code, text), (0, ""), "systemd finds nothing wrong with them")


def updaters(base):
    """The lines of the installed cron.d/scitq, as cron runs them: sh -c, their user, no
    environment but cron's (and what ldconfig would have told of libraries); on a network
    that has the server's usual port free, with the installation where it was to be put."""
    if os.geteuid() != 0 or not os.path.isdir(prefix()):
        return lacking("the lines for cron", "root, and the folder " + prefix())
    with open(base + "/etc/cron.d/scitq") as f:
        text = f.read()
    path = re.search(r"(?m)^PATH=(.*)$", text)[1]
    lines = re.findall(r"(?m)^#(?:\S+ ){5}(\S+) (.*)$", text)
    is_([user for user, _ in lines], ["nobody"] * 2, "an updater a provider, nobody's")
    wrapper = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"']
    with Server(start=False, wrapper=wrapper) as server:
        server.start(SCITQ_LISTEN="127.0.0.1:5000", LOCAL_WORKER=program("scitq-worker"),
                     SCITQ_PROVIDERS="ovh=local azure=local")
        for user, line in lines:
            ok("%" not in line, "cron takes no % in it for a new line", line)
            before = server.sql("select coalesce(max(job_id), 0) from job")[0][0]
            code, said = command(
                "nsenter", "--net=/proc/%d/ns/net" % server.pid, "unshare", "--mount", "sh",
                "-c", 'mount --bind "$1" "$2" && exec setpriv --reuid="$3" --regid=nogroup '
                '--clear-groups env -i SHELL=/bin/sh HOME=/nonexistent LOGNAME="$3" '
                'LD_LIBRARY_PATH="$2/lib" PATH="$4" /bin/sh -c "$5"', "sh", base, prefix(), user, path, line)
            is_((code, said), (0, ""), "quietly: " + line)
            name = re.match(r"scitq-(\w+)-updater", line)[1]
            rows = server.sql("select action, target, status from job where job_id > %s"
                              % before)
            is_([list(r) for r in rows], [["flavor_update", name, "succeeded"]],
                "what it asks for is done")


def main():
    run(installation)
    run(worker)
    run(stuck)
    if "postgresql" in databases():
        run(roles)
    done()


main()
