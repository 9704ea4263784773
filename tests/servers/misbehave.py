"""An HTTP server that misbehaves: misbehave.py ROOT PORT serves ROOT's files on
127.0.0.1:PORT under a first component that says how:

    /ok/FILE            well: Range, If-Range, ETag, Last-Modified
    /noranges/FILE      without ranges: always 200 and the whole
    /truncated/FILE     announces the length, closes after half of it, every time
    /cut/FILE           the first answer stops half-way, later ones go well (resume)
    /long/FILE          announces ten bytes more than it sends
    /chunked/FILE       no length, chunked; /chunkcut/FILE ends in mid-chunk
    /slow/FILE          64 KiB every 100 ms
    /stall/FILE         half of it, then nothing, the connection left open
    /changed/FILE       another content and ETag after the first, cut, answer
    /anyrange/FILE      the same, and a range is given whatever If-Range says
    /weak/FILE          the same, with another date and one weak ETag for both
    /wrongrange/FILE    the first answer stops half-way; then a range is answered with 206
                        and the first bytes instead of those asked for
    /N/FILE             status N (400…599); /flaky/FILE answers 503 twice, then well
    /redirect/FILE      302 to /ok/FILE; /loop/FILE to itself; /tofile/ to file:

One line a request: METHOD PATH RANGE STATUS."""

import hashlib
import os
import re
import sys
import threading
import time
import urllib.parse
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHUNK = 65536
CHANGES = ("changed", "anyrange", "weak")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root = None
    seen = {}  # path: how often it was asked for with GET
    lock = threading.Lock()

    def log_request(self, code="-", size="-"):
        with self.lock:
            print(self.command, self.path, self.headers.get("Range", "-"), int(code),
                  flush=True)

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.manner, _, name = path.lstrip("/").partition("/")
        with self.lock:
            if self.command == "GET":
                self.seen[path] = self.seen.get(path, 0) + 1
            self.times = self.seen.get(path, 0)
        file = os.path.join(self.root, name)
        if re.fullmatch("[45][0-9][0-9]", self.manner):
            return self.status(int(self.manner))
        if self.manner in ("redirect", "loop", "tofile"):
            return self.redirect(name)
        if ".." in name.split("/") or not os.path.isfile(file):
            return self.status(404)
        if self.manner == "flaky" and self.command == "GET" and self.times <= 2:
            return self.status(503)
        with open(file, "rb") as f:
            self.body = f.read()
        self.modified = os.stat(file).st_mtime
        if self.manner in CHANGES and self.times > 1:
            self.body = bytes(255 - b for b in self.body)
            self.modified += 10 if self.manner == "weak" else 0
        self.send_file()

    def status(self, code):
        text = b"status %d\n" % code
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(text)

    def redirect(self, name):
        to = {"redirect": "/ok/" + name, "loop": self.path,
              "tofile": "file:///etc/hostname"}[self.manner]
        self.send_response(302)
        self.send_header("Location", urllib.parse.quote(to, safe="/:"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def range_start(self, etag):
        """Where the answer begins; None for the whole with status 200."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked or self.manner in ("noranges", "chunked", "chunkcut"):
            return None, len(self.body)
        if self.manner != "anyrange" and self.headers.get("If-Range") not in (
                None, etag, formatdate(self.modified, usegmt=True)):
            return None, len(self.body)
        end = int(asked[2]) + 1 if asked[2] else len(self.body)
        return int(asked[1]), min(end, len(self.body))

    def send_file(self):
        etag = ('W/"same"' if self.manner == "weak" else
                '"%s"' % hashlib.md5(self.body).hexdigest())
        start, end = self.range_start(etag)
        if start is not None and start >= len(self.body):
            self.send_response(416)
            self.send_header("Content-Range", "bytes */%d" % len(self.body))
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if start is not None and self.manner == "wrongrange":
            start, end = 0, end - start
        part = self.body[start or 0:end]
        self.send_response(200 if start is None else 206)
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", formatdate(self.modified, usegmt=True))
        if self.manner != "noranges":
            self.send_header("Accept-Ranges", "bytes")
        if start is not None:
            self.send_header("Content-Range",
                             "bytes %d-%d/%d" % (start, end - 1, len(self.body)))
        if self.manner in ("chunked", "chunkcut"):
            return self.send_chunks(part)
        extra = 10 if self.manner == "long" else 0
        self.send_header("Content-Length", str(len(part) + extra))
        self.end_headers()
        if self.command == "GET":
            self.send_body(part)

    def send_chunks(self, part):
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            return
        half = len(part) // 2
        self.wfile.write(b"%x\r\n%b\r\n" % (half, part[:half]))
        self.wfile.write(b"%x\r\n" % (len(part) - half))
        if self.manner == "chunkcut":
            self.close_connection = True
            return
        self.wfile.write(part[half:] + b"\r\n0\r\n\r\n")

    def send_body(self, part):
        first = self.times == 1
        if self.manner == "slow":
            for at in range(0, len(part), CHUNK):
                self.wfile.write(part[at:at + CHUNK])
                time.sleep(0.1)
        elif self.manner in ("truncated", "stall") or (
                self.manner in ("cut", "wrongrange") + CHANGES and first):
            self.wfile.write(part[:len(part) // 2])
            self.wfile.flush()
            if self.manner == "stall":
                self.connection.recv(1)  # until the client gives up
            self.close_connection = True
        else:
            self.wfile.write(part)
            self.close_connection = self.manner == "long"


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client):
        pass  # a client that went away is what is being tested


if __name__ == "__main__":
    Handler.root = sys.argv[1]
    Server(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
