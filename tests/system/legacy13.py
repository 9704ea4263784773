"""Databases as scitq 1.3 made them, at each revision of its schema, in SQLite or
PostgreSQL.

Source of tables, columns and revisions: a description of 1.3's databases; types and
trigger as SQLAlchemy wrote them for each engine."""

import hashlib
import sqlite3

BASE, HEAD = 0, 6
REVISIONS = (None, "00ca4479c7e1", "c225e89357b9", "740850a52979", "2be1e584707d",
             "bc1934d5d8d4", "c924c0681070")
OPTIONAL = ("job", "recruiter", "region", "flavor", "flavormetrics", "flavorstats")

# table: (column, type, since, constraint); ! is not null.
TABLES = {
    "worker": [
        ("worker_id", "serial", 0), ("name", "str!", 0), ("hostname", "str", 0),
        ("status", "str!", 0), ("concurrency", "int!", 0), ("prefetch", "int", 0),
        ("load", "str", 0), ("memory", "str", 0), ("stats", "str", 0),
        ("task_properties", "str", 1), ("creation_date", "ts", 0),
        ("modification_date", "ts", 0), ("last_contact_date", "ts", 0),
        ("batch", "str!", 0), ("idle_callback", "str", 0), ("permanent", "bool", 3),
        ("flavor", "str", 1), ("region", "str", 1), ("provider", "str", 1),
        ("ipv4", "str", 4), ("ipv6", "str", 4), ("ansible_host", "str", 4),
        ("ansible_group", "str", 4), ("ansible_active", "bool", 4)],
    "task": [
        ("task_id", "serial", 0), ("name", "str", 0), ("command", "str!", 0),
        ("status", "str!", 0), ("creation_date", "ts!", 0), ("modification_date", "ts", 0),
        ("batch", "str!", 0), ("input", "str", 0), ("output", "str", 0),
        ("container", "str", 0), ("container_options", "str", 0), ("resource", "str", 0),
        ("retry", "int!", 1), ("status_date", "ts", 2), ("download_timeout", "int", 2),
        ("run_timeout", "int", 2), ("use_cache", "bool", 5)],
    "execution": [
        ("execution_id", "serial", 0), ("worker_id", "int", 0, "worker (worker_id)"),
        ("task_id", "int!", 0, "task (task_id)"), ("status", "str!", 0),
        ("creation_date", "ts!", 0), ("modification_date", "ts", 0), ("output", "text", 0),
        ("error", "text", 0), ("return_code", "int", 0), ("pid", "str", 0),
        ("output_files", "str", 0), ("command", "str", 0), ("container", "str", 5),
        ("container_options", "str", 5), ("input", "str", 5), ("output_folder", "str", 5),
        ("resource", "str", 5), ("input_hash", "str", 5), ("output_hash", "str", 5),
        ("latest", "bool", 0)],
    "signal": [
        ("signal_id", "serial", 0), ("execution_id", "int", 0, "execution (execution_id)"),
        ("worker_id", "int", 0, "worker (worker_id)"), ("signal", "int!", 0)],
    "requirement": [
        ("requirement_id", "serial", 0), ("task_id", "int!", 0, "task (task_id)"),
        ("other_task_id", "int!", 0, "task (task_id)")],
    "job": [
        ("job_id", "serial", 0), ("target", "str", 0), ("action", "str", 0),
        ("args", "json", 0), ("retry", "int", 0), ("status", "str", 0), ("log", "text", 0),
        ("creation_date", "now", 0), ("modification_date", "ts", 0),
        ("progression", "smallint", 6)],
    "recruiter": [
        ("batch", "str!", 0), ("rank", "int!", 0), ("tasks_per_worker", "int!", 0),
        ("worker_flavor", "str!", 0), ("worker_region", "str", 0),
        ("worker_provider", "str", 0), ("worker_concurrency", "int!", 0),
        ("worker_prefetch", "int!", 0), ("minimum_tasks", "int", 0),
        ("maximum_workers", "int", 0)],
    "region": [("name", "str!", 0), ("provider", "str!", 0)],
    "flavor": [
        ("name", "str!", 0), ("provider", "str!", 0), ("cpu", "int!", 0),
        ("ram", "float!", 0), ("disk", "float!", 0), ("bandwidth", "float", 0),
        ("gpu", "str", 0), ("gpumem", "float", 0), ("tags", "str", 0)],
    "flavormetrics": [
        ("flavor_name", "str!", 0), ("provider", "str!", 0), ("region_name", "str!", 0),
        ("cost", "float!", 0), ("eviction", "int", 0)],
    "flavorstats": [
        ("flavor_name", "str!", 0), ("provider", "str!", 0), ("region_name", "str!", 0),
        ("rank", "int!", 0), ("failure_rate", "float", 0), ("eviction_rate", "float", 0),
        ("event_number", "int", 0)],
}
KEYS = {"recruiter": "batch, rank", "region": "name, provider", "flavor": "name, provider",
        "flavormetrics": "flavor_name, provider, region_name",
        "flavorstats": "flavor_name, provider, region_name, rank"}
