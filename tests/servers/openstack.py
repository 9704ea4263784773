"""A mock of an OpenStack cloud, as strict as its published reference
(openstack_forms.py): openstack.py PORT serves on one port of loopback

    /identity/v3/auth/tokens                  Keystone (OS_AUTH_URL is …/identity/v3)
    /REGION/compute/v2.1/PROJECT/…            Nova
    /REGION/image/v2/images                   Glance
    /REGION/network/v2.0/networks, …/ports    Neutron

and /_mock (mock.py): the table of what exists, faults, settings, and these deeds:

    {"do": "stop", "server": ID}                    it is SHUTOFF
    {"do": "error", "server": ID, "message": …}     it is in ERROR with that fault
    {"do": "delete", "server": ID}                  by somebody else: gone at once
    {"do": "twin", "server": ID}                    there is another, older by an hour
    {"do": "linger", "server": ID}                  it is deleting, and goes no further
    {"do": "expire"}                                every token is refused from now on
    {"do": "tls", "folder": …}                      also by TLS: {"port": N, "ca": FILE},
                                                    which the catalog tells until a reset

A server is BUILD without an address for `delay_s`, as that is now, then ACTIVE; deleted,
it is `deleting` as long, then unknown.  Faults of its own: {"do": "fail", "message": …},
of a POST of a server: accepted, it ends in ERROR; {"do": "forget"}: accepted, and there
never was one; {"do": "late"}: in no list until the next one was answered; {"do": "lie"},
of a DELETE: answered, and nothing is done.

What answers look like was also compared with a cloud of Debian 12's packages: the forms
of errors, the URLs of the catalog (compute without a final slash, the others with one and
without a version), IPv6 before IPv4."""

import re
import time
import urllib.parse
import uuid

import openstack_forms as form
from mock import Malformed, Mock, Refusal, Reply, Route, main, serve_tls

MICROVERSION = (2, 1), (2, 93)  # Debian 12's
SERVICES = {"compute": "/v2.1/" + form.PROJECT, "image": "/", "network": "/"}
NAMESPACE = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


def identifier(*words):
    return str(uuid.uuid5(NAMESPACE, "/".join(words)))


def date(at):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))


