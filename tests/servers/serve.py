"""Servers for a program in another language: serve.py FOLDER NAME… starts them below
FOLDER (which is made, and removed at the end), prints `conf=PATH`, then for each
`NAME=PORT FOLDER`, then `ready`; ends when its standard input does.  `absent=WHY` when
the tests are to be skipped for that.  By hand:

    tests/servers/serve.py /tmp/servers s3 azure dav sftp ftp web misbehave

and, in another terminal, `rclone --config /tmp/servers/rclone.conf lsl s3:lab`."""

import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import KINDS, Absent, Servers  # noqa: E402


def stop(*_):
    raise SystemExit(0)


def main():
    if len(sys.argv) < 3 or any(name not in KINDS for name in sys.argv[2:]):
        raise SystemExit("usage: serve.py FOLDER NAME…; names: " + " ".join(KINDS))
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    folder = os.path.abspath(sys.argv[1])
    os.makedirs(folder)
    try:
        servers = Servers(sys.argv[2:], folder)
    except Absent as e:
        shutil.rmtree(folder)
        if not e.skips:
            raise
        print("absent=%s" % e)
        return
    try:
        print("conf=" + servers.conf)
        for name, server in servers.running.items():
            print("%s=%d %s" % (name, server.port, server.folder))
        print("ready", flush=True)
        while sys.stdin.buffer.read1(4096):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        servers.remove()


main()