TYPES = {
    "sqlite": {"serial": "INTEGER NOT NULL PRIMARY KEY", "str": "VARCHAR", "int": "INTEGER",
               "ts": "DATETIME", "bool": "BOOLEAN", "text": "TEXT", "json": "JSON",
               "now": "DATETIME DEFAULT CURRENT_TIMESTAMP", "smallint": "SMALLINT",
               "float": "FLOAT"},
    "postgresql": {"serial": "SERIAL PRIMARY KEY", "str": "VARCHAR", "int": "INTEGER",
                   "ts": "TIMESTAMP WITHOUT TIME ZONE", "bool": "BOOLEAN", "text": "TEXT",
                   "json": "JSON", "now": "TIMESTAMP WITHOUT TIME ZONE DEFAULT now()",
                   "smallint": "SMALLINT", "float": "FLOAT"},
}
MAY_BE_NULL_AT_BASE = (("task", "batch"), ("worker", "batch"), ("worker", "concurrency"))
TRIGGERS = {
    "sqlite": [
        "create trigger is_latest before insert on execution begin update execution set "
        "latest = false where task_id = new.task_id and latest; end"],
    "postgresql": [
        "create function render_obsolete() returns trigger language plpgsql as $$ begin "
        "update execution set latest = false where task_id = new.task_id and latest; "
        "return new; end $$",
        "create trigger is_latest before insert on execution for each row "
        "execute procedure render_obsolete()"],
}


def columns(table, revision):
    """Of `table` at `revision`: (name, type, …)."""
    if table == "worker" and revision >= 3:
        return [c for c in TABLES[table] if c[2] <= revision and c[0] != "idle_callback"]
    return [c for c in TABLES[table] if c[2] <= revision]


def statements(engine, revision, migrated, optional):
    """What makes the tables.  `migrated`: once made at base and brought forward since,
    so that newer columns stand last and the revision is noted."""
    for table in TABLES:
        if table in OPTIONAL and not optional:
            continue
        found = columns(table, revision)
        if migrated:
            found = sorted(found, key=lambda c: c[2])
        words = []
        for name, kind, _, *reference in found:
            word = '"%s" %s' % (name, TYPES[engine][kind.rstrip("!")])
            if kind.endswith("!") and not (
                    revision == BASE and (table, name) in MAY_BE_NULL_AT_BASE):
                word += " NOT NULL"
            if name == "task_properties" and migrated:
                word += " DEFAULT '{}' NOT NULL"
            words.append(word)
            for other in reference:
                words.append("FOREIGN KEY(%s) REFERENCES %s" % (name, other))
        if table in KEYS:
            words.append("PRIMARY KEY (%s)" % KEYS[table])
        words.sort(key=lambda w: w.startswith(("FOREIGN", "PRIMARY")))
        yield "CREATE TABLE %s (%s)" % (table, ", ".join(words))
    if revision >= 5:
        yield "CREATE INDEX ix_execution_input_hash ON execution (input_hash)"
    yield from TRIGGERS[engine]
    if migrated:
        yield "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"
        if REVISIONS[revision]:
            yield "INSERT INTO alembic_version VALUES ('%s')" % REVISIONS[revision]


