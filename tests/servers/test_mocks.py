"""The mocks of Azure and of OVH refuse what is not in the published descriptions, each
with a row here, accept what is, and misbehave as ordered: faults, slow operations, full
regions.  Sources: azure_forms.py, ovh.py."""

import copy
import hashlib
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system")]
import azure_data as data  # noqa: E402
import azure_forms as form  # noqa: E402
import ovh as ovh_api  # noqa: E402
from mocks import Running  # noqa: E402
from tap import done, is_, ok, remember, run, wait_until  # noqa: E402

LOGIN = {"grant_type": "client_credentials", "client_id": data.CLIENT,
         "client_secret": data.SECRET}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SUB = "/subscriptions/" + data.SUBSCRIPTION
GROUP = SUB + "/resourcegroups/scitq-w1"
NET = SUB + "/resourceGroups/scitq-w1/providers/Microsoft.Network/"
VM = SUB + "/resourceGroups/scitq-w1/providers/Microsoft.Compute/virtualMachines/w1"
KEY = "ssh-ed25519 " + "A" * 68 + " root@lab"
BODIES = {
    "group": {"location": "swedencentral", "tags": {"a": "b"}},
    "virtualNetworks/net": {"location": "swedencentral", "properties": {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}]}},
    "publicIPAddresses/ip": {"location": "swedencentral", "sku": {"name": "Standard"},
                             "properties": {"publicIPAllocationMethod": "Static"}},
    "networkSecurityGroups/nsg": {"location": "swedencentral", "properties": {
        "securityRules": [{"name": "ssh", "properties": {
            "protocol": "Tcp", "sourcePortRange": "*", "destinationPortRange": "22",
            "sourceAddressPrefix": "*", "destinationAddressPrefix": "*",
            "access": "Allow", "priority": 100, "direction": "Inbound"}}]}},
    "networkInterfaces/nic": {"location": "swedencentral", "properties": {
        "networkSecurityGroup": {"id": NET + "networkSecurityGroups/nsg"},
        "ipConfigurations": [{"name": "ip", "properties": {
            "subnet": {"id": NET + "virtualNetworks/net/subnets/default"},
            "publicIPAddress": {"id": NET + "publicIPAddresses/ip"}}}]}},
    "vm": {"location": "swedencentral", "properties": {
        "hardwareProfile": {"vmSize": "Standard_D4ds_v5"},
        "storageProfile": {
            "imageReference": {"publisher": "Canonical", "sku": "22_04-lts-gen2",
                               "offer": "0001-com-ubuntu-server-jammy",
                               "version": "latest"},
            "osDisk": {"createOption": "FromImage", "deleteOption": "Delete",
                       "managedDisk": {"storageAccountType": "Premium_LRS"}}},
        "osProfile": {"computerName": "w1", "adminUsername": "ubuntu",
                      "linuxConfiguration": {
                          "disablePasswordAuthentication": True,
                          "ssh": {"publicKeys": [{
                              "path": "/home/ubuntu/.ssh/authorized_keys",
                              "keyData": KEY}]}}},
        "networkProfile": {"networkInterfaces": [{
            "id": NET + "networkInterfaces/nic", "properties": {"primary": True}}]},
        "priority": "Spot", "evictionPolicy": "Deallocate",
        "billingProfile": {"maxPrice": -1}}}}
GPU = {"publisher": "nvidia", "offer": "ngc_azure_17_11",
       "sku": "ngc-base-version-24_03_4_gen2"}
QUERY = ("SpotResources | where type =~ 'microsoft.compute/skuspotevictionrate/location' "
         "| where location in~ ('swedencentral') | project skuName = tostring(sku.name), "
         "location, spotEvictionRate = tostring(properties.evictionRate) "
         "| order by skuName asc, location asc")
PRICES = "/api/retail/prices?api-version=2023-01-01-preview&$filter="


def edited(body, path, value):
    """A copy of `body` in which a.b.0.c has another value; None: is absent."""
    body = copy.deepcopy(body)
    at, steps = body, path.split(".")
    for step in steps[:-1]:
        at = at[int(step) if step.isdigit() else step]
    last = int(steps[-1]) if steps[-1].isdigit() else steps[-1]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return body


