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
import testsite  # noqa: E402
from testsite import PACKAGE, URL  # noqa: E402

testhost.alone()

# As the server gives it: a text that Ansible must not take for a template.
BATCH = "my {{ lookup('pipe', 'echo ran') }} batch"


class Site(testsite.Site):
    """One host, in the inventory by hand."""

    def __init__(self):
        super().__init__({"w1": "10.77.0.2"})
        testhost.run(program("scitq-inventory"), "-s", "127.0.0.1:5000", "--add-host", "w1",
                     "--in-group", "static", "--variable", "ansible_host", "--value",
                     self.host.address, "--variable", "ansible_user", "--value", "ubuntu",
                     "--variable", "ansible_ssh_private_key_file", "--value", self.host.key)

    def play(self, name, *more, **variables):
        variables.setdefault("scitq_host", "w1")
        return super().play(name, *more, **variables)

    def deploy(self, *more, **other):
        variables = dict(scitq_server=URL, scitq_batch={"__ansible_unsafe": BATCH}, scitq_concurrency=2,
                         scitq_flavor="f$1 %n", worker_package=PACKAGE)
        variables.update(other)
        return self.play("deploy", *more, **variables)


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
    with open(os.path.join(TOP, "etc", "systemd", "scitq-worker.service.in")) as f:
        is_(site.host.ssh("cat /etc/systemd/system/scitq-worker.service").strip(),
            f.read().replace("@sbindir@", "/opt/scitq/current/bin").strip(),
            "its unit is the packaged one")
    is_(site.host.ssh("systemctl show -P WatchdogUSec scitq-worker").strip(), "5min",
        "and its watchdog is awake")
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
site.stop()
done()
