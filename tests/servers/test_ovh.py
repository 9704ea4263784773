"""The mock of OVH's API answers signed requests as published, and refuses all else, each
refusal with a row here.  Sources: ovh.py."""

import hashlib
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system")]
import ovh as ovh_api  # noqa: E402
from mocks import Running  # noqa: E402
from tap import done, is_, ok, remember, run  # noqa: E402


PROJECT = "/1.0/cloud/project/" + ovh_api.PROJECT


def sign(ovh, method, path, at=None, secret=ovh_api.SECRET, body=""):
    at = str(int(time.time()) if at is None else at)
    text = "+".join([secret, ovh_api.CONSUMER, method, ovh.url + path, body, at])
    return {"X-Ovh-Application": ovh_api.KEY, "X-Ovh-Consumer": ovh_api.CONSUMER,
            "X-Ovh-Timestamp": at,
            "X-Ovh-Signature": "$1$" + hashlib.sha1(text.encode()).hexdigest()}


def test_ovh(ovh):
    get = lambda path: ovh.ask("GET", path, None, sign(ovh, "GET", path))  # noqa: E731
    is_(get("/1.0/cloud/project")[2], [ovh_api.PROJECT], "a signed request is answered")
    flavors = get(PROJECT + "/flavor?region=SBG5")[2]
    ok({f["region"] for f in flavors} == {"SBG5"} and "t1-45" not in
       [f["name"] for f in flavors], "flavors of a region")
    is_(get(PROJECT + "/quota")[2][0]["instance"]["maxCores"], 100, "limits")
    is_(get(PROJECT + "/region")[2], list(ovh_api.REGIONS), "regions")
    is_(get(PROJECT + "/region/DE1")[2]["status"], "UP", "one region")
    is_(get(PROJECT)[2]["status"], "ok", "the project")
    catalog = ovh.ask("GET", "/1.0/order/catalog/public/cloud?ovhSubsidiary=FR")[2]
    is_([a["pricings"][0]["price"] for a in catalog["addons"]
         if a["planCode"] == "b2-7.consumption"], [6810000], "prices, for anybody")
    is_(ovh.refused(), [], "nothing of this was refused")
    ovh.set(clock_offset_s=3600)
    at = ovh.ask("GET", "/1.0/auth/time")[2]
    ok(abs(at - time.time() - 3600) < 60, "the clock can be wrong, and is told")
    path = PROJECT + "/region"
    is_(ovh.ask("GET", path, None, sign(ovh, "GET", path, at))[0], 200,
        "who signs with the server's time is answered")
    ovh.set(clock_offset_s=0)


def test_ovh_refusals(ovh):
    path = PROJECT + "/flavor"
    good = sign(ovh, "GET", path)
    now = int(time.time())
    form_rows = [
        ("a path that is none", "GET", "/1.0/cloud/flavors", good, None, 404),
        ("another version", "GET", "/2.0/auth/time", {}, None, 404),
        ("POST of flavors", "POST", path, sign(ovh, "POST", path), None, 405),
        ("a parameter that is none", "GET", path + "?zone=GRA",
         sign(ovh, "GET", path + "?zone=GRA"), None, 400),
        ("a region in small letters", "GET", path + "?region=gra",
         sign(ovh, "GET", path + "?region=gra"), None, 400),
        ("a body", "GET", path, sign(ovh, "GET", path, body="{}"), "{}", 400),
        ("no signature", "GET", path, {}, None, 403),
        ("a part of a signature", "GET", path,
         {k: v for k, v in good.items() if k != "X-Ovh-Consumer"}, None, 403),
        ("a signature of another form", "GET", path,
         dict(good, **{"X-Ovh-Signature": "$2$" + "0" * 40}), None, 400),
        ("a time that is no number", "GET", path,
         dict(good, **{"X-Ovh-Timestamp": "now"}), None, 400),
        ("a signed question for the time", "GET", "/1.0/auth/time",
         sign(ovh, "GET", "/1.0/auth/time"), None, 400),
        ("prices without a subsidiary", "GET", "/1.0/order/catalog/public/cloud", {}, None,
         400),
        ("prices for nobody's subsidiary", "GET",
         "/1.0/order/catalog/public/cloud?ovhSubsidiary=XX", {}, None, 400),
    ]
    for name, method, where, headers, body, status in form_rows:
        before = len(ovh.refused())
        got, _, answer = ovh.ask(method, where, body, headers)
        ok(got == status and "message" in answer and len(ovh.refused()) == before + 1,
           name + " is refused", "%s %r" % (got, answer))
    for name, headers, status, code in (
            ("another application", dict(good, **{"X-Ovh-Application": "x"}), 403,
             "INVALID_KEY"),
            ("another consumer", dict(good, **{"X-Ovh-Consumer": "x"}), 403,
             "INVALID_CREDENTIAL"),
            ("another secret", sign(ovh, "GET", path, secret="x"), 400, "INVALID_SIGNATURE"),
            ("the signature of another path", sign(ovh, "GET", path + "x"), 400,
             "INVALID_SIGNATURE"),
            ("a signature of yesterday", sign(ovh, "GET", path, now - 86400), 400,
             "QUERY_TIME_OUT")):
        got, _, answer = ovh.ask("GET", path, None, headers)
        is_((got, answer["errorCode"]), (status, code), name + " is refused")
    ovh.set(granted=".*/region")
    is_(ovh.ask("GET", path, None, sign(ovh, "GET", path))[2]["errorCode"],
        "NOT_GRANTED_CALL", "a path that the key may not call is refused")
    other = path.replace("0123", "3210")
    ovh.set(granted=".*")
    is_(ovh.ask("GET", other, None, sign(ovh, "GET", other))[0], 404,
        "another project is refused")


def main():
    ovh = Running("ovh")
    remember(ovh)
    for test in (test_ovh, test_ovh_refusals):
        run(test, ovh)
    done()


main()
