"""A site whose workers are test hosts: a server that they reach, the inventory that
`scitq-manage ansible install` made, and stand-ins for what the kernel of the tests
lacks.  After testhost.alone().

    site = Site({"w1": "10.77.0.2"}, SCITQ_SERVER=URL)
    code, text = site.play("check")
    site.stop()"""

import glob
import json
import os
import subprocess

import guards
import testhost
from client import wait_until
from daemons import BUILD, Server, clean_env, program
from tap import Folder, diag, has, is_, ok

ANSIBLE = os.path.join(BUILD, "share/scitq/ansible")
PACKAGE = os.path.join(BUILD, "share/scitq/worker/scitq-worker-%s.tar.gz" % os.uname().machine)
URL = "http://%s:5000" % testhost.ADDRESS

VARIABLES = """
[scitq:vars]
scitq_known_hosts={folder}/state/known_hosts
nfs_server=localhost
nfs_server_address=10.77.0.1
nfs_exports_folder={folder}/exports.d
rclone_config={folder}/rclone.conf
ssh_public_key={key}.pub
[workers:vars]
swap_proportion=0
docker_registry=registry.example.org
docker_authentication=user:word
docker_insecure_registry=10.77.0.1:5001
"""

PLAIN = "worker_package=%s\nreach_timeout=20\n" % PACKAGE
LIMIT_S = 2400  # of a wait: builds from source take minutes


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


class Site:
    """A server, an inventory, and hosts {name: address} that wait to become workers."""

    tools = {}  # of the environment of tools

    def __init__(self, hosts, tree="tree", **settings):
        self.folder = Folder()
        self.inventory = self.folder.join("inventory")
        # What the kernel of the tests lacks: an NFS server here.
        write(self.folder.join("bin", "exportfs"),
              '#!/bin/sh\necho "$@" >>%s\n' % self.folder.join("exportfs.log"), 0o755)
        write(self.folder.join("rclone.conf"), "[here]\ntype = local\n", 0o600)
        self.server = Server(
            start=False, SCITQ_LISTEN="127.0.0.1:5000 %s:5000" % testhost.ADDRESS,
            SCITQ_INSECURE=1, SCITQ_PLAYBOOKS=ANSIBLE, SCITQ_INVENTORY=self.inventory,
            **settings)
        self.server.port = 5000
        self.server.env = self.environment()
        self.server.start()
        self.hosts = [testhost.Host(name, address, tree) for name, address in hosts.items()]
        self.host = self.hosts[0]
        for host in self.hosts:
            self.adapt(host)
        testhost.run(program("scitq-manage"), "ansible", "install", "-p", self.inventory)
        self.say()

    def environment(self):
        return {"HOME": self.folder.path,
                "PATH": self.folder.join("bin") + ":" + os.environ["PATH"]}

    def say(self, more=""):
        """02-scitq, with more variables for workers."""
        write(self.inventory + "/02-scitq",
              VARIABLES.format(folder=self.folder.path, key=self.host.key) + more)

    @staticmethod
    def adapt(host):
        """An NFS client in a kernel without, docker in a host that is a container."""
        for path, text, mode in (
                ("/sbin/mount.nfs", '#!/bin/sh\nexec mount -t tmpfs "$1" "$2"\n', 0o755),
                ("/etc/docker/daemon.json", '{"bridge":"none","iptables":false,'
                 '"ip-forward":false,"ip-masq":false}', 0o644)):
            if os.path.exists(host.root + path):
                os.unlink(host.root + path)
            write(host.root + path, text, mode)

    def play(self, name, *more, **variables):
        """Run a playbook by hand: its exit status and what it printed."""
        env = clean_env(ANSIBLE_CONFIG=ANSIBLE + "/ansible.cfg", ANSIBLE_NOCOLOR=1,
                        SCITQ_SERVER="127.0.0.1:5000", **self.environment(), **self.tools)
        out = subprocess.run(
            ["ansible-playbook", "-i", self.inventory, "-e", json.dumps(variables)] +
            list(more) + [os.path.join(ANSIBLE, name + ".yml")], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, timeout=900)
        return out.returncode, out.stdout

    def firewall(self):
        rules = testhost.run("iptables", "-S", "INPUT")
        return [r for r in rules.splitlines() if "scitq:" in r]

    def stop(self):
        for host in self.hosts:
            host.stop()
        self.server.stop()


