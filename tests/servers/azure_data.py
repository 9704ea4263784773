"""What the mock of Azure sells: sizes with their capabilities and restrictions, prices,
eviction rates, limits, images.  Names and fields are those of the API's published
descriptions (azure_forms.py has the sources); the figures are near the true ones of
2022 and invented in their detail."""

# Whose account it is.
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
CLIENT = "99999999-8888-7777-6666-555555555555"
SECRET = "sesame~Open.1234567890"

REGIONS = ("francecentral", "northeurope", "swedencentral")
REGION_NAMES = {"francecentral": "FR Central", "northeurope": "EU North",
                "swedencentral": "SE Central"}
FACTORS = {"francecentral": 1.25, "northeurope": 1.1, "swedencentral": 1.0}

# name: family, vCPUs, MemoryGB, MaxResourceVolumeMB, price an hour, more capabilities
SIZES = {
    "Standard_A1": ("standardA0_A7Family", 1, 1.75, 71680, 0.06,
                    {"HyperVGenerations": "V1", "PremiumIO": "False"}),
    "Standard_B2ms": ("standardBSFamily", 2, 8, 16384, 0.0912,
                      {"LowPriorityCapable": "False"}),
    "Standard_D4ds_v5": ("standardDDSv5Family", 4, 16, 153600, 0.23, {}),
    "Standard_D4ps_v5": ("standardDPSv5Family", 4, 16, 0, 0.154,
                         {"CpuArchitectureType": "Arm64", "HyperVGenerations": "V2"}),
    "Standard_D16ds_v5": ("standardDDSv5Family", 16, 64, 614400, 0.92, {}),
    "Standard_D16d_v5": ("standardDDv5Family", 16, 64, 614400, 0.92,
                         {"PremiumIO": "False"}),
    "Standard_E16ds_v5": ("standardEDSv5Family", 16, 128, 614400, 1.208, {}),
    "Standard_F32s_v2": ("standardFSv2Family", 32, 64, 262144, 1.552, {}),
    "Standard_L8s_v3": ("standardLSv3Family", 8, 64, 81920, 0.718,
                        {"NvmeDiskSizeInMiB": "1831055"}),
    "Standard_M128s": ("standardMSFamily", 128, 2048, 4194304, 15.34, {}),
    "Standard_NC4as_T4_v3": ("Standard NCASv3_T4 Family", 4, 28, 184320, 0.631,
                             {"GPUs": "1"}),
    "Standard_NC24ads_A100_v4": ("StandardNCADSA100v4Family", 24, 220, 65536, 4.408,
                                 {"GPUs": "1", "NvmeDiskSizeInMiB": "915527",
                                  "HyperVGenerations": "V2"}),
}
# (size, region): the reason.  A restricted size is listed, with its restriction.
RESTRICTED = {("Standard_M128s", "swedencentral"): "NotAvailableForSubscription",
              ("Standard_NC24ads_A100_v4", "francecentral"): "QuotaId"}
ABSENT = {("Standard_L8s_v3", "northeurope")}  # not sold there at all
# Only in some zones: a restriction that does not touch a machine without a zone.
ZONED = {("Standard_E16ds_v5", "swedencentral"): ("3",)}

EVICTION = {("Standard_D4ds_v5", "swedencentral"): "0-5",
            ("Standard_D4ds_v5", "northeurope"): "5-10",
            ("Standard_D4ds_v5", "francecentral"): "10-15",
            ("Standard_D16ds_v5", "swedencentral"): "15-20",
            ("Standard_D16ds_v5", "francecentral"): "0-5",
            ("Standard_F32s_v2", "swedencentral"): "20+",
            ("Standard_F32s_v2", "northeurope"): "0-5"}

# publisher, offer, sku: generation, has a plan
IMAGES = {("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2"): ("V2", False),
          ("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts"): ("V1", False),
          ("nvidia", "ngc_azure_17_11", "ngc-base-version-24_03_4_gen2"): ("V2", True)}


