"""The mock of OpenStack refuses what is not in the published reference, each with a row
here, accepts what is, and misbehaves as ordered.  Sources: openstack_forms.py."""

import copy
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system")]
import openstack_forms as form  # noqa: E402
from mocks import Running  # noqa: E402
from openstack import identifier  # noqa: E402
from tap import done, is_, ok, remember, run, wait_until  # noqa: E402

LOGIN = "/identity/v3/auth/tokens"
NOVA = "/GRA11/compute/v2.1/" + form.PROJECT
GLANCE, NEUTRON = "/GRA11/image/v2", "/GRA11/network/v2.0"
VERSION = {"OpenStack-API-Version": "compute 2.47"}
PASSWORD = {"auth": {
    "identity": {"methods": ["password"], "password": {"user": {
        "name": form.USER, "domain": {"name": "Default"}, "password": form.PASSWORD}}},
    "scope": {"project": {"id": form.PROJECT}}}}
CREDENTIAL = {"auth": {"identity": {
    "methods": ["application_credential"],
    "application_credential": {"id": form.CREDENTIAL, "secret": form.SECRET}}}}
SERVER = {"server": {
    "name": "w1", "flavorRef": identifier("flavor", "b2-7"),
    "imageRef": identifier("image", "GRA11", "Ubuntu 22.04"), "key_name": form.KEYPAIR,
    "networks": [{"uuid": identifier("network", "GRA11", "Ext-Net")}],
    "availability_zone": "nova", "user_data": "I2Nsb3VkLWNvbmZpZwo=",
    "metadata": {"a": "b"}}}


def edited(body, path, value):
    """A copy of `body` in which a.b.0.c has another value; None: is absent."""
    body = copy.deepcopy(body)
    at, steps = body, [int(s) if s.isdigit() else s for s in path.split(".")]
    for step in steps[:-1]:
        at = at[step]
    if value is None:
        del at[steps[-1]]
    else:
        at[steps[-1]] = value
    return body


def log_in(cloud, body=PASSWORD):
    status, headers, _ = cloud.ask("POST", LOGIN, body)
    return headers.get("x-subject-token") if status == 201 else None


class Client:
    def __init__(self, cloud):
        self.cloud, self.token = cloud, log_in(cloud)

    def ask(self, method, path, body=None):
        version = VERSION if "/compute/" in path else {}
        return self.cloud.ask(method, path, body, {"X-Auth-Token": self.token, **version})

    def make(self, body=None):
        return self.ask("POST", NOVA + "/servers", body or SERVER)

    def status(self, id):
        status, _, body = self.ask("GET", NOVA + "/servers/" + id)
        return body["server"]["status"] if status == 200 else status

    def become(self, id, what):
        wait_until("%s is %s" % (id, what), lambda: self.status(id) == what)


def test_life(cloud):
    c = Client(cloud)
    status, headers, body = cloud.ask("POST", LOGIN, PASSWORD)
    ends = [(s["type"], e["region"], e["url"]) for s in body["token"]["catalog"]
            for e in s["endpoints"] if e["interface"] == "public"]
    ok(("compute", "GRA11", cloud.url + NOVA) in ends, "the catalog has Nova by region")
    ok(("image", "SBG5", cloud.url + "/SBG5/image/") in ends, "and Glance, with a slash")
    cloud.set(delay_s=1000)
    status, _, body = c.make()
    is_(status, 202, "a server is accepted")
    id = body["server"]["id"]
    ok("status" not in body["server"], "without a status")
    shown = c.ask("GET", NOVA + "/servers/" + id)[2]["server"]
    is_((shown["status"], shown["addresses"]), ("BUILD", {}), "it is built")
    cloud.set(delay_s=0.01)
    c.become(id, "ACTIVE")
    shown = c.ask("GET", NOVA + "/servers/" + id)[2]["server"]
    is_([a["version"] for a in shown["addresses"]["Ext-Net"]], [6, 4], "it has addresses")
    is_(shown["flavor"]["original_name"], "b2-7", "its flavor is told by name")
    old = cloud.ask("GET", NOVA + "/servers/" + id, None, {
        "X-Auth-Token": c.token, "OpenStack-API-Version": "compute 2.1"})[2]["server"]
    is_(sorted(old["flavor"]), ["id", "links"], "or, by an old version, by a link")
    is_(c.ask("GET", NEUTRON + "/ports?device_id=" + id)[2]["ports"][0]["device_id"], id,
        "and a port")
    cloud.set(delay_s=1000)
    is_(c.ask("DELETE", NOVA + "/servers/" + id)[0], 204, "its end is accepted")
    is_(c.ask("GET", NOVA + "/servers/" + id)[2]["server"]["OS-EXT-STS:task_state"],
        "deleting", "and takes a while")
    cloud.set(delay_s=0.01)
    c.become(id, 404)
    is_(c.ask("DELETE", NOVA + "/servers/" + id)[0], 404, "it ends once")
    is_(c.ask("GET", NOVA + "/limits")[2]["limits"]["absolute"]["maxTotalCores"], 200,
        "limits")
    is_([i["name"] for i in c.ask("GET", GLANCE + "/images?name=Ubuntu%2022.04&status="
                                  "active&sort=created_at:desc")[2]["images"]],
        ["Ubuntu 22.04"], "an image by its name")
    is_(len(c.ask("GET", NEUTRON + "/networks?name=Ext-Net")[2]["networks"]), 1,
        "a network by its name")
    is_(cloud.refused(), [], "nothing of this was refused")


