"""What stands between worker and server loses requests and answers, sends them twice,
cuts them short, or answers by itself as proxies do.  Every task still runs once, with
its whole output, under one execution.  SCITQ_TEST_LONG=1: more tasks, both databases."""

import http.client
import http.server
import os
import random
import socketserver
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "system"))
from harness import *  # noqa: E402,F403

TASKS = 200 if LONG else 25
FOREIGN = {"404": (404, b"<html>no such site</html>"),
           "404 of another": (404, b'{"message":"nothing is here"}'),
           "502": (502, b"<html>bad gateway</html>"),
           "noise": (200, bytes(range(256))), "nothing": (200, b""),
           "a huge number": (200, b'{"acked":%d}' % (2 ** 63 - 1)),
           "an object": (200, b"{}")}
FAULTS = list(FOREIGN) + ["unsent", "unanswered", "twice", "cut short"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, sent=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])
        self.close_connection = self.close_connection or sent is not None

    def ask(self, body):
        conn = http.client.HTTPConnection("127.0.0.1", self.server.to, timeout=60)
        conn.request(self.command, self.path, body, {"Content-Type": "application/json"})
        got = conn.getresponse()
        answer = got.status, got.read()
        conn.close()
        return answer

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault()
        try:
            if fault in FOREIGN:
                return self.answer(*FOREIGN[fault])
            if fault != "unsent":
                if fault == "twice":
                    self.ask(body)
                status, data = self.ask(body)
                if fault != "unanswered":
                    return self.answer(status, data,
                                       len(data) // 2 if fault == "cut short" else None)
        except (OSError, http.client.HTTPException):
            pass
        self.close_connection = True

    do_POST = do_PUT = do_GET = pass_on


class Front(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Takes the place of `server` for a worker.  only: every answer has this fault."""
    daemon_threads = True
    request_queue_size = 100

    def __init__(self, server):
        super().__init__(("127.0.0.1", 0), Handler)
        self.to, self.target = server.port, "127.0.0.1:%d" % self.server_address[1]
        self.api, self.only, self.share = server.api, None, 0
        self.random = random.Random(1)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def fault(self):
        if self.only or self.random.random() >= self.share:
            return self.only
        return self.random.choice(FAULTS)

    def handle_error(self, *_):
        pass


def foreign(server, api, front, folder):
    """One after the other, for as long as it takes the worker to notice."""
    with Worker(front, concurrency=1, options=["-b", "foreign"]) as worker:
        gate = folder.join("gate")
        os.mkfifo(gate)
        task = api.task("sh -c 'echo before; cat %s'" % gate, batch="foreign")
        api.wait_task(task, "running")
        for fault in list(FOREIGN)[:-1]:  # the last says nothing that is wrong
            lost, back = [worker.log().count(w) for w in ("no server at", "is back")]
            front.only = fault
            wait_until("%s is noticed" % fault,
                       lambda: worker.log().count("no server at") > lost)
            front.only = None
            wait_until("it goes on", lambda: worker.log().count("is back") > back)
        with open(gate, "w") as f:
            f.write("after\n")
        task = api.wait_task(task, ("succeeded", "failed"))
        is_(task["status"], "succeeded", "foreign answers end nothing")
        rows = api.get("/executions/", {"task_id": task["task_id"]}).json
        is_([r["output"] for r in rows], ["before\nafter\n"], "nor lose anything")


def chaos(server, api, front, folder):
    with Worker(front, concurrency=4, options=["-b", "chaos"]) as worker:
        wait_until("it registered", lambda: worker.row(api))
        front.share = 0.4
        ids = [api.task("sh -c 'echo ran >> %s; head -c %d /dev/zero; printf \"\\377\"'"
                        % (folder.join("ran%d" % n), n % 5 * 100000), batch="chaos")
               for n in range(TASKS)]
        for i in ids:
            api.wait_task(i, ("succeeded", "failed"), 300)
        front.share = 0
        rows = api.get("/executions/", {"batch": "chaos"}).json
        is_(sorted(r["task_id"] for r in rows), ids, "one execution each")
        is_({r["status"] for r in rows}, {"succeeded"}, "all succeeded")
        bad = [n for n, i in enumerate(ids) if
               open(folder.join("ran%d" % n)).read() != "ran\n"]
        is_(bad, [], "each ran once")
        logs = {r["task_id"]: api.raw_log(r["execution_id"]) for r in rows}
        bad = [n for n, i in enumerate(ids)
               if logs[i] != bytes(n % 5 * 100000) + b"\xff"]
        is_(bad, [], "each output is whole")


def main():
    for db in databases() if LONG else ["sqlite"]:
        diag("over " + db)
        with Server(db=db, WORKER_OFFLINE_DELAY=600) as server:
            for group in (foreign, chaos):
                front, folder = Front(server), Folder()
                run(group, server, server.api(), front, folder)
                front.shutdown()
    done()


main()
