"""A mock of the OVH API, as much of it as flavors, limits and prices need: ovh.py PORT
serves http://127.0.0.1:PORT/1.0 (OVH_ENDPOINT).

    GET /1.0/auth/time                               the server's clock, for anybody
    GET /1.0/order/catalog/public/cloud?ovhSubsidiary=FR       prices, for anybody
    GET /1.0/cloud/project                           the rest: signed
    GET /1.0/cloud/project/{id}
    GET /1.0/cloud/project/{id}/flavor?region=R
    GET /1.0/cloud/project/{id}/region, …/region/{name}
    GET /1.0/cloud/project/{id}/quota

Sources: the API's own descriptions, api.ovh.com/1.0/cloud.json (cloud.flavor.Flavor,
cloud.quota.Quotas, cloud.project.Region) and …/order.json; how a request is signed, from
the description of Client.call in github.com/ovh/python-ovh (ovh/client.py): X-Ovh-Signature
is "$1$" and the SHA-1 of application secret, consumer key, METHOD, whole URL, body and
server time, joined by "+"; the errors' codes, from its ovh/exceptions.py.  Prices are in
units of 10^-8 of the catalog's currency.

Settings (mock.py): clock_offset_s, how far its clock is from the machine's, so that only
who asks for the time can sign; granted, a regex of the paths that the key may call."""

import hashlib
import re
import time

from mock import Malformed, Mock, OneOf, Refusal, Reply, Route, Text, main

PROJECT = "0123456789abcdef0123456789abcdef"
KEY, SECRET, CONSUMER = "appkey0123456789", "appsecret0123456789abcdef", "consumer0123456789"
TOLERANCE_S = 30
SIGNED = ("X-Ovh-Application", "X-Ovh-Consumer", "X-Ovh-Timestamp", "X-Ovh-Signature")
# cloud.json, order.OvhSubsidiaryEnum of the European API
SUBSIDIARIES = "CZ DE ES EU FI FR GB IE IT LT MA NL PL PT SN TN".split()

# name: vcpus, RAM and disk in GB, type, price an hour in EUR, more of the technical part.
# The API gives the RAM of b2-7 as 7000.
RAM_UNIT = 1000
REGIONS = {"GRA11": "EU", "SBG5": "EU", "DE1": "EU", "BHS5": "NA"}
FLAVORS = {
    "b2-7": (2, 7, 50, "ovh.ssd.eg", 0.0681, {}),
    "c2-60": (16, 60, 400, "ovh.ssd.cpu", 0.8, {}),
    "r2-240": (16, 240, 400, "ovh.ssd.ram", 0.77, {}),
    "i1-45": (8, 45, 50, "ovh.iops", 0.5, {"nvme": (1, 1900)}),
    "t1-45": (8, 45, 400, "ovh.ssd.gpu", 1.8, {"gpu": ("Tesla V100", 1, 16)}),
    "bm-l1": (32, 128, 960, "ovh.baremetal", 1.5, {}),
    "win-b2-7": (2, 7, 50, "ovh.ssd.eg", 0.13, {"os": "windows"}),
}
ABSENT = {("t1-45", "SBG5"), ("bm-l1", "DE1"), ("i1-45", "BHS5")}
UNAVAILABLE = {("r2-240", "DE1")}


def flavor(name, region):
    cpu, ram, disk, kind, _, more = FLAVORS[name]
    return {"id": hashlib.sha1((name + region).encode()).hexdigest()[:32], "name": name,
            "region": region, "vcpus": cpu, "ram": ram * RAM_UNIT, "disk": disk,
            "type": kind, "osType": more.get("os", "linux"), "inboundBandwidth": 250,
            "outboundBandwidth": 250, "available": (name, region) not in UNAVAILABLE,
            "quota": 0 if (name, region) in UNAVAILABLE else 10,
            "planCodes": {"hourly": name + ".consumption", "license": None,
                          "monthly": name + ".monthly.postpaid"},
            "capabilities": [{"name": n, "enabled": True}
                             for n in ("resize", "snapshot", "volume", "failoverip")]}


