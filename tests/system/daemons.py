"""The real daemons, each with folders, a port and settings of its own, and the databases
under the server.

Daemons are found in $top_builddir (./build or . else), started with settings files
of their own and no SCITQ_* variable of the caller.  A daemon that ends otherwise than
it was asked to, or whose log holds a sanitizer's report, is a failed test.  Start
daemons from the main thread: the kernel kills them when that one dies, so that even
kill -9 of a test leaves none behind."""

import ctypes
import os
import re
import select
import signal
import subprocess
import sys
import threading
import urllib.parse

from client import Api
from tap import Folder, forget, ok, remember, skip

TOP = os.environ.get("top_srcdir") or os.path.abspath(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.append(os.path.join(TOP, "tests", "servers"))
from ports import free_port  # noqa: E402


def _find_build():
    for d in (os.environ.get("top_builddir"), os.path.join(TOP, "build"), TOP):
        if d and os.path.exists(os.path.join(d, "config.status")):
            return os.path.abspath(d)
    return os.path.abspath(".")


BUILD = _find_build()
with open(os.path.join(BUILD, "config.status")) as _f:
    # by which sanitizers; then memory means nothing
    SANITIZED = (re.findall("-fsanitize=([a-z,]+)", _f.read()) or [""])[0]
START_S = 60  # a sanitized daemon on a busy machine; nothing is asserted of it
STOP_S = 60
SANITIZERS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
              "WARNING: ThreadSanitizer",
              "are definitely lost", "Invalid read", "Invalid write")  # valgrind's