class Client:
    def __init__(self, azure):
        self.azure = azure
        self.token = self.log_in()

    def log_in(self):
        body = "&".join("%s=%s" % (k, v.replace("~", "%7E")) for k, v in LOGIN.items())
        status, _, answer = self.azure.ask(
            "POST", "/%s/oauth2/v2.0/token" % data.TENANT,
            body + "&scope=%s/.default" % self.azure.url, FORM)
        assert status == 200, answer
        return answer["access_token"]

    def ask(self, method, path, version=None, body=None, headers=None):
        if version:
            path += ("&" if "?" in path else "?") + "api-version=" + version
        headers = {"Authorization": "Bearer " + self.token} if headers is None else headers
        return self.azure.ask(method, path, body, headers)

    def finished(self, answer):
        """The end of what an operation's answer announces."""
        _, headers, _ = answer
        url = headers["azure-asyncoperation"][len(self.azure.url):]
        return wait_until("the operation ends", lambda: (
            lambda a: a if a["status"] != "InProgress" else None)(self.ask("GET", url)[2]))

    def put(self, what, body=None):
        body = body or BODIES[what]
        if what == "group":
            return self.ask("PUT", GROUP, form.RESOURCES, body)
        if what == "vm":
            return self.ask("PUT", VM, form.COMPUTE, body)
        return self.ask("PUT", NET + what, form.NETWORK, body)

    def make(self, *without):
        """The group and all that a machine needs, and the machine."""
        self.put("group")
        for what in list(BODIES)[1:]:
            if what not in without:
                answer = self.put(what)
                assert answer[0] in (200, 201), answer
                assert self.finished(answer)["status"] == "Succeeded"


def test_accepted(azure):
    azure.reset()
    client = Client(azure)
    client.make()
    table = azure.table()
    is_([m["name"] for m in table["machines"]], ["w1"], "a machine was made, and is told")
    is_(len(table["groups"][0]["resources"]), 6, "with five other things, its disk included")
    is_(client.ask("GET", VM + "?$expand=instanceView", form.COMPUTE)[2]["properties"][
        "instanceView"]["statuses"][-1]["code"], "PowerState/running", "it runs")
    ok(client.ask("GET", NET + "publicIPAddresses/ip", form.NETWORK)[2]["properties"][
        "ipAddress"], "its address is known")
    status, headers, _ = client.ask(
        "DELETE", GROUP + "?forceDeletionTypes=Microsoft.Compute/virtualMachines",
        form.RESOURCES)
    is_(status, 202, "the deletion of the group is accepted")
    wait_until("the group is gone", lambda: client.ask(
        "GET", headers["location"][len(azure.url):])[0] == 200)
    is_(client.ask("GET", GROUP, form.RESOURCES)[0], 404, "and then the group is gone")
    is_(azure.table()["groups"], [], "and all that was in it")
    is_(azure.refused(), [], "nothing of this was refused")


