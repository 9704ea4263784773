"""What providers offer, through the tools and the routes: every option of `flavor list`
against an evaluation of the same rules written for the tests (recruit_model.py), every
way to write a wrong protofilter, the updaters, and explicit places beside automatic
ones where a quota is used up."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fleet  # noqa: E402
from harness import *  # noqa: E402,F403
from recruit_model import Offer, fits  # noqa: E402

FLAVORS = {"tiny": (1, 1, 10, 0.1, 0, ""), "small": (2, 4, 20, 0.2, 4, "N"),
           "spot": (8, 32, 100, 0.05, 20, ""), "gpu": (8, 64, 200, 2, 5, "GN"),
           "metal": (32, 256, 2000, 0.15, 0, "M"), "large": (16, 128, 400, 1.5, 0, "")}
REGIONS, QUOTA = ("east", "west"), 16
LIMIT_S = 120
UPDATERS = {name: os.path.join(TOP, "providers", folder, name) for name, folder in (
    ("scitq-azure-updater", "azure"), ("scitq-ovh-updater", "openstack"))}


def new_server(**settings):
    server = Server(
        start=False, LOCAL_WORKER=program("scitq-worker"), LOCAL_QUOTA=QUOTA,
        LOCAL_FLAVORS=" ".join("%s:%g:%g:%g:%g:%g%s" % (
            name, *f[:5], ":" + f[5] if f[5] else "") for name, f in FLAVORS.items()),
        LOCAL_REGIONS=" ".join(REGIONS), PREFERRED_REGIONS="local:w%,ovh:e%",
        SCITQ_PROVIDERS="local=local ovh=local azure=local", WORKER_IDLE_DELAY=3600,
        **settings)
    server.env = {"SCITQ_SUPERVISOR": program("scitq-supervisor")}
    return server.start()


def tool(server, name, *words):
    """(exit code, output) of a tool."""
    path = UPDATERS.get(name) or program(name)
    p = subprocess.run([path, "-s", server.address, *map(str, words)],
                       env=clean_env(PATH=BUILD + ":" + os.environ["PATH"]), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, timeout=LIMIT_S)
    return p.returncode, p.stdout


def offers():
    return [Offer(name, provider, region, *facts)
            for provider in ("azure", "local", "ovh") for region in REGIONS
            for name, facts in FLAVORS.items()]


def wanted(min_cpu=0, min_ram=0, min_disk=0, max_eviction=5, limit=10, provider="auto",
           region="auto", filters=""):
    if "eviction" not in filters:
        filters += "%seviction<=%g" % (":" if filters else "", max_eviction)
    rule = filters if filters.startswith("auto") else "auto:" + filters
    found = [o for o in offers() if fits(rule, o) and o.cpu >= min_cpu and
             o.ram >= min_ram and o.disk >= min_disk and
             provider in ("auto", o.provider) and region in ("auto", o.region)]
    liked = {"local": "w", "ovh": "e"}
    found.sort(key=lambda o: (not o.region.startswith(liked.get(o.provider, "?")),
                              o.cost, o.cpu, o.ram, o.provider, o.region, o.flavor))
    return [(o.flavor, o.provider, o.region) for o in found[:limit]]


LISTS = (
    ((), {}),
    (("--limit", 100), {"limit": 100}),
    (("--limit", 1), {"limit": 1}),
    (("--limit", 0), {"limit": 0}),
    (("--min-cpu", 8, "--limit", 100), {"min_cpu": 8, "limit": 100}),
    (("--min-ram", 100, "--limit", 100), {"min_ram": 100, "limit": 100}),
    (("--min-disk", 200), {"min_disk": 200}),
    (("--min-cpu", 2, "--min-ram", 4, "--min-disk", 100, "--limit", 100),
     {"min_cpu": 2, "min_ram": 4, "min_disk": 100, "limit": 100}),
    (("--max-eviction", 20, "--limit", 100), {"max_eviction": 20, "limit": 100}),
    (("--max-eviction", 0, "--limit", 100), {"max_eviction": 0, "limit": 100}),
    (("-P", "local"), {"provider": "local"}),
    (("-P", "azure", "-r", "west"), {"provider": "azure", "region": "west"}),
    (("-P", "auto", "-r", "auto"), {}),
    (("-r", "east", "--limit", 100), {"region": "east", "limit": 100}),
    (("-P", "nobody"), {"provider": "nobody"}),
    (("--protofilters", "cpu>=8:ram>=64"), {"filters": "cpu>=8:ram>=64"}),
    (("--protofilters", "auto:cpu>=8:ram>=64"), {"filters": "auto:cpu>=8:ram>=64"}),
    (("--protofilters", "tags#M", "--limit", 100), {"filters": "tags#M", "limit": 100}),
    (("--protofilters", "tags!#N:provider==ovh"), {"filters": "tags!#N:provider==ovh"}),
    (("--protofilters", "region~%st:cost<0.2", "--limit", 100),
     {"filters": "region~%st:cost<0.2", "limit": 100}),
    (("--protofilters", "eviction>=6:cpu>2", "--max-eviction", 1),
     {"filters": "eviction>=6:cpu>2"}),
)


def lists():
    with new_server() as server:
        server.api()
        for provider in ("ovh", "azure", "local"):
            code, text = tool(server, "scitq-manage", "flavor", "update", "-P", provider)
            is_(code, 0, "flavor update -P " + provider)
        for options, meaning in LISTS:
            code, text = tool(server, "scitq-manage", "--json", "flavor", "list", *options)
            rows = json.JSONDecoder().raw_decode(text)[0] if code == 0 else text
            is_([(r["name"], r["provider"], r["region"]) for r in rows], wanted(**meaning),
                "flavor list " + " ".join(map(str, options)))
        code, text = tool(server, "scitq-manage", "flavor", "list", "-H", "--limit", 1)
        is_((code, len(text.splitlines())), (0, 1), "without a header")
        refused(server)


# What is wrong, and the words that say so.
TYPOS = (("cores>=10", "cores>=10: one can ask about cpu"),
         ("Cpu>=10", "one can ask about"),
         ("cpu>=10:", "an empty rule"),
         ("cpu >= 10", "without spaces"),
         ("cpu>=10 ram>=4", "10 ram>=4 is not a number"),
         ("cpu=10", "a comparator is one of"),
         ("cpu=>10", "a comparator is one of"),
         ("cpu>=ten", "ten is not a number"),
         ("cpu>=-1", "is not a number"),
         ("cpu>=", "protofilter cpu>=: a number is missing"),
         ("cpu#G", "cpu cannot be compared by #"),
         ("region>=west", "region cannot be compared by >="),
         ("region==we'st", "letters, digits"),
         ("tags#", "letters, digits"),
         (":".join(["cpu>1"] * 17), "at most 16 rules"))


def refused(server):
    """Said in the same words by every tool and route, and nothing is kept of it."""
    api = server.api()
    api.post("/recruiter/", {"batch": "good", "worker_flavor": "tiny",
                             "worker_concurrency": 1})
    place = {"provider": "local", "region": "auto"}
    for typo, words in TYPOS:
        flavor = "auto:" + typo
        for what, answer in (
                ("GET /flavor/", api.get("/flavor/", {"protofilters": typo})),
                ("POST /recruiter/", api.post("/recruiter/", {
                    "batch": "bad", "worker_flavor": flavor, "worker_concurrency": 1})),
                ("PUT /recruiter/good/1", api.put("/recruiter/good/1",
                                                  {"worker_flavor": flavor})),
                ("PUT /workers/deploy", api.put("/workers/deploy",
                                                dict(place, flavor=flavor, batch="b")))):
            ok(answer.status == 400 and words in (answer.message or ""),
               "%s refuses %.20s" % (what, typo), repr(answer))
        for line in (("flavor", "list", "--protofilters", typo),
                     ("recruiter", "create", "-b", "bad", "-C", 1, "-f", flavor),
                     ("recruiter", "update", "-b", "good", "-f", flavor),
                     ("worker", "deploy", "-b", "b", "-P", "local", "-r", "auto", "-f",
                      flavor)):
            code, text = tool(server, "scitq-manage", *line)
            ok(code == 1 and words in text, "%s %s refuses it" % line[:2],
               "%d %s" % (code, text))
    is_([(r["batch"], r["worker_flavor"]) for r in api.get("/recruiter/").json],
        [("good", "tiny")], "no recruiter came or changed")
    is_(api.get("/workers/").json, [], "nor a worker")
    for numbers in ({"tasks_per_worker": 0}, {"worker_concurrency": 0},
                    {"maximum_workers": -1}, {"minimum_tasks": -1}, {"worker_prefetch": -1},
                    {"rank": -1}, {"batch": "a/b"}, {"worker_flavor": ""}):
        answer = api.post("/recruiter/", dict({
            "batch": "bad", "worker_flavor": "tiny", "worker_concurrency": 1}, **numbers))
        ok(answer.status == 400 and list(numbers)[0] in (answer.message or ""),
           "a recruiter with %s" % numbers, repr(answer))


def updaters():
    """Those for cron, under the provider's name."""
    with new_server() as server:
        api = server.api()
        for name in ("ovh", "azure"):
            is_(api.get("/flavor/", {"provider": name, "region": "east"}).status, 200, name)
            code, text = tool(server, "scitq-%s-updater" % name)
            is_(code, 0, "scitq-%s-updater" % name)
            has(text, "%s: %d flavors, %d offers in 2 regions" % (
                name, len(FLAVORS), 2 * len(FLAVORS)), "tells what it found")
            is_(server.sql("select action, target, status from job order by job_id desc "
                           "limit 1"), [["flavor_update", name, "succeeded"]], "as a job")
        server.sql("update flavor set cpu = 77 where provider = 'ovh'")
        tool(server, "scitq-ovh-updater")
        is_(api.get("/flavor/", {"provider": "ovh", "min_cpu": 77}).json, [],
            "what was known is replaced")
        server.settings["SCITQ_PROVIDERS"] = "local=local"
        server.end()
        server.start()
        code, text = tool(server, "scitq-azure-updater")
        is_(code, 1, "an updater of what is no provider")
        has(text, "no provider is called azure", "says so")
        ok(len(server.api().get("/flavor/", {"provider": "azure"}).json) > 0,
           "and takes away nothing")