_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def clean_env(**more):
    """The environment daemons and tools get: nothing of scitq, nor of its providers, but
    what is given."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("SCITQ_", "SQLALCHEMY_", "WORKER_", "LOG_", "OS_",
                                "OPENSTACK_", "OVH_", "AZURE_"))}
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    env.update({k: str(v) for k, v in more.items()})
    return env


def program(name):
    path = os.path.join(BUILD, name)
    if not os.path.exists(path):
        raise RuntimeError("%s is not built (make %s)" % (path, name))
    return path


class Daemon:
    """A process with a log file and a way to know that it is ready."""

    def __init__(self, name, folder):
        self.name, self.folder, self.process = name, folder, None
        self.log_path = folder.join(name + ".log")

    def __repr__(self):
        return "%s (pid %s)" % (self.name, self.process.pid if self.process else "-")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def spawn(self, argv, env, ready=False):
        """Start; with `ready`, READY_FD in argv becomes the descriptor on which the
        daemon writes READY=1, and this waits for it."""
        r = w = None
        if ready:
            r, w = os.pipe()
            argv = [str(w) if a == "READY_FD" else a for a in argv]
        main = threading.current_thread() is threading.main_thread()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                cwd=self.folder.path, pass_fds=[w] if ready else [],
                preexec_fn=_die_with_parent if main else None)
        remember(self)
        if not ready:
            return
        os.close(w)
        try:
            if not select.select([r], [], [], START_S)[0]:
                raise RuntimeError("%r is not ready after %d s\n%s"
                                   % (self, START_S, self.log()[-3000:]))
            if b"READY=1" not in os.read(r, 100):
                raise RuntimeError("%r ended with %s instead of starting\n%s" % (
                    self, self.process.wait(STOP_S), self.log()[-3000:]))
        finally:
            os.close(r)

    def kill(self):
        """kill -9: no stop is asked, none is checked."""
        if self.alive():
            self.process.kill()
            self.process.wait()

    def end(self, number=signal.SIGTERM):
        """Ask it to stop; its exit status."""
        if self.alive():
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "no end within %d s" % STOP_S

    def stop(self):
        """Ask it to stop and check how it did."""
        forget(self)
        if self.process is None:
            return
        killed = self.process.poll() == -signal.SIGKILL
        status = self.process.returncode if killed else self.end()
        if status != 0 and not killed:
            ok(False, "%s ends with 0" % self.name,
               "it ended with %s\n%s" % (status, self.log()[-5000:]))
        self.check_log()
        self.process = None

    def check_log(self):
        text = self.log()
        for words in SANITIZERS:
            if words in text:
                at = text.index(words)
                ok(False, "%s: no sanitizer's report" % self.name,
                   text[max(0, at - 500):at + 5000])
                return


# ---- PostgreSQL

class Postgres:
    """A private cluster by tests/pg.sh, shared by all servers of a test program."""
    shared = None

    @classmethod
    def get(cls):
        if cls.shared is None:
            cls.shared = cls()
        return cls.shared

    def __init__(self):
        self.folder = Folder("scitq-pg-")
        self.count = 0
        remember(self)
        out = subprocess.run([self.script(), "start", self.folder.join("pg")],
                             stdout=subprocess.PIPE, text=True, timeout=300)
        self.uri = None
        for word in out.stdout.replace(";", "\n").split("\n"):
            key, _, value = word.strip().partition("=")
            if key.replace("export ", "").strip() == "SCITQ_TEST_PG":
                self.uri = value.strip().strip("'\"")
        if out.returncode != 0 or not self.uri:
            raise RuntimeError("tests/pg.sh start failed: %s" % out.stdout)

    @staticmethod
    def script():
        return os.path.join(TOP, "tests", "pg.sh")

    def sql(self, text, uri=None):
        """Run statements; rows as lists of texts."""
        out = subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1",
             "-d", uri or self.uri], input=text,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
        if out.returncode != 0:
            raise RuntimeError("psql: %s" % out.stderr)
        return [line.split("\t") for line in out.stdout.splitlines()]

    def database(self):
        """A new empty database; its URI."""
        self.count += 1
        name = "t%d" % self.count
        self.sql("create database " + name)
        parts = urllib.parse.urlsplit(self.uri)
        return urllib.parse.urlunsplit(parts._replace(path="/" + name))

    def stop(self):
        forget(self)
        subprocess.run([self.script(), "stop", self.folder.join("pg")], timeout=120,
                       stdout=subprocess.DEVNULL)
        Postgres.shared = None
        self.folder.stop()


DATABASES = ("sqlite", "postgresql")


def with_postgresql():
    """Was this build configured with PostgreSQL?"""
    try:
        with open(os.path.join(BUILD, "config.h")) as f:
            return "#define HAVE_POSTGRESQL 1" in f.read()
    except FileNotFoundError:
        return True


def databases():
    """What tests run over: both, unless $SCITQ_TEST_DB names one, or this build has
    no PostgreSQL (then loudly skipped)."""
    only = os.environ.get("SCITQ_TEST_DB")
    if only:
        return [only]
    if not with_postgresql():
        skip("everything again over PostgreSQL", "built without PostgreSQL")
        return ["sqlite"]
    return list(DATABASES)


# ---- the daemons

ESTABLISHED, CLOSE_WAIT = 1, 8


def loopback(local, remote):
    """One end of a connection of loopback: its state, the bytes that were not acknowledged
    and those that were not read; None: there is none."""
    ends = ["0100007F:%04X" % port for port in (local, remote)]
    with open("/proc/net/tcp") as f:
        for line in f:
            words = line.split()
            if words[1:3] == ends:
                return (int(words[3], 16),) + tuple(int(n, 16) for n in words[4].split(":"))
    return None


class Server(Daemon):
    """scitq-server on a database of its own.  Further settings as keywords:
    Server(WORKER_OFFLINE_DELAY=2)."""
    binary = None  # another program than the build's
    fetch = None   # another program than scitq-fetch
    env = {}       # more of its environment
    token = None   # what its clients send; of the role admin
    tls = None     # an ssl.SSLContext of theirs: it speaks TLS

    def __init__(self, db="sqlite", uri=None, start=True, wrapper=(), role=None,
                 **settings):
        super().__init__(role or "server", Folder())
        self.role = role
        self.db, self.port, self.wrapper = db, free_port(), list(wrapper)
        self.uri = uri or (Postgres.get().database() if db == "postgresql" else
                           "sqlite:///" + self.folder.join("scitq.db"))
        self.settings = {"SCITQ_DATABASE_URI": self.uri,
                         "SCITQ_LISTEN": "127.0.0.1:%d" % self.port,
                         "SCITQ_STATE_DIR": self.folder.join("state")}
        self.settings.update(settings)
        self._apis = []
        if start:
            self.start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.port

    @property
    def url(self):
        return ("https://" if self.tls else "http://") + self.address

    @property
    def target(self):
        """What a worker is told."""
        return self.url if self.tls else self.address

    @property
    def conf(self):
        return self.folder.join("scitq.conf")

    def write_settings(self, more="", **settings):
        """Those whose value is None are left out; `more` is added as it is."""
        self.settings.update(settings)
        with open(self.conf + ".new", "w") as f:
            for key, value in self.settings.items():
                if value is not None:
                    f.write('%s="%s"\n' % (key, value))
            f.write(more)
        os.rename(self.conf + ".new", self.conf)

    def reload(self, more="", **settings):
        """Other settings for one that runs; what has come of them is in its log."""
        self.write_settings(more, **settings)
        os.kill(self.pid, signal.SIGHUP)

    def start(self, **settings):
        """Start, also again after kill() or end()."""
        self.write_settings(**settings)
        env = clean_env(SCITQ_FETCH=self.fetch or os.path.join(BUILD, "scitq-fetch"),
                        **self.env)
        self.spawn(self.wrapper + [self.binary or program("scitq-server"), "-c", self.conf,
                                   "--ready-fd", "READY_FD"] +
                   (["--role=" + self.role] if self.role else []), env, ready=True)
        return self

    def api(self, timeout_s=180, **how):
        """A client with a connection of its own."""
        how.setdefault("token", self.token)
        how.setdefault("tls", self.tls)
        api = Api("127.0.0.1", self.port, timeout_s, **how)
        self._apis.append(api)
        return api

    def sql(self, text):
        """Run SQL behind the server's back; rows as lists."""
        if self.db == "postgresql":
            return Postgres.get().sql(text, self.uri)
        import sqlite3
        db = sqlite3.connect(self.folder.join("scitq.db"), timeout=30)
        try:
            with db:
                return [list(row) for row in db.execute(text).fetchall()]
        finally:
            db.close()

    def memory(self):
        """(resident, anonymous) bytes."""
        rss = anonymous = 0
        with open("/proc/%d/smaps_rollup" % self.pid) as f:
            for line in f:
                if line.startswith("Rss:"):
                    rss = int(line.split()[1]) * 1024
                elif line.startswith("Anonymous:"):
                    anonymous = int(line.split()[1]) * 1024
        return rss, anonymous

    def has_read(self, sock):
        """All that was sent on this connection."""
        port = sock.getsockname()[1]
        here, there = loopback(port, self.port), loopback(self.port, port)
        return here and there and here[1] == 0 and there[2] == 0

    def lets_go(self, port):
        """Is nothing open here of the connection from that port?"""
        return (loopback(self.port, port) or (0,))[0] not in (ESTABLISHED, CLOSE_WAIT)

    def peak_reset(self):
        """From now on peak_growth() counts; clear_refs 5, see proc(5)."""
        with open("/proc/%d/clear_refs" % self.pid, "w") as f:
            f.write("5")
        self._base = self._peak()

    def peak_growth(self):
        """Bytes by which the resident memory was ever above that at peak_reset()."""
        return self._peak() - self._base

    def _peak(self):
        with open("/proc/%d/status" % self.pid) as f:
            return [int(line.split()[1]) * 1024 for line in f
                    if line.startswith("VmHWM:")][0]

    def stop(self):
        for api in self._apis:
            api.close()
        super().stop()
        self.folder.stop()