# what, method, path (under the mock), version, body, headers (None: the token), status
def azure_refusals(azure):
    arm, usages = None, SUB + "/providers/Microsoft.Compute/locations/swedencentral/usages"
    graph = "/providers/Microsoft.ResourceGraph/resources"
    skus = SUB + "/providers/Microsoft.Compute/skus"
    events = "/metadata/scheduledevents"
    login = "/%s/oauth2/v2.0/token" % data.TENANT
    whole = "&".join("%s=%s" % i for i in LOGIN.items()) + "&scope=%s/.default" % azure.url
    r, n, c = form.RESOURCES, form.NETWORK, form.COMPUTE
    group = BODIES["group"]
    return [
        ("a path that is none", "GET", "/subscription/x", r, None, arm, 404),
        ("a resource that is none", "PUT", NET + "networkCards/x", n, {}, arm, 404),
        ("a path with one / more", "GET", VM + "/", c, None, arm, 404),
        ("PATCH of a machine's network", "PATCH", NET + "virtualNetworks/net", n, {}, arm, 405),
        ("POST of a group", "POST", GROUP, r, group, arm, 405),
        ("DELETE of prices", "DELETE", "/api/retail/prices", None, None, {}, 405),
        ("no api-version", "PUT", GROUP, None, group, arm, 400),
        ("another api-version of groups", "PUT", GROUP, "2030-01-01", group, arm, 400),
        ("the network's api-version for machines", "GET", VM, n, None, arm, 400),
        ("the machines' api-version for networks", "GET", NET + "virtualNetworks/net", c,
         None, arm, 400),
        ("another api-version of sizes", "GET", skus, c, None, arm, 400),
        ("another api-version of limits", "GET", usages, r, None, arm, 400),
        ("another api-version of the graph", "POST", graph, r, {"query": QUERY}, arm, 400),
        ("another api-version of prices", "GET", "/api/retail/prices", r, None, {}, 400),
        ("another api-version of events", "GET", events, "2019-08-01", None,
         {"Metadata": "true"}, 400),
        ("api-version twice", "GET", GROUP + "?api-version=" + r, r, None, arm, 400),
        ("a parameter that is none", "GET", GROUP + "?expand=all", r, None, arm, 400),
        ("an $expand that is none", "GET", VM + "?$expand=all", c, None, arm, 400),
        ("forceDeletionTypes of disks", "DELETE",
         GROUP + "?forceDeletionTypes=Microsoft.Compute/disks", r, None, arm, 400),
        ("a filter of groups by name", "GET", SUB + "/resourcegroups?$filter=name%20eq%20'x'",
         r, None, arm, 400),
        ("a filter of sizes by name", "GET", skus + "?$filter=name%20eq%20'x'", form.SKUS,
         None, arm, 400),
        ("no Authorization", "GET", GROUP, r, None, {}, 401),
        ("Basic authorization", "GET", GROUP, r, None, {"Authorization": "Basic eDp5"}, 401),
        ("a token that is none", "GET", GROUP, r, None, {"Authorization": "Bearer x"}, 401),
        ("a body of no type", "PUT", GROUP, r, "{}", {"Authorization": "Bearer x"}, 415),
        ("a body of another type", "PUT", GROUP, r, "{}",
         {"Authorization": "Bearer x", "Content-Type": "text/plain"}, 415),
        ("an Accept without JSON", "GET", GROUP, r, None,
         {"Authorization": "Bearer x", "Accept": "text/html"}, 400),
        ("a GET with a body", "GET", GROUP, r, {"a": 1}, arm, 400),
        ("a DELETE with a body", "DELETE", GROUP, r, {"a": 1}, arm, 400),
        ("no body", "PUT", GROUP, r, None,
         {"Authorization": "Bearer x", "Content-Type": "application/json"}, 400),
        ("a body that is no JSON", "PUT", GROUP, r, "{location: x}",
         {"Authorization": "Bearer x", "Content-Type": "application/json"}, 400),
        ("a field twice", "PUT", GROUP, r, '{"location":"a","location":"b"}',
         {"Authorization": "Bearer x", "Content-Type": "application/json"}, 400),
        ("a body that is a list", "PUT", GROUP, r, [], arm, 400),
        ("a token for prices", "GET", PRICES + "armSkuName%20eq%20'x'", None, None, arm, 400),
        ("a filter of prices by what is no field", "GET", PRICES + "sku%20eq%20'x'", None,
         None, {}, 400),
        ("a filter of prices with or", "GET",
         PRICES + "skuName%20eq%20'x'%20or%20skuName%20eq%20'y'", None, None, {}, 400),
        ("events without Metadata", "GET", events, form.EVENTS, None, {}, 400),
        ("events through a proxy", "GET", events, form.EVENTS, None,
         {"Metadata": "true", "X-Forwarded-For": "1.2.3.4"}, 400),
        ("events with a token", "GET", events, form.EVENTS, None,
         {"Metadata": "true", "Authorization": "Bearer x"}, 400),
        ("a query without the published table", "POST", graph, form.GRAPH,
         {"query": "Resources | project name"}, arm, 400),
        ("a query without an order", "POST", graph, form.GRAPH,
         {"query": QUERY.replace("| order by skuName asc, location asc", "")}, arm, 400),
        ("a $top over 1000", "POST", graph, form.GRAPH,
         {"query": QUERY, "options": {"$top": 1001}}, arm, 400),
        ("skipToken without its $", "POST", graph, form.GRAPH,
         {"query": QUERY, "options": {"skipToken": "1"}}, arm, 400),
        ("a login by JSON", "POST", login, None, dict(LOGIN, scope=azure.url), {}, 415),
        ("a login without scope", "POST", login, None, whole.split("&scope")[0], FORM, 400),
        ("a login for no .default", "POST", login, None, whole.replace(".default", "x"), FORM,
         400),
        ("a login with a password", "POST", login, None,
         whole.replace("client_credentials", "password"), FORM, 400),
        ("a login with a resource", "POST", login, None, whole + "&resource=x", FORM, 400),
        ("a login by GET", "GET", login, None, None, {}, 405),
    ]


