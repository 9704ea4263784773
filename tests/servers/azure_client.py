"""For the tests of the mock of Azure: an account, a good body of each kind, a client."""

import copy

import azure_data as data
import azure_forms as form
from tap import ok, wait_until

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


def refused(name, answer, status, code=None):
    got, _, body = answer
    ok(got == status and (not code or body["error"]["code"] == code), name + " is refused",
       "%s %r" % (got, body))
