"""A real OpenStack for the tests, where somebody has one (HACKING.md): its settings, and
its servers, counted by questions of our own.

    SCITQ_TEST_OPENSTACK="FLAVOR REGION [OTHER [HUGE]]"  what to make, where; a flavor
                                                         that it has no room for
    SCITQ_TEST_OPENSTACK_RC=FILE    its openrc; else the environment's OS_*"""

import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request


def lacking():
    """Why it cannot be used, or None."""
    if not os.environ.get("SCITQ_TEST_OPENSTACK"):
        return "no real cloud: SCITQ_TEST_OPENSTACK is not set"
    if os.environ.get("SCITQ_TEST_LONG") != "1":
        return "a real cloud takes minutes: only in the long form"
    return None


def openrc():
    """The variables OS_* and OPENSTACK_* that a shell has after sourcing it."""
    file = os.environ.get("SCITQ_TEST_OPENSTACK_RC")
    text = subprocess.run(["sh", "-c", ". \"$1\" && exec env -0", "sh", file],
                          stdout=subprocess.PIPE, check=True).stdout.decode() if file else \
        "\0".join("%s=%s" % pair for pair in os.environ.items())
    pairs = (line.split("=", 1) for line in text.split("\0") if "=" in line)
    return {k: v for k, v in pairs if k.startswith(("OS_", "OPENSTACK_"))}


def quoted(text):
    """As it stands between quotes in a settings file."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


class Nova:
    site = {}  # what 02-scitq says of it: the key alone

    def __init__(self):
        self.env = openrc()
        words = os.environ["SCITQ_TEST_OPENSTACK"].split()
        self.flavor, self.region = words[0], words[1]
        self.huge = words[3] if len(words) > 3 else None
        self.trust = ssl.create_default_context(cafile=self.env.get("OS_CACERT"))
        self.login()

    def settings(self):
        """For a server's file."""
        return {k: quoted(v) for k, v in self.env.items()
                if k != "OS_REGION_NAME" and not k.startswith("OS_TENANT")}

    def call(self, method, url, body=None, headers=()):
        request = urllib.request.Request(
            url, json.dumps(body).encode() if body else None,
            {"Content-Type": "application/json", **dict(headers)}, method=method)
        with urllib.request.urlopen(request, timeout=600, context=self.trust) as answer:
            return answer.headers, json.loads(answer.read() or b"null")

    def login(self):
        e = self.env
        headers, body = self.call("POST", e["OS_AUTH_URL"] + "/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": e["OS_USERNAME"], "password": e["OS_PASSWORD"],
                "domain": {"name": e.get("OS_USER_DOMAIN_NAME", "Default")}}}},
            "scope": {"project": {"id": e["OS_PROJECT_ID"]}}}})
        self.token, self.user = headers["X-Subject-Token"], body["token"]["user"]["id"]
        self.places = sorted({
            end["url"] for service in body["token"]["catalog"]
            for end in service["endpoints"]
            if service["type"] == "compute" and end["interface"] == "public"})

    def machines(self, owner):
        """The ids of all servers of that owner."""
        found = set()
        for place in self.places:
            url = place + "/servers/detail?limit=1000"
            try:
                answer = self.call("GET", url, None, {"X-Auth-Token": self.token})[1]
            except urllib.error.HTTPError as e:
                if e.code != 401:
                    raise
                self.login()
                answer = self.call("GET", url, None, {"X-Auth-Token": self.token})[1]
            found |= {s["id"] for s in answer["servers"]
                      if s["metadata"].get("scitq-owner") == owner}
        return sorted(found)

    def credential(self):
        """An application credential: (id, name, secret)."""
        url = "%s/users/%s/application_credentials" % (self.env["OS_AUTH_URL"], self.user)
        name = "scitq-test-%d" % os.getpid()
        body = self.call("POST", url, {"application_credential": {"name": name}},
                         {"X-Auth-Token": self.token})[1]["application_credential"]
        return body["id"], name, body["secret"]

    def drop_credential(self, id):
        url = "%s/users/%s/application_credentials/%s" % (self.env["OS_AUTH_URL"],
                                                          self.user, id)
        self.call("DELETE", url, None, {"X-Auth-Token": self.token})
