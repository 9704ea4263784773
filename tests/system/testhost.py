"""Test hosts: a machine of its own for what is deployed over SSH, with systemd as its
first process, an address, and nothing of this machine but its kernel.

    import testhost
    testhost.alone()      # first of all: this process again, in namespaces of its own
    with testhost.Host("w1", "10.77.0.2") as host:
        host.ssh("systemctl is-system-running")

What alone() makes are namespaces of processes, mounts and network, with 10.77.0.1/24 on a
bridge: whatever a test mounts, opens in a firewall or leaves running is gone with it,
were it killed.  Hosts share one tree (tests/host/tree.sh, in .cache/host), each with an
overlay of its own; another tree has what scitq's build needs (tests/host/built.sh)."""

import glob
import os
import shutil
import signal
import subprocess
import sys

from daemons import TOP, Daemon
from tap import Folder, done, lacking, wait_until

CACHE = os.path.join(TOP, ".cache", "host")
ADDRESS = "10.77.0.1"
PROGRAMS = ("ansible-playbook", "systemd-nspawn", "ssh", "ssh-keygen", "ip", "unshare",
            "iptables", "debootstrap")


def need(what):
    """This test cannot run without."""
    lacking("everything", what)
    done()


def run(*argv, **more):
    """Its standard output; RuntimeError with both streams when it fails."""
    out = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         errors="replace", timeout=900, **more)
    if out.returncode:
        raise RuntimeError("%s: %s\n%s%s" % (" ".join(argv), out.returncode, out.stdout,
                                             out.stderr))
    return out.stdout


def made(script, folder):
    """Whether this script made its tree in this folder, or found it there.  One at a time:
    tests that start together need the same tree, and two makers spoil each other's."""
    os.makedirs(folder, exist_ok=True)
    return subprocess.run(["flock", os.path.join(folder, "lock"), script, folder]).returncode == 0


def alone(tree="tree"):
    """Go on in namespaces of this test's own."""
    if os.environ.get("SCITQ_TEST_ALONE") == "1":
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "sq0", "type", "bridge")
        run("ip", "address", "add", ADDRESS + "/24", "dev", "sq0")
        run("ip", "link", "set", "sq0", "up")
        run("mount", "-t", "tmpfs", "tmpfs", "/run/netns") if os.path.isdir("/run/netns") \
            else run("mount", "-t", "tmpfs", "tmpfs", "/run")
        return
    if os.geteuid() != 0:
        need("root")
    missing = [p for p in PROGRAMS if not shutil.which(p)]
    if missing:
        need("%s (tools/deps.sh test)" % ", ".join(missing))
    for script in ("tree",) if tree == "tree" else ("tree", tree):
        if not made(os.path.join(TOP, "tests", "host", script + ".sh"), CACHE):
            need("the test hosts' tree, which could not be made")
    os.environ["SCITQ_TEST_ALONE"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child",
                          "--mount-proc", sys.executable] + sys.argv)


def groups(name):
    """Control groups of this name below ours, made in each hierarchy where systemd keeps
    services.  Hosts that share one, be they of two tests, find the other's processes
    among their own, and can then end none ("Input/output error")."""
    mounted, made = {}, []
    with open("/proc/mounts") as f:
        for _, where, kind, options in (line.split()[:4] for line in f):
            if kind == "cgroup2":
                mounted[""] = where
            elif kind == "cgroup" and "name=systemd" in options.split(","):
                mounted["name=systemd"] = where
    with open("/proc/self/cgroup") as f:
        for _, controllers, path in (line.rstrip("\n").split(":", 2) for line in f):
            if controllers in mounted:
                made.append(os.path.join(mounted[controllers], path.lstrip("/"), name))
                os.makedirs(made[-1], exist_ok=True)
    return made


INTO_GROUPS = """while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 1; shift; done
shift
exec "$@"
"""


class Host(Daemon):
    """One host that boots at once and is reached by SSH as `ubuntu`."""

    more = ()  # options of systemd-nspawn

    def __init__(self, name, address, tree="tree"):
        super().__init__(name, Folder("scitq-host-"))
        self.address, self.tree = address, tree
        self.key = self.folder.join("key")
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        self.root = self.folder.join("root")
        self._mount()
        self._connect()
        self.start()

    def _mount(self):
        # Not on the disk of temporary files, which may be an overlay itself.
        layers = self.folder.join("layers")
        for d in (self.root, layers):
            os.mkdir(d)
        run("mount", "-t", "tmpfs", "tmpfs", layers)
        for d in ("upper", "work"):
            os.mkdir(os.path.join(layers, d))
        run("mount", "-t", "overlay", "overlay", "-o", "lowerdir=%s/%s,upperdir=%s/upper,"
            "workdir=%s/work" % (CACHE, self.tree, layers, layers), self.root)
        ssh = os.path.join(self.root, "home/ubuntu/.ssh")
        os.mkdir(ssh, 0o700)
        shutil.copy(self.key + ".pub", os.path.join(ssh, "authorized_keys"))
        run("chroot", self.root, "chown", "-R", "ubuntu:ubuntu", "/home/ubuntu/.ssh")

    def _connect(self):
        """A network namespace with one end of a wire, whose other is in the bridge."""
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", "v" + self.name, "type", "veth", "peer", "name", "eth0",
            "netns", self.name)
        run("ip", "link", "set", "v" + self.name, "master", "sq0", "up")
        inside = ["ip", "-n", self.name]
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "address", "add", self.address + "/24", "dev", "eth0")
        run(*inside, "link", "set", "eth0", "up")

    def start(self):
        self.groups = groups(os.path.basename(self.folder.path))
        self.spawn(["sh", "-c", INTO_GROUPS, "sh", *self.groups, "--", "systemd-nspawn", "-q",
                    "-D", self.root, "--boot", "--register=no", "--keep-unit",
                    "--network-namespace-path=/run/netns/" + self.name,
                    "--hostname=unnamed", "--console=pipe", "--resolv-conf=off",
                    *self.more],
                   dict(os.environ))

    def ssh(self, command):
        return run("ssh", "-q", "-i", self.key, "-o", "StrictHostKeyChecking=no",
                   "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5",
                   "ubuntu@" + self.address, command)

    def wait_for_ssh(self):
        def answers():
            try:
                self.ssh("true")
            except RuntimeError:
                return False
            return True
        wait_until(self.name + " answers by SSH", answers)

    def first_process(self):
        """The pid of the host's own first process."""
        for path in glob.glob("/proc/[0-9]*/stat"):
            with open(path) as f:
                words = f.read().rsplit(")", 1)[1].split()
            if int(words[1]) == self.pid:
                return int(path.split("/")[2])
        return None

    def end(self, number=None):
        """Pull its plug."""
        first = self.first_process() if self.alive() else None
        if first:
            os.kill(first, signal.SIGKILL)
        self.process.wait(60)
        return 0

    def stop(self):
        super().stop()
        for group in self.groups:
            for folder, _, _ in os.walk(group, topdown=False):
                os.rmdir(folder)
        # Before its folder is emptied: what is mounted there is not the test's to remove.
        for mounted in (self.root, self.folder.join("layers")):
            if os.path.ismount(mounted):
                run("umount", "-l", mounted)
        self.folder.stop()