# Bodies: what, which, the field, its value (None: absent).
BODY_REFUSALS = [
    ("a group without location", "group", "location", None),
    ("a group with a number as tag", "group", "tags.a", 1),
    ("a group with 51 tags", "group", "tags", {"t%d" % i: "" for i in range(51)}),
    ("a group with a tag of 257 letters", "group", "tags.a", "x" * 257),
    ("a group with a read-only state", "group", "properties", {"provisioningState": "x"}),
    ("a network without addresses", "virtualNetworks/net", "properties.addressSpace", None),
    ("a network with an address that is none", "virtualNetworks/net",
     "properties.addressSpace.addressPrefixes.0", "10.0.0.0"),
    ("a network with addresses as text", "virtualNetworks/net",
     "properties.addressSpace.addressPrefixes", "10.0.0.0/16"),
    ("a network in properties twice", "virtualNetworks/net", "properties.properties", {}),
    ("a Standard address that changes", "publicIPAddresses/ip",
     "properties.publicIPAllocationMethod", "Dynamic"),
    ("an address of another sku", "publicIPAddresses/ip", "sku.name", "Premium"),
    ("an address with its address given", "publicIPAddresses/ip", "properties.ipAddress",
     "1.2.3.4"),
    ("a rule of another protocol", "networkSecurityGroups/nsg",
     "properties.securityRules.0.properties.protocol", "tcp/ip"),
    ("a rule without direction", "networkSecurityGroups/nsg",
     "properties.securityRules.0.properties.direction", None),
    ("a rule of priority 99", "networkSecurityGroups/nsg",
     "properties.securityRules.0.properties.priority", 99),
    ("a rule of priority \"100\"", "networkSecurityGroups/nsg",
     "properties.securityRules.0.properties.priority", "100"),
    ("a rule for a port as number", "networkSecurityGroups/nsg",
     "properties.securityRules.0.properties.destinationPortRange", 22),
    ("an interface without subnet", "networkInterfaces/nic",
     "properties.ipConfigurations.0.properties.subnet", None),
    ("an interface with a subnet by name", "networkInterfaces/nic",
     "properties.ipConfigurations.0.properties.subnet.id", "default"),
    ("an interface without configuration", "networkInterfaces/nic",
     "properties.ipConfigurations", []),
    ("a machine without size", "vm", "properties.hardwareProfile", None),
    ("a machine with size beside", "vm", "properties.vmSize", "Standard_D4ds_v5"),
    ("a machine with an image by name", "vm", "properties.storageProfile.imageReference",
     "Ubuntu 22.04"),
    ("a machine with a disk from nothing", "vm",
     "properties.storageProfile.osDisk.createOption", "Empty"),
    ("a machine with a disk of another kind", "vm",
     "properties.storageProfile.osDisk.managedDisk.storageAccountType", "Fast_LRS"),
    ("a machine with a password", "vm", "properties.osProfile.adminPassword", "x"),
    ("a machine for root", "vm", "properties.osProfile.adminUsername", "root"),
    ("a machine with a name of 65", "vm", "properties.osProfile.computerName", "x" * 65),
    ("a machine with _ in its name", "vm", "properties.osProfile.computerName", "a_b"),
    ("a machine without key", "vm",
     "properties.osProfile.linuxConfiguration.ssh.publicKeys", []),
    ("a machine with a DSA key", "vm", "properties.osProfile.linuxConfiguration.ssh."
     "publicKeys.0.keyData", "ssh-dss " + "A" * 60),
    ("a machine with a key elsewhere", "vm", "properties.osProfile.linuxConfiguration.ssh."
     "publicKeys.0.path", "/root/.ssh/authorized_keys"),
    ("a machine of another priority", "vm", "properties.priority", "spot"),
    ("a machine with another eviction", "vm", "properties.evictionPolicy", "Stop"),
    ("a machine with a price as text", "vm", "properties.billingProfile.maxPrice", "-1"),
    ("a Regular machine with eviction", "vm", "properties.priority", "Regular"),
    ("a machine without network", "vm", "properties.networkProfile.networkInterfaces", []),
    ("a plan without product", "vm", "plan", {"name": "x", "publisher": "y"}),
]


def refused(name, answer, status, code=None):
    got, _, body = answer
    ok(got == status and (not code or body["error"]["code"] == code), name + " is refused",
       "%s %r" % (got, body))


def test_form_refusals(azure):
    azure.reset()
    client = Client(azure)
    client.make()
    for name, method, path, version, body, headers, status in azure_refusals(azure):
        before = len(azure.refused())
        answer = client.ask(method, path, version, body, headers)
        refused(name, answer, status)
        if "token that is none" not in name:
            is_(len(azure.refused()), before + 1, "… and remembered")
    made = azure.table()["made"]
    for name, what, field, value in BODY_REFUSALS:
        before = len(azure.refused())
        refused(name, client.put(what, edited(BODIES[what], field, value)), 400)
        is_(len(azure.refused()), before + 1, "… and remembered")
    is_(azure.table()["made"], made, "nothing refused was done")