def capabilities(name):
    _, cpu, ram, temporary, _, more = SIZES[name]
    found = {"MaxResourceVolumeMB": str(temporary), "OSVhdSizeMB": "1047552",
             "vCPUs": str(cpu), "HyperVGenerations": "V1,V2", "MemoryGB": "%g" % ram,
             "MaxDataDiskCount": "8", "CpuArchitectureType": "x64",
             "LowPriorityCapable": "True", "PremiumIO": "True",
             "vCPUsAvailable": str(cpu), "vCPUsPerCore": "2",
             "EphemeralOSDiskSupported": "False",
             "AcceleratedNetworkingEnabled": "True", "RdmaEnabled": "False",
             "MaxNetworkInterfaces": "2"}
    found.update(more)
    return found


def sku(name, region):
    """A row of ResourceSkus_List; None where it is not sold."""
    if (name, region) in ABSENT:
        return None
    restrictions = []
    if (name, region) in RESTRICTED:
        restrictions.append({"type": "Location", "values": [region],
                             "restrictionInfo": {"locations": [region]},
                             "reasonCode": RESTRICTED[name, region]})
    if (name, region) in ZONED:
        restrictions.append({"type": "Zone", "values": [region],
                             "restrictionInfo": {"locations": [region],
                                                 "zones": list(ZONED[name, region])},
                             "reasonCode": "NotAvailableForSubscription"})
    return {"resourceType": "virtualMachines", "name": name, "tier": "Standard",
            "size": name.replace("Standard_", ""), "family": SIZES[name][0],
            "locations": [region],
            "locationInfo": [{"location": region, "zones": ["1", "2", "3"],
                              "zoneDetails": []}],
            "capabilities": [{"name": k, "value": v}
                             for k, v in capabilities(name).items()],
            "restrictions": restrictions}


def skus(region):
    """Disks and availability sets are in the same list."""
    other = {"resourceType": "disks", "name": "Premium_LRS", "tier": "Premium",
             "size": "P10", "locations": [region],
             "locationInfo": [{"location": region, "zones": []}],
             "capabilities": [{"name": "MaxSizeGiB", "value": "128"}], "restrictions": []}
    return [other] + [s for n in SIZES for s in [sku(n, region)] if s]


def price(name, region, kind):
    """What `kind` of a size costs an hour: "", " Spot", " Low Priority"."""
    full = SIZES[name][4] * FACTORS[region]
    return round(full * {"": 1, " Spot": 0.2, " Low Priority": 0.4}[kind], 6)


def price_item(name, region, kind, windows):
    short = name.replace("Standard_", "").replace("_", " ")
    # One is cheaper, so that who takes the cheapest item is found out.
    factor = 1 if not windows else 0.5 if name == "Standard_E16ds_v5" else 1.5
    return {"currencyCode": "USD", "tierMinimumUnits": 0.0,
            "retailPrice": price(name, region, kind) * factor,
            "unitPrice": price(name, region, kind) * factor,
            "armRegionName": region, "location": REGION_NAMES[region],
            "effectiveStartDate": "2022-05-01T00:00:00Z",
            "meterId": "%s-%s%s" % (name, region, kind), "meterName": short + kind,
            "productId": "DZH318Z0BQPS", "skuId": "DZH318Z0BQPS/00TG",
            "productName": "Virtual Machines %s Series%s" % (
                short.split()[0], " Windows" if windows else ""),
            "skuName": short + kind, "serviceName": "Virtual Machines",
            "serviceId": "DZH313Z7MMC8", "serviceFamily": "Compute",
            "unitOfMeasure": "1 Hour", "type": "Consumption",
            "isPrimaryMeterRegion": True, "armSkuName": name}


def price_items():
    items = []
    for region in REGIONS:
        for name in SIZES:
            if (name, region) in ABSENT:
                continue
            for windows in (True, False):
                kinds = ["", " Low Priority"]
                if capabilities(name)["LowPriorityCapable"] == "True":
                    kinds.append(" Spot")
                items += [price_item(name, region, k, windows) for k in kinds]
            reserved = price_item(name, region, "", False)
            reserved.update(type="Reservation", reservationTerm="1 Year",
                            retailPrice=1.0, unitPrice=1.0)
            items.append(reserved)
    other = price_item("Standard_D4ds_v5", "swedencentral", "", False)
    other.update(serviceName="Storage", armSkuName="Premium_LRS")
    return items + [other]


def rates():
    """Rows of SpotResources; the names come in small letters."""
    return sorted(({"skuName": name.lower(), "location": region, "spotEvictionRate": rate}
                   for (name, region), rate in EVICTION.items()),
                  key=lambda r: (r["skuName"], r["location"]))
