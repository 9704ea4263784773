"""Whole deployments as a user asks for them: `scitq-manage worker deploy -P static`, and
the server's job makes a worker of a test host (testhost.py) with the playbooks over SSH.
A server killed half-way, playbooks that fail, machines that never answer, tasks that run
when their worker is deleted: each time every machine is given back, counted in the
provider's own folder.  Part of the long tests: a deployment takes half a minute."""

import glob
import re

from harness import *

if not os.environ.get("SCITQ_TEST_LONG"):
    skip("deployment by a job", "SCITQ_TEST_LONG is not set")
    done()
if SANITIZED:
    skip("deployment by a job", "a sanitized build makes no packaged worker")
    done()

import testhost  # noqa: E402
import testsite  # noqa: E402
from testsite import URL  # noqa: E402

testhost.alone()

# What a user wrote is no template of Ansible's.
BATCH = "my {{ lookup('pipe', 'echo ran') }} batch"
counted = {"deployments": 0}


def look_at_log(site, job_id):
    """What a user sees who follows the log: lines while the job runs, and its end."""
    follow = subprocess.Popen(
        [program("scitq-manage"), "-s", "127.0.0.1:5000", "job", "log", "-f", "-i", str(job_id)],
        env=clean_env(**site.tools), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seen, lines = None, []
    for line in follow.stdout:
        lines.append(line)
        if "PERCENT_20" in line:
            seen = site.api.get("/jobs/%d" % job_id).json
            secret_words(site)
            has(site.manage("job", "list", "-S", "running"), "worker_deploy",
                "job list shows what runs")
    is_(follow.wait(60), 0, "the followed log ends with its job")
    ok(seen and seen["status"] == "running" and 20 <= seen["progression"] < 100,
       "its lines come while it runs, with its progress", seen)
    is_([line for line in lines if "fatal" in line], [], "nothing failed")
    is_("".join(lines), site.log(job_id), "it is the whole log")


def secret_words(site):
    """The batch stands for a token: what a playbook is told is in a file of root's."""
    told = sorted(glob.glob(site.server.settings["SCITQ_STATE_DIR"] + "/ansible/*"))
    ok([p.rsplit(".")[-1] for p in told] == ["json", "token"] and
       all(os.stat(p).st_mode & 0o777 == 0o600 for p in told),
       "what the playbook is told is in files of its own", told)
    with open(told[0]) as f:
        has(f.read(), "echo ran", "the batch in it")
    ok(site.playing() and "echo ran" not in "".join(site.playing()),
       "and in no command line", site.playing())


def at_rest(site, worker):
    """The playbook again, as the job ran it, while a task keeps the worker from going."""
    go = "/tmp/go-%d" % counted["deployments"]
    task = site.task("sh -c 'until [ -e %s ]; do sleep 0.1; done; hostname'" % go)
    site.task_is(task, "running")
    code, text = site.play(
        "deploy", scitq_host=worker["name"], scitq_server=URL, scitq_concurrency=2,
        scitq_batch={"__ansible_unsafe": BATCH}, scitq_permanent=False,
        **site.credentials(worker))
    ok(code == 0 and not re.search(r"changed=[1-9]", text),
       "a second run of the playbook changes nothing", text)
    site.host.ssh("touch " + go)
    site.task_is(task, "succeeded")
    is_(site.api.get("/executions/", {"task_id": task}).json[-1]["output"].strip(),
        worker["name"], "a task ran on the machine")


def came(site, job_id, name):
    site.ends(job_id, "succeeded", "the deployment ends")
    counted["deployments"] += 1
    w = site.worker(name)
    is_((w["status"], w["flavor"], w["provider"], w["region"], w["concurrency"], w["batch"],
         w["permanent"], w["hostname"]),
        ("running", "plain", "static", "lab", 2, BATCH, False, name), "its worker runs")
    is_(list(site.leases().values()), [name], "one machine is lent, to it")
    is_(len(site.firewall()), 1, "the firewall is open to it")
    credentials(site, w, job_id)
    return w


def credentials(site, worker, job_id):
    """The machine has the worker's own token, for root alone, and the authority."""
    known = site.credentials(worker)
    conf = site.host.ssh("sudo stat -c %a /etc/scitq-worker.conf; "
                         "sudo cat /etc/scitq-worker.conf /etc/scitq/ca.pem")
    ok(conf.startswith("600\n") and 'SCITQ_TOKEN="%s"' % known["scitq_token"] in conf and
       "SCITQ_CA=/etc/scitq/ca.pem" in conf and conf.rstrip().endswith("an authority"),
       "it has its token and the authority", conf)
    seen = site.host.ssh("sudo sh -c 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline "
                         "2>/dev/null; journalctl -q -o cat' | tr '\\0' '\\n'")
    ok("scitq-worker" in seen and known["scitq_token"] not in
       seen + site.log(job_id) + site.server.log(), "and nobody else sees it")


def outlived(site):
    """A service that starts once its machine is given back: it ends, for good."""
    site.host.ssh("sudo systemctl start scitq-worker || true")
    state = site.host.ssh("systemctl show -P ExecMainStatus -P NRestarts -P ActiveState "
                          "scitq-worker")
    is_(sorted(state.split()), ["0", "3", "failed"], "a worker that outlives it ends")
    is_(site.api.get("/workers/").json, [], "and has no row")


def test_whole(site):
    """From the request to the machine given back, because the worker has nothing to do."""
    job_id, worker = site.deploy()
    name = worker["name"]
    look_at_log(site, job_id)
    w = came(site, job_id, name)
    has(str(site.api.get("/inventory/").json), "10.77.0.2", "the inventory has its address")
    at_rest(site, w)
    site.wait("idle, its worker goes", lambda: not site.worker(name))
    job = site.job("worker_destroy", name)["job_id"]
    site.ends(job, "succeeded", "its destruction ends")
    has(site.manage("job", "log", "-i", job), "static has nothing of " + name, "its log says so")
    site.nothing_left("after the first")
    is_(site.remains(site.host), "", "nothing of scitq runs on the machine")
    outlived(site)


def test_killed(site):
    """kill -9 of the server in the middle of the playbook; the next one goes on with the
    same machine.  Then a worker is deleted while it works."""
    job_id, worker = site.deploy()
    name = worker["name"]
    site.wait("the playbook is under way", lambda: "PERCENT_20" in site.log(job_id), job_id)
    before = site.leases()
    site.server.kill()
    site.server.start()
    site.api = site.server.api()
    w = came(site, job_id, name)
    is_(site.leases(), before, "it is the same machine")
    is_(site.job("worker_deploy", name)["job_id"], job_id, "made by the same job")
    task = site.task("sh -c 'sleep 7777 & wait'")
    site.task_is(task, "running")
    at_rest(site, w)
    has(site.remains(site.host), "sleep 7777", "a task runs on the machine")
    # One of a container, which these hosts can make and not start.
    site.host.ssh("tar -ch /bin/sleep 2>/dev/null | sudo docker import - small >/dev/null && "
                  "sudo docker create --label scitq.worker=x small /bin/sleep >/dev/null")
    site.manage("worker", "delete", "-n", name)
    site.wait("deleted, its worker goes", lambda: not site.worker(name))
    site.ends(site.job("worker_destroy", name)["job_id"], "succeeded", "its destruction ends")
    site.nothing_left("after the second")
    is_(site.remains(site.host), "", "nothing runs on the machine, the task neither")
    is_(site.host.ssh("sudo docker ps -aq"), "", "nor is there its container")


def test_failing(site):
    """A playbook that fails half-way is tried again, then given up, with its machine;
    mended, the job is begun again by hand."""
    site.say("worker_package=/nowhere.tar.gz\n")
    job_id, worker = site.deploy()
    name = worker["name"]
    site.ends(job_id, "failed", "a deployment that cannot be ends")
    log = site.log(job_id)
    is_(log.count('failed: deploy.yml failed at "worker : Refuse to go on without it", %s: there '
                  "is no packaged worker /nowhere.tar.gz" % name), 2, "it says why, at each try")
    is_(log.count("PERCENT_60"), 2, "it was half-way")
    is_(site.worker(name)["status"], "failed", "its worker has failed")
    site.nothing_left("after a failure")
    site.say(testsite.PLAIN)
    has(site.manage("job", "restart", "-i", job_id), "is tried again", "job restart")
    w = came(site, job_id, name)
    at_rest(site, w)
    site.manage("worker", "delete", "-n", name)
    site.wait("deleted, its worker goes", lambda: not site.worker(name))
    site.ends(site.job("worker_destroy", name)["job_id"], "succeeded", "its destruction ends")
    site.nothing_left("after the third")


def test_unreachable(site):
    """SSH is never there: told by the provider that looks, else by the playbook."""
    job_id, worker = site.deploy(flavor="ghost")
    site.ends(job_id, "failed", "where nobody answers the deployment ends")
    has(site.log(job_id), "failed: away (ubuntu@10.77.0.9) by SSH: exit code 255", "it says so")
    is_(site.worker(worker["name"])["status"], "failed", "its worker has failed")
    job_id, worker = site.deploy(provider="bare")
    site.ends(job_id, "failed", "where SSH never comes up it ends too")
    for words in ('failed: deploy.yml failed at "reach : Wait for SSH", ' + worker["name"],
                  "timed out waiting for ping module test", "trying again"):
        has(site.log(job_id), words, "its log has " + words)
    is_(glob.glob(site.server.settings["SCITQ_STATE_DIR"] + "/providers/bare/*"), [],
        "its machine was given back")
    site.nothing_left("after machines that did not answer")


def test_interrupted(site):
    """A worker deleted, and a job too old, in the middle of the playbook."""
    job_id, worker = site.deploy()
    site.wait("the playbook is under way", lambda: "PERCENT_20" in site.log(job_id), job_id)
    site.manage("worker", "delete", "-n", worker["name"])
    site.wait("deleted half-way, its worker goes", lambda: not site.worker(worker["name"]))
    has(site.log(job_id), "canceled: the worker is to be destroyed", "its job is canceled")
    site.ends(site.job("worker_destroy", worker["name"])["job_id"], "succeeded",
              "its destruction ends")
    site.nothing_left("after a deletion half-way")
    site.say(testsite.PLAIN + "reach_timeout=3000\n")
    site.restart(JOB_MAX_LIFETIME=15)
    job_id, worker = site.deploy(provider="bare")
    site.ends(job_id, "failed", "a job that takes too long ends")
    has(site.log(job_id), "failed: took longer than 15 s (JOB_MAX_LIFETIME)", "it says so")
    is_(site.worker(worker["name"])["status"], "failed", "its worker has failed")
    is_(glob.glob(site.server.settings["SCITQ_STATE_DIR"] + "/providers/bare/*"), [],
        "its machine was given back")
    site.nothing_left("after a job that took too long")


def test_owned(site):
    """The machine is cut off in the middle of the playbook: it cannot be given back, and
    stays known until it can."""
    job_id, worker = site.deploy()
    name = worker["name"]
    site.wait("the playbook is under way", lambda: "PERCENT_20" in site.log(job_id), job_id)
    before = site.leases()
    wire = "v" + next(iter(before))
    testhost.run("ip", "link", "set", wire, "down")
    site.ends(job_id, "failed", "cut off, the deployment ends")
    for words in ("failed: deploy.yml failed at", "by SSH: exit code 255",
                  "what was made may be left at static"):
        has(site.log(job_id), words, "its log has " + words)
    is_(site.worker(name)["status"], "failed", "its worker has failed")
    is_(site.leases(), before, "which still has the machine")
    site.manage("worker", "delete", "-n", name)
    job = site.job("worker_destroy", name)["job_id"]
    site.ends(job, "failed", "what does not answer is not given back")
    is_(site.leases(), before, "the machine is known")
    ok(site.worker(name), "and its worker")
    testhost.run("ip", "link", "set", wire, "up")
    site.manage("worker", "delete", "-n", name)
    site.wait("once it answers, its worker goes", lambda: not site.worker(name))
    site.wait("and the job ends", lambda: site.job("worker_destroy", name)["status"]
              == "succeeded")
    site.nothing_left("after a machine that was cut off")


site = testsite.Lent({"m1": "10.77.0.2", "m2": "10.77.0.3"}, BATCH)
for test in (test_whole, test_killed, test_failing, test_unreachable,
             test_owned, test_interrupted):
    run(test, site)
diag("%d whole deployments, %d machines lent at the end" %
     (counted["deployments"], len(site.leases())))
is_(site.leases(), {}, "no machine is lent at the end")
site.stop()
done()
