"""Ports of loopback for what tests start.

A port that the kernel chose is one of those that it gives to clients, too: as long as a
daemon is away, to be started again on the same port, a connection of any program on this
machine may come by it, and keeps it for a minute after its end (TIME_WAIT).  So ports are
taken below those.  Other tests do not choose the same, as long as this process lives: a
name that stands for it is bound, an abstract socket.

By hand: ports.py prints one."""

import random
import socket

FIRST = 10000
_claims = []
_dice = random.SystemRandom()  # whatever the test's own seed is


def clients_first():
    """The first port that the kernel gives to clients."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        return int(f.read().split()[0])


def claim(port):
    """False: another test has it."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind("\0scitq-test-port-%d" % port)
    except OSError:
        name.close()
        return False
    _claims.append(name)
    return True


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_port():
    end = clients_first()
    for _ in range(10000 if end > FIRST + 1000 else 0):
        port = _dice.randrange(FIRST, end)
        if claim(port) and is_free(port):
            return port
    with socket.socket() as s:  # clients may have all of them here
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


if __name__ == "__main__":
    print(free_port())
