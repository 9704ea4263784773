"""What the mocks of providers' APIs share (azure.py, ovh.py): a server that knows its
routes and nothing else, faults on command, and the log that tests count in.

A request goes by three gates.  *Form*: method, path, query, headers and body are those
of the published description, else it is refused with the provider's own error and
remembered in `refused`; a test that ends with an entry there has found a mistake in the
plugin.  *Faults*: what a test ordered (below).  *Deed*: the route's handler, one at a
time under a lock, acts on the mock's own table of what exists.

A test commands by HTTP below /_mock:

    GET  /_mock/table     what exists: JSON of the mock
    GET  /_mock/log       [[method, path, status], …] of every request; 0: no answer
    GET  /_mock/refused   [{method, path, status, message}, …]
    GET  /_mock/quiet     answered once no client is connected any more: what a killed
                          one had asked for has been done
    POST /_mock/faults    a list of faults, in the place of those left
    POST /_mock/set       settings of the mock: {"delay_s": 0.5}; an unknown one is 400
    POST /_mock/act       what the mock offers: {"do": "evict", …}
    POST /_mock/reset     everything as at the start

A fault is {"match": REGEX of "METHOD /path?query", "do": …}; `skip` lets that many
matching requests pass first, `times` (1; -1: for ever) is how often it happens:

    status    answer `status` with `body`, `headers`, without doing it
    slow      do it after `delay_s` seconds
    lose      do it, close the connection without an answer
    drop      close the connection without doing it
    repeat    do it twice, answer the second time (a proxy that tries again)
    cut       do it, send half of the answer
    garbage   do it, answer 200 with a page of HTML
    hang      do nothing, answer nothing, until the client gives up
    anything else is the mock's own: handed to the handler as request.fault"""

import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY_MAX = 4 << 20
PAGE = b"<html><body>It works!</body></html>"


class Refusal(Exception):
    """An answer that is an error of the provider's."""

    def __init__(self, status, code, message, headers=()):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers)


class Malformed(Refusal):
    """… because the request is not of the published form."""


class Reply:
    def __init__(self, status, body=None, headers=()):
        self.status, self.body, self.headers = status, body, dict(headers)


class Request:
    """One request, its parts checked: `args` of the path, `query`, `body`, `headers`."""

    def __init__(self, method, target, headers, raw):
        self.method, self.target, self.headers, self.raw = method, target, headers, raw
        split = urllib.parse.urlsplit(target)
        self.path, self.query_text = split.path, split.query
        self.args, self.query, self.body = {}, {}, None
        self.fault = {}


# ---- the form of a body: a small language of types
#
# str, int, bool, float as they are; Text(regex); OneOf(…); Const(x); [form] a list;
# ListOf(form, least, most); MapOf(form, most); {"name!": form, "name": form} an object
# with these fields and no other, `!` for a required one; And(form, rule) with a rule
# that returns what is wrong.


class Text:
    def __init__(self, pattern, most=4096):
        self.pattern, self.most = re.compile(pattern, re.S), most

    def check(self, value, where, fail):
        if not isinstance(value, str) or len(value) > self.most or \
                not self.pattern.fullmatch(value):
            fail("%s: %.80r is not of the form %s" % (where, value, self.pattern.pattern))


class OneOf:
    def __init__(self, *values):
        self.values = values

    def check(self, value, where, fail):
        if not any(value == v and type(value) is type(v) for v in self.values):
            fail("%s: %.80r is none of %r" % (where, value, self.values))


class Const(OneOf):
    pass


class ListOf:
    def __init__(self, form, least=0, most=1000):
        self.form, self.least, self.most = form, least, most

    def check(self, value, where, fail):
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            fail("%s is not a list of %d to %d" % (where, self.least, self.most))
        for i, v in enumerate(value):
            check(self.form, v, "%s[%d]" % (where, i), fail)


class MapOf:
    def __init__(self, form, most):
        self.form, self.most = form, most

    def check(self, value, where, fail):
        if not isinstance(value, dict) or len(value) > self.most:
            fail("%s is not an object of at most %d" % (where, self.most))
        for k, v in value.items():
            check(self.form, v, "%s.%s" % (where, k), fail)


class And:
    def __init__(self, form, rule):
        self.form, self.rule = form, rule

    def check(self, value, where, fail):
        check(self.form, value, where, fail)
        wrong = self.rule(value)
        if wrong:
            fail("%s: %s" % (where, wrong))