class Openstack(Mock):
    settings = {"delay_s": 0.01, "token_lifetime_s": 3600, "page_size": 2, "cores": 200,
                "instances": 50, "full": "", "password": form.PASSWORD, "forbidden": False,
                "alias": "", "interfaces": "admin internal public",
                "floating": False}

    def __init__(self, base):
        self.plain = base
        super().__init__()

    def start(self):
        self.base = self.plain
        self.tokens, self.servers = {}, {}
        self.made, self.gone, self.logins = 0, 0, 0

    # -- errors, in the form of each service (the shapes that the reference's "Faults"
    #    pages name, and those of a real cloud)

    def service(self, path):
        found = re.match(r"/[^/]+/(compute|image|network)/", path)
        return found[1] if found else "identity"

    def error(self, e):
        where = getattr(e, "service", "identity")
        if where == "compute":
            body = {e.code: {"code": e.status, "message": e.message}}
        elif where == "network":
            body = {"NeutronError": {"type": e.code, "message": e.message, "detail": ""}}
        elif where == "image":
            body = {"code": "%d %s" % (e.status, e.code), "title": e.code,
                    "message": "%s<br /><br />\n\n\n" % e.message}
        else:
            body = {"error": {"code": e.status, "title": e.code, "message": e.message}}
        return Reply(e.status, body, e.headers)

    def deed(self, request, route):
        self.settle()
        try:
            self.authorize(request, route)
            return route.handler(self, request)
        except Malformed as e:
            e.service = self.service(request.path)
            return self.refuse(request, e)
        except Refusal as e:
            e.service = getattr(e, "service", self.service(request.path))
            return self.error(e)

    def refuse(self, request, e):
        e.service = getattr(e, "service", self.service(request.path))
        return super().refuse(request, e)

    def unknown_path(self, request):
        return "itemNotFound", "The resource could not be found."

    def unknown_method(self, request):
        return "badMethod", "The method is not allowed for this resource."

    def malformed(self, message):
        raise Malformed(400, "badRequest", message)

    # -- who asks, and in which version

    def check_headers(self, request, route):
        super().check_headers(request, route)
        token = request.headers.get("X-Auth-Token")
        if "token" in route.flags and not token:
            raise Malformed(401, "Unauthorized", "The request you have made requires "
                            "authentication.")
        if "token" not in route.flags and token:
            self.malformed("an X-Auth-Token where nobody is logged in yet")
        version = request.headers.get("OpenStack-API-Version")
        if "compute" in route.flags:
            request.version = self.check_version(version)
        elif version:
            self.malformed("an OpenStack-API-Version for what has none")

    def check_version(self, version):
        """versions: without the header a server's networks and flavor are others."""
        found = re.fullmatch(r"compute (\d+)\.(\d+)", version or "")
        if not found:
            self.malformed("OpenStack-API-Version: %s is not `compute N.N`" % version)
        asked = int(found[1]), int(found[2])
        if not MICROVERSION[0] <= asked <= MICROVERSION[1]:
            raise Malformed(406, "notAcceptable", "Version %d.%d is not supported by the "
                            "API. Minimum is 2.1 and maximum is 2.93." % asked)
        return asked

    def authorize(self, request, route):
        if "token" not in route.flags:
            return
        if self.tokens.get(request.headers["X-Auth-Token"], 0) <= time.monotonic():
            e = Refusal(401, "Unauthorized", "The request you have made requires "
                        "authentication.", {"WWW-Authenticate": "Keystone uri=\"%s\"" %
                                            self.base})
            e.service = "identity"
            raise e
        if request.args["region"] not in form.REGIONS:
            raise Refusal(404, "itemNotFound", "The resource could not be found.")
        if request.args.get("project", form.PROJECT) != form.PROJECT:
            raise Refusal(400, "badRequest", "Malformed request URL: URL's project_id '%s' "
                          "doesn't match Context's project_id '%s'" % (
                              request.args["project"], form.PROJECT))
        if self.set["forbidden"] and request.method != "GET":
            raise Refusal(403, "forbidden", "Policy doesn't allow os_compute_api:servers:"
                          "create to be performed.")

    # -- Keystone

    def known(self, user):
        domain = user.get("domain", {"id": "default"})
        return (user.get("id") == form.USER_ID or user.get("name") == form.USER) and \
            domain in ({"id": "default"}, {"name": "Default"})

    def good_password(self, auth):
        user = auth["identity"]["password"]["user"]
        if not self.known(user) or user["password"] != self.set["password"]:
            return False
        project = auth.get("scope", {}).get("project", {})
        return project.get("id") == form.PROJECT or (
            project.get("name") == form.PROJECT_NAME and
            project["domain"] in ({"id": "default"}, {"name": "Default"}))

    def good_credential(self, auth):
        given = auth["identity"]["application_credential"]
        named = given.get("id") == form.CREDENTIAL or (
            given.get("name") == form.CREDENTIAL_NAME and self.known(given["user"]))
        return named and given["secret"] == form.SECRET

    def login(self, request):
        auth = request.body["auth"]
        good = self.good_password if auth["identity"]["methods"] == ["password"] else \
            self.good_credential
        if not good(auth):
            raise Refusal(401, "Unauthorized",
                          "The request you have made requires authentication.")
        self.logins += 1
        token, now, life = "gAAAAA" + uuid.uuid4().hex, time.time(), \
            self.set["token_lifetime_s"]
        self.tokens[token] = time.monotonic() + life
        return Reply(201, {"token": {
            "methods": auth["identity"]["methods"], "catalog": self.catalog(),
            "issued_at": date(now) + ".000000Z", "expires_at": date(now + life) + ".000000Z",
            "project": {"id": form.PROJECT, "name": form.PROJECT_NAME,
                        "domain": {"id": "default", "name": "Default"}}}},
            {"X-Subject-Token": token})

    def catalog(self):
        found = []
        places = {r: r for r in form.REGIONS}
        if self.set["alias"]:  # another name for the first region
            places[self.set["alias"]] = form.REGIONS[0]
        for kind, path in SERVICES.items():
            ends = [{"id": identifier(kind, r, i), "interface": i, "region": r,
                     "region_id": r, "url": "%s/%s/%s%s" % (
                         self.base if i == "public" else "http://192.0.2.1", place, kind, path)}
                    for r, place in reversed(places.items())
                    for i in self.set["interfaces"].split()]
            found.append({"type": kind, "name": kind, "id": identifier(kind),
                          "endpoints": ends})
        found.append({"type": "identity", "name": "keystone", "id": "k", "endpoints": []})
        return found[::-1]

    # -- Nova

    def settle(self):
        now = time.monotonic()
        for s in list(self.servers.values()):
            if s["since"] + self.set["delay_s"] > now:
                continue
            if s["task"] == "deleting":
                del self.servers[s["id"]]
                self.gone += 1
            elif s["status"] == "BUILD":
                s["status"], s["task"] = ("ERROR" if s["fault"] else "ACTIVE"), None

    def server(self, request):
        s = self.servers.get(request.args["id"])
        if not s or s["region"] != request.args["region"]:
            raise Refusal(404, "itemNotFound", "Instance %s could not be found." %
                          request.args["id"])
        return s

    def addresses(self, s):
        if s["status"] != "ACTIVE":
            return {}
        one = lambda v, a: {"version": v, "addr": a, "OS-EXT-IPS:type": "fixed",  # noqa: E731
                            "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01"}
        last = 1 + s["number"] % 250
        public = dict(one(4, "203.0.113.%d" % last))
        private = []
        if self.set["floating"]:
            public["OS-EXT-IPS:type"] = "floating"
            private = [one(4, "10.0.0.%d" % last)]
        return {s["network"]: private + [one(6, "2001:db8::%x" % s["number"]), public]}

    def show(self, s, version=MICROVERSION[1]):
        """Since 2.47 the flavor is embedded, without its id; before, it is a link."""
        cpu, ram, disk = form.FLAVORS[s["flavor"]]
        shown = {"id": s["id"], "name": s["name"], "status": s["status"],
                 "tenant_id": form.PROJECT, "created": date(s["at"]) + "Z",
                 "metadata": s["metadata"], "addresses": self.addresses(s),
                 "OS-EXT-STS:task_state": s["task"], "key_name": s["key"],
                 "flavor": {"original_name": s["flavor"], "vcpus": cpu, "ram": ram,
                            "disk": disk, "ephemeral": 0, "swap": 0, "extra_specs": {}}}
        if version < (2, 47):
            key = identifier("flavor", s["flavor"])
            shown["flavor"] = {"id": key, "links": [
                {"rel": "bookmark", "href": "%s/flavors/%s" % (self.base, key)}]}
        if s["status"] == "ERROR":
            shown["fault"] = {"code": 500, "created": date(s["at"]) + "Z",
                              "message": s["fault"]}
        return shown

    def check_server(self, body, region):
        """What Nova looks up before it accepts, in its order and words."""
        names = {identifier("flavor", n): n for n in form.FLAVORS
                 if (n, region) not in form.ABSENT}
        if body["flavorRef"] not in names:
            raise Refusal(400, "badRequest", "Flavor %s could not be found." %
                          body["flavorRef"])
        if body.get("imageRef") not in [identifier("image", region, n) for n in form.IMAGES]:
            raise Refusal(400, "badRequest", "Can not find requested image")
        if body.get("key_name", form.KEYPAIR) != form.KEYPAIR:
            raise Refusal(400, "badRequest", "Invalid key_name provided.")
        if body.get("availability_zone", "nova") not in form.ZONES:
            raise Refusal(400, "badRequest",
                          "The requested availability zone is not available")
        network = body["networks"][0].get("uuid")
        nets = {identifier("network", region, n): n for n in form.NETWORKS}
        if network not in nets:
            raise Refusal(400, "badRequest", "Network %s could not be found." % network)
        return names[body["flavorRef"]], nets[network]

    def check_quota(self, flavor, region):
        mine = [s for s in self.servers.values() if s["region"] == region]
        for what, limit, used, more in (
                ("instances", self.set["instances"], len(mine), 1),
                ("cores", self.set["cores"], sum(form.FLAVORS[s["flavor"]][0] for s in mine),
                 form.FLAVORS[flavor][0])):
            if used + more > limit:
                raise Refusal(403, "forbidden", "Quota exceeded for %s: Requested %d, but "
                              "already used %d of %d %s" % (what, more, used, limit, what))

    def make_server(self, request):
        body, region = request.body["server"], request.args["region"]
        flavor, network = self.check_server(body, region)
        self.check_quota(flavor, region)
        key, fault = str(uuid.uuid4()), None
        if self.set["full"] and re.fullmatch(self.set["full"], region + " " + flavor):
            fault = "No valid host was found. There are not enough hosts available."
        if request.fault.get("do") == "fail":
            fault = request.fault["message"]
        if request.fault.get("do") != "forget":
            self.made += 1
            self.servers[key] = {
                "id": key, "name": body["name"], "region": region, "flavor": flavor,
                "network": network, "metadata": body.get("metadata", {}),
                "status": "BUILD", "task": "spawning", "fault": fault, "body": body,
                "key": body.get("key_name"), "at": time.time(), "number": self.made,
                "late": request.fault.get("do") == "late",
                "since": time.monotonic()}
        where = "%s/%s/compute%s/servers/%s" % (self.base, region, SERVICES["compute"], key)
        return Reply(202, {"server": {"id": key, "adminPass": "x", "security_groups": [],
                                      "OS-DCF:diskConfig": "MANUAL",
                                      "links": [{"rel": "self", "href": where}]}},
                     {"Location": where})

    def get_server(self, request):
        return Reply(200, {"server": self.show(self.server(request), request.version)})

    def delete_server(self, request):
        s = self.server(request)
        if request.fault.get("do") != "lie" and s["task"] != "deleting":
            s["task"], s["since"] = "deleting", time.monotonic()
        return Reply(204)

    def page(self, request, rows, name):
        """`marker` is the last one seen; the reference's "Paginated collections"."""
        size = min(int(request.query.get("limit", 1000)), self.set["page_size"])
        marker, at = request.query.get("marker"), 0
        if marker:
            ids = [r["id"] for r in rows]
            if marker not in ids:
                raise Refusal(400, "badRequest", "marker [%s] not found" % marker)
            at = ids.index(marker) + 1
        body = {name: rows[at:at + size]}
        if at + size < len(rows):
            body[name + "_links"] = [{"rel": "next", "href": "%s%s?%s" % (
                self.base, request.path, urllib.parse.urlencode(
                    dict(request.query, marker=rows[at + size - 1]["id"])))}]
        return Reply(200, body)

    def list_servers(self, request):
        here = [s for s in sorted(self.servers.values(), key=lambda s: -s["number"])
                if s["region"] == request.args["region"]]
        rows = [self.show(s, request.version) for s in here if not s["late"]]
        for s in here:
            s["late"] = False
        return self.page(request, rows, "servers")

    def list_flavors(self, request):
        return self.page(request, [
            {"id": identifier("flavor", n), "name": n, "vcpus": v[0], "ram": v[1],
             "disk": v[2], "OS-FLV-EXT-DATA:ephemeral": 0, "swap": 0, "rxtx_factor": 1.0,
             "os-flavor-access:is_public": True, "OS-FLV-DISABLED:disabled": False}
            for n, v in form.FLAVORS.items()
            if (n, request.args["region"]) not in form.ABSENT], "flavors")

    def give_limits(self, request):
        return Reply(200, {"limits": {"rate": [], "absolute": {
            "maxTotalCores": self.set["cores"], "maxTotalInstances": self.set["instances"],
            "maxTotalRAMSize": -1, "totalCoresUsed": 0, "totalInstancesUsed": 0}}})

    # -- Glance and Neutron

    def list_images(self, request):
        region, name = request.args["region"], request.query.get("name")
        return Reply(200, {"images": [
            {"id": identifier("image", region, n), "name": n, "status": "active",
             "visibility": "public", "created_at": "2024-01-01T00:00:00Z"}
            for n in form.IMAGES if name in (None, n)], "first": "/v2/images",
            "schema": "/v2/schemas/images"})

    def list_networks(self, request):
        region, name = request.args["region"], request.query.get("name")
        return Reply(200, {"networks": [
            {"id": identifier("network", region, n), "name": n, "status": "ACTIVE",
             "admin_state_up": True, "router:external": True, "shared": True}
            for n in form.NETWORKS if name in (None, n)]})

    def list_ports(self, request):
        return Reply(200, {"ports": [
            {"id": identifier("port", s["id"]), "device_id": s["id"], "status": "ACTIVE",
             "network_id": identifier("network", s["region"], s["network"]),
             "fixed_ips": [{"ip_address": a["addr"]}
                           for a in self.addresses(s).get(s["network"], [])]}
            for s in self.servers.values() if s["region"] == request.args["region"] and
            request.query.get("device_id", s["id"]) == s["id"]]})

    # -- the tests' side

    def act(self, order):
        self.settle()
        s = self.servers.get(order.get("server"))
        if order["do"] == "expire":
            self.tokens = {}
        elif order["do"] == "tls":
            port, ca = serve_tls(order["folder"])
            self.base = "https://127.0.0.1:%d" % port
            return {"port": port, "ca": ca}
        elif not s:
            return {"error": "no server %s" % order.get("server")}
        elif order["do"] == "stop":
            s["status"] = "SHUTOFF"
        elif order["do"] == "error":
            s["status"], s["fault"] = "ERROR", order["message"]
        elif order["do"] == "delete":
            del self.servers[s["id"]]
            self.gone += 1
        elif order["do"] == "twin":
            other = "f" * 8 + s["id"][8:]  # by its id the last of all
            self.servers[other] = dict(s, id=other, at=s["at"] - 3600)
            self.made += 1
        elif order["do"] == "linger":
            s["task"], s["since"] = "deleting", float("inf")
        else:
            return {"error": "no deed " + order["do"]}
        return {}

    def table(self):
        self.settle()
        return {"servers": [dict(self.show(s), region=s["region"], body=s["body"])
                            for s in self.servers.values()],
                "made": self.made, "gone": self.gone, "logins": self.logins}


