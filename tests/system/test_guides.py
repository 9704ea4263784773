"""The guides in doc/guide are true: what they tell a reader to type is typed, against a
real server with a worker, goes well to its last command, and prints what they say
(guide.py).  plugin.md is typed by tests/plugin-sample/test_pages.py."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from guide import Shell, blocks, chapters, path_of, seen  # noqa: E402
from legacy13 import Database  # noqa: E402

# What a user does; installation.md, and most of upgrading.md, are test_installation.py's.
LIVE = ("usage", "data", "providers")


def live(name, db):
    """With a server and a worker."""
    with Server(db=db) as server, Worker(server, concurrency=4) as worker:
        folder = Folder()
        wait_until("the worker is there", worker.row)
        shell = Shell(folder, clean_env(SCITQ_SERVER=server.address, WORKER=worker.name,
                                        HOME=folder.path,
                                        PATH=BUILD + ":" + os.environ["PATH"]))
        for number, (commands, printed) in enumerate(blocks(path_of(name)), 1):
            shell.follow("%s, %s, block %d" % (name, db, number), commands, printed)
        give_back(server.api())
        shell.stop()
        folder.stop()


def give_back(api):
    """Workers that a guide had lent outlive the server otherwise."""
    for row in api.get("/workers/").json:
        if not row["permanent"]:
            api.delete("/workers/%d" % row["worker_id"])
    wait_until("what was lent is given back",
               lambda: all(row["permanent"] for row in api.get("/workers/").json))


def parameters():
    """Without any server."""
    folder = Folder()
    shell = Shell(folder, clean_env(HOME=folder.path,
                                    PATH=BUILD + ":" + os.environ["PATH"]))
    for number, (commands, printed) in enumerate(blocks(path_of("parameters")), 1):
        shell.follow("parameters, block %d" % number, commands, printed)
    shell.stop()
    folder.stop()


def security(db):
    """Files are made first, then the server is started with them, then it is tried."""
    with open(path_of("security")) as f:
        made = len(re.findall(r"(?m)^```sh$", f.read().split("## Try it")[0]))
    folder = Folder()
    with Server(db=db, start=False) as server:
        shell = Shell(folder, clean_env(SCITQ_SERVER="https://" + server.address,
                                        HOME=folder.path,
                                        PATH=BUILD + ":" + os.environ["PATH"]))
        for number, (commands, printed) in enumerate(blocks(path_of("security"))):
            if number == made:
                server.start(SCITQ_TOKEN_FILE=folder.join("tokens"),
                             SCITQ_TLS_CERT=folder.join("server.pem"),
                             SCITQ_TLS_KEY=folder.join("server.key"),
                             SCITQ_CA=folder.join("ca.pem"))
            shell.follow("security, %s, block %d" % (db, number + 1), commands, printed)
        shell.stop()
    folder.stop()


def upgrading(db):
    """What it says from the upgrade on, of scitq's programs, with a database of 1.3.  The
    rest is done to a machine: test_installation.py."""
    typed = 0
    with Server(db=db, start=False) as server:
        old = Database.of(server, Postgres.shared)
        old.fill()
        old.run("update task set name = 'finished' where task_id = 6")
        old.run("update execution set output = 'as it was\n' where task_id = 6")
        folder = Folder()
        shell = Shell(folder, clean_env(
            SCITQ_SERVER=server.address, SCITQ_DATABASE_URI=server.uri,
            HOME=folder.path, PATH=BUILD + ":" + os.environ["PATH"]))
        for title, commands in chapters("upgrading", ["server"]):
            for _, _, command, lines in commands if title[0] > "4" else ():
                if command.startswith("systemctl enable"):
                    server.start()
                if not command.startswith(("scitq-", "python3 ")):
                    continue
                text, status = shell.type(command.replace("127.0.0.1:5000",
                                                          server.address))
                ok(status == 0 and seen(lines, text.strip("\n")),
                   "upgrading, %s: %s" % (db, command[:60]), text)
                typed += 1
        shell.stop()
        folder.stop()
    ok(typed > 5, "upgrading, %s: %d commands were typed" % (db, typed))


def main():
    run(parameters)
    for db in databases():
        if db == "postgresql":
            Postgres.get()
        for name in LIVE:
            run(live, name, db)
        run(security, db)
        run(upgrading, db)
    done()


main()
