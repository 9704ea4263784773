"""Mocks of providers for tests in Python: each a process of its own on a free port, and
the words to command it (mock.py).

    with Running("azure") as azure:
        azure.url, azure.table(), azure.faults([{"match": "PUT .*", "do": "lose"}])
"""

import http.client
import json
import os
import subprocess
import sys

from servers import _child, environment

HERE = os.path.dirname(os.path.abspath(__file__))


class Running:
    """Killed with the thread that started it: start it from the main thread."""

    def __init__(self, name):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, name + ".py"), "0"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, env=environment(PYTHONDONTWRITEBYTECODE="1"),
            preexec_fn=_child)
        line = self.process.stdout.readline().decode()
        if not line.startswith("port="):
            raise RuntimeError("%s.py does not start: %r" % (name, line))
        self.port = int(line[5:])
        self.url = "http://127.0.0.1:%d" % self.port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, method, path, body=None, headers=()):
        """One request: (status, headers in small letters, body as JSON, or bytes)."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = dict(headers)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            c.request(method, path, body, headers)
            answer = c.getresponse()
            text = answer.read()
        finally:
            c.close()
        try:
            text = json.loads(text) if text else None
        except ValueError:
            pass
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text

    def order(self, what, body=None):
        status, _, answer = self.ask("GET" if body is None else "POST", "/_mock/" + what,
                                     body)
        if status != 200 or isinstance(answer, dict) and "error" in answer:
            raise RuntimeError("%s %r: %s %r" % (what, body, status, answer))
        return answer

    def table(self):
        return self.order("table")

    def log(self):
        return self.order("log")

    def refused(self):
        return self.order("refused")

    def faults(self, faults):
        self.order("faults", faults)

    def set(self, **settings):
        self.order("set", settings)

    def act(self, do, **more):
        self.order("act", dict(more, do=do))

    def reset(self):
        self.order("reset", {})
