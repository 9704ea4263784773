"""Clouds, played by tests/servers: what a server has to know of them, what there is in
their own tables; and programs in the place of Ansible's and of ssh, for machines that
are only said to be there."""

import os
import sys

from harness import *  # noqa: F403

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "servers"))
import azure_data  # noqa: E402
from mocks import Running  # noqa: E402,F401


# What a machine's worker would do first, done for it: it registers.  It is never heard
# of again, which the server must be given all the time to notice.  A file `fail` beside
# it has it fail, "once …" or "always …", in the words that follow.
PLAYBOOK = """#!/usr/bin/env python3
import hashlib, http.client, json, os, sys
i, inventory, e, variables, playbook = sys.argv[1:]
assert (i, e, variables[0]) == ("-i", "-e", "@"), sys.argv
folder, name = os.path.dirname(sys.argv[0]), os.path.basename(playbook)
with open(variables[1:]) as f:
    v = json.load(f)
v["scitq_host"] = v["scitq_host"]["__ansible_unsafe"]
fail = os.path.join(folder, "fail")
if os.path.exists(fail) and name == "deploy.yml":
    with open(fail) as f:
        how, words = f.read().split(" ", 1)
    if how == "once":
        os.unlink(fail)
    print("fatal: [%s]: %s" % (v["scitq_host"], words))
    sys.exit(2)
if name == "deploy.yml":
    host, port = v["scitq_server"].split("//")[-1].split("/")[0].split(":")
    c = http.client.HTTPConnection(host, int(port), timeout=60)
    c.request("POST", "/workers/register", json.dumps({
        "name": v["scitq_host"], "hostname": v["scitq_host"], "permanent": False,
        "concurrency": v["scitq_concurrency"], "batch": "b",
        "spool": hashlib.md5(v["scitq_host"].encode()).hexdigest()}),
        {"Content-Type": "application/json"})
    answer = c.getresponse()
    if answer.status // 100 != 2:
        print("fatal: %s %s" % (answer.status, answer.read()))
        sys.exit(2)
"""
INVENTORY = """#!/bin/sh
echo '{"ssh_public_key": "%s"}'
"""
# Of the remote side nothing is asked that matters here.
SSH = """#!/bin/sh
exit 0
"""


def stand_ins(folder):
    """Programs in the place of Ansible's and of ssh; the PATH that finds them."""
    key = folder.join("key.pub")
    for name, text in (("ansible-playbook", PLAYBOOK), ("ansible-inventory", INVENTORY % key),
                       ("ssh", SSH), ("key.pub", "ssh-ed25519 %s root@lab" % ("A" * 68)),
                       ("inventory", "")):
        with open(folder.join(name), "w") as f:
            f.write(text)
        os.chmod(folder.join(name), 0o755)
    return folder.path + ":" + os.environ["PATH"]


# ---- clouds, played by tests/servers

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
