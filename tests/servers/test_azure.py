"""The mock of Azure accepts what is in the published descriptions and refuses all else,
each refusal with a row here.  Sources: azure_forms.py."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system")]
import azure_data as data  # noqa: E402
import azure_forms as form  # noqa: E402
from azure_client import (  # noqa: E402
    BODIES, FORM, GPU, GROUP, LOGIN, NET, PRICES, QUERY, SUB, VM, Client, edited, refused)
from mocks import Running  # noqa: E402
from tap import done, is_, ok, remember, run, wait_until  # noqa: E402


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


def main():
    azure = Running("azure")
    remember(azure)
    for test in (test_accepted, test_form_refusals, test_deed_refusals, test_credentials):
        run(test, azure)
    done()


main()