class Worker(Daemon):
    """scitq-worker for a server, with folders of its own.  Whatever it leaves behind
    (its supervisor, commands) is killed at stop."""
    numbers = iter(range(1, 10 ** 9))
    fetch = None  # another program than scitq-fetch
    env = {}      # more of its environment

    def __init__(self, server, concurrency=1, name=None, options=(), start=True,
                 wrapper=(), **settings):
        number = next(Worker.numbers)
        super().__init__(name or "worker%d" % number, Folder())
        self.server, self.concurrency = server, concurrency
        self.options, self.wrapper = list(options), list(wrapper)
        self.settings = {"SCITQ_STATE_DIR": self.folder.join("state"),
                         "BASE_WORKDIR": self.folder.join("work")}
        os.makedirs(self.folder.join("work"))
        self.settings.update(settings)
        if start:
            self.start()

    def start(self):
        """Start, also again after kill() or end(): the same identity."""
        conf = self.folder.join("scitq-worker.conf")
        with open(conf, "w") as f:
            for key, value in self.settings.items():
                f.write('%s="%s"\n' % (key, value))
        env = clean_env(SCITQ_SUPERVISOR=os.path.join(BUILD, "scitq-supervisor"),
                        SCITQ_FETCH=self.fetch or os.path.join(BUILD, "scitq-fetch"),
                        **self.env)
        self.spawn(self.wrapper + [
            program("scitq-worker"), self.server.target, str(self.concurrency),
            "-n", self.name, "-c", conf] + self.options, env)
        return self

    def row(self, api=None):
        """Its row in the API, None before it registered."""
        rows = (api or self.server.api()).get("/workers/", {"name": self.name}).json
        return rows[0] if rows else None

    def leftovers(self):
        """Pids of living processes that speak of this worker's folder."""
        mark, found = self.folder.path.encode(), []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                with open("/proc/%s/cmdline" % entry, "rb") as f:
                    text = f.read()
                with open("/proc/%s/environ" % entry, "rb") as f:
                    text += f.read()
            except OSError:
                continue
            if mark in text:
                found.append(int(entry))
        return found

    def stop(self):
        super().stop()
        for pid in self.leftovers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.folder.stop()
