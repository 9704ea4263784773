"""C: who may call what.  Every route as each role, and all that a token can be, are in
tests/system/test_security.py, certificates in test_tls.py."""

import ssl

from certificates import Authority
from engine import *  # noqa: F401,F403
from guards import ADMIN, NODE, READ, WORKER, pass_of_worker, put_tokens

REFUSED = Message()


def by(token, call):
    """The same call by somebody else; None: nobody."""
    call.headers = {"Authorization": "Bearer " + token if token else ""}
    return call


def nobody(method, path, status, body=None):
    """Without a header at all."""
    def do(context):
        api = context.server.api(token=None)
        answer = api.call(method, context.fill(path), body)
        api.close()
        if answer.status != status:
            raise Wrong("%s %s: %r" % (method, path, answer))
        if status == 401:
            check(context, answer.json, Message())
    return step(do)


def guarded_row(number, variant, *steps):
    row(number, variant, *steps, server="guarded")


guarded_row("A1.28", "", by("wrongwrong", GET("/tasks/", None, 401, REFUSED)),
            by(READ, POST("/tasks/", {"command": "c"}, 401, REFUSED)),
            by(WORKER, GET("/tasks/", None, 401, REFUSED)),
            by(READ, GET("/config/rclone", None, 401, REFUSED)))
guarded_row("C.01", "", by(ADMIN, GET("/tasks/")), by(READ, GET("/tasks/")),
            Call("GET", "/tasks/", status=401, want=REFUSED,
                 headers={"Authorization": "Basic " + ADMIN}),
            Call("GET", "/tasks/?token=" + ADMIN, status=401, want=REFUSED,
                 headers={"Authorization": ""}))
guarded_row("C.02", "each line counts", *(by(t, GET("/version"))
                                          for t in (ADMIN, READ, WORKER, NODE)),
            by(READ, GET("/tasks/")), by(ADMIN, POST("/tasks/", {"command": "c",
                                                                 "status": "paused"})))
guarded_row("C.02", "a worker's name binds its token", worker("w", name="node-a"),
            worker("o", name="node-b"), by(NODE, PUT("/workers/$w/ping", {"load": "1"})),
            by(NODE, PUT("/workers/$o/ping", {"load": "1"}, 401, REFUSED)),
            by(WORKER, PUT("/workers/$o/ping", {"load": "1"})))


