"""The container engines as the tests start them: a dockerd of their own, podman on storage
of its own, neither with any network; and a tiny image, made here of the static busybox.

    docker = Docker()          # running, and $DOCKER_HOST says where
    docker("ps", "-a")         # its client, the output as text
    docker.stop()

What they need of the environment is set in this process's, so that daemons started from
then on find the engine.  As root only."""

import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from tap import Folder, forget, remember, wait_until  # noqa: E402

IMAGE = "scitq-test:1"
PATHS = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def program(name):
    path = shutil.which(name, path=PATHS)
    if not path:
        raise RuntimeError("there is no %s here: run tools/deps.sh test" % name)
    return path


def busybox_tar(folder):
    """A root of one static program under its many names."""
    busybox = program("busybox")
    top = folder.join("image")
    os.makedirs(top + "/bin")
    shutil.copy(busybox, top + "/bin/busybox")
    for name in subprocess.check_output([busybox, "--list"], text=True).split():
        if name != "busybox":
            os.link(top + "/bin/busybox", top + "/bin/" + name)
    for name in ("etc", "dev", "proc", "sys"):
        os.makedirs(top + "/" + name)
    tar = folder.join("image.tar")
    subprocess.check_call(["tar", "-C", top, "-cf", tar, "."])
    return tar


class Engine:
    """Its client as a function; environment variables set for it until it stops."""

    def __init__(self, name, **env):
        self.name = name
        self.env = {key: os.environ.get(key) for key in env}
        os.environ.update(env)
        remember(self)

    def __call__(self, *args, status=0, timeout_s=120):
        """Its standard output; `status` None: any will do, and the errors are given."""
        out = subprocess.run([program(self.name)] + list(args), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=timeout_s,
                             stdin=subprocess.DEVNULL)
        if status is None:
            return out.stdout + out.stderr
        if out.returncode != status:
            raise RuntimeError("%s %s: exit %d: %s" % (
                self.name, " ".join(args), out.returncode, out.stderr))
        return out.stdout

    def containers(self, *filters):
        """Ids of all containers, running or not."""
        return self("ps", "-aq", "--no-trunc", *filters).split()

    def of_task(self, task_id):
        return self.containers("--filter", "label=scitq.task=%d" % task_id)

    def status(self, container):
        return self("container", "inspect", "--format", "{{.State.Status}}",
                    container).strip()

    def go(self, container):
        """Let it, which waits for /tmp/go, go on: not waited for, since what is run in a
        container dies with it."""
        self("exec", "-d", container, "touch", "/tmp/go")

    def restore_env(self):
        for key, value in self.env.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


class Docker(Engine):
    def __init__(self):
        self.folder = Folder("scitq-dk-")
        self.process = None
        super().__init__("docker", DOCKER_HOST="unix://" + self.folder.join("docker.sock"))
        self.start()
        self("import", busybox_tar(self.folder), IMAGE)

    def start(self):
        """Also again after kill(): containers live on under it."""
        for name in ("docker.pid", "exec/containerd/containerd.pid"):
            if os.path.exists(self.folder.join(name)):
                os.unlink(self.folder.join(name))
        env = dict(os.environ, PATH=PATHS)
        env.pop("DOCKER_HOST", None)
        with open(self.folder.join("log"), "ab") as log:
            self.process = subprocess.Popen(
                [program("dockerd"), "--live-restore", "--data-root",
                 self.folder.join("data"), "--exec-root", self.folder.join("exec"),
                 "-H", os.environ["DOCKER_HOST"], "-p", self.folder.join("docker.pid"),
                 "--iptables=false", "--ip-forward=false", "--ip-masq=false",
                 "--bridge=none"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                start_new_session=True)
        wait_until("dockerd is ready", self.answers, timeout_s=120, every_s=0.1)

    def answers(self):
        if self.process.poll() is not None:
            with open(self.folder.join("log")) as log:
                raise RuntimeError("dockerd ended: " + log.read()[-2000:])
        return subprocess.run([program("docker"), "info"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=60).returncode == 0

    def containerd(self):
        """The pid of its own containerd, or None."""
        try:
            with open(self.folder.join("exec/containerd/containerd.pid")) as f:
                return int(f.read())
        except (FileNotFoundError, ValueError):
            return None

    def kill(self):
        """kill -9, and its containerd with it: as when the machine's engine crashes."""
        child = self.containerd()
        self.process.kill()
        self.process.wait()
        if child:
            os.kill(child, signal.SIGKILL)

    def stop(self):
        forget(self)
        if self.process and self.process.poll() is None:
            for container in self.containers():
                self("rm", "-f", "-v", container, status=None)
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
        for name in ("exec/netns/default", "data"):
            subprocess.run(["umount", "-q", self.folder.join(name)],
                           stderr=subprocess.DEVNULL)
        self.restore_env()
        self.folder.stop()


class Podman(Engine):
    """With the runtime and the limits that work for any root: see containers.conf(5)."""
    CONF = """[containers]
netns = "none"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
    STORAGE = '[storage]\ndriver = "overlay"\nrunroot = "%s"\ngraphroot = "%s"\n'

    def __init__(self):
        self.folder = Folder("scitq-pm-")
        super().__init__("podman", CONTAINERS_CONF=self.folder.join("containers.conf"),
                         CONTAINERS_STORAGE_CONF=self.folder.join("storage.conf"))
        with open(self.folder.join("containers.conf"), "w") as f:
            f.write(self.CONF)
        with open(self.folder.join("storage.conf"), "w") as f:
            f.write(self.STORAGE % (self.folder.join("run"), self.folder.join("graph")))
        self("import", busybox_tar(self.folder), IMAGE)

    def stop(self):
        forget(self)
        self("rm", "-a", "-f", status=None)
        subprocess.run(["umount", "-q", self.folder.join("graph/overlay")],
                       stderr=subprocess.DEVNULL)
        self.restore_env()
        self.folder.stop()
