"""A small ENA: ena.py ROOT PORT serves the file report of run ACC at
http://127.0.0.1:PORT/filereport?accession=ACC, and the files by anonymous FTP on a port
of its own choice, which the links of the reports name:

    ROOT/ACC/fastq/NAME   the FASTQ files
    ROOT/ACC/NAME         the submitted files
    ROOT/ACC/….bad        what the next RETR of a file brings instead, once

ROOT/ACC/.how, JSON, says what goes wrong with the run's reports:

    {"status": 500}       that status       {"body": "…"}   that text (latin-1)
    {"endless": true}     a body without end
    {"wrong_md5": N}      the MD5s of the first N reports are wrong
    {"http": true}        http:// links, to files served at /files/ACC/…
    {"no_aspera": true}   no Aspera links

One line a request: REPORT ACC, RETR PATH, GET PATH."""

import hashlib
import json
import os
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

ROOT, PORT = sys.argv[1], int(sys.argv[2])
KINDS = {"fastq": "fastq", "submitted": ""}
lock = threading.Lock()
reports = {}  # ACC: how many were given


def say(*words):
    with lock:
        print(*words, flush=True)


def files(folder):
    """Names in a folder, but for hidden ones and .bad ones."""
    path = os.path.join(ROOT, folder)
    return sorted(n for n in (os.listdir(path) if os.path.isdir(path) else [])
                  if os.path.isfile(os.path.join(path, n)) and n[0] != "." and
                  not n.endswith(".bad"))


def values(accession, kind, how):
    """{field: list} of one kind of files."""
    folder = os.path.join(accession, KINDS[kind])
    found = {"ftp": [], "md5": [], "bytes": [], "aspera": []}
    for name in files(folder):
        path = os.path.normpath(os.path.join(folder, name))
        with open(os.path.join(ROOT, path), "rb") as f:
            body = f.read()
        if reports[accession] <= how.get("wrong_md5", 0):
            body += b"!"
        found["ftp"].append("http://127.0.0.1:%d/files/%s" % (PORT, path)
                            if how.get("http") else
                            "127.0.0.1:%d/%s" % (ftp.address[1], path))
        found["md5"].append(hashlib.md5(body).hexdigest())
        found["bytes"].append(str(os.path.getsize(os.path.join(ROOT, path))))
        found["aspera"].append("127.0.0.1:/" + path)
    if how.get("no_aspera"):
        found["aspera"] = []
    return {kind + "_" + field: ";".join(v) for field, v in found.items()}


def report(accession, asked, how):
    """As the Portal API answers: the columns in the order asked for."""
    row = {"run_accession": accession}
    for kind in KINDS:
        row.update(values(accession, kind, how))
    return "\t".join(asked) + "\n" + "\t".join(row[a] for a in asked) + "\n"


class Reports(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = lambda self: self.do_GET()  # noqa: E731

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path.startswith("/files/"):
            say(self.command, url.path)
            with open(ROOT + urllib.parse.unquote(url.path[6:]), "rb") as f:
                return self.answer(200, f.read())
        query = dict(urllib.parse.parse_qsl(url.query))
        accession = query.get("accession", "")
        say("REPORT", accession)
        if url.path != "/filereport" or query.get("result") != "read_run" or \
                query.get("format") != "tsv":
            return self.answer(400, b"Invalid request\n")
        if not os.path.isdir(os.path.join(ROOT, accession)):
            return self.answer(204)
        with lock:
            reports[accession] = reports.get(accession, 0) + 1
        self.give(accession, query["fields"].split(","))

    def give(self, accession, asked):
        how = {}
        path = os.path.join(ROOT, accession, ".how")
        if os.path.exists(path):
            with open(path) as f:
                how = json.load(f)
        if "status" in how:
            return self.answer(how["status"], b"something went wrong\n")
        if "body" in how:
            return self.answer(200, how["body"].encode("latin-1"))
        if how.get("endless"):
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b"run_accession\t" * 10000)
        self.answer(200, report(accession, asked, how).encode())


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client):
        pass  # a client that went away


class Files(FTPHandler):
    def ftp_RETR(self, file):
        say("RETR", file)
        bad = file + ".bad"
        if not os.path.exists(bad):
            return super().ftp_RETR(file)
        answer = super().ftp_RETR(bad)
        os.unlink(bad)
        return answer

    def log(self, *_, **__):
        pass


authorizer = DummyAuthorizer()
authorizer.add_anonymous(ROOT)
Files.authorizer = authorizer
ftp = FTPServer(("127.0.0.1", 0), Files)
web = Server(("127.0.0.1", PORT), Reports)
threading.Thread(target=web.serve_forever, daemon=True).start()
ftp.serve_forever(handle_exit=False)
