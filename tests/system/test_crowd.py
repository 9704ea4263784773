"""Strangers at the door, in a network namespace in which this machine has addresses that
are not loopback's: nobody keeps others out by saying nothing, and who has a token that is
right is none of them."""

import re

from guards import guarded
from harness import *

if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip"))):
    lacking("the crowd of strangers", "root, unshare and ip")
    done()
if os.environ.get("SCITQ_TEST_ALONE") != "1":
    os.environ["SCITQ_TEST_ALONE"] = "1"
    os.execvp("unshare", ["unshare", "--net", sys.executable] + sys.argv)

HERE, THERE = "10.79.0.1", "10.79.0.2"
for words in ("link set lo up", "address add %s/32 dev lo" % HERE,
              "address add %s/32 dev lo" % THERE):
    subprocess.run(["ip"] + words.split(), check=True, timeout=60)
with open(os.path.join(TOP, "core", "http", "crowd.h")) as header:
    MOST = int(re.search(r"SQ_CROWD_ADDRESS = (\d+)", header.read())[1])


def connect(server, source):
    sock = socket.create_connection((HERE, server.port), 60, (source, 0))
    sock.setblocking(False)
    return sock


def is_shut(sock):
    """Turned away, without a word."""
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def asks(server, source, token):
    api = server.api(token=token, source=source)
    api.host = HERE
    return api


def comes_in(server):
    try:
        return asks(server, HERE, server.token).get("/tasks/").status == 200
    except (OSError, http.client.HTTPException):
        return False


def strangers():
    with guarded() as server:
        server.end()
        server.start(SCITQ_LISTEN="0.0.0.0:%d" % server.port)
        known = [asks(server, HERE, server.token) for _ in range(MOST + 20)]
        is_({api.get("/tasks/").status for api in known}, {200},
            "more with a token than there may be strangers")
        held = [connect(server, HERE) for _ in range(MOST + 9)]
        wait_until("nine are turned away", lambda: sum(map(is_shut, held)) >= 9)
        is_(sum(map(is_shut, held)), 9, "nine strangers too many are turned away")
        is_(known[0].get("/tasks/").status, 200, "those that are known go on")
        is_(asks(server, THERE, server.token).get("/tasks/").status, 200,
            "another address comes in")
        [sock for sock in held if not is_shut(sock)][0].close()
        wait_until("there is room again", lambda: comes_in(server))
        ok(True, "one that went leaves its place")
        for sock in held + known:
            sock.close()


run(strangers)
done()
