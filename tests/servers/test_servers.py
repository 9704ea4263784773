"""The test servers do what they promise: each is reached by rclone and writes an access
log, the HTTP server misbehaves as told, the gate cuts and stalls, and nothing is left
behind when the program that asked for them is killed."""

import http.client
import os
import signal
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system")]
from servers import KINDS, Servers, environment  # noqa: E402
from tap import Folder, done, is_, ok, run, wait_until  # noqa: E402

BODY = bytes(range(256)) * 1000


def rclone(servers, *words):
    return subprocess.run(
        ["rclone", "--config", servers.conf, "--retries", "1", "--low-level-retries", "1",
         *words], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_each(servers, folder):
    with open(folder.join("a file"), "wb") as f:
        f.write(BODY)
    for name in ("s3", "azure", "dav", "sftp", "ftpd"):
        rclone(servers, "copy", folder.join("a file"), name + ":lab/x")
        is_(rclone(servers, "cat", name + ":lab/x/a file").stdout, BODY,
            "%s gives back what was put" % name)
        ok(servers[name].requests("a(%20| )file"), "%s logs who asks for what" % name,
           servers[name].log())
    with open(os.path.join(servers["web"].root, "lab", "f"), "wb") as f:
        f.write(BODY)
    is_(rclone(servers, "cat", "web:lab/f").stdout, BODY, "web serves its folder")
    ok(rclone(servers, "lsf", "denied:lab").returncode != 0, "denied: is refused")
    ok(rclone(servers, "lsf", "gone:lab").returncode != 0, "gone: is not there")


def get(server, path, **headers):
    """(status, bytes got, whether the answer was whole)."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read(), True
    except http.client.IncompleteRead as e:
        return answer.status, e.partial, False
    finally:
        connection.close()


def test_misbehave(servers):
    server = servers["misbehave"]
    with open(os.path.join(server.root, "f"), "wb") as f:
        f.write(BODY)
    half, tail = BODY[:len(BODY) // 2], BODY[1000:]
    from_1000 = {"Range": "bytes=1000-"}
    for path, headers, want in (
            ("/ok/f", {}, (200, BODY, True)),
            ("/ok/f", from_1000, (206, tail, True)),
            ("/ok/absent", {}, (404, b"status 404\n", True)),
            ("/noranges/f", from_1000, (200, BODY, True)),
            ("/truncated/f", {}, (200, half, False)),
            ("/cut/f", {}, (200, half, False)),
            ("/cut/f", from_1000, (206, tail, True)),
            ("/long/f", {}, (200, BODY, False)),
            ("/chunked/f", {}, (200, BODY, True)),
            ("/chunkcut/f", {}, (200, half, False)),
            ("/slow/f", {}, (200, BODY, True)),
            ("/changed/f", {}, (200, half, False)),
            ("/changed/f", from_1000, (206, bytes(255 - b for b in tail), True)),
            ("/wrongrange/f", {}, (200, half, False)),
            ("/wrongrange/f", from_1000, (206, BODY[:len(tail)], True)),
            ("/503/f", {}, (503, b"status 503\n", True)),
            ("/flaky/f", {}, (503, b"status 503\n", True)),
            ("/flaky/f", {}, (503, b"status 503\n", True)),
            ("/flaky/f", {}, (200, BODY, True)),
            ("/redirect/f", {}, (302, b"", True))):
        got = get(server, path, **headers)
        ok(got == want, "misbehave: GET %s %s" % (path, headers),
           "%s, %d bytes, whole %s" % (got[0], len(got[1]), got[2]))
    is_(len(server.requests("^GET /ok/f ")), 2, "its requests are counted")


def test_gate(servers):
    gate = servers["misbehave"].gate()
    for mode, want in (("pass", True), ("cut:1000", False), ("pass", True)):
        gate.set(mode)
        try:
            whole = get(gate, "/ok/f")[1] == BODY
        except OSError:
            whole = False
        is_(whole, want, "the gate in mode " + mode)
    gate.set("stall:1000")
    with socket.create_connection(("127.0.0.1", gate.port), 30) as s:
        s.sendall(b"GET /ok/f HTTP/1.1\r\nHost: x\r\n\r\n")
        got = b""
        while len(got) < 1000:
            got += s.recv(1000 - len(got))
        s.settimeout(0.3)
        try:
            more = s.recv(1)
        except TimeoutError:
            more = None
        is_(more, None, "a stalled gate lets nothing more through and stays open")


def test_kill(folder):
    """kill -9 of serve.py, and the end of its input."""
    for how in ("killed", "input ended"):
        where = folder.join("served " + how)
        process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "serve.py"), where, "dav", "misbehave"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ports = {}
        for line in process.stdout:
            if line == "ready\n":
                break
            name, _, rest = line.partition("=")
            ports[name] = rest.split()[0]
        is_(sorted(ports), ["conf", "dav", "misbehave"], "serve.py says where they are")
        if how == "killed":
            process.send_signal(signal.SIGKILL)
        else:
            process.stdin.close()
        process.wait()
        for name in ("dav", "misbehave"):
            wait_until("%s ends" % name, lambda: not listening(int(ports[name])))
        ok(True, "serve.py %s: its servers end too" % how)


def listening(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except OSError:
        return False


def main():
    folder = Folder("scitq-servers-")
    with Servers(list(KINDS), folder.join("servers")) as servers:
        run(test_each, servers, folder)
        run(test_misbehave, servers)
        run(test_gate, servers)
    run(test_kill, folder)
    done()


main()
