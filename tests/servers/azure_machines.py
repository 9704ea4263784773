"""Virtual machines in the mock of Azure: what it checks before it makes one (size, image
and plan, interface, limits, capacity), and how one is told."""

import copy
import time
import uuid

import azure_data as data
import azure_forms as form
from mock import Refusal, Reply

CAPACITY = {
    "SkuNotAvailable": "The requested VM size for resource 'Following SKUs have failed for "
    "Capacity Restrictions: %s' is currently not available in location '%s'. Please try "
    "another size or deploy to a different location or different zone. See "
    "https://aka.ms/azureskunotavailable for details.",
    "AllocationFailed": "Allocation failed. We do not have sufficient capacity for the "
    "requested VM size in this region (%s, %s).",
    "OverconstrainedAllocationRequest": "Allocation failed. VM(s) with the following "
    "constraints cannot be allocated, because the condition is too restrictive (%s, %s)."}



class Machines:
    def put_vm(self, request):
        g, body = self.group(request, changing=True), request.body
        p, region = body["properties"], body["location"]
        self.known_location(region)
        size = p["hardwareProfile"]["vmSize"]
        old = g["resources"].get(self.resource_id(request, g).lower())
        if old and old["properties"]["osProfile"] != p["osProfile"]:
            raise Refusal(409, "PropertyChangeNotAllowed",
                          "Changing property 'osProfile' is not allowed.")
        self.check_size(size, region, p)
        self.check_image(size, body)
        self.check_attached(p, self.resource_id(request, g))
        if not (old and old["properties"].get("provisioningState") == "Succeeded"):
            self.check_quota(size, region, p.get("priority", "Regular"))
        late = self.check_capacity(size, region)
        vm_id = str(uuid.uuid4())

        def finish(r):
            if late:
                r["properties"]["provisioningState"] = "Failed"
                r["power"] = "PowerState/deallocated"
                return late
            r["power"] = "PowerState/running"
            return None
        reply, key = self.put_resource(request, g, "Microsoft.Compute/virtualMachines",
                                       {"vmId": vm_id, "timeCreated": time.strftime(
                                           "%Y-%m-%dT%H:%M:%S.0000000+00:00", time.gmtime())},
                                       finish, "Creating")
        self.make_disk(g, body, request.args["name"])
        reply.headers = self.operation_headers(
            "providers/Microsoft.Compute/locations/%s/operations" % region, key,
            form.COMPUTE)
        return reply

    def make_disk(self, g, body, name):
        """The disk comes with the machine, and stays when only the machine goes."""
        disk = body["properties"]["storageProfile"]["osDisk"].get("name", name + "_disk")
        id = "%s/providers/Microsoft.Compute/disks/%s" % (g["id"], disk)
        g["resources"].setdefault(id.lower(), {
            "id": id, "name": disk, "type": "Microsoft.Compute/disks",
            "properties": {"provisioningState": "Succeeded"}})

    def check_size(self, size, region, p):
        sku = data.sku(size, region) if size in data.SIZES else None
        if not sku:
            raise Refusal(400, "InvalidParameter", "The value %s provided for the VM size is "
                          "not valid. The valid sizes in the current region are: %s." % (
                              size, ",".join(s for s in data.SIZES if data.sku(s, region))))
        if any(r["type"] == "Location" for r in sku["restrictions"]):
            raise Refusal(409, "SkuNotAvailable",
                          CAPACITY["SkuNotAvailable"] % (size, region))
        can = data.capabilities(size)
        if p.get("priority") == "Spot" and can["LowPriorityCapable"] != "True":
            raise Refusal(409, "OperationNotAllowed", "The requested VM size %s does not "
                          "support Spot priority." % size)
        disk = p["storageProfile"]["osDisk"].get("managedDisk", {})
        if disk.get("storageAccountType", "").startswith("Premium") and \
                can["PremiumIO"] != "True":
            raise Refusal(400, "InvalidParameter", "Requested operation cannot be performed "
                          "because the VM size %s does not support the storage account type "
                          "%s." % (size, disk["storageAccountType"]))

    def check_image(self, size, body):
        image = body["properties"]["storageProfile"]["imageReference"]
        known = data.IMAGES.get((image["publisher"].lower(), image["offer"].lower(),
                                 image["sku"].lower()))
        if not known or image["version"] != "latest":
            raise Refusal(404, "PlatformImageNotFound", "The platform image '%s:%s:%s:%s' is "
                          "not available. Verify that all fields in the storage profile are "
                          "correct." % (image["publisher"], image["offer"], image["sku"],
                                        image["version"]))
        generation, has_plan = known
        if generation not in data.capabilities(size)["HyperVGenerations"].split(","):
            raise Refusal(400, "BadRequest", "The selected VM size '%s' cannot boot "
                          "Hypervisor Generation '%s'." % (size, generation[1:]))
        if data.capabilities(size)["CpuArchitectureType"] != "x64":
            raise Refusal(400, "BadRequest", "Cannot create a VM of size '%s' because this VM "
                          "size only supports a CPU Architecture of 'Arm64', but an image "
                          "with CPU Architecture 'x64' was given." % size)
        plan = body.get("plan")
        if has_plan != bool(plan) or plan and (
                plan["publisher"], plan["product"], plan["name"]) != (
                image["publisher"], image["offer"], image["sku"]):
            raise Refusal(400, "VMMarketplaceInvalidInput", "Creating a virtual machine from "
                          "Marketplace image or a custom image sourced from a Marketplace "
                          "image requires Plan information in the request.")
        if plan and not self.set["plan_accepted"]:
            raise Refusal(400, "MarketplacePurchaseEligibilityFailed", "Marketplace purchase "
                          "eligibilty check returned errors: you have not accepted the legal "
                          "terms on this subscription for this plan.")

    def check_attached(self, p, id):
        nic = p["networkProfile"]["networkInterfaces"][0]["id"]
        self.needed(nic, "networkInterfaces")
        for other in self.machines():
            if other["id"].lower() != id.lower() and \
                    other["properties"]["networkProfile"]["networkInterfaces"][0][
                        "id"].lower() == nic.lower():
                raise Refusal(409, "NicInUse", "Network Interface %s is used by existing "
                              "resource %s." % (nic, other["id"]))

    def machines(self):
        return [r for g in self.groups.values() for r in g["resources"].values()
                if r["type"] == "Microsoft.Compute/virtualMachines"]

    def used(self, region, spot):
        return sum(data.SIZES[r["properties"]["hardwareProfile"]["vmSize"]][1]
                   for r in self.machines()
                   if r["location"] == region and
                   (r["properties"].get("priority") == "Spot") == spot and
                   r["properties"]["provisioningState"] != "Failed" and
                   r.get("power") != "PowerState/deallocated")

    def check_quota(self, size, region, priority):
        spot = priority == "Spot"
        name, limit = ("LowPriorityCores", self.set["spot_cores"]) if spot else (
            "Total Regional Cores", self.set["cores"])
        more, used = data.SIZES[size][1], self.used(region, spot)
        if used + more > limit:
            raise Refusal(409, "OperationNotAllowed", "Operation could not be completed as "
                          "it results in exceeding approved %s quota. Additional details - "
                          "Deployment Model: Resource Manager, Location: %s, Current Limit: "
                          "%d, Current Usage: %d, Additional Required: %d, (Minimum) New "
                          "Limit Required: %d." % (name, region, limit, used, more,
                                                   used + more))

    def check_capacity(self, size, region):
        """None, or the error that the operation will end with."""
        capacity = self.set["capacity"]
        code = capacity.get("%s %s" % (region, size), capacity.get("*"))
        if not code:
            return None
        message = CAPACITY[code] % (size, region)
        if code == "SkuNotAvailable":
            raise Refusal(409, code, message)
        return {"code": code, "message": message}

    def get_vm(self, request):
        r = copy.deepcopy(self.resource(request))
        power = r.pop("power", None)
        if request.query.get("$expand") == "instanceView":
            state = r["properties"]["provisioningState"]
            statuses = [{"code": "ProvisioningState/" + state.lower(), "level": "Info",
                         "displayStatus": state}]
            if power:
                statuses.append({"code": power, "level": "Info", "displayStatus": power})
            r["properties"]["instanceView"] = {"statuses": statuses}
        return Reply(200, r)
