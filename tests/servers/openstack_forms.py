"""What the mock of OpenStack accepts (mock.py's language of forms), and what it holds.

Sources, each by the name the forms below cite:

  identity   docs.openstack.org/api-ref/identity/v3, "Password authentication with scoped
             authorization" and "Authenticating with an Application Credential"
  servers    docs.openstack.org/api-ref/compute, "Create server"; the bounds from
             nova/api/openstack/compute/schemas/servers.py, base_create_v242, and
             nova/api/validation/parameter_types.py
  versions   docs.openstack.org/nova/latest/reference/api-microversion-history.html
  glance     docs.openstack.org/api-ref/image/v2, "List images"
  neutron    docs.openstack.org/api-ref/network/v2, "List networks", "List ports" """

import base64

from mock import And, Const, ListOf, MapOf, OneOf, Text

PROJECT = "0123456789abcdef0123456789abcdef"  # as the mock of OVH has it
PROJECT_NAME, USER, PASSWORD = "lab", "user-abc", "p\"a\\ss wörd%40"
USER_ID = "8f2a6c1e0b7d4c3f9e5a1b2c3d4e5f60"
CREDENTIAL, CREDENTIAL_NAME, SECRET = "c0ffee00c0ffee00c0ffee00c0ffee00", "scitq", "s3cr3t-of-app"
KEYPAIR = "testkey"
REGIONS = ["GRA11", "SBG5", "DE1"]
# name: vcpus, RAM in MiB, disk in GiB.
FLAVORS = {"b2-7": (2, 7000, 50), "c2-60": (16, 60000, 400), "r2-240": (16, 240000, 400),
           "i1-45": (8, 45000, 50), "t1-45": (8, 45000, 400), "bm-l1": (32, 128000, 960)}
ABSENT = {("t1-45", "SBG5"), ("bm-l1", "DE1")}
IMAGES = ["Ubuntu 22.04", "Baremetal - Ubuntu 22.04", "NVIDIA GPU Cloud (NGC)", "Debian 12"]
NETWORKS = ["Ext-Net", "Ext-Net-Baremetal"]
ZONES = ["nova"]

ID = Text(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NAME = And(Text(r".{1,255}"), lambda v: "spaces around it" if v != v.strip() else None)

# identity: the domain is named by one of the two.
ONE_OF_TWO = And({"id": Text(".{1,64}"), "name": Text(".{1,255}")},
                 lambda v: None if len(v) == 1 else "either id or name")


def user_rule(v):
    if ("id" in v) == ("name" in v):
        return "either id or name"
    return "a name needs its domain" if "name" in v and "domain" not in v else None


USER_FIELDS = {"id": Text(".{1,64}"), "name": Text(".{1,255}"), "domain": ONE_OF_TWO}


def login_rule(v):
    """methods says which part there is; an application credential has its own scope."""
    identity = v["auth"]["identity"]
    method = identity["methods"][0]
    if method not in identity or len(identity) != 2:
        return "methods and what is given differ"
    if method == "application_credential" and "scope" in v["auth"]:
        return "application credentials cannot request a scope"
    return None


def credential_rule(v):
    if ("id" in v) == ("name" in v):
        return "either id or name"
    return "a name needs its user" if "name" in v and "user" not in v else None


LOGIN = And({"auth!": {
    "identity!": {
        "methods!": ListOf(OneOf("password", "application_credential"), 1, 1),
        "password": {"user!": And({**USER_FIELDS, "password!": str}, user_rule)},
        "application_credential": And({
            "id": Text(".{1,64}"), "name": Text(".{1,255}"), "secret!": str,
            "user": And(USER_FIELDS, user_rule)}, credential_rule)},
    "scope": {"project!": And({"id": Text(".{1,64}"), "name": Text(".{1,255}"),
                               "domain": ONE_OF_TWO}, user_rule)}}}, login_rule)


def base64_rule(v):
    try:
        base64.b64decode(v, validate=True)
    except ValueError:
        return "'%.40s' is not a 'base64'" % v
    return None


METADATA_KEY = Text(r"[a-zA-Z0-9_:. -]{1,255}")


def metadata_rule(v):
    wrong = [k for k in v if not METADATA_KEY.pattern.fullmatch(k)]
    return "%r cannot be a key" % wrong if wrong else None


# servers: from microversion 2.37 on `networks` is required and its uuid is one.
SERVER = {"server!": {
    "name!": NAME, "flavorRef!": Text(".{1,255}"), "imageRef": ID,
    "networks!": ListOf({"uuid": ID, "port": ID, "fixed_ip": str, "tag": str}, 1),
    "key_name": NAME, "availability_zone": NAME,
    "user_data": And(Text(r"[A-Za-z0-9+/=]*", 65535), base64_rule),
    "metadata": And(MapOf(Text(r".{0,255}"), 128), metadata_rule),
    "config_drive": bool, "security_groups": ListOf({"name": NAME}),
    "min_count": Const(1), "max_count": Const(1)}}

NUMBER = Text(r"\d{1,6}")
PAGE = {"limit": NUMBER, "marker": Text(r".{1,255}")}
SERVER_LIST = {**PAGE, "name": str, "status": str, "sort_key": str, "sort_dir": str}
IMAGE_LIST = {"name": str, "status": OneOf("active"), "visibility": str, "limit": NUMBER,
              "marker": ID, "sort": Text(r"[a-z_]+(:(asc|desc))?")}
NETWORK_LIST = {"name": str, "id": ID, "fields": str, "limit": NUMBER}
PORT_LIST = {"device_id": ID, "network_id": ID, "fields": str}
