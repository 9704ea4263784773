#!/usr/bin/env python3
"""scitq as services: what the worker tells a service manager, and the units, settings
and folders that an installation brings."""

import glob
import os
import shutil
import signal
import socket
import subprocess

from harness import (BUILD, Folder, Server, Worker, databases, done, has, is_, lacking, ok, run)


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


def main():
    run(installation)
    run(worker)
    if "postgresql" in databases():
        run(roles)
    done()


main()
