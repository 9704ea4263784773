"""A mock of Azure, as strict as its published descriptions (azure_forms.py) and as slow
as it: azure.py PORT serves on one port of loopback

    /TENANT/oauth2/v2.0/token       the login, client credentials (AZURE_LOGIN_ENDPOINT)
    /subscriptions/…, /providers/…  the Resource Manager (AZURE_ARM_ENDPOINT)
    /api/retail/prices              the retail prices (AZURE_PRICES_ENDPOINT)
    /metadata/scheduledevents       the metadata service (AZURE_IMDS_ENDPOINT)

and /_mock (mock.py): the table of what exists, faults, settings, and these deeds:

    {"do": "evict", "vm": NAME}         announce it to the machine (Preempt)
    {"do": "deallocate", "vm": NAME}    take it back
    {"do": "event", "type": "Reboot"}   another scheduled event
    {"do": "delete", "group": NAME}     by somebody else: it is gone at once
    {"do": "expire"}                    every token is expired from now on

Changes of resources are asynchronous: the answer comes before the deed, which ends
`delay_s` later; the client asks the address in Azure-AsyncOperation or Location, not
before Retry-After (who does is written down as `early` in the table).  Its own faults,
for a PUT or DELETE: {"do": "fail", "code": …, "message": …}: accepted, and then the
operation ends as Failed; {"do": "lie"}, for a DELETE: it ends well, and nothing was done.
What is full for a while is said by settings:

    capacity   {"swedencentral Standard_D4ds_v5": "AllocationFailed", "*": …}
    spot_cores, cores   the limits of a region"""

import copy
import re
import time
import urllib.parse
import uuid

import azure_data as data
import azure_forms as form
from azure_data import CLIENT, SECRET, SUBSCRIPTION, TENANT
from azure_machines import Machines
from azure_sales import Sales
from mock import Malformed, Mock, Refusal, Reply, Route, main

SUB = "/subscriptions/{subscription}"
GROUPS = SUB + "/resourcegroups"
GROUP = GROUPS + "/{group}"

# Which kinds of resources there are: their name in an address, form and version.
NET_KINDS = {"virtualNetworks": form.NET, "publicIPAddresses": form.ADDRESS,
             "networkSecurityGroups": form.FIREWALL, "networkInterfaces": form.INTERFACE}