def check_object(form, value, where, fail):
    if not isinstance(value, dict):
        fail("%s is not an object" % where)
    fields = {k.rstrip("!"): f for k, f in form.items()}
    for k in value:
        if k not in fields:
            fail("%s.%s is not in the description" % (where, k))
    for k in form:
        if k.endswith("!") and k[:-1] not in value:
            fail("%s.%s is required" % (where, k[:-1]))
    for k, v in value.items():
        check(fields[k], v, "%s.%s" % (where, k), fail)


def check(form, value, where, fail):
    if isinstance(form, dict):
        check_object(form, value, where, fail)
    elif isinstance(form, list):
        ListOf(form[0]).check(value, where, fail)
    elif isinstance(form, type):
        if type(value) is not form and not (form is float and type(value) is int):
            fail("%s: %.80r is not of type %s" % (where, value, form.__name__))
    else:
        form.check(value, where, fail)


class Route:
    """`path` is a template: /a/{name}/b, where a name is anything but `/`.  Names and
    values of `query` are checked as an object's fields.  `body`: a form, or None for
    none; `content`: how it is sent."""

    def __init__(self, method, path, handler, query=None, body=None,
                 content="application/json", flags=()):
        self.method, self.template, self.handler = method, path, handler
        self.query, self.body, self.content, self.flags = query or {}, body, content, flags
        self.pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)",
                                         re.escape(path)), re.I)


