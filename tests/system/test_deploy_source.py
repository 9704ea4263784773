"""A worker deployed from a source tree (scitq_src): packed on the server, built on the
test host, which has a compiler and no network.  Part of the long tests: the build takes
minutes, and so does the host's tree, once."""

import glob
import re

from harness import *

if not os.environ.get("SCITQ_TEST_LONG"):
    skip("deployment from a source tree", "SCITQ_TEST_LONG is not set")
    done()
if SANITIZED:
    skip("deployment from a source tree", "nothing of the build is used")
    done()

import testhost  # noqa: E402

testhost.alone("built")

import testsite  # noqa: E402


def packed():
    """What packing leaves on the server."""
    return glob.glob(os.path.join(tempfile.gettempdir(), "tmp.*", "*.tar"))


def test_refused(site):
    """Neither of these is worth a second machine, or is tried for long."""
    broken = site.folder.join("broken")
    os.makedirs(broken + "/worker")
    for name in ("configure.ac", "tools/deps.sh", "configure"):
        testsite.write(os.path.join(broken, name), "#!/bin/sh\n", 0o755)
    testsite.write(broken + "/configure", "#!/bin/sh\necho 'configure: error: none' >&2\n"
                   "exit 1\n", 0o755)
    for tree, words in (("/etc", "exit code 1: scitq_src: /etc is no source tree of scitq"),
                        (broken, '"worker : Build it"')):
        site.say("scitq_src=%s\n" % tree)
        job_id, worker = site.deploy()
        site.ends(job_id, "failed", "what cannot be built ends")
        log = site.log(job_id)
        ok(len(re.findall("failed: deploy.yml failed at .*" + re.escape(words), log)) == 2,
           "its log says so, at each try", log)
        site.nothing_left("after " + words)
    has(site.log(job_id), "exit code 1: configure: error: none", "in the words of configure")


def test_canceled(site):
    """A worker that is deleted while it is built leaves no compiler behind."""
    site.say("scitq_src=%s\n" % TOP)
    job_id, worker = site.deploy()
    site.wait("it is being built", lambda: "[worker : Build it]" in site.log(job_id)
              and site.host.ssh("pgrep cc1 || true"), job_id)
    site.api.delete("/workers/%d" % worker["worker_id"])
    site.wait("its worker goes", lambda: not site.worker(worker["name"]))
    is_(site.host.ssh("systemctl list-units --plain --no-legend scitq-build.slice; "
                      "ps -eo args | grep '[c]c1 \\|[m]ake ' || true"), "",
        "nothing is built any more") or diag(site.log(job_id))
    site.nothing_left("after a canceled build")


def test_built(site):
    before = packed()
    site.say("scitq_src=%s\n" % TOP)
    job_id, worker = site.deploy()
    site.ends(job_id, "succeeded", "the deployment ends")
    is_(packed(), before, "the packed source is removed")
    is_(site.worker(worker["name"])["status"], "running", "its worker runs")
    has(site.host.ssh("readlink /opt/scitq/current"), "releases/src-", "which was built there")
    is_(site.host.ssh("ls /opt/scitq/current/src /opt/scitq/current/build 2>/dev/null || true"),
        "", "of the build nothing is left")
    go = "/tmp/go"
    task = site.task("sh -c 'scitq-fetch --version; until [ -e %s ]; do sleep 0.1; done'" % go)
    site.task_is(task, "running")
    code, text = site.play(
        "deploy", scitq_host=worker["name"], scitq_server=testsite.URL, scitq_concurrency=2,
        scitq_batch=site.batch, scitq_permanent=False,
        **site.credentials(worker))
    ok(code == 0 and not re.search(r"changed=[1-9]", text),
       "a second run of the playbook changes nothing", text)
    site.host.ssh("touch " + go)
    site.task_is(task, "succeeded")
    has(site.api.get("/executions/", {"task_id": task}).json[-1]["output"], "scitq-fetch ",
        "a task ran, with scitq-fetch")
    site.wait("idle, its worker goes", lambda: not site.worker(worker["name"]))
    site.ends(site.job("worker_destroy", worker["name"])["job_id"], "succeeded",
              "its destruction ends")
    site.nothing_left("at the end")


site = testsite.Lent({"m1": "10.77.0.2"}, "b", tree="built", JOB_MAX_LIFETIME=2400)
for test in (test_canceled, test_built, test_refused):
    run(test, site)
site.stop()
done()