# What has the form and cannot be: what, which, edits, status, code
DEED_REFUSALS = [
    ("a group elsewhere", "group", {"location": "northeurope"}, 409,
     "InvalidResourceGroupLocation"),
    ("a group nowhere", "group", {"location": "atlantis"}, 400,
     "LocationNotAvailableForResourceGroup"),
    ("a subnet that is not there", "networkInterfaces/nic",
     {"properties.ipConfigurations.0.properties.subnet.id":
      NET + "virtualNetworks/net/subnets/other"}, 400, "InvalidResourceReference"),
    ("an interface that is not there", "vm",
     {"properties.networkProfile.networkInterfaces.0.id": NET + "networkInterfaces/other"},
     400, "InvalidResourceReference"),
    ("a size that is none", "vm", {"properties.hardwareProfile.vmSize": "Standard_X"}, 400,
     "InvalidParameter"),
    ("a restricted size", "vm", {"properties.hardwareProfile.vmSize": "Standard_M128s"}, 409,
     "SkuNotAvailable"),
    ("a size without Spot", "vm", {"properties.hardwareProfile.vmSize": "Standard_B2ms"},
     409, "OperationNotAllowed"),
    ("a Premium disk where there is none", "vm",
     {"properties.hardwareProfile.vmSize": "Standard_D16d_v5"}, 400, "InvalidParameter"),
    ("an old size with a new image", "vm",
     {"properties.hardwareProfile.vmSize": "Standard_A1",
      "properties.storageProfile.osDisk.managedDisk": None}, 400, "BadRequest"),
    ("an ARM size with an Intel image", "vm",
     {"properties.hardwareProfile.vmSize": "Standard_D4ps_v5"}, 400, "BadRequest"),
    ("an image that is none", "vm", {"properties.storageProfile.imageReference.sku": "x"},
     404, "PlatformImageNotFound"),
    ("a GPU image without plan", "vm",
     {"properties.storageProfile.imageReference": dict(GPU, version="latest")}, 400,
     "VMMarketplaceInvalidInput"),
    ("a plan without its image", "vm",
     {"plan": {"name": GPU["sku"], "publisher": "nvidia", "product": GPU["offer"]}}, 400,
     "VMMarketplaceInvalidInput"),
    ("a user changed", "vm", {
        "properties.osProfile.adminUsername": "lab",
        "properties.osProfile.linuxConfiguration.ssh.publicKeys.0.path":
        "/home/lab/.ssh/authorized_keys"}, 409, "PropertyChangeNotAllowed"),
]


def test_deed_refusals(azure):
    azure.reset()
    client = Client(azure)
    client.make()
    for name, what, edits, status, code in DEED_REFUSALS:
        body = BODIES[what]
        for field, value in edits.items():
            body = edited(body, field, value)
        refused(name, client.put(what, body), status, code)
    is_(azure.refused(), [], "these have the form")
    for name, path, code in (
            ("a group that is not there", GROUP + "x", "ResourceGroupNotFound"),
            ("another subscription", GROUP.replace("1111", "2222"), "SubscriptionNotFound")):
        refused(name, client.ask("GET", path, form.RESOURCES), 404, code)
    refused("a machine that is not there", client.ask("GET", VM + "x", form.COMPUTE),
            404, "ResourceNotFound")


def test_credentials(azure):
    azure.reset()
    for name, other, status, error in (
            ("a wrong secret", {"client_secret": "x"}, 401, "invalid_client"),
            ("a wrong client", {"client_id": "x"}, 400, "unauthorized_client"),
            ("a wrong tenant", {"tenant": "x"}, 400, "invalid_request"),
            ("another scope", {"scope": "https://x/.default"}, 400, "invalid_scope")):
        words = dict(LOGIN, scope=azure.url + "/.default")
        words.update(other)
        tenant = words.pop("tenant", data.TENANT)
        got, _, body = azure.ask("POST", "/%s/oauth2/v2.0/token" % tenant,
                                 "&".join("%s=%s" % i for i in words.items()), FORM)
        is_((got, body["error"]), (status, error), name + " is refused")
    client = Client(azure)
    azure.act("expire")
    refused("an expired token", client.ask("GET", GROUP, form.RESOURCES), 401,
            "ExpiredAuthenticationToken")
    client.token = client.log_in()
    azure.set(forbidden=True)
    refused("a client without rights", client.ask("GET", GROUP, form.RESOURCES), 403,
            "AuthorizationFailed")


