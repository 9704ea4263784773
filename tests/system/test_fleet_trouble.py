"""What goes wrong when machines are made: each time the job's log says it in a sentence
that has the provider's own words, tries again where that can help, and leaves nothing at
the provider.  The mocks of Azure and OpenStack are the other side, programs of the
test's own in the place of Ansible's."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from clouds import (  # noqa: E402
    Running, azure_settings, azure_tokens, openstack_settings, openstack_tokens)
from fleet import ansible, spoil_playbook  # noqa: E402

LIMIT_S = 120
AZURE = ("azure", "swedencentral", "Standard_D4ds_v5")
OVH = ("ovh", "GRA11", "b2-7")
SECRETS = ("sesame~Open", "a\\ss w", "wrong-secret")


class Site:
    """A server for which both clouds are there, and what is known of them."""

    def __init__(self, azure, openstack, folder):
        self.mocks, self.folder = (azure, openstack), folder
        self.settings = dict(azure_settings(azure.url, "swedencentral northeurope"),
                             **openstack_settings(openstack.url, "GRA11 SBG5"))
        self.of_ansible, self.env = ansible(folder, workers=False)

    def reset(self):
        for mock in self.mocks:
            mock.reset()
            mock.set(delay_s=0.01)

    def server(self, **changed):
        """With some settings changed; None: left out."""
        s = dict(self.settings, **self.of_ansible, WORKER_IDLE_DELAY=100000,
                 WORKER_FIRST_TASK_DELAY=100000, WORKER_OFFLINE_DELAY=100000,
                 WORKER_CREATE_RETRY=0)
        s.update(changed)
        server = Server(start=False, **{k: v for k, v in s.items() if v is not None})
        server.env = self.env
        return server.start()

    def left(self):
        return azure_tokens(self.mocks[0]) + openstack_tokens(self.mocks[1])


def deploy_job(server):
    return server.sql("select status, log from job where action = 'worker_deploy'")[0]


def deployed(server, where):
    """Deploy one there; its worker once its job has ended, and that."""
    provider, region, flavor = where
    api = server.api()
    answer = api.put("/workers/deploy", {"provider": provider, "region": region,
                                         "flavor": flavor, "batch": "b"})
    assert answer.status in (200, 201), answer
    wait_until("the job ends", lambda: deploy_job(server)[0] in ("succeeded", "failed"),
               LIMIT_S, 0.05)
    return api.get("/workers/").json[-1], deploy_job(server)


def fails(site, name, where, words, order=None, tries=1, retries=None, **settings):
    """A deployment that fails in these words; `retries` are allowed."""
    site.reset()
    if order:
        order()
    with site.server(WORKER_CREATE_RETRY=tries - 1 if retries is None else retries,
                     **settings) as server:
        worker, (status, log) = deployed(server, where)
        is_((status, worker["status"]), ("failed", "failed"), name + ": it fails")
        has(log, words, name + ": its log has the words")
        is_(log.count("trying again"), tries - 1, name + ": as often as that can help")
        ok(not [s for s in SECRETS if s in log + server.log()], name + ": no secret", log)
        is_(site.left(), [], name + ": nothing is left")


def credentials(site):
    for name, where, words, settings in (
            ("a wrong secret", AZURE, "AADSTS7000215: Invalid client secret",
             {"AZURE_SECRET": "wrong-secret-1"}),
            ("another tenant", AZURE, "AADSTS90002", {"AZURE_TENANT": "nowhere"}),
            ("another subscription", AZURE, "check AZURE_SUBSCRIPTION_ID",
             {"AZURE_SUBSCRIPTION_ID": "22222222-2222-2222-2222-222222222222"}),
            ("no secret", AZURE, "AZURE_SECRET", {"AZURE_SECRET": None}),
            ("a wrong password", OVH, "OS_USERNAME and OS_PASSWORD",
             {"OS_PASSWORD": "wrong-secret-1"}),
            ("no password", OVH, "OS_PASSWORD", {"OS_PASSWORD": None})):
        fails(site, name, where, words, tries=1, retries=2, **settings)


def unknown(site):
    azure, ovh = AZURE[:2], OVH[:2]
    for name, where, words, settings in (
            ("an unknown flavor of Azure", azure + ("Standard_D4_none",),
             "Standard_D4_none", {}),
            ("an unknown region of Azure", ("azure", "atlantis", AZURE[2]), "atlantis", {}),
            ("an unknown image of Azure", AZURE, "no:such:image:latest",
             {"AZURE_IMAGE": "no:such:image:latest"}),
            ("an unknown flavor of OpenStack", ovh + ("b9-none",), "b9-none", {}),
            ("an unknown region of OpenStack", ("ovh", "ATLANTIS1", OVH[2]), "ATLANTIS1", {}),
            ("an unknown image", OVH, 'no image "Debian 99" in GRA11',
             {"OPENSTACK_IMAGE": "Debian 99"}),
            ("an unknown key", OVH, "Invalid key_name provided.",
             {"OPENSTACK_KEYNAME": "nokey"}),
            ("an unknown network", OVH, 'no network "Nowhere" in GRA11',
             {"OPENSTACK_NETWORK": "Nowhere"})):
        fails(site, name, where, words, tries=1, retries=2, **settings)


def refused(site):
    azure, openstack = site.mocks
    broken = {"match": "POST .*/servers$", "do": "fail", "message": "Disk is on fire.",
              "times": -1}
    for name, where, words, order in (
            ("a quota of Azure", AZURE, "exceeding approved LowPriorityCores quota",
             lambda: azure.set(spot_cores=3)),
            ("no capacity at Azure", AZURE, "We do not have sufficient capacity",
             lambda: azure.set(capacity={"*": "AllocationFailed"})),
            ("a quota of OpenStack", OVH, "Quota exceeded for cores",
             lambda: openstack.set(cores=1)),
            ("no capacity at OpenStack", OVH, "No valid host was found",
             lambda: openstack.set(full=".*")),
            ("a machine in ERROR", OVH, "Disk is on fire.",
             lambda: openstack.faults([broken]))):
        fails(site, name, where, words, order, tries=2)
    site.reset()
    azure.set(capacity={"*": "AllocationFailed"})
    with site.server(WORKER_CREATE_RETRY=5) as server:
        api = server.api()
        api.put("/workers/deploy", {"provider": "azure", "region": AZURE[1],
                                    "flavor": AZURE[2], "batch": "b"})
        log = lambda: deploy_job(server)[1] or ""  # noqa: E731
        wait_until("it waits for another try", lambda: "trying again" in log(), LIMIT_S)
        azure.set(capacity={})
        wait_until("then it comes", lambda: [w["status"] for w in api.get("/workers/").json]
                   == ["running"], LIMIT_S)
        is_(len(site.left()), 1, "when there is room again it comes, with one machine")


def unreachable(site):
    nobody = "http://127.0.0.1:%d" % free_port()
    fails(site, "Azure away", AZURE, nobody[7:], tries=1, AZURE_LOGIN_ENDPOINT=nobody,
          AZURE_ARM_ENDPOINT=nobody)
    if not LONG:  # each is tried for a quarter of a minute
        return
    fails(site, "OpenStack away", OVH, nobody[7:], tries=1, OS_AUTH_URL=nobody + "/v3")
    fails(site, "a name that is none", OVH, "nowhere.invalid", tries=1,
          OS_AUTH_URL="http://nowhere.invalid/v3")


def expired(site):
    """A token that is not valid any more is renewed without a word."""
    azure, openstack = site.mocks
    for where, mock, match in ((AZURE, azure, "PUT .*virtualMachines"),
                               (OVH, openstack, "POST .*/servers$")):
        site.reset()
        mock.faults([{"match": match, "do": "status", "status": 401, "times": 1,
                      "headers": {"WWW-Authenticate": "Bearer error=invalid_token"},
                      "body": {"error": {"code": "ExpiredAuthenticationToken",
                                         "message": "The access token has expired."}}}])
        with site.server() as server:
            worker, (status, log) = deployed(server, where)
            is_((status, worker["status"], len(site.left())), ("succeeded", "running", 1),
                "%s: a token that expired is renewed" % where[0])


def playbook(site):
    """A playbook that fails half-way, once and for good; a machine that SSH does not
    reach is one of these."""
    for name, tries, words in (("no SSH", 1, "UNREACHABLE! => Connection timed out"),
                               ("a full disk", 2, "FAILED! => No space left on device")):
        spoil_playbook(site.folder, words, "always")
        for where in (AZURE, OVH):
            fails(site, "%s on %s" % (name, where[0]), where, words, tries=tries)
    spoil_playbook(site.folder, "noise FAILED! => at the end of it all", "always")
    fails(site, "a playbook that prints a megabyte", OVH, "failed: deploy.yml failed at",
          tries=1)
    spoil_playbook(site.folder, "FAILED! => dpkg was interrupted")
    site.reset()
    with site.server(WORKER_CREATE_RETRY=1) as server:
        worker, (status, log) = deployed(server, AZURE)
        is_((status, worker["status"], len(site.left()), log.count("trying again")),
            ("succeeded", "running", 1, 1), "once: the same machine is tried again")
        has(log, "dpkg was interrupted", "once: its log says why")


def stopped_while_giving_up(site):
    """A server that is stopped while it destroys what a failed deployment made: the next
    one does it."""
    azure = site.mocks[0]
    site.reset()
    spoil_playbook(site.folder, "FAILED! => No space left on device", "always")
    azure.faults([{"match": "DELETE .*", "do": "hang", "times": -1}])
    with site.server() as server:
        server.api().put("/workers/deploy", {"provider": "azure", "region": AZURE[1],
                                             "flavor": AZURE[2], "batch": "b"})
        wait_until("it gives up", lambda: [r for r in azure.log() if r[0] == "DELETE"],
                   LIMIT_S)
        is_(server.end(), 0, "a server that gives a machine back can be stopped")
        is_(deploy_job(server)[0] in ("pending", "running"), True, "its job is not over")
        azure.faults([])
        server.start()
        wait_until("the next one ends it", lambda: deploy_job(server)[0] == "failed",
                   LIMIT_S)
        is_(site.left(), [], "and nothing is left")
    os.unlink(site.folder.join("fail"))


def left_for_later(site):
    """What a failed deployment may not destroy is destroyed when it may; the worker stays,
    to be seen."""
    azure = site.mocks[0]
    site.reset()
    spoil_playbook(site.folder, "FAILED! => No space left on device", "always")
    azure.faults([{"match": "DELETE .*", "do": "status", "status": 403, "times": -1,
                   "body": {"error": {"code": "AuthorizationFailed",
                                      "message": "You may not."}}}])
    with site.server(JANITOR_PERIOD=1) as server:
        worker, (status, log) = deployed(server, AZURE)
        has(log, "what was made may be left at azure, which another job sees to",
            "a deployment that cannot give its machine back says so")

        def job():
            return server.sql("select status, log from job where action = "
                              "'machine_destroy'")
        wait_until("the other job fails too", lambda: job() and "failed: " in job()[0][1],
                   LIMIT_S)
        is_((worker["status"], len(site.left())), ("failed", 1), "the machine is there")
        azure.faults([])
        wait_until("the janitor tries again", lambda: job()[0][0] == "succeeded", LIMIT_S)
        is_((site.left(), len(job())), ([], 1), "by the same job, until nothing is left")
        is_([w["status"] for w in server.api().get("/workers/").json], ["failed"],
            "its worker is there, failed")
    os.unlink(site.folder.join("fail"))


def cloud_that_hangs(site):
    """A cloud that answers nobody: what is asked of another one is done meanwhile."""
    azure = site.mocks[0]
    site.reset()
    with site.server(WORKER_CREATE_CONCURRENCY=1) as server:
        api = server.api()
        for provider, region, flavor in (AZURE, OVH):
            api.put("/workers/deploy", {"provider": provider, "region": region,
                                        "flavor": flavor, "batch": "b"})
        wait_until("both come", lambda: [w["status"] for w in api.get("/workers/").json] ==
                   ["running"] * 2, LIMIT_S)
        azure.faults([{"match": "DELETE .*", "do": "hang", "times": -1}])
        of = {w["provider"]: w["worker_id"] for w in api.get("/workers/").json}
        api.delete("/workers/%d" % of["azure"])
        wait_until("the one hangs", lambda: [r for r in azure.log() if r[0] == "DELETE"],
                   LIMIT_S)
        api.delete("/workers/%d" % of["ovh"])
        wait_until("the other goes", lambda: [w["provider"] for w in
                                              api.get("/workers/").json] == ["azure"],
                   LIMIT_S)
        is_(server.sql("select status from job where action = 'worker_destroy' "
                       "order by job_id"), [["running"], ["succeeded"]],
            "a destruction that hangs holds up none of another cloud")
        azure.faults([{"match": ".*", "do": "hang", "times": -1}])

        def updates():
            return dict(server.sql("select target, status from job where action = "
                                   "'flavor_update'"))
        api.post("/flavor/update", {"provider": "azure"})
        wait_until("the one is asked", lambda: updates().get("azure") == "running", LIMIT_S)
        api.post("/flavor/update", {"provider": "ovh"})
        wait_until("the other is told", lambda: updates().get("ovh") in
                   ("succeeded", "failed"), LIMIT_S)
        is_(updates()["azure"], "running", "nor does a question about flavors")


def typos(site):
    """What cannot be meant is refused at once."""
    with site.server() as server:
        api = server.api()
        for flavor, words in (("auto:cpu>=ten", "ten is not a number"),
                              ("auto:cpus>=10", "cpus"),
                              ("auto:cpu=>10", "cpu=>10")):
            for method, path, body in (
                    ("put", "/workers/deploy", {"flavor": flavor, "provider": "auto",
                                                "region": "auto", "batch": "b"}),
                    ("post", "/recruiter/", {"batch": "b", "rank": 1, "maximum_workers": 1, "worker_concurrency": 1,
                                             "worker_flavor": flavor,
                                             "worker_provider": "auto",
                                             "worker_region": "auto"})):
                answer = getattr(api, method)(path, body)
                ok(answer.status == 400 and words in answer.json["message"],
                   "%s is refused by %s" % (flavor, path), str(answer.json))
        is_(api.get("/workers/").json + api.get("/recruiter/").json, [],
            "and nothing is kept")


def main():
    azure, openstack = Running("azure"), Running("openstack")
    remember(azure)
    remember(openstack)
    site = Site(azure, openstack, Folder())
    for test in (credentials, unknown, refused, unreachable, expired, playbook,
                 stopped_while_giving_up, left_for_later, cloud_that_hangs, typos):
        run(test, site)
    for mock in site.mocks:
        is_(mock.refused(), [], "every request had the published form")


main()
done()
