"""What recruiters have to do, written a second time, from the rules as users know them
and from nothing of the server: which machines there are after each sweep, by name,
flavor and region, for whom they work, and how many tasks they have room for.

A batch's recruiters act in rank order while it has pending tasks.  Wanted are
ceil(pending / tasks_per_worker) workers, maximum_workers at most (0: no limit), if
minimum_tasks are pending; what the batch has already counts, in whatever state.  What
is missing is first taken from batches that have nothing pending: running workers of
the flavor asked for with a free slot and no task of the new batch; what these still run
weighs new / old concurrency from then on.  The rest is deployed where provider and
region are given: the cheapest offer that fits, preferred regions first where a provider
is named, regions whose quota is used up passed over unless both are named."""

import collections
import math
import re

Offer = collections.namedtuple(
    "Offer", "flavor provider region cpu ram disk cost eviction tags")
Recruiter = collections.namedtuple(
    "Recruiter", "batch rank flavor provider region concurrency prefetch "
    "tasks_per_worker minimum maximum")


class Worker:
    """One of a batch; `tasks` are {task_id: (batch, does it run?)} of what it has."""

    def __init__(self, name, batch, offer, concurrency, prefetch=0, permanent=False):
        self.name, self.batch, self.offer = name, batch, offer
        self.concurrency, self.prefetch = concurrency, prefetch
        self.permanent, self.weights, self.tasks = permanent, {}, {}

    def weight(self, batch):
        return self.weights.get(batch, (1, 0))[0]

    def active(self):
        return sum(self.weight(b) if runs else 1 for b, runs in self.tasks.values())

    def room(self):
        """How many more tasks it may be given, each of which weighs 1."""
        return max(0, math.ceil(self.concurrency + self.prefetch - self.active()))

    def is_right(self):
        """Has it been given no more than it may, and runs what it has slots for?"""
        runs = sum(self.weight(b) for b, runs in self.tasks.values() if runs)
        waits = [b for b, runs in self.tasks.values() if not runs]
        own = [b for b, _ in self.tasks.values() if b == self.batch]
        return ((not own or self.active() - 1 < self.concurrency + self.prefetch) and
                (not waits or runs >= self.concurrency))

    def move(self, recruiter):
        """To another batch; its weights as its row then has them."""
        ratio, after = recruiter.concurrency / self.concurrency, {}
        for batch in {b for b, _ in self.tasks.values()}:
            weight, priority = self.weights.get(batch, (1, 0))
            after[batch] = ((ratio, 1) if batch == self.batch else
                            (ratio * weight, priority + 1))
        self.weights, self.batch = after, recruiter.batch
        self.concurrency, self.prefetch = recruiter.concurrency, recruiter.prefetch


# ---- protofilters

_TESTS = {"==": lambda a, b: a == b, "!=": lambda a, b: a != b, ">=": lambda a, b: a >= b,
          ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, "<": lambda a, b: a < b}


def _rule_holds(offer, item, test, value):
    fact = getattr(offer, item)
    if test in ("~", "!~"):
        pattern = ".*".join(re.escape(part) for part in value.split("%"))
        return (re.fullmatch(pattern, fact) is not None) == (test == "~")
    if test == "#":
        return all(letter in fact for letter in value)
    if test == "!#":
        return not any(letter in fact for letter in value)
    return _TESTS[test](fact, value if isinstance(fact, str) else float(value))


def fits(wanted, offer):
    """Is this what `auto:…`, or a name, asks for?"""
    if not wanted.startswith("auto"):
        return offer.flavor == wanted
    rules = [re.fullmatch(r"([a-z]+)(==|!=|>=|>|<=|<|~|!~|#|!#)(.+)", rule).groups()
             for rule in wanted.split(":")[1:]]
    items = [rule[0] for rule in rules]
    if "tags" not in items:
        rules.append(("tags", "!#", "M"))
    if "eviction" not in items:
        rules.append(("eviction", "<=", "5"))
    return all(_rule_holds(offer, *rule) for rule in rules)


# ---- the world