def refuses_to_start(context, text, mode, words):
    server = Server("sqlite", start=False)
    context.undo.append(server.stop)
    conf = server.folder.join("conf")
    tokens = put_tokens(server.folder.join("tokens"), text, mode)
    with open(conf, "w") as f:
        f.write("SCITQ_STATE_DIR=%s\nSCITQ_TOKEN_FILE=%s\n" % (
            server.folder.join("state"), tokens))
    out = subprocess.run([program("scitq-server"), "-c", conf], env=clean_env(), text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    if out.returncode == 0 or words not in out.stdout:
        raise Wrong("%d %s" % (out.returncode, out.stdout))


row("C.02", "a line that is none", step(lambda c: refuses_to_start(
    c, "king:tokentoken-12345\n", 0o600, "line 1")), server="none")
for mode in (0o644, 0o640, 0o604):
    row("C.03", "%o" % mode, step(lambda c, mode=mode: refuses_to_start(
        c, None, mode, "chmod 600")), server="none")
guarded_row("C.04", "", by(ADMIN, POST("/tasks/", {"command": "c", "status": "paused"},
                                       keep="t")),
            by(ADMIN, PUT("/tasks/$t", {"name": "n"})),
            by(ADMIN, DELETE("/tasks/$t")), by(ADMIN, GET("/config/rclone", None, 404)),
            by(ADMIN, GET("/metrics")))
OWN = (worker("w", name="node-a"), worker("o", name="node-b"), task("t"), task("x"),
       execution("e", "$w", "$t"), execution("f", "$o", "$x"))
guarded_row("C.05", "its own", *OWN, *(by(NODE, c) for c in (
    GET("/workers/$w"), PUT("/workers/$w", {"status": "running"}),
    PUT("/workers/$w/ping", {"load": "1"}), GET("/workers/$w/executions/pending"),
    GET("/workers/$w/signals"), GET("/tasks/$t"), GET("/tasks/$t/freeze/$e"),
    PUT("/executions/$e", {"status": "running"}), GET("/executions/$e"),
    PUT("/executions/$e/output", {"text": "x"}), GET("/config/rclone", None, 404))))
guarded_row("C.05", "not others'", *OWN, *(by(NODE, c) for c in (
    GET("/workers/$o", None, 401, REFUSED),
    PUT("/workers/$o", {"status": "running"}, 401, REFUSED),
    GET("/workers/$o/executions", None, 401, REFUSED),
    GET("/workers/$o/signals", None, 401, REFUSED), GET("/tasks/$x", None, 401, REFUSED),
    PUT("/executions/$f", {"status": "running"}, 401, REFUSED),
    PUT("/executions/$f/output", {"text": "x"}, 401, REFUSED))),
    GET("/executions/$f", want={"status": "pending", "output": None}))
guarded_row("C.05", "no more", *OWN, *(by(NODE, c) for c in (
    GET("/tasks/", None, 401, REFUSED), POST("/tasks/", {"command": "c"}, 401, REFUSED),
    PUT("/tasks/$t", {"command": "d"}, 401, REFUSED), DELETE("/workers/$w", None, 401, REFUSED),
    GET("/events", None, 401, REFUSED), GET("/metrics", None, 401, REFUSED),
    DELETE("/batch/x", None, 401, REFUSED))))
guarded_row("C.06", "GETs", task("t"), *(by(READ, c) for c in (
    GET("/tasks/"), GET("/tasks/$t"), GET("/workers/"), GET("/batch/"), GET("/jobs/"),
    GET("/metrics"), GET("/tasks/$t/why"), GET("/"))))
guarded_row("C.06", "events are no secrets", by(READ, HEAD("/events")))
guarded_row("C.06", "nothing that changes, and no secrets", *OWN, *(by(READ, c) for c in (
    GET("/config/rclone", None, 401, REFUSED), GET("/config/remote", None, 401, REFUSED),
    GET("/workers/$w/signals", None, 401, REFUSED),
    GET("/tasks/$t/freeze/$e", None, 401, REFUSED),
    PUT("/tasks/$t", {"name": "x"}, 401, REFUSED),
    DELETE("/tasks/$t", None, 401, REFUSED), POST("/tasks/", {"command": "c"}, 401, REFUSED))))
guarded_row("C.07", "", nobody("GET", "/healthz", 200), nobody("GET", "/version", 200),
            nobody("HEAD", "/version", 200), nobody("GET", "/", 401),
            nobody("GET", "/tasks/", 401), nobody("GET", "/events", 401))

guarded_row("C.14", "", *(nobody("GET", path, 200) for path in (
    "/ui/", "/ui/task/", "/ui/batch/", "/ui/api.js")), nobody("POST", "/ui/", 401),
    nobody("GET", "/ui/../tasks/", 401), nobody("GET", "/tasks/", 401))


def tool(context, url, good, **env):
    out = subprocess.run([program("scitq-manage"), "-s", url, "task", "list"], timeout=60,
                         env=clean_env(**env), stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    if (out.returncode == 0) != good:
        raise Wrong("%r: %d %s" % (env, out.returncode, out.stdout))


def token_of_tools(context):
    """What stands first counts, be it wrong."""
    folder, url = Folder(), context.server.address
    for name, token in (("right", READ), ("wrong", "wrongwrong-1234")):
        os.makedirs(folder.join(name, ".config", "scitq"))
        with open(folder.join(name, ".config", "scitq", "token"), "w") as f:
            f.write(token + "\n")
        os.chmod(f.name, 0o600)
        with open(folder.join(name, "token"), "w") as f:
            f.write(token + "\n")
        os.chmod(f.name, 0o600)

    def home(name):
        return {"HOME": folder.join(name), "XDG_CONFIG_HOME": folder.join(name, ".config")}
    tool(context, url, True, **home("right"))
    tool(context, url, False, **home("wrong"))
    tool(context, url, True, SCITQ_TOKEN_FILE=folder.join("right", "token"), **home("wrong"))
    tool(context, url, False, SCITQ_TOKEN_FILE=folder.join("wrong", "token"), **home("right"))
    tool(context, url, True, SCITQ_TOKEN=READ,
         SCITQ_TOKEN_FILE=folder.join("wrong", "token"), **home("wrong"))
    tool(context, url, False, SCITQ_TOKEN="wrongwrong-1234",
         SCITQ_TOKEN_FILE=folder.join("right", "token"), **home("right"))


guarded_row("C.08", "", step(token_of_tools))


def authority_of_tools(context):
    authority = Authority()
    cert, key = authority.sign()
    server = Server("sqlite", start=False)
    context.undo.append(server.stop)
    server.tls = ssl.create_default_context(cafile=authority.path)
    server.start(SCITQ_TLS_CERT=cert, SCITQ_TLS_KEY=key)
    tool(context, server.url, True, SCITQ_CA=authority.path)
    tool(context, server.url, False)
    tool(context, server.url, False, SCITQ_CA=Authority("Another").path)


row("C.09", "", step(authority_of_tools), server="none")


def from_network(source, status, method="GET", path="/tasks/", body=None, token=None):
    def do(context):
        api = context.server.api(token=token, source=source)
        answer = api.call(method, path, body)
        api.close()
        if answer.status != status:
            raise Wrong("from %s: %r" % (source, answer))
    return step(do)


guarded_row("C.10", "", from_network("127.0.0.2", 200),
            from_network("127.0.0.2", 201, "POST", "/tasks/", {"command": "c",
                                                               "status": "paused"}),
            from_network("127.0.0.3", 401),
            from_network("127.0.0.2", 401, token="wrongwrong"))


def dying_token(context):
    """The token that a deployment gives its worker."""
    server = context.server
    worker("w")(context)
    w = context.kept["w"]
    server.sql("update worker set token = 'm-%d' where worker_id = %d%s" % (
        w, w, " returning 1" if server.db == "postgresql" else ""))
    own = pass_of_worker(server, w, "m-%d" % w)
    by(own, GET("/workers/$w", want={"worker_id": "$w"}))(context)
    by(own, GET("/tasks/", None, 401, REFUSED))(context)
    DELETE("/workers/$w")(context)
    by(own, GET("/config/remote", None, 401, REFUSED, until=True))(context)


guarded_row("C.11", "", step(dying_token))
guarded_row("C.12", "", nobody("GET", "/tasks/", 401),
            by("wrongwrong", GET("/tasks/", None, 401, REFUSED)),
            by(ADMIN[:-1], GET("/tasks/", None, 401, REFUSED)),
            by(ADMIN + "x", GET("/tasks/", None, 401, REFUSED)))
guarded_row("C.13", "", task("t"), by(READ, PUT("/tasks/$t", {"name": "x"}, 401,
                                                Message(has="read"))),
            GET("/tasks/$t", want={"name": None}))
