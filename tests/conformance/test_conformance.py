#!/usr/bin/env python3
"""Every statement of the HTTP API's description, row by row (rows_*.py), on SQLite and
again on PostgreSQL.  Numbers or their beginnings on the command line choose rows:
test_conformance.py A3.04 A5."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine import *  # noqa: E402,F403
from guards import guarded  # noqa: E402
from tables import rows  # noqa: E402

FLAVORS = ("tiny:1:1:10:0.1:0 small:2:4:20:0.2:4:N spot:8:32:100:0.05:20 "
           "gpu:8:64:200:2:5:GN metal:32:256:2000:0.15:0:M large:16:128:400:1.5:0")


def main_server(db, folder, eviction="delete"):
    """What most rows speak to: in another time zone than any clock of this test."""
    with open(folder.join("rclone.conf"), "w") as f:
        f.write("[s3]\ntype = s3\n# \u00e9\n")
    server = Server(db, start=False, RCLONE_CONFIG=folder.join("rclone.conf"),
                    REMOTE_URI="s3://lab/flows", LOCAL_WORKER=program("scitq-worker"),
                    LOCAL_FLAVORS=FLAVORS, LOCAL_REGIONS="east west", LOCAL_QUOTA=64,
                    SCITQ_PROVIDERS="local=local none=static", PREFERRED_REGIONS="local:w%",
                    WORKER_IDLE_DELAY=3600, WORKER_FIRST_TASK_DELAY=7200,
                    WORKER_CREATE_RETRY=0,
                    WORKER_OFFLINE_DELAY=600, EVICTION_ACTION=eviction)
    server.env = {"TZ": "Asia/Tokyo", "SCITQ_SUPERVISOR": program("scitq-supervisor")}
    return server.start()


def replacing_server(db, folder):
    return main_server(db, folder, "replace")


def guarded_server(db, folder):
    """One that asks for tokens, but not those who call from 127.0.0.2."""
    return guarded(db, trusted="127.0.0.2")


def bare_server(db, folder):
    """One of which nothing is set."""
    return Server(db, RCLONE_CONFIG=folder.join("nowhere.conf"))


def main():
    for db in databases():
        diag("over " + db)
        servers, apis = {"none": None}, {"none": None}
        folder = Folder()
        for one in rows:
            if sys.argv[1:] and not one.number.startswith(tuple(sys.argv[1:])):
                continue
            if one.server not in servers:
                make = {"main": main_server, "bare": bare_server,
                        "guarded": guarded_server, "replacing": replacing_server}[one.server]
                servers[one.server] = make(db, folder)
                apis[one.server] = servers[one.server].api()
            run_row(one, servers[one.server], apis[one.server])
        close_sessions()
        for server in filter(None, servers.values()):
            server.stop()
    done()


main()