class Model:
    def __init__(self, server, offers, quotas, preferred):
        """quotas: {(provider, region): processors}; preferred: {provider: pattern}."""
        self.server, self.offers = server, offers
        self.quotas, self.preferred = quotas, preferred
        self.recruiters, self.workers = [], []
        self.pending = collections.Counter()
        self.moved, self.deployed, self.passed_over, self.replaced = 0, 0, 0, 0

    def machines(self):
        """What the provider has: {(name, flavor, region)}."""
        return {(w.name, w.offer.flavor, w.offer.region)
                for w in self.workers if not w.permanent}

    def of(self, batch):
        return [w for w in self.workers if w.batch == batch]

    def worker(self, name):
        return next(w for w in self.workers if w.name == name)

    def gone(self, name):
        """Its tasks are pending again."""
        worker = self.worker(name)
        self.workers.remove(worker)
        for batch, _ in worker.tasks.values():
            self.pending[batch] += 1

    def replace(self, name, margin):
        """Its provider takes it back and another comes for it: of the same provider, in
        nothing smaller, no likelier to be taken back, at most `margin` times as dear,
        where there is room; the very same only where there is no other."""
        old, offer = self.worker(name), self.worker(name).offer
        found = [o for o in self.offers if o.provider == offer.provider and
                 min(o.cpu - offer.cpu, o.ram - offer.ram, o.disk - offer.disk) >= 0 and
                 o.eviction <= offer.eviction and o.cost <= margin * offer.cost and
                 set(offer.tags) <= set(o.tags) and ("M" in offer.tags or "M" not in o.tags)
                 and self._left(o) >= o.cpu and o[:3] != offer[:3]]
        self._add(self._best(found, offer.provider) or offer, old.batch, old.concurrency,
                  old.prefetch)
        self.replaced += 1

    def give_back(self):
        """Those that have nothing to do and nothing to come; False: none."""
        idle = [w for w in self.workers
                if not w.permanent and not w.tasks and not self.pending[w.batch]]
        self.workers = [w for w in self.workers if w not in idle]
        return bool(idle)

    def sweep(self):
        """All batches' recruiters act; False when there was nothing to do."""
        acted = False
        for batch in sorted(b for b, n in self.pending.items() if n > 0):
            for recruiter in sorted((r for r in self.recruiters if r.batch == batch),
                                    key=lambda r: r.rank):
                acted = self._act(recruiter) or acted
        return acted

    def _act(self, recruiter):
        pending = self.pending[recruiter.batch]
        if pending < (recruiter.minimum or 0):
            return False
        wanted = -(-pending // recruiter.tasks_per_worker)
        if recruiter.maximum:
            wanted = min(wanted, recruiter.maximum)
        missing = wanted - len(self.of(recruiter.batch))
        before = missing
        for worker in self.workers:
            if missing > 0 and self._can_move(worker, recruiter):
                worker.move(recruiter)
                self.moved += 1
                missing -= 1
        while (missing > 0 and recruiter.provider and recruiter.region and
               self._deploy(recruiter)):
            missing -= 1
        return missing < before

    def _can_move(self, worker, recruiter):
        return (worker.batch != recruiter.batch and self.pending[worker.batch] == 0 and
                recruiter.batch not in [b for b, _ in worker.tasks.values()] and
                fits(recruiter.flavor, worker.offer) and
                worker.active() < worker.concurrency)

    def _deploy(self, recruiter):
        offer = self._choose(recruiter)
        if offer is None:
            return False
        self._add(offer, recruiter.batch, recruiter.concurrency, recruiter.prefetch)
        self.deployed += 1
        return True

    def _add(self, offer, batch, concurrency, prefetch):
        taken = {w.name for w in self.workers}
        number = 1
        while "%s-node%d" % (self.server, number) in taken:
            number += 1
        self.workers.append(Worker("%s-node%d" % (self.server, number), batch, offer,
                                   concurrency, prefetch))

    def _choose(self, recruiter):
        found = [o for o in self.offers
                 if recruiter.provider in ("auto", o.provider) and
                 recruiter.region in ("auto", o.region) and fits(recruiter.flavor, o)]
        named = (not recruiter.flavor.startswith("auto") and
                 "auto" not in (recruiter.provider, recruiter.region))
        if named:
            return found[0]
        roomy = [o for o in found if self._left(o) >= o.cpu]
        self.passed_over += len(roomy) < len(found)
        return self._best(roomy, recruiter.provider)

    def _best(self, offers, provider):
        pattern = self.preferred.get(provider)

        def order(offer):
            liked = pattern and re.fullmatch(pattern.replace("%", ".*"), offer.region)
            return (0 if liked else 1, offer.cost)
        return min(offers, key=order, default=None)

    def _left(self, offer):
        used = sum(w.offer.cpu for w in self.workers if not w.permanent and
                   (w.offer.provider, w.offer.region) == (offer.provider, offer.region))
        return self.quotas.get((offer.provider, offer.region), math.inf) - used