def addon(name, monthly):
    cpu, ram, disk, _, price, more = FLAVORS[name]
    disks = [{"number": 1, "capacity": disk, "technology": "SSD"}]
    if "nvme" in more:
        disks.append({"number": more["nvme"][0], "capacity": more["nvme"][1],
                      "technology": "NVMe"})
    technical = {"name": name, "cpu": {"cores": cpu, "type": "vCore", "frequency": 2.4},
                 "memory": {"size": ram, "unit": "GB"}, "storage": {"disks": disks},
                 "bandwidth": {"level": 250}, "os": {"family": more.get("os", "linux")}}
    if "gpu" in more:
        model, number, memory = more["gpu"]
        technical["gpu"] = {"model": model, "number": number,
                            "memory": {"size": memory, "interface": "HBM2"}}
    pricing = {"phase": 1, "description": "rental", "commitment": 0, "interval": 1,
               "intervalUnit": "month" if monthly else "hour", "mode": "default",
               "strategy": "tiered", "quantity": {"min": 1, "max": None}, "tax": 0,
               "capacities": ["renew"] if monthly else ["consumption"],
               "type": "rental" if monthly else "consumption", "mustBeCompleted": False,
               "price": round(price * (360 if monthly else 1) * 1e8)}
    return {"planCode": name + (".monthly.postpaid" if monthly else ".consumption"),
            "invoiceName": name, "product": "publiccloud-instance",
            "pricingType": "purchase" if monthly else "consumption",
            "pricings": [pricing], "addonFamilies": [], "configurations": [],
            "blobs": {"commercial": {"brick": "instance", "name": name},
                      "tags": ["active"], "technical": technical}}