def quotas():
    """auto passes over where there is no room; what is named is always tried."""
    with new_server() as server:
        api = server.api()

        def deploy(flavor, provider, region):
            """(flavor, region) of the new worker, or the refusal."""
            before = {w["worker_id"] for w in api.get("/workers/").json}
            code, text = tool(server, "scitq-manage", "worker", "deploy", "-f", flavor,
                              "-P", provider, "-r", region, "-b", "b")
            new = [w for w in api.get("/workers/").json if w["worker_id"] not in before]
            return (new[0]["flavor"], new[0]["region"]) if new else text

        def left():
            return {(f["provider"], f["region"]): f["available"]
                    for f in api.get("/flavor/", {"limit": 100}).json
                    if f["provider"] == "local"}
        wait_until("the flavors are known", left, LIMIT_S)
        for flavor, region, got in (
                ("auto:cpu>=8:ram>=64", "auto", ("large", "west")),  # preferred first
                ("auto:cpu>=8:ram>=64", "auto", ("large", "east")),  # west is full
                ("large", "west", ("large", "west")),                # named: tried
                ("auto:cpu>=1", "east", None),
                ("auto:cpu>=1", "auto", None),
                ("tiny", "auto", None),
                ("tiny", "east", ("tiny", "east"))):
            answer = deploy(flavor, "local", region)
            ok(answer == got if got else "no quota has room" in answer,
               "%s in %s: %s" % (flavor, region, got or "no room"), answer)
        is_(left(), {("local", "west"): QUOTA - 32, ("local", "east"): QUOTA - 17},
            "the list tells what is left")
        for w in api.get("/workers/").json:
            api.delete("/workers/%d" % w["worker_id"])
        wait_until("they are gone", lambda: not api.get("/workers/").json, LIMIT_S)
        is_(set(left().values()), {QUOTA}, "and room again when they are gone")


def unpriced():
    """Where no price is known the smallest comes first; GB have one decimal."""
    with fleet.new_server(LOCAL_REGIONS="here",
                          LOCAL_FLAVORS="a:32:25.27651021:270.553174:0:0 "
                          "b:4:16:10:0:0 c:4:8.04:10:0:0") as server:
        def listed():
            return [(f["name"], f["ram"], f["disk"]) for f in
                    server.api().get("/flavor/", {"provider": "local"}).json]
        wait_until("the flavors are known", listed, LIMIT_S)
        is_(listed(), [("c", 8, 10), ("b", 16, 10), ("a", 25.3, 270.6)], "as they fit")


for test in (lists, updaters, quotas, unpriced):
    run(test)
done()