D = "2023-0%d-11 12:34:56.%06d"
OUTPUTS = (None, "", "plain\n", "é — 日本語 🧬\n", "it's \"quoted\" \\ 100%\n", "x" * 70000)
STATUSES = ("pending", "waiting", "accepted", "running", "failed", "succeeded", "paused",
            "stopped")


def rows(revision):
    """table: dictionaries, odd ones; two tasks of pending and waiting are left to run."""
    old = revision == BASE
    yield "worker", [
        dict(name="node%d" % i, hostname=("h", None)[i % 2], status=status,
             concurrency=None if old and i == 1 else i, prefetch=(None, 0, 3)[i % 3],
             load=(None, "0.1\u2193 / 0.0")[i % 2], memory=(None, "12.5")[i % 2],
             stats=(None, '{"load": "0.1 0.1 0.1"}')[i % 2],
             task_properties=("{}", '{"Default": [0.5, 1]}')[i % 2],
             creation_date=D % (1, i), modification_date=None,
             last_contact_date=(None, D % (2, 0))[i % 2],
             batch=None if old and i == 2 else ("Default", "été")[i % 2],
             idle_callback="cmd", permanent=(None, True, False)[i % 3],
             flavor=(None, "b2-7")[i % 2], region=(None, "GRA11")[i % 2],
             provider=(None, "manual")[i % 2], ipv4=(None, "10.0.0.1")[i % 2], ipv6=None,
             ansible_host=(None, "node1")[i % 2], ansible_group=(None, "workers")[i % 2],
             ansible_active=(None, True)[i % 2])
        for i, status in enumerate(("running", "paused", "offline", "running", "failed"))]
    yield "task", [
        dict(name=(None, "nom d'été", "a")[i % 3], command="echo %d 'x y' \"é\"" % i,
             status=status, creation_date=D % (1, i), modification_date=D % (3, i),
             batch=None if old and i % 5 == 0 else ("Default", "été", "lab")[i % 3],
             input=(None, "", "s3://b/x s3://b/y")[i % 3], output=(None, "s3://b/o/")[i % 2],
             container=(None, "debian")[i % 2], container_options=(None, "--net=host")[i % 2],
             resource=None, retry=i % 4, status_date=(None, D % (3, 0))[i % 2],
             download_timeout=(None, 60)[i % 2], run_timeout=(None, 3600)[i % 2],
             use_cache=(None, False)[i % 2])
        for i, status in enumerate(STATUSES * 3)]
    yield "execution", [
        dict(worker_id=(None, 1, 2, 4)[i % 4], task_id=i % 24 + 1,
             status=("failed", "succeeded")[i % 2], creation_date=D % (2, i),
             modification_date=(None, D % (3, i))[i % 2], output=OUTPUTS[i % 6],
             error=OUTPUTS[(i + 3) % 6], return_code=(None, 0, 1, -9)[i % 4],
             pid=(None, "1234", "c0ffee0123")[i % 3], output_files=(None, "", "a b/c")[i % 3],
             command=(None, "echo")[i % 2], container=None, container_options=None,
             input=(None, "s3://b/x")[i % 2], output_folder=None, resource=None,
             input_hash=(None, "%032x" % i)[i % 2], output_hash=None, latest=i >= 24)
        for i in range(48)]
    yield "signal", [dict(execution_id=(None, 3)[i % 2], worker_id=i % 3 + 1, signal=9)
                     for i in range(4)]
    yield "requirement", [dict(task_id=2, other_task_id=6), dict(task_id=2, other_task_id=6),
                          dict(task_id=10, other_task_id=5)]
    yield "job", [dict(target="node%d" % i, action=("worker_deploy", "worker_destroy")[i % 2],
                       args=("{}", '{"concurrency": 2}')[i % 2], retry=2,
                       status=("succeeded", "failed")[i % 2], log=(None, "é\n")[i % 2],
                       creation_date=D % (1, 0), modification_date=None,
                       progression=(None, 100)[i % 2]) for i in range(3)]
    yield "recruiter", [dict(batch="lab", rank=1, tasks_per_worker=2,
                             worker_flavor="auto:cpu>=2", worker_concurrency=2,
                             worker_prefetch=0, minimum_tasks=None, maximum_workers=3)]
    yield "region", [dict(name="GRA11", provider="ovh")]
    yield "flavor", [dict(name="b2-7", provider="ovh", cpu=2, ram=7.0, disk=50.5,
                          bandwidth=None, gpu=None, gpumem=None, tags="N")]
    yield "flavormetrics", [dict(flavor_name="b2-7", provider="ovh", region_name="GRA11",
                                 cost=0.0681, eviction=None)]
    yield "flavorstats", [dict(flavor_name="b2-7", provider="ovh", region_name="GRA11",
                               rank=1, failure_rate=0.5, eviction_rate=None,
                               event_number=3)]


