"""Real storage servers for tests, each on a free port of loopback with a folder of its
own: S3 (s3rver), Azure Blob (azurite), WebDAV, SFTP and read-only HTTP (rclone serve),
FTP (ftp.py), a small ENA (ena.py), an HTTP server that misbehaves (misbehave.py) and a
TCP gate in front of any of them that cuts, stalls or slows down (gate.py).

    with Servers(["s3", "dav"], folder) as servers:
        servers.conf                     # an rclone.conf with a remote for each
        servers["s3"].requests("GET ")   # lines of its access log

Every remote holds a bucket or folder `lab`, so that REMOTE:lab/… works with each.  Other
remotes of the file: `denied` (credentials refused), `gone` (nobody listens),
`azure_denied`, `azure_nobody` (its host is unknown), and NAME_gate for each server, which
goes through a gate (see Server.gate).  The kernel kills the servers when the thread that
started them ends, so that even kill -9 of a test leaves none behind: start them from the
main thread."""

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

from ports import free_port

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM_PYTHON = "/usr/bin/python3"  # the one that has Debian's python3-pyftpdlib
START_S = 60
AZURITE_KEY = ("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsu"
               "Fq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")  # public: azurite's manual

_libc = ctypes.CDLL(None)


def _child():
    os.setpgid(0, 0)
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def environment(**more):
    """Without what would reach the clients of the user's own accounts."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("AWS_", "RCLONE_", "AZURE_")) and "proxy" not in k.lower()}
    env.update(more)
    return env


class Absent(RuntimeError):
    """What tools/deps.sh installs is not here.  Who asked for it is skipped (tap.py),
    unless SCITQ_TEST_COMPLETE is set: ./check has installed all and wants all run."""
    skips = not os.environ.get("SCITQ_TEST_COMPLETE")


def node_program(package, script):
    """A program of the pinned npm packages, which tools/deps.sh put into .cache/servers
    of the source tree, or of one above it (a tarball being checked)."""
    above = os.path.dirname(os.path.dirname(HERE))
    folders = [os.environ.get("SCITQ_TEST_SERVERS", "")]
    while above != "/":
        folders.append(os.path.join(above, ".cache", "servers"))
        above = os.path.dirname(above)
    for folder in folders:
        path = os.path.join(folder, "node_modules", package, script)
        if os.path.exists(path):
            return ["node", path]
    raise Absent("the tests' storage servers are not installed (%s): run "
                 "tools/deps.sh test" % package)


def obscured(password):
    return subprocess.run(["rclone", "obscure", password], check=True, text=True,
                          stdout=subprocess.PIPE, env=environment()).stdout.strip()


class Server:
    """One process with its folder, port and access log."""
    name = None
    bucket = True  # `root`/lab is made before the start

    def __init__(self, folder):
        self.folder, self.process, self.gates = folder, None, {}
        self.root = os.path.join(folder, "root")
        self.log_path = os.path.join(folder, "access.log")
        os.makedirs(os.path.join(self.root, "lab") if self.bucket else self.root)

    def command(self):
        """The argument array that listens on self.port."""
        raise NotImplementedError

    def remote(self, port):
        """Lines of rclone.conf that reach it at `port`; [] when rclone has no such."""
        return []

    def start(self):
        """Start and wait until it accepts connections.  Another program may take the
        free port in between: then once more with another.  FORCE_COLOR: without colours
        s3rver's log cuts the method off each line (it drops 16 characters of them)."""
        for attempt in range(5):
            self.port = free_port()
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(
                    self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    cwd=self.folder,
                    env=environment(HOME=self.folder, FORCE_COLOR="1"),
                    preexec_fn=_child)
            if self.wait_for_port():
                return self
            self.stop()
        raise RuntimeError("%s does not start:\n%s" % (self.name, self.log()[-3000:]))

    def wait_for_port(self):
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def stop(self):
        for gate in self.gates.values():
            gate.stop()
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        if self.process:
            self.process.wait()
        self.process = None

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return re.sub("\x1b\\[[0-9;]*m", "", f.read())

    def requests(self, pattern=""):
        """The lines of the access log in which `pattern` is found."""
        return [line for line in self.log().splitlines() if re.search(pattern, line)]

    def gate(self, name="gate"):
        """The gate NAME in front of it, started when first asked for."""
        if name not in self.gates:
            folder = os.path.join(self.folder, name)
            self.gates[name] = Gate(folder, self.port).start()
        return self.gates[name]


class S3(Server):
    name = "s3"

    def command(self):
        # Files of the buckets are in root/BUCKET, in a form of s3rver's own.
        return node_program("s3rver", "bin/s3rver.js") + [
            "-d", self.root, "-a", "127.0.0.1", "-p", str(self.port),
            "--no-vhost-buckets", "--allow-mismatched-signatures",
            "--configure-bucket", "lab"]

    def remote(self, port):
        return ["type = s3", "provider = Other", "force_path_style = true",
                "region = us-east-1", "access_key_id = S3RVER",
                "secret_access_key = S3RVER", "endpoint = http://127.0.0.1:%d" % port]


class Azure(Server):
    name, bucket = "azure", False

    def command(self):
        return node_program("azurite", "dist/src/blob/main.js") + [
            "--location", self.root, "--skipApiVersionCheck", "--disableTelemetry",
            "--blobHost", "127.0.0.1", "--blobPort", str(self.port)]

    def remote(self, port):
        # rclone asks for the endpoint although use_emulator says it all.
        return ["type = azureblob", "use_emulator = true",
                "account = devstoreaccount1", "key = " + AZURITE_KEY,
                "endpoint = http://127.0.0.1:%d/devstoreaccount1" % port]


