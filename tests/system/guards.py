"""What tests of who may call what stand on: files of tokens, the tokens that a server
makes itself, written a second time, and servers that know both."""

import hashlib
import hmac
import os

from harness import Server

ADMIN, READ, WORKER, NODE = ("adminadmin-1234567", "readread-12345678",
                             "workerworker-1234", "nodenode-123456789")


def put_tokens(path, text=None, mode=0o600):
    """The file of the four tokens, or of `text`; its path."""
    with open(path, "w") as f:
        f.write(text or "# who may what\nadmin:%s:alice\nread:%s:bob\nworker:%s\n"
                "worker:%s:node-a\n" % (ADMIN, READ, WORKER, NODE))
    os.chmod(path, mode)
    return path


def guarded(db="sqlite", trusted=None, **settings):
    """A server that asks for tokens."""
    server = Server(db=db, start=False)
    server.token = ADMIN
    server.settings["SCITQ_TOKEN_FILE"] = put_tokens(server.folder.join("tokens"))
    if trusted:
        server.settings["SCITQ_TRUSTED_NETWORKS"] = trusted
    server.start(**settings)
    return server


def signed(key, said):
    return "%s.%s" % (said, hmac.new(key.encode(), said.encode(),
                                     hashlib.sha256).hexdigest())


def key_of(server):
    return server.sql("select key from scitq_secret")[0][0]


def pass_of_worker(server, worker_id, machine):
    return signed(key_of(server), "w.%d.%s" % (worker_id, machine))


def pass_of_job(server, until_s):
    return signed(key_of(server), "j.%d" % until_s)