def literal(value):
    if value is None:
        return "null"
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    return "'%s'" % value.replace("'", "''")


class Database:
    """One of 1.3's.  `run`: executes SQL and gives rows; see of()."""

    def __init__(self, engine, run, revision=HEAD, migrated=True, optional=True):
        self.engine, self.run, self.revision = engine, run, revision
        self.tables = [t for t in TABLES if optional or t not in OPTIONAL]
        run(";\n".join(statements(engine, revision, migrated, optional)))

    @classmethod
    def of(cls, server, postgres, **how):
        """In the database that `server` (a harness.Server not started) will use."""
        if server.db == "postgresql":
            return cls("postgresql", lambda sql: postgres.sql(sql, server.uri), **how)
        path = server.folder.join("scitq.db")

        def run(sql):
            db = sqlite3.connect(path)
            try:
                if sql.startswith(("select", "pragma")):
                    return db.execute(sql).fetchall()
                return db.executescript(sql).close()
            finally:
                db.close()
        return cls("sqlite", run, **how)

    def fill(self):
        words = []
        for table, found in rows(self.revision):
            if table not in self.tables:
                continue
            names = [c[0] for c in columns(table, self.revision) if c[1] != "serial"]
            words.append("insert into %s (%s) values %s" % (
                table, ", ".join(names), ", ".join(
                    "(%s)" % ", ".join(literal(row.get(n)) for n in names)
                    for row in found)))
        self.run(";\n".join(words))

    def dump(self):
        """A hash for each table, of all that 1.3 kept there; what meant Default is
        that."""
        if self.engine == "sqlite":
            return {table: self.hash(table) for table in self.tables}
        return self.run(" union all ".join(
            "select '%s', count(*), md5(coalesce(string_agg(md5(cast(x as text)), '' "
            "order by cast(x as text)), '')) from (select %s from %s) x" % (
                table, self.words(table), table) for table in self.tables))

    def words(self, table):
        return ", ".join(
            "coalesce(%s, %s)" % (n, {"batch": "'Default'", "concurrency": "1"}[n])
            if self.revision == BASE and (table, n) in MAY_BE_NULL_AT_BASE else n
            for n in (c[0] for c in columns(table, self.revision)))

    def hash(self, table):
        digest = hashlib.md5()
        for row in self.run("select %s from %s order by 1, 2" % (self.words(table), table)):
            digest.update(repr(row).encode())
        return digest.hexdigest()