class Lent(Site):
    """A site that lends its hosts as machines of the static provider, of flavor plain in
    the region lab; workers are deployed for one batch.  Its server asks for tokens."""
    tools = {"SCITQ_TOKEN": guards.ADMIN}

    def __init__(self, hosts, batch, tree="tree", **settings):
        self.batch = batch
        held = Folder()
        Server.token = guards.ADMIN
        settings["SCITQ_TOKEN_FILE"] = guards.put_tokens(held.join("tokens"))
        settings["SCITQ_CA"] = held.join("ca.pem")
        write(settings["SCITQ_CA"], "an authority\n")
        # ssh, of the static provider, remembers hosts: not in root's own folder.
        if os.path.isdir("/root/.ssh"):
            testhost.run("mount", "-t", "tmpfs", "tmpfs", "/root/.ssh")
        super().__init__(hosts, tree, SCITQ_SERVER=URL,
                         STATIC_MACHINES="/dev/null", WORKER_IDLE_DELAY=10,
                         WORKER_FIRST_TASK_DELAY=3600, WORKER_CREATE_RETRY=1,
                         SCITQ_PLUGIN_PATH=self.modules() + ":", **settings)
        write(self.folder.join("machines"), "".join(
            "%s address=%s user=ubuntu identity=%s flavor=plain region=lab cpu=2 ram=8 "
            "disk=20\n" % (h.name, h.address, h.key) for h in self.hosts) +
            "away address=10.77.0.9 user=ubuntu flavor=ghost region=lab\n")
        for host in self.hosts:  # one that has not come up yet would be passed over
            host.wait_for_ssh()
        self.restart(STATIC_MACHINES=self.folder.join("machines"))
        self.say(PLAIN)

    @staticmethod
    def modules():
        """A provider whose machines nobody can reach is an outside author's."""
        folder = Folder()
        os.makedirs(folder.join("providers"))
        os.symlink(os.path.join(BUILD, "tests", "system", ".libs", "bare.so"),
                   folder.join("providers", "bare.so"))
        return folder.path

    def restart(self, **settings):
        self.server.end()
        self.server.start(**settings)
        self.api = self.server.api()

    def manage(self, *words):
        return testhost.run(program("scitq-manage"), "-s", "127.0.0.1:5000",
                            *map(str, words), env=clean_env(**self.tools))

    def deploy(self, flavor="plain", provider="static"):
        """Ask for a worker; the row of its job and the worker's."""
        has(self.manage("worker", "deploy", "-f", flavor, "-P", provider, "-r", "lab", "-b",
                        self.batch, "-C", 2), "1 worker is being deployed", "worker deploy")
        worker = max(self.api.get("/workers/").json, key=lambda w: w["worker_id"])
        return self.job("worker_deploy", worker["name"])["job_id"], worker

    def token(self, worker):
        return self.server.sql("select token from worker where worker_id = %d"
                               % worker["worker_id"])[0][0]

    def credentials(self, worker):
        """What only the server's own job knows: variables of its playbook."""
        machine = self.token(worker)
        return {"scitq_launch_token": machine, "scitq_ca": self.server.settings["SCITQ_CA"],
                "scitq_token": guards.pass_of_worker(self.server, worker["worker_id"], machine)}

    def job(self, action, target):
        return [j for j in self.api.get("/jobs/").json
                if j["action"] == action and j["target"] == target][-1]

    def status(self, job_id):
        return self.api.get("/jobs/%d" % job_id).json["status"]

    def log(self, job_id):
        return self.api.get("/jobs/%d" % job_id).json["log"]

    def wait(self, what, condition, job_id=None):
        try:
            wait_until(what, condition, LIMIT_S, 0.1)
        except Exception:
            diag(self.log(job_id) if job_id else self.server.log())
            raise
        ok(True, what)

    def ends(self, job_id, status, what):
        self.wait(what, lambda: self.status(job_id) in ("succeeded", "failed"), job_id)
        ok(self.status(job_id) == status, "and has " + status, self.log(job_id))

    def leases(self):
        """{machine: worker}, as the provider has them."""
        found = {}
        for path in glob.glob(self.server.settings["SCITQ_STATE_DIR"] +
                              "/providers/static/*.lease"):
            with open(path) as f:
                found[os.path.basename(path)[:-6]] = f.read().split()[2]
        return found

    def nothing_left(self, what):
        """At the provider, in the inventory, on the manager, of Ansible's programs."""
        is_(self.leases(), {}, what + ": no machine is lent")
        is_(self.api.get("/inventory/").json["_meta"]["hostvars"], {}, "the inventory is empty")
        is_(self.firewall(), [], "the firewall is closed")
        is_(glob.glob(self.folder.join("exports.d", "*")), [], "nothing is exported")
        is_(self.playing(), [], "nothing of Ansible's runs")
        is_(glob.glob(self.server.settings["SCITQ_STATE_DIR"] + "/ansible/*"), [],
            "what playbooks were told is gone")

    @staticmethod
    def playing():
        """Command lines of playbooks.  This test sees no process but its own."""
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path) as f:
                    line = f.read().replace("\0", " ")
            except OSError:
                continue
            if "ansible-playbook" in line:
                found.append(line)
        return found

    def remains(self, host):
        """What runs of scitq's, or of its tasks, on a host."""
        return host.ssh("ps -e -o args= | grep -E 'scitq|[s]leep 7777' | grep -v grep || true")

    def task(self, command):
        return self.api.post("/tasks/", {"command": command, "batch": self.batch}).json["task_id"]

    def task_is(self, task, status):
        self.wait("the task is " + status, lambda: self.api.get(
            "/tasks/%d" % task).json["status"] == status)

    def worker(self, name):
        return next(iter(self.api.get("/workers/", {"name": name}).json), None)
