"""Clouds, played by tests/servers: what a server has to know of them, and what there is
in their own tables."""

import os
import sys

from harness import *  # noqa: F403

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "servers"))
import azure_data  # noqa: E402
from mocks import Running  # noqa: E402,F401


def azure_settings(url, regions):
    settings = {
        "AZURE_SUBSCRIPTION_ID": azure_data.SUBSCRIPTION, "AZURE_TENANT": azure_data.TENANT,
        "AZURE_CLIENT_ID": azure_data.CLIENT, "AZURE_SECRET": azure_data.SECRET,
        "AZURE_REGIONS": regions}
    for place in ("ARM", "LOGIN", "PRICES", "IMDS"):
        settings["AZURE_%s_ENDPOINT" % place] = url
    return settings


def azure_tokens(mock):
    """The token of every machine that there is; all that is billed is in a group."""
    return [(g.get("tags") or {}).get("scitq-token", "nobody's: %s" % g["name"])
            for g in mock.table()["groups"]]


def openstack_settings(url, regions):
    return {"OS_AUTH_URL": url + "/identity/v3", "OS_USERNAME": "user-abc",
            "OS_PASSWORD": "p\\\"a\\\\ss wörd%40", "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_ID": "0123456789abcdef0123456789abcdef", "OVH_REGIONS": regions,
            "OPENSTACK_KEYNAME": "testkey"}


def openstack_tokens(mock):
    return [s["metadata"].get("scitq-token", "nobody's: %s" % s["id"])
            for s in mock.table()["servers"]]