NOVA = "/{region}/compute/v2.1/{project}"
COMPUTE, TOKEN = ("token", "compute"), ("token",)
Openstack.routes = [
    Route("POST", "/identity/v3/auth/tokens", Openstack.login, body=form.LOGIN),
    Route("POST", NOVA + "/servers", Openstack.make_server, body=form.SERVER, flags=COMPUTE),
    Route("GET", NOVA + "/servers/detail", Openstack.list_servers, form.SERVER_LIST,
          flags=COMPUTE),
    Route("GET", NOVA + "/servers/{id}", Openstack.get_server, flags=COMPUTE),
    Route("DELETE", NOVA + "/servers/{id}", Openstack.delete_server, flags=COMPUTE),
    Route("GET", NOVA + "/flavors/detail", Openstack.list_flavors, form.PAGE, flags=COMPUTE),
    Route("GET", NOVA + "/limits", Openstack.give_limits, flags=COMPUTE),
    Route("GET", "/{region}/image/v2/images", Openstack.list_images, form.IMAGE_LIST,
          flags=TOKEN),
    Route("GET", "/{region}/network/v2.0/networks", Openstack.list_networks,
          form.NETWORK_LIST, flags=TOKEN),
    Route("GET", "/{region}/network/v2.0/ports", Openstack.list_ports, form.PORT_LIST,
          flags=TOKEN),
]

if __name__ == "__main__":
    main(Openstack)