def test_pages(cloud):
    c = Client(cloud)
    made = [c.make()[2]["server"]["id"] for _ in range(5)]
    seen, marker = [], ""
    while True:
        body = c.ask("GET", NOVA + "/servers/detail?limit=1000" + marker)[2]
        seen += [s["id"] for s in body["servers"]]
        if "servers_links" not in body:
            break
        marker = "&marker=" + seen[-1]
    is_(sorted(seen), sorted(made), "a list in pages, each row once")
    is_(c.ask("GET", NOVA + "/servers/detail?marker=gone")[0], 400,
        "a row that is gone is no place to go on")
    cloud.act("delete", server=made[0])
    is_(len(cloud.table()["servers"]), 4, "another may delete one")
    cloud.reset()


def test_form_refusals(cloud):
    c = Client(cloud)
    servers, token = NOVA + "/servers", {"X-Auth-Token": c.token}
    good = {**token, **VERSION}
    form_rows = [
        ("a path that is none", "GET", NOVA + "/machines", good, None, 404),
        ("version 2 of the API", "GET", servers.replace("v2.1", "v2") + "/detail", good,
         None, 404),
        ("PATCH of servers", "PATCH", servers, good, SERVER, 405),
        ("a GET with a body", "GET", servers + "/detail", good, {"a": 1}, 400),
        ("no token", "GET", servers + "/detail", VERSION, None, 401),
        ("no microversion", "GET", servers + "/detail", token, None, 400),
        ("a microversion that is none", "GET", servers + "/detail",
         {**token, "OpenStack-API-Version": "2.47"}, None, 400),
        ("a microversion of old", "GET", servers + "/detail",
         {**token, "OpenStack-API-Version": "compute 2.0"}, None, 406),
        ("a microversion of the future", "GET", servers + "/detail",
         {**token, "OpenStack-API-Version": "compute 2.9999"}, None, 406),
        ("a microversion for Glance", "GET", GLANCE + "/images", good, None, 400),
        ("an Accept without JSON", "GET", servers + "/detail",
         {**good, "Accept": "text/html"}, None, 400),
        ("a parameter that is none", "GET", servers + "/detail?owner=a", good, None, 400),
        ("a limit that is no number", "GET", servers + "/detail?limit=all", good, None, 400),
        ("a parameter twice", "GET", servers + "/detail?limit=1&limit=2", good, None, 400),
        ("images of another status", "GET", GLANCE + "/images?status=queued", token, None,
         400),
        ("a way to sort that is none", "GET", GLANCE + "/images?sort=name%20up", token,
         None, 400),
        ("a login with a token", "POST", LOGIN, token, PASSWORD, 400),
        ("a login as a form", "POST", LOGIN,
         {"Content-Type": "application/x-www-form-urlencoded"}, "a=b", 415),
        ("a server that is no JSON", "POST", servers,
         {**good, "Content-Type": "application/json"}, "this is not JSON", 400),
    ]
    for path, value in (("server.name", None), ("server.name", ""), ("server.name", " a"),
                        ("server.name", "a" * 256), ("server.flavorRef", None),
                        ("server.flavorRef", 1), ("server.imageRef", "Ubuntu 22.04"),
                        ("server.networks", None), ("server.networks", []),
                        ("server.networks.0.uuid", "Ext-Net"),
                        ("server.networks.0.name", "Ext-Net"), ("server.user_data", "a"),
                        ("server.user_data", "A" * 65536), ("server.metadata", {"a": 1}),
                        ("server.metadata", {"a/b": "c"}),
                        ("server.metadata", {"a": "b" * 256}), ("server.key_name", 1),
                        ("server.bogus", 1), ("server.min_count", 2), ("server", None)):
        form_rows.append(("a server with %s %.20r" % (path, value), "POST", servers, good,
                          edited(SERVER, path, value), 400))
    user = "auth.identity.password.user."
    for body, path, value in (
            (PASSWORD, "auth", {}), (PASSWORD, "auth.identity.methods", ["token"]),
            (PASSWORD, "auth.identity.methods", ["application_credential"]),
            (PASSWORD, user + "domain", None), (PASSWORD, user + "password", None),
            (PASSWORD, user + "id", "x"), (PASSWORD, user + "domain", {}),
            (PASSWORD, "auth.scope", "unscoped"), (PASSWORD, "auth.scope.project", {}),
            (PASSWORD, "auth.scope.project", {"name": "lab"}),
            (CREDENTIAL, "auth.scope", {"project": {"id": form.PROJECT}}),
            (CREDENTIAL, "auth.identity.application_credential.secret", None),
            (CREDENTIAL, "auth.identity.application_credential.id", None)):
        form_rows.append(("a login with %s %.30r" % (path, value), "POST", LOGIN, {},
                          edited(body, path, value), 400))
    for name, method, where, headers, body, status in form_rows:
        before = len(cloud.refused())
        got, _, answer = cloud.ask(method, where, body, headers)
        ok(got == status and len(cloud.refused()) == before + 1 and answer,
           name + " is refused", "%s %r" % (got, answer))
    is_(cloud.table()["servers"], [], "and nothing was made of it")
    cloud.reset()


