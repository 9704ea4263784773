"""What the mock of Azure tells of its sizes, limits, eviction rates and prices, page by
page."""

import re

import azure_data as data
import azure_forms as form
from azure_data import SUBSCRIPTION
from mock import Refusal, Reply


class Sales:
    def list_skus(self, request):
        asked = re.fullmatch("location eq '([a-z0-9]+)'", request.query.get("$filter", ""))
        if "$filter" in request.query and not asked:
            self.malformed("$filter: " + request.query["$filter"])
        regions = [asked[1]] if asked else data.REGIONS
        return self.page(request, [s for r in regions if r in data.REGIONS
                                   for s in data.skus(r)], "$skiptoken")

    def list_usages(self, request):
        region = request.args["location"]
        if region not in data.REGIONS:
            raise Refusal(400, "NoRegisteredProviderFound", "No registered resource provider "
                          "found for location '%s' and API version." % region)

        def row(name, said, used, limit):
            return {"unit": "Count", "currentValue": used, "limit": limit,
                    "name": {"value": name, "localizedValue": said}}
        return self.page(request, [
            row("availabilitySets", "Availability Sets", 0, 2500),
            row("cores", "Total Regional vCPUs", self.used(region, False), self.set["cores"]),
            row("virtualMachines", "Virtual Machines", len(self.machines()), 25000),
            row("standardDDSv5Family", "Standard DDSv5 Family vCPUs", 0, 100),
            row("standardFSv2Family", "Standard FSv2 Family vCPUs", 0, 100),
            row("lowPriorityCores", "Total Regional Spot vCPUs", self.used(region, True),
                self.set["spot_cores"])], "$skiptoken")

    def query_graph(self, request):
        body, options = request.body, request.body.get("options", {})
        if SUBSCRIPTION not in body.get("subscriptions", [SUBSCRIPTION]):
            raise Refusal(403, "AccessDenied", "No access to the subscriptions asked for.")
        asked = form.QUERY.pattern.fullmatch(body["query"])["locations"]
        rows = [r for r in data.rates() if not asked or "'%s'" % r["location"] in asked]
        at = int(options.get("$skipToken", options.get("$skip", 0)))
        size = min(options.get("$top", 100), self.set["page_size"])
        reply = {"totalRecords": len(rows), "count": len(rows[at:at + size]),
                 "resultTruncated": "false", "facets": [], "data": rows[at:at + size]}
        if at + size < len(rows):
            reply["$skipToken"] = str(at + size)
        return Reply(200, reply)

    def list_prices(self, request):
        terms = re.findall(form.PRICE_TERM, request.query.get("$filter", ""))
        found = [i for i in data.price_items() if all(
            i["type" if k == "priceType" else k] == v for k, v in terms)]
        at, size = int(request.query.get("$skip", 0)), self.set["page_size"] * 4
        more = at + size < len(found)
        return Reply(200, {
            "BillingCurrency": "USD", "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail", "Items": found[at:at + size],
            "Count": len(found[at:at + size]),
            "NextPageLink": self.next_link(request, {"$skip": str(at + size)})
            if more else None})