class Azure(Machines, Sales, Mock):
    settings = {"delay_s": 0.01, "retry_after_s": 0, "token_lifetime_s": 3599,
                "page_size": 5, "capacity": {}, "spot_cores": 200, "cores": 350,
                "secret": SECRET, "forbidden": False, "plan_accepted": True}

    def __init__(self, base):
        self.base = base
        super().__init__()

    def start(self):
        self.tokens, self.groups, self.operations, self.events = {}, {}, {}, []
        self.made, self.gone, self.early, self.incarnation = 0, 0, 0, 0
        self.logins = 0

    # -- errors, each in the form of the service that gives it

    def error(self, e):
        if getattr(e, "oauth", None):
            trace = str(uuid.uuid4())
            return Reply(e.status, {"error": e.oauth, "error_codes": [e.code],
                                    "error_description": "%s\r\nTrace ID: %s" % (
                                        e.message, trace), "trace_id": trace})
        return Reply(e.status, {"error": {"code": e.code, "message": e.message}}, e.headers)

    def unknown_path(self, request):
        return "InvalidResourceType", "The resource type could not be found: %s" % \
            request.path

    def unknown_method(self, request):
        return "HttpMethodNotAllowed", "The HTTP method %s is not supported here." % \
            request.method

    # -- who asks

    def check_headers(self, request, route):
        super().check_headers(request, route)
        given = request.headers.get("Authorization")
        if "arm" in route.flags and not re.fullmatch(r"Bearer \S+", given or ""):
            raise Malformed(401, "AuthenticationFailed", "Authentication failed. The "
                            "'Authorization' header is missing or of another form.",
                            {"WWW-Authenticate": "Bearer"})
        if "arm" not in route.flags and given:
            self.malformed("an Authorization header where none belongs")
        if "metadata" in route.flags:
            if request.headers.get("Metadata", "").lower() != "true":
                self.malformed("Bad request. Required metadata header not specified")
            if request.headers.get("X-Forwarded-For"):
                self.malformed("Bad request. X-Forwarded-For is not allowed")

    def authorize(self, request, route):
        if "arm" not in route.flags:
            return
        token = request.headers["Authorization"].split()[1]
        if token not in self.tokens:
            raise Refusal(401, "InvalidAuthenticationToken",
                          "The access token is invalid.", {"WWW-Authenticate": "Bearer"})
        if self.tokens[token] <= time.monotonic():
            raise Refusal(401, "ExpiredAuthenticationToken",
                          "The access token expiry UTC time is earlier than current UTC "
                          "time.", {"WWW-Authenticate": "Bearer"})
        asked = request.args.get("subscription", SUBSCRIPTION)
        if asked != SUBSCRIPTION:
            raise Refusal(404, "SubscriptionNotFound",
                          "The subscription '%s' could not be found." % asked)
        if self.set["forbidden"]:
            raise Refusal(403, "AuthorizationFailed", "The client '%s' does not have "
                          "authorization to perform the action over scope '%s'." % (
                              CLIENT, request.path))

    def login(self, request):
        wrong = None
        body = request.body
        if request.args["tenant"] != TENANT:
            wrong = (400, "invalid_request", 90002, "AADSTS90002: Tenant '%s' not found. "
                     "Check to make sure you have the correct tenant ID."
                     % request.args["tenant"])
        elif body["client_id"] != CLIENT:
            wrong = (400, "unauthorized_client", 700016, "AADSTS700016: Application with "
                     "identifier '%s' was not found in the directory." % body["client_id"])
        elif body["client_secret"] != self.set["secret"]:
            wrong = (401, "invalid_client", 7000215, "AADSTS7000215: Invalid client secret "
                     "provided.")
        elif body["scope"] != self.base + "/.default":
            wrong = (400, "invalid_scope", 70011, "AADSTS70011: The provided value for the "
                     "input parameter 'scope' is not valid: %s" % body["scope"])
        if wrong:
            refusal = Refusal(wrong[0], wrong[2], wrong[3])
            refusal.oauth = wrong[1]
            raise refusal
        token = "eyJ0." + uuid.uuid4().hex
        self.logins += 1
        lifetime = self.set["token_lifetime_s"]
        self.tokens[token] = time.monotonic() + lifetime
        return Reply(200, {"token_type": "Bearer", "expires_in": lifetime,
                           "ext_expires_in": lifetime, "access_token": token})

    # -- operations: what was accepted and is not yet done

    def begin(self, request, finish, undo=None):
        """Accept a change: finish() is done `delay_s` from now, or undo(error) where the
        fault ordered it.  Returns the operation's id."""
        key = str(uuid.uuid4())
        error = None
        if request.fault.get("do") == "fail":
            error = {"code": request.fault.get("code", "InternalExecutionError"),
                     "message": request.fault.get("message", "It failed.")}
        self.operations[key] = {"at": time.monotonic() + self.set["delay_s"], "error": error,
                                "finish": finish, "undo": undo, "done": False, "asked": None}
        return key

    def settle(self):
        """Do what has become due since; called before anything looks."""
        now = time.monotonic()
        for o in list(self.operations.values()):
            if o["done"] or o["at"] > now:
                continue
            o["done"] = True
            if o["error"] and o["undo"]:
                o["undo"](o["error"])
            elif not o["error"]:
                o["error"] = o["finish"]()

    def deed(self, request, route):
        self.settle()
        reply = super().deed(request, route)
        if self.set["delay_s"] == 0:
            self.settle()
        return reply

    def asked_for(self, key):
        o = self.operations.get(key)
        if not o:
            raise Refusal(404, "OperationNotFound", "There is no operation %s." % key)
        now = time.monotonic()
        if o["asked"] is not None and now - o["asked"] < self.set["retry_after_s"]:
            self.early += 1
        o["asked"] = now
        return o

    def operation_headers(self, where, key, api, start=True):
        if start:
            self.operations[key]["asked"] = time.monotonic()
        url = "%s/subscriptions/%s/%s/%s?%sapi-version=%s" % (
            self.base, SUBSCRIPTION, where, key,
            "p=%s&" % uuid.uuid4() if "Compute" in where else "", api)
        return {"Retry-After": self.set["retry_after_s"],
                "Location" if "operationresults" in where else "Azure-AsyncOperation": url}

    def operation_status(self, request):
        """learn.microsoft.com/azure/azure-resource-manager/management/async-operations"""
        o = self.asked_for(request.args["operation"])
        body = {"status": "InProgress"}
        if o["done"]:
            body = {"status": "Failed", "error": o["error"]} if o["error"] else \
                {"status": "Succeeded"}
        return Reply(200, body, {} if o["done"] else
                     {"Retry-After": self.set["retry_after_s"]})

    def operation_result(self, request):
        o = self.asked_for(request.args["operation"])
        if not o["done"]:
            return Reply(202, None, self.operation_headers(
                "operationresults", request.args["operation"], form.RESOURCES))
        if o["error"]:
            raise Refusal(409, o["error"]["code"], o["error"]["message"])
        return Reply(200)

    # -- resource groups

    def group(self, request, changing=False):
        g = self.groups.get(request.args["group"].lower())
        if not g:
            raise Refusal(404, "ResourceGroupNotFound", "Resource group '%s' could not be "
                          "found." % request.args["group"])
        if changing and g["properties"]["provisioningState"] == "Deleting":
            raise Refusal(409, "ResourceGroupBeingDeleted", "The resource group '%s' is in "
                          "deprovisioning state and cannot perform this operation."
                          % g["name"])
        return g

    def show_group(self, g):
        return {k: copy.deepcopy(v) for k, v in g.items() if k != "resources"}

    def put_group(self, request):
        name, body = request.args["group"], request.body
        if not re.fullmatch(form.GROUP_NAME.pattern, name):
            self.malformed("%r is no name of a resource group" % name)
        self.known_location(body["location"])
        old = self.groups.get(name.lower())
        if old:
            self.group(request, changing=True)
            if old["location"] != body["location"]:
                raise Refusal(409, "InvalidResourceGroupLocation", "Invalid resource group "
                              "location '%s'. The Resource group already exists in location "
                              "'%s'." % (body["location"], old["location"]))
            old["tags"] = body.get("tags", {})
            return Reply(200, self.show_group(old))
        self.made += 1
        g = {"id": "/subscriptions/%s/resourceGroups/%s" % (SUBSCRIPTION, name),
             "name": name, "type": "Microsoft.Resources/resourceGroups",
             "location": body["location"], "tags": body.get("tags", {}),
             "properties": {"provisioningState": "Succeeded"}, "resources": {}}
        self.groups[name.lower()] = g
        return Reply(201, self.show_group(g))

    def get_group(self, request):
        return Reply(200, self.show_group(self.group(request)))

    def delete_group(self, request):
        g = self.group(request)
        g["properties"]["provisioningState"] = "Deleting"

        def finish():
            if request.fault.get("do") == "lie":
                undo(None)
            elif self.groups.get(g["name"].lower()) is g:
                del self.groups[g["name"].lower()]
                self.gone += 1

        def undo(error):
            g["properties"]["provisioningState"] = "Succeeded"
        key = self.begin(request, finish, undo)
        return Reply(202, None, self.operation_headers("operationresults", key,
                                                       form.RESOURCES))

    def list_groups(self, request):
        asked = re.fullmatch(r"tagName eq '([^']*)'( and tagValue eq '([^']*)')?",
                             request.query.get("$filter", "tagName eq ''"))
        if not asked:
            self.malformed("$filter: " + request.query["$filter"])
        found = [self.show_group(g) for _, g in sorted(self.groups.items())
                 if not asked[1] or (asked[1] in g["tags"] and
                                     (not asked[2] or g["tags"][asked[1]] == asked[3]))]
        after = request.query.get("$skiptoken", "").lower()
        found = [g for g in found if g["name"].lower() > after]
        size = int(request.query.get("$top", self.set["page_size"]))
        body = {"value": found[:size]}
        if len(found) > size:
            body["nextLink"] = self.next_link(request, {"$skiptoken": found[size - 1]["name"]})
        return Reply(200, body)

    def next_link(self, request, more):
        return "%s%s?%s" % (self.base, request.path,
                            urllib.parse.urlencode(dict(request.query, **more)))

    def page(self, request, found, token):
        """One page of a list, with the address of the next."""
        at = int(request.query.get(token, 0))
        size = self.set["page_size"]
        body = {"value": found[at:at + size]}
        if at + size < len(found):
            body["nextLink"] = self.next_link(request, {token: str(at + size)})
        return Reply(200, body)

    def known_location(self, location):
        if location not in data.REGIONS:
            raise Refusal(400, "LocationNotAvailableForResourceGroup", "The provided "
                          "location '%s' is not available. List of available regions is "
                          "'%s'." % (location, ",".join(data.REGIONS)))

    # -- resources in a group

    def find(self, id):
        for g in self.groups.values():
            if id.lower() in g["resources"]:
                return g["resources"][id.lower()]
        return None

    def needed(self, id, kind):
        """What a resource refers to: it has to be there, and whole."""
        part = re.fullmatch(r"(.+)/subnets/([^/]+)", id)
        r = self.find(part[1] if part else id)
        if r and part and all(s["name"] != part[2] for s in r["properties"]["subnets"]):
            r = None
        if not r or r["type"].split("/")[1] != kind:
            raise Refusal(400, "InvalidResourceReference", "Resource %s referenced was not "
                          "found. Please make sure that the referenced resource exists."
                          % id)
        if r["properties"]["provisioningState"] != "Succeeded":
            raise Refusal(429, "ReferencedResourceNotProvisioned", "Cannot proceed with "
                          "operation since resource %s it uses is not in Succeeded state."
                          % id, {"Retry-After": self.set["retry_after_s"]})
        return r

    def resource(self, request):
        g = self.group(request)
        id = self.resource_id(request, g)
        if id.lower() not in g["resources"]:
            raise Refusal(404, "ResourceNotFound", "The Resource '%s' under resource group "
                          "'%s' was not found." % (id.split("/providers/")[1], g["name"]))
        return g["resources"][id.lower()]

    def resource_id(self, request, g):
        return "%s/providers/%s" % (g["id"], request.path.split("/providers/", 1)[1])

    def put_resource(self, request, g, type, changes, finish=None, state="Updating"):
        """Make or change one, asynchronously: (Reply without operation, its id)."""
        if not re.fullmatch(form.NAME.pattern, request.args["name"]):
            self.malformed("%r is no name of a resource" % request.args["name"])
        self.known_location(request.body["location"])
        id = self.resource_id(request, g)
        old = g["resources"].get(id.lower())
        r = {"id": id, "name": request.args["name"], "type": type,
             **copy.deepcopy(request.body)}
        r["properties"].update(changes, provisioningState=state)
        g["resources"][id.lower()] = r
        if not old:
            self.made += 1

        def done():
            r["properties"]["provisioningState"] = "Succeeded"
            return finish(r) if finish else None

        def undo(error):
            r["properties"]["provisioningState"] = "Failed"
        key = self.begin(request, done, undo)
        return Reply(200 if old else 201, copy.deepcopy(r)), key

    def put_network(self, request):
        g = self.group(request, changing=True)
        kind, body = request.path.split("/")[-2], request.body
        kind = {k.lower(): k for k in NET_KINDS}[kind.lower()]
        changes, finish = {}, None
        if kind == "virtualNetworks":
            changes = {"subnets": [dict(s, id="%s/subnets/%s" % (
                self.resource_id(request, g), s["name"]))
                for s in copy.deepcopy(body["properties"].get("subnets", []))]}
        elif kind == "networkInterfaces":
            self.check_interface(body)
        elif kind == "publicIPAddresses":
            old = g["resources"].get(self.resource_id(request, g).lower())
            address = old and old["properties"].get("ipAddress")

            def finish(r):
                r["properties"]["ipAddress"] = address or "127.9.%d.%d" % (
                    self.made // 250 % 250, self.made % 250 + 1)
        reply, key = self.put_resource(request, g, "Microsoft.Network/" + kind, changes,
                                       finish)
        reply.headers = self.operation_headers(
            "providers/Microsoft.Network/locations/%s/operations" % body["location"],
            key, form.NETWORK)
        return reply

    def check_interface(self, body):
        p = body["properties"]
        config = p["ipConfigurations"][0]["properties"]
        self.needed(config["subnet"]["id"], "virtualNetworks")
        if "publicIPAddress" in config:
            self.needed(config["publicIPAddress"]["id"], "publicIPAddresses")
        if "networkSecurityGroup" in p:
            self.needed(p["networkSecurityGroup"]["id"], "networkSecurityGroups")

    def get_resource(self, request):
        return Reply(200, copy.deepcopy(self.resource(request)))

    # -- the metadata service, as the machine that is taken back sees it

    def scheduled_events(self, request):
        return Reply(200, {"DocumentIncarnation": self.incarnation, "Events": self.events})

    def announce(self, kind, names):
        """learn.microsoft.com/azure/virtual-machines/linux/scheduled-events"""
        self.incarnation += 1
        self.events.append({
            "EventId": str(uuid.uuid4()).upper(), "EventStatus": "Scheduled",
            "EventType": kind, "ResourceType": "VirtualMachine", "Resources": names,
            "NotBefore": time.strftime("%a, %d %b %Y %H:%M:%S GMT",
                                       time.gmtime(time.time() + 30)),
            "Description": "", "EventSource": "Platform", "DurationInSeconds": -1})

    # -- the tests' side

    def act(self, order):
        self.settle()
        if order["do"] == "evict":
            self.announce("Preempt", [order.get("vm", "")])
        elif order["do"] == "event":
            self.announce(order["type"], [order.get("vm", "")])
        elif order["do"] == "deallocate":
            for r in self.machines():
                if r["name"] == order["vm"]:
                    r["power"] = "PowerState/deallocated"
        elif order["do"] == "delete":
            if self.groups.pop(order["group"].lower(), None):
                self.gone += 1
        elif order["do"] == "expire":
            self.tokens = {t: 0 for t in self.tokens}
        else:
            return {"error": "no deed " + order["do"]}
        return {}

    def table(self):
        self.settle()
        machines = [{"name": r["name"], "id": r["id"], "region": r["location"],
                     "size": r["properties"]["hardwareProfile"]["vmSize"],
                     "state": r["properties"]["provisioningState"],
                     "priority": r["properties"].get("priority"), "power": r.get("power"),
                     "plan": r.get("plan"), "body": r} for r in self.machines()]
        return {"machines": machines,
                "groups": [dict(self.show_group(g), resources=sorted(
                    r["id"] for r in g["resources"].values()))
                    for g in self.groups.values()],
                "made": self.made, "gone": self.gone, "early": self.early,
                "logins": self.logins}


PROVIDER = GROUP + "/providers/"
VM_PATH = PROVIDER + "Microsoft.Compute/virtualMachines/{name}"
ARM = ("arm",)
TOP = {"$top": form.Text(r"\d{1,4}"), "$skiptoken": str}


def locations(provider):
    return SUB + "/providers/%s/locations/{location}/" % provider


Azure.routes = [
    Route("POST", "/{tenant}/oauth2/v2.0/token", Azure.login, body=form.TOKEN,
          content="application/x-www-form-urlencoded"),
    Route("GET", GROUPS, Azure.list_groups,
          {**form.version(form.RESOURCES), "$filter": str, **TOP}, flags=ARM),
    Route("PUT", GROUP, Azure.put_group, form.version(form.RESOURCES), form.GROUP,
          flags=ARM),
    Route("GET", GROUP, Azure.get_group, form.version(form.RESOURCES), flags=ARM),
    Route("DELETE", GROUP, Azure.delete_group,
          {**form.version(form.RESOURCES), "forceDeletionTypes": form.OneOf(
              "Microsoft.Compute/virtualMachines",
              "Microsoft.Compute/virtualMachineScaleSets")}, flags=ARM),
    Route("GET", SUB + "/operationresults/{operation}", Azure.operation_result,
          form.version(form.RESOURCES), flags=ARM),
    Route("GET", locations("Microsoft.Network") + "operations/{operation}",
          Azure.operation_status, form.version(form.NETWORK), flags=ARM),
    Route("GET", locations("Microsoft.Compute") + "operations/{operation}",
          Azure.operation_status, {**form.version(form.COMPUTE), "p!": str}, flags=ARM),
    Route("PUT", VM_PATH, Azure.put_vm, form.version(form.COMPUTE), form.VM, flags=ARM),
    Route("GET", VM_PATH, Azure.get_vm, {
        **form.version(form.COMPUTE), "$expand": form.OneOf("instanceView", "userData")},
        flags=ARM),
    Route("GET", SUB + "/providers/Microsoft.Compute/skus", Azure.list_skus,
          {**form.version(form.SKUS), "$filter": str,
           "includeExtendedLocations": str, "$skiptoken": form.Text(r"\d+")}, flags=ARM),
    Route("GET", locations("Microsoft.Compute") + "usages", Azure.list_usages,
          {**form.version(form.COMPUTE), "$skiptoken": form.Text(r"\d+")}, flags=ARM),
    Route("POST", "/providers/Microsoft.ResourceGraph/resources", Azure.query_graph,
          form.version(form.GRAPH), form.GRAPH_QUERY, flags=ARM),
    Route("GET", "/api/retail/prices", Azure.list_prices,
          {**form.version(form.PRICES), "$filter": form.PRICE_FILTER,
           "currencyCode": form.OneOf("USD", "EUR", "'USD'", "'EUR'"),
           "meterRegion": str, "$skip": form.Text(r"\d+")}),
    Route("GET", "/metadata/scheduledevents", Azure.scheduled_events,
          form.version(form.EVENTS), flags=("metadata",)),
]
for kind, body_form in NET_KINDS.items():
    path = PROVIDER + "Microsoft.Network/" + kind + "/{name}"
    Azure.routes += [
        Route("PUT", path, Azure.put_network, form.version(form.NETWORK), body_form,
              flags=ARM),
        Route("GET", path, Azure.get_resource, form.version(form.NETWORK), flags=ARM)]

if __name__ == "__main__":
    main(Azure)