class Mock:
    """The state of one provider: a subclass gives `routes`, `settings` (name: value at
    the start), start(), table(), act(), error() and may look at a request in
    authorize()."""
    routes = ()
    settings = {}

    def __init__(self):
        self.lock = threading.RLock()
        self.reset()

    def reset(self):
        self.set = dict(self.settings)
        self.faults, self.log, self.refused = [], [], []
        self.start()

    def authorize(self, request, route):
        pass

    # -- form

    def route(self, request):
        found = [(r, m) for r in self.routes
                 for m in [r.pattern.fullmatch(request.path)] if m]
        if not found:
            raise Malformed(404, *self.unknown_path(request))
        for r, m in found:
            if r.method == request.method:
                request.args = {k: urllib.parse.unquote(v)
                                for k, v in m.groupdict().items()}
                return r
        raise Malformed(405, *self.unknown_method(request))

    def unknown_path(self, request):
        return "NotFound", "there is no path %s" % request.path

    def unknown_method(self, request):
        return "MethodNotAllowed", "%s is not allowed for %s" % (request.method,
                                                                 request.path)

    def check_form(self, request, route):
        self.check_query(request, route)
        self.check_headers(request, route)
        if route.body is None:
            if request.raw:
                self.malformed("%s %s takes no body" % (route.method, route.template))
            return
        request.body = self.parse(request, route)
        check(route.body, request.body, "body", self.malformed)

    def check_query(self, request, route):
        pairs = urllib.parse.parse_qsl(request.query_text, keep_blank_values=True,
                                       strict_parsing=bool(request.query_text))
        request.query = dict(pairs)
        if len(request.query) != len(pairs):
            self.malformed("a query parameter is given twice: " + request.query_text)
        check(route.query, request.query, "query", self.malformed)

    def check_headers(self, request, route):
        accept = request.headers.get("Accept", "*/*")
        if not re.search(r"application/json|\*/\*|application/\*", accept):
            self.malformed("Accept: %s leaves out application/json" % accept)
        kind = request.headers.get("Content-Type")
        if route.body is None:
            return
        if not kind or kind.split(";")[0].strip().lower() != route.content:
            raise Malformed(415, "UnsupportedMediaType",
                            "Content-Type has to be %s, not %s" % (route.content, kind))

    def parse(self, request, route):
        try:
            text = request.raw.decode()
            if route.content == "application/json":
                return json.loads(text, object_pairs_hook=self.once)
            return self.once(urllib.parse.parse_qsl(text, keep_blank_values=True,
                                                    strict_parsing=True))
        except ValueError as e:
            return self.malformed("the body is no %s: %s" % (route.content, e))

    def once(self, pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a field is given twice")
        return dict(pairs)

    def malformed(self, message):
        raise Malformed(400, "InvalidRequestContent", message)

    # -- faults and deed

    def next_fault(self, request):
        line = "%s %s" % (request.method, request.target)
        for fault in self.faults:
            if not re.search(fault["match"], urllib.parse.unquote(line)):
                continue
            if fault.get("skip", 0) > 0:
                fault["skip"] -= 1
            elif fault.get("times", 1) != 0:
                fault["times"] = fault.get("times", 1) - 1
                return fault
        return {}

    def answer(self, request):
        """(Reply or None for none, the fault that touched it)."""
        with self.lock:
            try:
                route = self.route(request)
                self.check_form(request, route)
            except Malformed as e:
                return self.refuse(request, e), {}
            fault = self.next_fault(request)
        if fault.get("do") == "slow":
            time.sleep(fault["delay_s"])
        elif fault.get("do") == "status":
            return Reply(fault["status"], fault.get("body"), fault.get("headers", {})), fault
        elif fault.get("do") in ("drop", "hang"):
            return None, fault
        request.fault = fault
        with self.lock:
            reply = self.deed(request, route)
            if fault.get("do") == "repeat":
                reply = self.deed(request, route)
        return reply, fault

    def deed(self, request, route):
        try:
            self.authorize(request, route)
            return route.handler(self, request)
        except Malformed as e:
            return self.refuse(request, e)
        except Refusal as e:
            return self.error(e)

    def refuse(self, request, e):
        self.refused.append({"method": request.method, "path": request.target,
                             "status": e.status, "message": e.message})
        return self.error(e)

    # -- the tests' side

    def command(self, method, what, body):
        if method == "GET" and what in ("table", "log", "refused"):
            return Reply(200, self.table() if what == "table" else getattr(self, what))
        if method != "POST":
            return Reply(404, {"error": what})
        if what == "faults":
            self.faults = body
        elif what == "set":
            for k in body:
                if k not in self.set:
                    return Reply(400, {"error": "no setting " + k})
            self.set.update(body)
        elif what == "act":
            return Reply(200, self.act(body))
        elif what == "reset":
            self.reset()
        else:
            return Reply(404, {"error": what})
        return Reply(200, {})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    mock = None

    def log_message(self, *_):
        pass

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            raise ValueError("chunked")
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= BODY_MAX:
            raise ValueError("too long")
        return self.rfile.read(length)

    def serve(self):
        try:
            raw = self.read_body()
        except ValueError:
            self.close_connection = True
            return self.send(Reply(411))
        if self.path.startswith("/_mock/"):
            self.server.forget(self.connection)
            if self.path == "/_mock/quiet":
                return self.send(Reply(200 if self.server.wait_quiet() else 504, {}))
            with self.mock.lock:
                return self.send(self.mock.command(
                    self.command, self.path[7:], json.loads(raw) if raw else {}))
        request = Request(self.command, self.path, self.headers, raw)
        entry = [self.command, self.path, 0]
        with self.mock.lock:
            self.mock.log.append(entry)
        reply, fault = self.mock.answer(request)
        if fault.get("do") == "hang":
            self.connection.recv(1)
        if reply is None or fault.get("do") == "lose":
            self.close_connection = True
            return None
        entry[2] = reply.status
        return self.send(reply, fault.get("do"))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = serve

    def send(self, reply, how=None):
        text = b"" if reply.body is None else json.dumps(reply.body).encode()
        kind = "application/json; charset=utf-8"
        if how == "garbage":
            text, kind, reply = PAGE, "text/html", Reply(200)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, str(value))
        if text:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if how == "cut":
            text = text[:len(text) // 2]
            self.close_connection = True
        self.wfile.write(text)


class Server(ThreadingHTTPServer):
    """Knows which clients are connected, in the order of their coming: whoever asks for
    quiet by a new connection finds those before it counted.  Tests are no clients."""
    daemon_threads = True
    request_queue_size = 128
    QUIET_S = 30

    def __init__(self, *args):
        self.clients, self.change = set(), threading.Condition()
        super().__init__(*args)

    def process_request(self, request, client_address):
        with self.change:
            self.clients.add(request)
        super().process_request(request, client_address)

    def forget(self, request):
        with self.change:
            self.clients.discard(request)
            self.change.notify_all()

    def shutdown_request(self, request):
        self.forget(request)
        super().shutdown_request(request)

    def wait_quiet(self):
        with self.change:
            return self.change.wait_for(lambda: not self.clients, self.QUIET_S)

    def handle_error(self, request, client):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client)  # else a client that went away


def serve_tls(folder):
    """Serve the same mock by TLS too, on another port; its certificate, which signs
    itself, is left in `folder`.  Returns the port and the certificate's file."""
    pem = os.path.join(folder, "mock.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=mock", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pem,
                    "-out", pem + ".crt"], check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem + ".crt", pem)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port, pem + ".crt"


def main(make):
    """NAME.py PORT: serve until killed; port 0 is a free one.  Prints `port=N`."""
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    Handler.mock = make("http://127.0.0.1:%d" % server.server_port)
    print("port=%d" % server.server_port, flush=True)
    server.serve_forever()
