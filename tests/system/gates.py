"""A daemon whose scitq-fetch is gated_fetch.py: its transfers are counted, and can be held
at a gate, one for each kind of job."""

import os

from daemons import BUILD, TOP
from tap import wait_until


class Gated:
    """Beside Server or Worker."""
    fetch = os.path.join(TOP, "tests", "system", "gated_fetch.py")

    def make_gates(self, gates):
        self.gates = gates
        os.makedirs(gates, exist_ok=True)

    def spawn(self, argv, env, ready=False):
        env["SCITQ_GATES"] = self.gates
        env["SCITQ_TRUE_FETCH"] = os.path.join(BUILD, "scitq-fetch")
        super().spawn(argv, env, ready)

    def logged(self, *words):
        """How often it was called with these words."""
        try:
            with open(os.path.join(self.gates, "log")) as f:
                return f.read().split("\n").count(" ".join(words))
        except FileNotFoundError:
            return 0

    def asked(self, op, uri):
        return self.logged(op, uri)

    def close_gate(self, op):
        os.mkfifo(os.path.join(self.gates, op))

    def held(self, op):
        """Wait until a transfer is held at the gate; its pid."""
        at = os.path.join(self.gates, op + ".at")
        wait_until("a transfer at the gate " + op, lambda: os.path.exists(at))
        with open(at) as f:
            return int(f.read())

    def open_gate(self, op):
        """Whoever waits goes on, and nobody waits any more."""
        gate = os.path.join(self.gates, op)
        os.rename(gate, gate + ".open")
        try:
            os.close(os.open(gate + ".open", os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            pass  # nobody waits
        os.unlink(gate + ".open")
        if os.path.exists(gate + ".at"):
            os.unlink(gate + ".at")