def test_full(azure):
    azure.reset()
    client = Client(azure)
    client.make("vm")
    azure.set(spot_cores=3)
    refused("a machine over the limit", client.put("vm"), 409, "OperationNotAllowed")
    azure.set(spot_cores=200, capacity={"swedencentral Standard_D4ds_v5": "SkuNotAvailable"})
    refused("a machine that is sold out", client.put("vm"), 409, "SkuNotAvailable")
    for code in ("AllocationFailed", "OverconstrainedAllocationRequest"):
        azure.set(capacity={"*": code})
        end = client.finished(client.put("vm"))
        is_((end["status"], end["error"]["code"]), ("Failed", code), code + " comes late")
        is_(azure.table()["machines"][0]["state"], "Failed", "and leaves a failed machine")
    azure.set(capacity={})
    is_(client.finished(client.put("vm"))["status"], "Succeeded", "later there is one")


def test_slow(azure):
    """Asynchronous for real: nothing is there before its operation ended."""
    azure.reset()
    client = Client(azure)
    azure.set(delay_s=1000, retry_after_s=7)
    client.put("group")
    status, headers, body = client.put("publicIPAddresses/ip")
    is_((status, headers["retry-after"], body["properties"]["provisioningState"]),
        (201, "7", "Updating"), "a slow address is accepted")
    url = headers["azure-asyncoperation"][len(azure.url):]
    is_(client.ask("GET", url)[2], {"status": "InProgress"}, "and in progress")
    is_(azure.table()["early"], 1, "asking before Retry-After is noticed")
    refused("what needs it", client.put("networkInterfaces/nic", edited(
        BODIES["networkInterfaces/nic"],
        "properties.ipConfigurations.0.properties.publicIPAddress.id",
        NET + "publicIPAddresses/ip")), 400)
    status, headers, _ = client.ask("DELETE", GROUP, form.RESOURCES)
    where = headers["location"][len(azure.url):]
    is_((status, client.ask("GET", where)[0]), (202, 202), "a slow deletion goes on")
    is_(client.ask("GET", GROUP, form.RESOURCES)[2]["properties"]["provisioningState"],
        "Deleting", "and is seen")
    refused("what would be made in it", client.put("publicIPAddresses/ip2",
            BODIES["publicIPAddresses/ip"]), 409, "ResourceGroupBeingDeleted")
    refused("the group again", client.put("group"), 409, "ResourceGroupBeingDeleted")


def test_faults(azure):
    azure.reset()
    client = Client(azure)
    azure.faults([{"match": "PUT .*/resourcegroups/", "do": "status", "status": 429,
                   "skip": 1, "times": 2, "headers": {"Retry-After": 1},
                   "body": {"error": {"code": "TooManyRequests", "message": "Slow down."}}}])
    is_([client.put("group")[0] for _ in range(5)], [201, 429, 429, 200, 200],
        "a fault comes when and as often as told")
    for do in ("drop", "lose", "cut", "garbage", "repeat", "slow"):
        azure.reset()
        client = Client(azure)
        azure.faults([{"match": "PUT .*/resourcegroups/", "do": do, "delay_s": 0.01}])
        try:
            answer = client.put("group")
        except Exception as e:
            answer = (type(e).__name__, None, None)
        made = azure.table()["made"]
        want = {"drop": ("RemoteDisconnected", 0), "lose": ("RemoteDisconnected", 1),
                "cut": ("IncompleteRead", 1), "garbage": (200, 1), "repeat": (200, 1),
                "slow": (201, 1)}[do]
        is_((answer[0], made), want, "%s does as it says" % do)
    azure.faults([{"match": "PUT .*/publicIPAddresses/", "do": "fail", "code": "Broken"}])
    end = client.finished(client.put("publicIPAddresses/ip"))
    is_((end["status"], end["error"]["code"]), ("Failed", "Broken"), "an operation can fail")
    azure.faults([{"match": "DELETE", "do": "fail", "code": "Locked"}])
    _, headers, _ = client.ask("DELETE", GROUP, form.RESOURCES)
    where = headers["location"][len(azure.url):]
    status, _, body = wait_until("the deletion ends", lambda: (
        lambda a: a if a[0] != 202 else None)(client.ask("GET", where)))
    is_((status, body["error"]["code"]), (409, "Locked"), "so can a deletion")
    is_(client.ask("GET", GROUP, form.RESOURCES)[0], 200, "and the group is still there")
    azure.faults([{"match": "DELETE", "do": "lie"}])
    _, headers, _ = client.ask("DELETE", GROUP, form.RESOURCES)
    wait_until("the deletion ends", lambda: client.ask(
        "GET", headers["location"][len(azure.url):])[0] == 200)
    is_(client.ask("GET", GROUP, form.RESOURCES)[0], 200, "as it is after a lie")


