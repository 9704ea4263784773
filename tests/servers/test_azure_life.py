"""The mock of Azure misbehaves as ordered: full regions, slow operations, faults; and
tells in pages what there is, and what is to happen to a machine."""

import http.client
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system")]
import azure_data as data  # noqa: E402
import azure_forms as form  # noqa: E402
from azure_client import (  # noqa: E402
    BODIES, GROUP, NET, PRICES, QUERY, SUB, Client, edited, refused)
from mocks import Running  # noqa: E402
from tap import done, is_, ok, remember, run, wait_until  # noqa: E402


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


def test_quiet(azure):
    """What a client that was killed had asked for is done before it is quiet."""
    azure.reset()
    client = Client(azure)
    client.put("group")
    azure.faults([{"match": "DELETE", "do": "slow", "delay_s": 0.5}])
    gone = http.client.HTTPConnection("127.0.0.1", azure.port)
    gone.request("DELETE", "%s?api-version=%s" % (GROUP, form.RESOURCES),
                 headers={"Authorization": "Bearer " + client.token})
    gone.close()
    azure.order("quiet")
    is_([status for method, _, status in azure.log() if method == "DELETE"], [202],
        "a deletion asked for by a client that went is done before it is quiet")


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


def main():
    azure = Running("azure")
    remember(azure)
    for test in (test_full, test_slow, test_faults, test_quiet, test_lists, test_events):
        run(test, azure)
    done()


main()
