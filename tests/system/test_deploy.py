"""A worker deployed by the playbooks over SSH to a test host (testhost.py): it registers
with a real server, runs a task, and a second deployment changes nothing.  Part of the
long tests: the hosts' tree takes minutes to make, and a playbook half a minute."""

import re

from harness import *

if not os.environ.get("SCITQ_TEST_LONG"):
    skip("deployment over SSH", "SCITQ_TEST_LONG is not set")
    done()
if SANITIZED:
    skip("deployment over SSH", "a sanitized build makes no packaged worker")
    done()

import testhost  # noqa: E402

testhost.alone()

ANSIBLE = os.path.join(BUILD, "share/scitq/ansible")
PACKAGE = os.path.join(BUILD, "share/scitq/worker/scitq-worker-%s.tar.gz" % os.uname().machine)
# As the server gives it: a text that Ansible must not take for a template.
BATCH = "my {{ lookup('pipe', 'echo ran') }} batch"
URL = "http://%s:5000" % testhost.ADDRESS

SITE = """
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


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


class Site:
    """A server, an inventory, and a host that waits to become a worker."""

    def __init__(self):
        self.folder = Folder()
        self.server = Server(SCITQ_LISTEN="127.0.0.1:5000 %s:5000" % testhost.ADDRESS,
                             SCITQ_INSECURE=1)
        self.server.port = 5000
        self.host = testhost.Host("w1", "10.77.0.2")
        self.inventory = self.folder.join("inventory")
        testhost.run(program("scitq-manage"), "ansible", "install", "-p", self.inventory)
        write(self.inventory + "/02-scitq", SITE.format(
            folder=self.folder.path, key=self.host.key))
        testhost.run(program("scitq-inventory"), "-s", "127.0.0.1:5000", "--add-host", "w1",
                     "--in-group", "static", "--variable", "ansible_host", "--value",
                     self.host.address, "--variable", "ansible_user", "--value", "ubuntu",
                     "--variable", "ansible_ssh_private_key_file", "--value", self.host.key)
        write(self.folder.join("rclone.conf"), "[here]\ntype = local\n", 0o600)
        # What the kernel of the tests lacks: an NFS server here, an NFS client there.
        write(self.folder.join("bin", "exportfs"),
              '#!/bin/sh\necho "$@" >>%s\n' % self.folder.join("exportfs.log"), 0o755)
        self.replace("/sbin/mount.nfs", '#!/bin/sh\nexec mount -t tmpfs "$1" "$2"\n', 0o755)
        # Docker in a host that is a container itself.
        self.replace("/etc/docker/daemon.json",
                     '{"bridge":"none","iptables":false,"ip-forward":false,"ip-masq":false}')

    def replace(self, path, text, mode=0o644):
        if os.path.exists(self.host.root + path):
            os.unlink(self.host.root + path)
        write(self.host.root + path, text, mode)

    def play(self, name, *more, **variables):
        """Run a playbook: its exit status and what it printed."""
        variables.setdefault("scitq_host", "w1")
        env = clean_env(ANSIBLE_CONFIG=ANSIBLE + "/ansible.cfg", ANSIBLE_NOCOLOR=1,
                        HOME=self.folder.path, SCITQ_SERVER="127.0.0.1:5000",
                        PATH=self.folder.join("bin") + ":" + os.environ["PATH"])
        out = subprocess.run(
            ["ansible-playbook", "-i", self.inventory, "-e", json.dumps(variables)] +
            list(more) + [os.path.join(ANSIBLE, name + ".yml")], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, timeout=900)
        return out.returncode, out.stdout

    def deploy(self, *more, **other):
        variables = dict(scitq_server=URL, scitq_batch={"__ansible_unsafe": BATCH}, scitq_concurrency=2,
                         scitq_flavor="f$1 %n", worker_package=PACKAGE)
        variables.update(other)
        return self.play("deploy", *more, **variables)

    def firewall(self):
        rules = testhost.run("iptables", "-S", "INPUT")
        return [r for r in rules.splitlines() if "scitq:" in r]


def changes(text):
    return sum(int(n) for n in re.findall(r"changed=(\d+)", text))


def at_rest(site, name):
    """Once more: nothing is left to change."""
    code, text = site.deploy()
    ok(code == 0 and changes(text) == 0, name, text)


def run_task(site, api, command):
    task = api.post("/tasks/", {"command": command, "batch": BATCH}).json["task_id"]
    wait_until("task %d ends" % task, lambda: api.get("/tasks/%d" % task).json["status"]
               in ("succeeded", "failed"), timeout_s=300)
    status = api.get("/tasks/%d" % task).json["status"]
    found = api.get("/executions/", {"task_id": task}).json[-1]
    return status, found["output"]


def test_refusals(site):
    code, text = site.play("deploy", scitq_host="nobody", scitq_server=URL)
    ok(code != 0 and "a host of the group workers in the inventory" in text,
       "a host that is not in the inventory is refused", text)
    code, text = site.deploy(worker_package="/nowhere.tar.gz")
    ok(code != 0 and "there is no packaged worker /nowhere.tar.gz" in text,
       "a packaged worker that is not there is told", text)
    ok("[docker : Restart docker]" in text, "what had changed before is restarted", text)
    is_(site.server.api().get("/workers/").json, [], "nothing has registered")


def test_deploy(site):
    api = site.server.api()
    code, text = site.deploy()
    ok(code == 0, "the host becomes a worker", text)
    is_(re.findall(r"PERCENT_(\d+)", text), ["5", "20", "60", "100"], "it tells how far it is")
    workers = api.get("/workers/").json
    is_([(w["name"], w["hostname"], w["status"], w["batch"], w["concurrency"], w["flavor"],
          w["permanent"]) for w in workers],
        [("w1", "w1", "running", BATCH, 2, "f$1 %n", False)], "it is registered")
    is_(run_task(site, api, "sh -c 'hostname; echo $CPU >/dev/null; ls -d $INPUT'")[0],
        "succeeded", "it runs a task")
    status, text = run_task(site, api, "scitq-fetch --version")
    ok(status == "succeeded" and text.startswith("scitq-fetch "), "tasks have scitq-fetch", text)
    status, text = run_task(site, api, "pwd")
    ok(text.startswith("/scratch/"), "they work in the scratch space", text)
    has(site.host.ssh("sudo cat /etc/rclone.conf"), "[here]", "it has the server's remotes")
    has(site.host.ssh("grep /data /proc/mounts"), "10.77.0.1:/data /data", "/data is mounted")
    docker = json.loads(site.host.ssh("sudo docker info --format '{{json .RegistryConfig}}'"))
    ok("10.77.0.1:5001" in docker["IndexConfigs"], "docker knows the registry without TLS",
       docker)
    has(site.host.ssh("sudo cat /root/.docker/config.json"), "dXNlcjp3b3Jk", "docker logs in")
    is_(site.firewall(), ["-A INPUT -s 10.77.0.2/32 -m comment --comment \"scitq:w1\" -j ACCEPT"],
        "the manager's firewall is open to it")
    with open(site.folder.join("exports.d", "scitq-w1.exports")) as f:
        has(f.read(), "/data 10.77.0.2(rw", "the manager exports to it")
    at_rest(site, "a second deployment changes nothing")


def test_mend(site):
    """What somebody broke is mended; --check tells it and does nothing."""
    site.host.ssh("sudo systemctl stop scitq-worker; sudo rm /etc/scitq-worker.conf")
    testhost.run("iptables", "-F", "INPUT")
    code, text = site.deploy("--check")
    ok(code == 0 and changes(text) > 0, "--check tells what it would change", text)
    is_(site.firewall(), [], "and changes nothing")
    code, text = site.deploy()
    ok(code == 0 and changes(text) > 0, "a deployment mends it", text)
    is_(len(site.firewall()), 1, "the firewall too")
    is_(site.host.ssh("systemctl is-active scitq-worker").strip(), "active", "the service too")


def test_life(site):
    """A new worker in the place of the old while a task runs; then the host restarts."""
    api = site.server.api()
    task = api.post("/tasks/", {"command": "sh -c 'sleep 5; until [ -e /tmp/go ]; do sleep 0.1; done'",
                                "batch": BATCH}).json["task_id"]
    wait_until("the task runs",
               lambda: api.get("/tasks/%d" % task).json["status"] == "running", 300)
    site.host.ssh("sudo rm -r /opt/scitq/current && sudo systemctl restart --no-block scitq-worker")
    code, text = site.play("update", worker_package=PACKAGE)
    ok(code == 0, "update.yml installs the worker again", text)
    is_(api.get("/tasks/%d" % task).json["status"], "running", "the task runs on")
    site.host.ssh("touch /tmp/go")
    wait_until("the task ends", lambda: api.get("/tasks/%d" % task).json["status"]
               not in ("running", "accepted"), 300)
    is_(api.get("/tasks/%d" % task).json["status"], "succeeded", "and ends well")
    is_(len(api.get("/executions/", {"task_id": task}).json), 1, "after one execution")
    testhost.run("iptables", "-F", "INPUT")
    code, text = site.play("check")
    ok(code == 0 and len(site.firewall()) == 1, "check.yml opens the firewall again", text)


def test_destroy(site):
    code, text = site.play("destroy")
    ok(code == 0, "destroy.yml", text)
    is_(site.firewall(), [], "closes the firewall")
    is_(os.listdir(site.folder.join("exports.d")), [], "exports no more")
    with open(site.folder.join("state", "known_hosts")) as f:
        is_(f.read(), "", "and forgets the host's key")
    code, text = site.play("destroy")
    ok(code == 0 and changes(text) == 0, "again it changes nothing", text)


site = Site()
for test in (test_refusals, test_deploy, test_mend, test_life, test_destroy):
    run(test, site)
site.host.stop()
site.server.stop()
done()