class Ovh(Mock):
    settings = {"clock_offset_s": 0, "granted": ".*", "cores": 100, "secret": SECRET}

    def __init__(self, base):
        self.base = base
        super().__init__()

    def start(self):
        pass

    def table(self):
        return {}

    def act(self, order):
        return {"error": "no deed " + str(order.get("do"))}

    def now(self):
        return int(time.time()) + self.set["clock_offset_s"]

    def error(self, e):
        return Reply(e.status, {"errorCode": e.code, "message": e.message,
                                "httpCode": "%d" % e.status, "class": "Client::Error"})

    def unknown_path(self, request):
        return "OBJECT_NOT_FOUND", "Got an invalid (or empty) URL"

    def malformed(self, message):
        raise Malformed(400, "INVALID_ARGUMENT", message)

    def check_headers(self, request, route):
        super().check_headers(request, route)
        given = [h for h in SIGNED if request.headers.get(h)]
        if "signed" in route.flags:
            if len(given) != len(SIGNED):
                raise Malformed(403, "NOT_CREDENTIAL", "You must login first: %s missing" %
                                ", ".join(set(SIGNED) - set(given)))
            if not re.fullmatch(r"\$1\$[0-9a-f]{40}", request.headers["X-Ovh-Signature"]):
                self.malformed("X-Ovh-Signature is not $1$ and 40 hexadecimal digits")
            if not request.headers["X-Ovh-Timestamp"].isdigit():
                self.malformed("X-Ovh-Timestamp is no number")
        elif any(h != "X-Ovh-Application" for h in given):
            self.malformed("%s where nobody signs" % ", ".join(given))

    def authorize(self, request, route):
        if "signed" not in route.flags:
            return
        h = request.headers
        if h["X-Ovh-Application"] != KEY:
            raise Refusal(403, "INVALID_KEY", "This application key is invalid")
        if h["X-Ovh-Consumer"] != CONSUMER:
            raise Refusal(403, "INVALID_CREDENTIAL", "This credential is not valid")
        if abs(int(h["X-Ovh-Timestamp"]) - self.now()) > TOLERANCE_S:
            raise Refusal(400, "QUERY_TIME_OUT", "Query out of time")
        text = "+".join([self.set["secret"], CONSUMER, request.method,
                         self.base + request.target, request.raw.decode(),
                         h["X-Ovh-Timestamp"]])
        if h["X-Ovh-Signature"] != "$1$" + hashlib.sha1(text.encode()).hexdigest():
            raise Refusal(400, "INVALID_SIGNATURE", "Invalid signature")
        if not re.fullmatch(self.set["granted"], request.path):
            raise Refusal(403, "NOT_GRANTED_CALL", "This call has not been granted")

    def project(self, request):
        if request.args["project"] != PROJECT:
            raise Refusal(404, "OBJECT_NOT_FOUND", "This service does not exist")

    def give_time(self, request):
        return Reply(200, self.now())

    def list_projects(self, request):
        return Reply(200, [PROJECT])

    def give_project(self, request):
        self.project(request)
        return Reply(200, {"project_id": PROJECT, "projectName": "lab", "status": "ok",
                           "description": "lab", "planCode": "project.2018",
                           "creationDate": "2022-01-01T00:00:00+00:00"})

    def list_flavors(self, request):
        self.project(request)
        region = request.query.get("region")
        return Reply(200, [flavor(n, r) for r in REGIONS if region in (None, r)
                           for n in FLAVORS if (n, r) not in ABSENT])

    def list_regions(self, request):
        self.project(request)
        return Reply(200, list(REGIONS))

    def give_region(self, request):
        self.project(request)
        name = request.args["region"]
        if name not in REGIONS:
            raise Refusal(404, "OBJECT_NOT_FOUND", "The region %s does not exist" % name)
        return Reply(200, {"name": name, "status": "UP", "type": "region",
                           "continentCode": REGIONS[name], "datacenterLocation": name[:3],
                           "ipCountries": [], "services": [
                               {"name": n, "status": "UP", "endpoint": ""}
                               for n in ("instance", "image", "network")]})

    def list_quotas(self, request):
        self.project(request)
        return Reply(200, [{
            "region": r, "keypair": {"maxCount": 100}, "network": {"maxNetworks": 100},
            "instance": {"maxCores": self.set["cores"], "usedCores": 4, "maxInstances": 20,
                         "usedInstances": 1, "maxRam": 409600, "usedRAM": 7000},
            "volume": {"maxGigabytes": 5120, "usedGigabytes": 0, "maxVolumeCount": 20,
                       "volumeCount": 0}} for r in REGIONS])

    def give_catalog(self, request):
        return Reply(200, {
            "catalogId": 1, "locale": {"currencyCode": "EUR", "taxRate": 20,
                                       "subsidiary": request.query["ovhSubsidiary"]},
            "products": [{"name": "publiccloud-instance", "description": "Instances"}],
            "plans": [{"planCode": "project.2018", "product": "cloud", "addonFamilies": []}],
            "addons": [addon(n, monthly) for n in FLAVORS for monthly in (True, False)] + [
                {"planCode": "volume.classic.consumption", "invoiceName": "volume classic",
                 "product": "publiccloud-volume-classic", "pricingType": "consumption",
                 "pricings": [{"price": 6000, "intervalUnit": "hour", "interval": 1,
                               "capacities": ["consumption"], "type": "consumption"}],
                 "blobs": None}]})


ONE = "/1.0/cloud/project/{project}"
SIGN = ("signed",)
Ovh.routes = [
    Route("GET", "/1.0/auth/time", Ovh.give_time),
    Route("GET", "/1.0/order/catalog/public/cloud", Ovh.give_catalog,
          {"ovhSubsidiary!": OneOf(*SUBSIDIARIES), "productName": Text("cloud")}),
    Route("GET", "/1.0/cloud/project", Ovh.list_projects, flags=SIGN),
    Route("GET", ONE, Ovh.give_project, flags=SIGN),
    Route("GET", ONE + "/flavor", Ovh.list_flavors, {"region": Text(r"[A-Z0-9-]+")},
          flags=SIGN),
    Route("GET", ONE + "/region", Ovh.list_regions, flags=SIGN),
    Route("GET", ONE + "/region/{region}", Ovh.give_region, flags=SIGN),
    Route("GET", ONE + "/quota", Ovh.list_quotas, flags=SIGN),
]

if __name__ == "__main__":
    main(Ovh)