def pages(ask, url, items, following):
    found, n = [], 0
    while url:
        body = ask(url)
        found += body[items]
        url, n = body.get(following), n + 1
    return found, n


def test_lists(azure):
    azure.reset()
    client = Client(azure)
    cut = len(azure.url)
    skus, n = pages(lambda u: client.ask("GET", u[cut:])[2], azure.url + SUB +
                    "/providers/Microsoft.Compute/skus?api-version=2021-07-01&$filter="
                    "location%20eq%20'swedencentral'", "value", "nextLink")
    ok(n > 1 and len(skus) == len(data.skus("swedencentral")), "sizes come in pages")
    is_([s["restrictions"][0]["type"] for s in skus if s["restrictions"]], ["Zone", "Location"],
        "with their restrictions")
    prices, n = pages(lambda u: azure.ask("GET", u[cut:])[2], azure.url + PRICES +
                      "serviceName%20eq%20'Virtual%20Machines'%20and%20armRegionName%20eq%20"
                      "'swedencentral'%20and%20priceType%20eq%20'Consumption'", "Items",
                      "NextPageLink")
    ok(n > 1 and {p["armRegionName"] for p in prices} == {"swedencentral"} and
       {p["type"] for p in prices} == {"Consumption"}, "prices come in pages, as filtered")
    usages, _ = pages(lambda u: client.ask("GET", u[cut:])[2], azure.url + SUB +
                      "/providers/Microsoft.Compute/locations/swedencentral/usages?"
                      "api-version=2022-08-01", "value", "nextLink")
    is_([u["limit"] for u in usages if u["name"]["value"] == "lowPriorityCores"], [200],
        "limits are told")
    body, rows = {"query": QUERY, "options": {"$top": 1}}, []
    while True:
        answer = client.ask("POST", "/providers/Microsoft.ResourceGraph/resources",
                            form.GRAPH, body)[2]
        rows += answer["data"]
        if "$skipToken" not in answer:
            break
        body["options"]["$skipToken"] = answer["$skipToken"]
    is_(rows, [r for r in data.rates() if r["location"] == "swedencentral"],
        "eviction rates come in pages, of the regions asked for")
    for i in range(7):
        client.ask("PUT", GROUP + str(i), form.RESOURCES,
                   {"location": "swedencentral", "tags": {"a": str(i % 2)}})
    groups, n = pages(lambda u: client.ask("GET", u[cut:])[2], azure.url + SUB +
                      "/resourcegroups?api-version=2021-04-01&$top=3&$filter="
                      "tagName%20eq%20'a'%20and%20tagValue%20eq%20'0'", "value", "nextLink")
    is_((len(groups), n), (4, 2), "groups come in pages, by their tag")
    is_(azure.refused(), [], "nothing of this was refused")


def test_events(azure):
    azure.reset()
    ask = lambda: azure.ask("GET", "/metadata/scheduledevents?api-version=2020-07-01",  # noqa
                            None, {"Metadata": "true"})[2]
    is_(ask(), {"DocumentIncarnation": 0, "Events": []}, "a quiet machine has no events")
    azure.act("event", type="Reboot", vm="w1")
    azure.act("evict", vm="w1")
    is_([(e["EventType"], e["Resources"]) for e in ask()["Events"]],
        [("Reboot", ["w1"]), ("Preempt", ["w1"])], "a machine to be taken back is told so")


# ---- OVH

PROJECT = "/1.0/cloud/project/" + ovh_api.PROJECT


def sign(ovh, method, path, at=None, secret=ovh_api.SECRET, body=""):
    at = str(int(time.time()) if at is None else at)
    text = "+".join([secret, ovh_api.CONSUMER, method, ovh.url + path, body, at])
    return {"X-Ovh-Application": ovh_api.KEY, "X-Ovh-Consumer": ovh_api.CONSUMER,
            "X-Ovh-Timestamp": at,
            "X-Ovh-Signature": "$1$" + hashlib.sha1(text.encode()).hexdigest()}


