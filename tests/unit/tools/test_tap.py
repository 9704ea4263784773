"""tap.wait_until(): the time it waits, by a clock of the test's own.  Ports of daemons: no
client and no other test has them."""

import os
import subprocess
import sys

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path[:0] = [os.path.join(TESTS, "system"), os.path.join(TESTS, "servers")]
import ports  # noqa: E402
import tap  # noqa: E402


class Clock:
    """Each sleep takes what it is told, and then what `more` has next."""

    def __init__(self, more=()):
        self.now, self.more = 1000, list(more)

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds + (self.more.pop(0) if self.more else 0)


def answers(clock, at, **how):
    """Is "yes" had, which is the answer from `at` seconds on?"""
    tap.time, begun = clock, clock.now
    try:
        return tap.wait_until("it is", lambda: clock.now - begun >= at and "yes",
                              **how) == "yes"
    except TimeoutError as e:
        tap.has(str(e), "still not: it is", "what did not happen is told")
        return False


tap.is_(answers(Clock(), 0), True, "true at once")
tap.is_(answers(Clock(), 59), True, "true in time")
tap.is_(answers(Clock(), 61), False, "true too late")
tap.is_(answers(Clock(), 3, timeout_s=2), False, "a limit of its own")
tap.is_(answers(Clock([300]), 330), True, "the machine stood still for minutes")
tap.is_(answers(Clock([0, 300, 0, 300]), 640), True, "twice")
tap.is_(answers(Clock([300]), 380), False, "that is not without end")
tap.is_(answers(Clock([3] * 30), 80, every_s=1), False, "a slow machine is no such")

mine = [ports.free_port() for _ in range(50)]
tap.is_(len(set(mine)), 50, "each port is another")
tap.is_([p for p in mine if p >= ports.clients_first()], [], "none is a client's")
other = subprocess.run(
    [sys.executable, "-c", "import sys, ports; print([ports.claim(int(p)) for p in "
     "sys.argv[1:]])"] + [str(p) for p in mine[:2]], stdout=subprocess.PIPE, text=True,
    env=dict(os.environ, PYTHONPATH=os.path.join(TESTS, "servers")))
tap.is_(other.stdout, "[False, False]\n", "nor another test's")
tap.done()