def test_logins(cloud):
    ok(log_in(cloud, CREDENTIAL), "an application credential logs in")
    ok(log_in(cloud, edited(PASSWORD, "auth.scope.project", {
        "name": "lab", "domain": {"id": "default"}})), "a project by its name")
    app = "auth.identity.application_credential"
    ok(log_in(cloud, edited(CREDENTIAL, app, {
        "name": "scitq", "secret": form.SECRET,
        "user": {"id": form.USER_ID}})), "a credential by its name")
    for body, path, value in (
            (PASSWORD, "auth.identity.password.user.password", "wrong"),
            (PASSWORD, "auth.identity.password.user.name", "nobody"),
            (PASSWORD, "auth.identity.password.user.domain", {"name": "Elsewhere"}),
            (PASSWORD, "auth.scope.project.id", "0" * 32),
            (CREDENTIAL, app + ".secret", "wrong"), (CREDENTIAL, app + ".id", "0" * 32)):
        status, _, answer = cloud.ask("POST", LOGIN, edited(body, path, value))
        is_((status, answer["error"]["code"]), (401, 401), "not with another " + path)
    c = Client(cloud)
    cloud.act("expire")
    is_(c.ask("GET", NOVA + "/servers/detail")[0], 401, "a token that was revoked")
    cloud.set(token_lifetime_s=0)
    is_(Client(cloud).ask("GET", GLANCE + "/images")[0], 401, "a token that has expired")
    cloud.set(token_lifetime_s=3600)
    is_(cloud.refused(), [], "all of that was of the right form")


