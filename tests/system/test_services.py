#!/usr/bin/env python3
"""scitq as services: what the worker tells a service manager, and the units, settings
and folders that an installation brings."""

import os
import signal
import socket

from harness import Folder, Server, Worker, databases, done, is_, ok, run


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
            if beside:
                first = Server(db="postgresql", role=beside)
            env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"}
            with Server(db="postgresql", role=role, uri=first.uri if first else None,
                        wrapper=["env"] + ["%s=%s" % v for v in env.items()]) as server:
                s.settimeout(60)
                is_(s.recv(100), b"READY=1\n", name + " tells that it is ready")
                ok(told(s, b"WATCHDOG=1\n") and told(s, b"WATCHDOG=1\n"),
                   name + " tells that it lives")
                os.kill(server.pid, signal.SIGHUP)
                ok(told(s, b"RELOADING=1\n") and told(s, b"READY=1\n"), name + " reloads")
                is_(server.end(), 0, name + " stops")
            if first:
                first.stop()


def main():
    run(worker)
    if "postgresql" in databases():
        run(roles)
    done()


main()