class RcloneServe(Server):
    """No caches: tests change the folder behind its back.  Those that move thousands of
    files do not, and set $SCITQ_TEST_DIR_CACHE: without a cache each request reads the
    whole folder again."""

    def command(self):
        cache = self.protocol != "http" and os.environ.get("SCITQ_TEST_DIR_CACHE")
        return ["rclone", "serve", self.protocol, self.root, "--config", "/dev/null",
                "--addr", "127.0.0.1:%d" % self.port, "--dir-cache-time", cache or "0s",
                "--cache-dir", os.path.join(self.folder, "cache"), "-vv"] + self.options


class Dav(RcloneServe):
    name, protocol = "dav", "webdav"
    options = ["--user", "lab", "--pass", "secret"]

    def remote(self, port):
        return ["type = webdav", "vendor = other", "user = lab",
                "url = http://127.0.0.1:%d" % port, "pass = " + obscured("secret")]


class Sftp(RcloneServe):
    name, protocol = "sftp", "sftp"
    options = ["--user", "lab", "--pass", "secret"]

    def remote(self, port):
        return ["type = sftp", "host = 127.0.0.1", "port = %d" % port, "user = lab",
                "pass = " + obscured("secret")]


class Web(RcloneServe):
    """Plain HTTP: what it serves is laid into `root`."""
    name, protocol, options = "web", "http", []

    def remote(self, port):
        return ["type = http", "url = http://127.0.0.1:%d" % port]


class Ftp(Server):
    """Not called ftp: URIs of that protocol are not rclone's."""
    name = "ftpd"

    def command(self):
        return [SYSTEM_PYTHON, os.path.join(HERE, "ftp.py"), self.root, str(self.port)]

    def remote(self, port):
        return ["type = ftp", "host = 127.0.0.1", "port = %d" % port, "user = lab",
                "pass = " + obscured("secret")]


class Ena(Server):
    """See ena.py.  `root` holds runs, not a bucket."""
    name, bucket = "ena", False

    def command(self):
        return [SYSTEM_PYTHON, os.path.join(HERE, "ena.py"), self.root, str(self.port)]


class Misbehave(Server):
    """See misbehave.py: the first component of the path says what goes wrong."""
    name = "misbehave"

    def command(self):
        return [sys.executable, os.path.join(HERE, "misbehave.py"), self.root,
                str(self.port)]


class Gate(Server):
    """See gate.py: TCP in front of another server, obeying the file `mode`."""
    name, bucket = "gate", False

    def __init__(self, folder, target):
        super().__init__(folder)
        self.target = target
        self.mode_path = os.path.join(folder, "mode")
        self.set("pass")

    def set(self, mode):
        with open(self.mode_path + ".new", "w") as f:
            f.write(mode)
        os.rename(self.mode_path + ".new", self.mode_path)

    def mode(self):
        with open(self.mode_path) as f:
            return f.read()

    def command(self):
        return [sys.executable, os.path.join(HERE, "gate.py"), str(self.port),
                str(self.target), self.mode_path]


KINDS = {kind.name: kind for kind in (S3, Azure, Dav, Sftp, Web, Ftp, Ena, Misbehave)}


class Servers:
    """Those asked for, and the rclone.conf that reaches them."""

    def __init__(self, names, folder, gates=True):
        self.folder, self.gates, self.running = folder, gates, {}
        self.conf = os.path.join(folder, "rclone.conf")
        try:
            for name in names:
                self.running[name] = KINDS[name](os.path.join(folder, name)).start()
            self.write_conf()
        except BaseException:
            self.stop()
            raise

    def __getitem__(self, name):
        return self.running[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def write_conf(self):
        nobody = free_port()
        sections = {"gone": S3.remote(None, nobody),
                    "denied": []}
        for name, server in self.running.items():
            sections[name] = server.remote(server.port)
            if self.gates and sections[name]:
                sections[name + "_gate"] = server.remote(server.gate().port)
        if "dav" in self.running:
            sections["denied"] = [line for line in sections["dav"]
                                  if not line.startswith("pass")]
            sections["denied"].append("pass = " + obscured("wrong"))
        if "azure" in self.running:
            # With use_emulator rclone takes the emulator's key, whatever `key` says; and
            # so long a name is unknown without asking any DNS server.
            sections["azure_denied"] = [
                "type = azureblob",
                "sas_url = http://127.0.0.1:%d/devstoreaccount1?sv=2020-10-02&ss=b&srt=sco"
                "&sp=rwdlac&se=2099-01-01T00:00:00Z&sig=d3Jvbmc%%3D"
                % self.running["azure"].port]
            sections["azure_nobody"] = ["type = azureblob", "account = nobody",
                                        "key = d3Jvbmc=", "endpoint = " + 64 * "x"]
        with open(self.conf, "w") as f:
            for name, lines in sections.items():
                if lines:
                    f.write("[%s]\n%s\n\n" % (name, "\n".join(lines)))
        os.chmod(self.conf, 0o600)
        if "azure" in self.running:
            subprocess.run(["rclone", "--config", self.conf, "mkdir", "azure:lab"],
                           check=True, env=environment())

    def stop(self):
        for server in self.running.values():
            server.stop()

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