def test_deed_refusals(cloud):
    c = Client(cloud)
    nothing = "00000000-0000-4000-8000-000000000000"
    for path, value, status, kind, words in (
            ("server.flavorRef", "no-such", 400, "badRequest", "Flavor no-such could not"),
            ("server.imageRef", nothing, 400, "badRequest", "Can not find requested image"),
            ("server.key_name", "no-such", 400, "badRequest", "Invalid key_name provided."),
            ("server.availability_zone", "moon", 400, "badRequest", "availability zone"),
            ("server.networks.0.uuid", nothing, 400, "badRequest", "could not be found")):
        got, _, answer = c.make(edited(SERVER, path, value))
        ok(got == status and words in answer[kind]["message"], "no such " + path, repr(answer))
    cloud.set(instances=0)
    got, _, answer = c.make()
    is_((got, answer["forbidden"]["message"]), (403, "Quota exceeded for instances: "
        "Requested 1, but already used 0 of 0 instances"), "over the quota of instances")
    cloud.set(instances=50, cores=1)
    ok("cores" in c.make()[2]["forbidden"]["message"], "over the quota of cores")
    cloud.set(cores=200, forbidden=True)
    is_(c.make()[0], 403, "against the policy")
    cloud.set(forbidden=False)
    is_(c.ask("GET", NOVA + "/servers/" + nothing)[0], 404, "an unknown server")
    other = NOVA.replace("0123", "3210")
    is_(c.ask("GET", other + "/servers/detail")[0], 400, "another project")
    is_(c.ask("GET", NOVA.replace("GRA11", "X") + "/servers/detail")[0], 404, "no region")
    is_(cloud.table()["servers"], [], "nothing was made")


def test_misbehaviour(cloud):
    c = Client(cloud)
    post = {"match": "POST .*/servers$"}
    cloud.faults([dict(post, do="fail", message="It burned.")])
    id = c.make()[2]["server"]["id"]
    c.become(id, "ERROR")
    is_(c.ask("GET", NOVA + "/servers/" + id)[2]["server"]["fault"]["message"],
        "It burned.", "a server in ERROR tells its fault")
    cloud.act("delete", server=id)
    cloud.set(full="GRA11 b2-7")
    id = c.make()[2]["server"]["id"]
    c.become(id, "ERROR")
    ok("No valid host" in c.ask("GET", NOVA + "/servers/" + id)[2]["server"]["fault"][
        "message"], "no capacity is told late")
    cloud.set(full="")
    cloud.act("delete", server=id)
    cloud.faults([dict(post, do="forget")])
    is_(c.status(c.make()[2]["server"]["id"]), 404, "a server that is forgotten")
    cloud.faults([dict(post, do="repeat")])
    c.make()
    is_(len(cloud.table()["servers"]), 2, "a request done twice makes two")
    cloud.faults([dict(post, do="lose")])
    try:
        c.make()
        ok(False, "the answer is lost")
    except OSError:
        is_(len(cloud.table()["servers"]), 3, "the deed behind a lost answer is done")
    id = cloud.table()["servers"][0]["id"]
    cloud.faults([{"match": "DELETE", "do": "lie"}])
    is_(c.ask("DELETE", NOVA + "/servers/" + id)[0], 204, "an end that is only said")
    ok(c.status(id) in ("BUILD", "ACTIVE"), "is none")
    cloud.faults([{"match": ".", "do": "status", "status": 429,
                   "headers": {"Retry-After": 7}}])
    status, headers, _ = c.ask("GET", NOVA + "/limits")
    is_((status, headers["retry-after"]), (429, "7"), "429 with Retry-After")
    cloud.faults([dict(post, do="late")])
    late = c.make()[2]["server"]["id"]
    get = lambda: c.ask("GET", NOVA + "/servers/detail?limit=1")[2]["servers"]  # noqa: E731
    ok(get()[0]["id"] != late, "a server that comes late is in no list")
    is_(get()[0]["id"], late, "and then it is")
    cloud.act("stop", server=id)
    is_(c.status(id), "SHUTOFF", "a server that is off")
    cloud.faults([{"match": ".", "do": "slow", "delay_s": 0.05}])
    is_(c.status(id), "SHUTOFF", "slow answers come")


def main():
    cloud = Running("openstack")
    remember(cloud)
    for test in (test_life, test_pages, test_form_refusals, test_logins,
                 test_deed_refusals, test_misbehaviour):
        run(test, cloud)
    done()


main()
