"""The forms of what the mock of Azure accepts, each from its published description.

In the repository Azure/azure-rest-api-specs, below specification/:

- resources/resource-manager/Microsoft.Resources/stable/2021-04-01/resources.json
- network/resource-manager/Microsoft.Network/stable/2022-01-01/: virtualNetwork.json,
  publicIpAddress.json, networkSecurityGroup.json, networkInterface.json
- compute/resource-manager/Microsoft.Compute/ComputeRP/stable/2022-08-01/:
  virtualMachine.json, computeRPCommon.json (usages)
- compute/resource-manager/Microsoft.Compute/Skus/stable/2021-07-01/skus.json
- resourcegraph/resource-manager/Microsoft.ResourceGraph/stable/2021-03-01/resourcegraph.json

and the examples beside them.  Other sources are named where they are used.  Fields that
are read-only there (id, provisioningState…) are refused in a request; what a worker has
no use for is left out of the forms, so that it is refused too."""

from mock import And, Const, ListOf, MapOf, OneOf, Text

RESOURCES, NETWORK, COMPUTE = "2021-04-01", "2022-01-01", "2022-08-01"
SKUS, GRAPH, PRICES, EVENTS = "2021-07-01", "2021-03-01", "2023-01-01-preview", "2020-07-01"


def version(v):
    return {"api-version!": Const(v)}