def test_ovh(ovh):
    get = lambda path: ovh.ask("GET", path, None, sign(ovh, "GET", path))  # noqa: E731
    is_(get("/1.0/cloud/project")[2], [ovh_api.PROJECT], "a signed request is answered")
    flavors = get(PROJECT + "/flavor?region=SBG5")[2]
    ok({f["region"] for f in flavors} == {"SBG5"} and "t1-45" not in
       [f["name"] for f in flavors], "flavors of a region")
    is_(get(PROJECT + "/quota")[2][0]["instance"]["maxCores"], 100, "limits")
    is_(get(PROJECT + "/region")[2], list(ovh_api.REGIONS), "regions")
    is_(get(PROJECT + "/region/DE1")[2]["status"], "UP", "one region")
    is_(get(PROJECT)[2]["status"], "ok", "the project")
    catalog = ovh.ask("GET", "/1.0/order/catalog/public/cloud?ovhSubsidiary=FR")[2]
    is_([a["pricings"][0]["price"] for a in catalog["addons"]
         if a["planCode"] == "b2-7.consumption"], [6810000], "prices, for anybody")
    is_(ovh.refused(), [], "nothing of this was refused")
    ovh.set(clock_offset_s=3600)
    at = ovh.ask("GET", "/1.0/auth/time")[2]
    ok(abs(at - time.time() - 3600) < 60, "the clock can be wrong, and is told")
    path = PROJECT + "/region"
    is_(ovh.ask("GET", path, None, sign(ovh, "GET", path, at))[0], 200,
        "who signs with the server's time is answered")
    ovh.set(clock_offset_s=0)


def test_ovh_refusals(ovh):
    path = PROJECT + "/flavor"
    good = sign(ovh, "GET", path)
    now = int(time.time())
    form_rows = [
        ("a path that is none", "GET", "/1.0/cloud/flavors", good, None, 404),
        ("another version", "GET", "/2.0/auth/time", {}, None, 404),
        ("POST of flavors", "POST", path, sign(ovh, "POST", path), None, 405),
        ("a parameter that is none", "GET", path + "?zone=GRA",
         sign(ovh, "GET", path + "?zone=GRA"), None, 400),
        ("a region in small letters", "GET", path + "?region=gra",
         sign(ovh, "GET", path + "?region=gra"), None, 400),
        ("a body", "GET", path, sign(ovh, "GET", path, body="{}"), "{}", 400),
        ("no signature", "GET", path, {}, None, 403),
        ("a part of a signature", "GET", path,
         {k: v for k, v in good.items() if k != "X-Ovh-Consumer"}, None, 403),
        ("a signature of another form", "GET", path,
         dict(good, **{"X-Ovh-Signature": "$2$" + "0" * 40}), None, 400),
        ("a time that is no number", "GET", path,
         dict(good, **{"X-Ovh-Timestamp": "now"}), None, 400),
        ("a signed question for the time", "GET", "/1.0/auth/time",
         sign(ovh, "GET", "/1.0/auth/time"), None, 400),
        ("prices without a subsidiary", "GET", "/1.0/order/catalog/public/cloud", {}, None,
         400),
        ("prices for nobody's subsidiary", "GET",
         "/1.0/order/catalog/public/cloud?ovhSubsidiary=XX", {}, None, 400),
    ]
    for name, method, where, headers, body, status in form_rows:
        before = len(ovh.refused())
        got, _, answer = ovh.ask(method, where, body, headers)
        ok(got == status and "message" in answer and len(ovh.refused()) == before + 1,
           name + " is refused", "%s %r" % (got, answer))
    for name, headers, status, code in (
            ("another application", dict(good, **{"X-Ovh-Application": "x"}), 403,
             "INVALID_KEY"),
            ("another consumer", dict(good, **{"X-Ovh-Consumer": "x"}), 403,
             "INVALID_CREDENTIAL"),
            ("another secret", sign(ovh, "GET", path, secret="x"), 400, "INVALID_SIGNATURE"),
            ("the signature of another path", sign(ovh, "GET", path + "x"), 400,
             "INVALID_SIGNATURE"),
            ("a signature of yesterday", sign(ovh, "GET", path, now - 86400), 400,
             "QUERY_TIME_OUT")):
        got, _, answer = ovh.ask("GET", path, None, headers)
        is_((got, answer["errorCode"]), (status, code), name + " is refused")
    ovh.set(granted=".*/region")
    is_(ovh.ask("GET", path, None, sign(ovh, "GET", path))[2]["errorCode"],
        "NOT_GRANTED_CALL", "a path that the key may not call is refused")
    other = path.replace("0123", "3210")
    ovh.set(granted=".*")
    is_(ovh.ask("GET", other, None, sign(ovh, "GET", other))[0], 404,
        "another project is refused")


def main():
    azure, ovh = Running("azure"), Running("ovh")
    remember(azure)
    remember(ovh)
    for test in (test_accepted, test_form_refusals, test_deed_refusals, test_credentials,
                 test_full, test_slow, test_faults, test_lists, test_events):
        run(test, azure)
    for test in (test_ovh, test_ovh_refusals):
        run(test, ovh)
    done()


main()