# learn.microsoft.com/azure/azure-resource-manager/management/tag-resources: at most 50,
# a value at most 256 characters.
TAGS = MapOf(Text(".*", 256), 50)
LOCATION = Text("[a-z][a-z0-9]+", 64)
# …/management/resource-name-rules
GROUP_NAME = Text(r"[\w().-]{0,89}[\w()-]", 90)
NAME = Text(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", 80)
CIDR = Text(r"\d{1,3}(\.\d{1,3}){3}/\d{1,2}")
ID = Text(r"/subscriptions/[0-9a-f-]{36}/resource[gG]roups/[^/]+/providers/.+")
REFERENCE = {"id!": ID}

GROUP = {"location!": LOCATION, "tags": TAGS}

NET = {"location!": LOCATION, "tags": TAGS, "properties!": {
    "addressSpace!": {"addressPrefixes!": ListOf(CIDR, 1)},
    "subnets": [{"name!": NAME, "properties!": {
        "addressPrefix!": CIDR, "networkSecurityGroup": REFERENCE}}]}}

# …/virtual-network/ip-services/public-ip-addresses: Standard is always static.
ADDRESS = And({"location!": LOCATION, "tags": TAGS,
               "sku": {"name!": OneOf("Basic", "Standard"),
                       "tier": OneOf("Regional", "Global")},
               "properties!": {
                   "publicIPAllocationMethod": OneOf("Static", "Dynamic"),
                   "publicIPAddressVersion": OneOf("IPv4", "IPv6"),
                   "idleTimeoutInMinutes": int,
                   "deleteOption": OneOf("Delete", "Detach")}},
              lambda v: "a Standard address is Static" if v.get("sku", {}).get("name") ==
              "Standard" and v["properties"].get("publicIPAllocationMethod") != "Static"
              else None)

PORTS = Text(r"\*|\d{1,5}(-\d{1,5})?")
RULE = {"name!": NAME, "properties!": And({
    "description": Text(".*", 140), "protocol!": OneOf("Tcp", "Udp", "Icmp", "Esp", "*", "Ah"),
    "sourcePortRange": PORTS, "destinationPortRange": PORTS,
    "sourceAddressPrefix": str, "destinationAddressPrefix": str,
    "access!": OneOf("Allow", "Deny"), "priority": int,
    "direction!": OneOf("Inbound", "Outbound")},
    lambda v: None if 100 <= v.get("priority", 0) <= 4096
    else "a priority is from 100 to 4096")}
FIREWALL = {"location!": LOCATION, "tags": TAGS, "properties!": {
    "flushConnection": bool, "securityRules": [RULE]}}

INTERFACE = {"location!": LOCATION, "tags": TAGS, "properties!": {
    "enableAcceleratedNetworking": bool, "enableIPForwarding": bool,
    "networkSecurityGroup": REFERENCE,
    "ipConfigurations!": ListOf({"name!": NAME, "properties!": {
        "subnet!": REFERENCE, "publicIPAddress": REFERENCE, "primary": bool,
        "privateIPAllocationMethod": OneOf("Dynamic", "Static"),
        "privateIPAddressVersion": OneOf("IPv4", "IPv6")}}, 1, 1)}}

# virtualMachine.json, OSProfile.adminUsername
FORBIDDEN_USERS = set(
    "administrator admin user user1 test user2 test1 user3 admin1 1 123 a actuser adm "
    "admin2 aspnet backup console david guest john owner root server sql support "
    "support_388945a0 sys test2 test3 user4 user5".split())
USER = And(Text("[a-z_][a-z0-9_-]*", 64), lambda v: "is not allowed as a user"
           if v in FORBIDDEN_USERS else None)
# learn.microsoft.com/azure/virtual-machines/linux/mac-create-ssh-keys: RSA and ED25519.
KEY = Text(r"(ssh-rsa|ssh-ed25519) [A-Za-z0-9+/]{20,}={0,2}( .*)?")
PRIORITY = OneOf("Regular", "Low", "Spot")


def vm_rule(v):
    p = v["properties"]
    if p.get("priority", "Regular") == "Regular" and (
            "evictionPolicy" in p or "billingProfile" in p):
        return "evictionPolicy and billingProfile are for Spot"
    user = p["osProfile"]["adminUsername"]
    for key in p["osProfile"]["linuxConfiguration"]["ssh"]["publicKeys"]:
        if key["path"] != "/home/%s/.ssh/authorized_keys" % user:
            return "the key's path has to be /home/%s/.ssh/authorized_keys" % user
    return None


VM = And({
    "location!": LOCATION, "tags": TAGS,
    "plan": {"name!": str, "publisher!": str, "product!": str, "promotionCode": str},
    "properties!": {
        "hardwareProfile!": {"vmSize!": str},
        "storageProfile!": {
            "imageReference!": {"publisher!": str, "offer!": str, "sku!": str,
                                "version!": str},
            "osDisk!": {"createOption!": Const("FromImage"), "name": NAME,
                        "caching": OneOf("None", "ReadOnly", "ReadWrite"),
                        "managedDisk": {"storageAccountType!": OneOf(
                            "Standard_LRS", "Premium_LRS", "StandardSSD_LRS",
                            "Premium_ZRS", "StandardSSD_ZRS")},
                        "deleteOption": OneOf("Delete", "Detach"), "diskSizeGB": int}},
        "osProfile!": {
            "computerName!": Text(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", 64),
            "adminUsername!": USER,
            "linuxConfiguration!": {
                "disablePasswordAuthentication!": Const(True),
                "ssh!": {"publicKeys!": ListOf({"path!": str, "keyData!": KEY}, 1)}}},
        "networkProfile!": {"networkInterfaces!": ListOf(
            {"id!": ID, "properties": {"primary": bool,
                                       "deleteOption": OneOf("Delete", "Detach")}}, 1, 1)},
        "priority": PRIORITY, "evictionPolicy": OneOf("Deallocate", "Delete"),
        "billingProfile": {"maxPrice": float}}}, vm_rule)

# learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
TOKEN = {"grant_type!": Const("client_credentials"), "client_id!": Text(".+"),
         "client_secret!": Text(".+"), "scope!": Text(r"https?://.+/\.default")}

# The query for eviction rates, as learn.microsoft.com/azure/virtual-machines/spot-vms
# ("Azure Resource Graph") gives it, with or without the choice of sizes.
QUERY = Text(
    r"SpotResources\s*\|\s*where type =~ 'microsoft\.compute/skuspotevictionrate/location'\s*"
    r"(\|\s*where sku\.name in~ \([^)]*\)\s*)?"
    r"(\|\s*where location in~ \((?P<locations>'[a-z0-9]+'(, ?'[a-z0-9]+')*)\)\s*)?"
    r"\|\s*project skuName ?= ?tostring\(sku\.name\), location, "
    r"spotEvictionRate ?= ?tostring\(properties\.evictionRate\)\s*"
    r"\|\s*order by skuName asc, location asc\s*", 20000)
GRAPH_QUERY = {"subscriptions": ListOf(Text("[0-9a-f-]{36}"), 1), "query!": QUERY,
               "options": {"$skipToken": str, "$skip": int,
                           "$top": And(int, lambda v: None if 1 <= v <= 1000
                                       else "is from 1 to 1000"),
                           "resultFormat": OneOf("table", "objectArray")}}

# learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices; values
# are compared in their case since 2023-01-01-preview.
PRICE_FIELDS = ("armRegionName", "location", "meterId", "meterName", "productId", "skuId",
                "productName", "skuName", "serviceName", "serviceId", "serviceFamily",
                "priceType", "armSkuName")
PRICE_TERM = r"(%s) eq '([^']*)'" % "|".join(PRICE_FIELDS)
PRICE_FILTER = Text("%s( and %s)*" % (PRICE_TERM, PRICE_TERM))
