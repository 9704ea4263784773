"""scitq-inventory, the routes below /inventory/ it stands on, over both databases, and
scitq-manage ansible: what Ansible itself makes of them."""

from harness import *

EMPTY = {"_meta": {"hostvars": {}}, "workers": {"children": [], "hosts": []}}


def tool(name, *words, **env):
    out = subprocess.run([program(name)] + list(words), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, env=clean_env(**env), timeout=60)
    return out.returncode, out.stdout, out.stderr


def inventory(server, *words):
    return tool("scitq-inventory", *words, SCITQ_SERVER=server.address)


def hosts(server):
    return json.loads(inventory(server, "--list")[1])


def added(server, *words):
    code, out, err = inventory(server, *words)
    return ok((code, out) == (0, ""), " ".join(words), err)


def test_hosts(server):
    is_(hosts(server), EMPTY, "no host is known at first")
    is_(inventory(server, "--host", "a")[:2], (0, "{}\n"), "a host that is not known has nothing")
    added(server, "--add-host", "a")
    added(server, "--add-host", "b", "--in-group", "ovh", "--variable", "ansible_host",
          "--value", "10.0.0.2", "--variable", "ansible_user", "--value", "ubuntu")
    added(server, "--variable", "rack", "--value", "7 left", "--for-host", "a")
    added(server, "--add-host", "boss", "--in-group", "managers")
    is_(hosts(server), {
        "_meta": {"hostvars": {"a": {"rack": "7 left"},
                               "b": {"ansible_host": "10.0.0.2", "ansible_user": "ubuntu"}}},
        "manual": {"hosts": ["a"]}, "ovh": {"hosts": ["b"]}, "managers": {"hosts": ["boss"]},
        "workers": {"children": ["manual", "ovh"], "hosts": []}}, "hosts, groups and variables")
    is_(json.loads(inventory(server, "--host", "b")[1]),
        {"ansible_host": "10.0.0.2", "ansible_user": "ubuntu"}, "--host")
    added(server, "--add-host", "b", "--variable", "ansible_host", "--value", "10.0.0.3")
    is_(hosts(server)["_meta"]["hostvars"]["b"],
        {"ansible_host": "10.0.0.3", "ansible_user": "ubuntu"}, "adding again changes")
    is_(hosts(server)["ovh"], {"hosts": ["b"]}, "and keeps the group")
    for name in ("a", "b", "boss"):
        added(server, "--del-host", name)
    is_(hosts(server), EMPTY, "all are forgotten, with their variables")
    added(server, "--add-host", "a")
    is_(hosts(server)["_meta"]["hostvars"], {}, "a host of that name begins anew")
    added(server, "--del-host", "a")


def test_workers(server):
    """1.3's columns make hosts of workers."""
    api = server.api()
    for name in ("w1", "w2", "w3"):
        api.post("/workers/", {"name": name, "concurrency": 1})
    server.sql("update worker set ansible_active = true, ansible_host = '10.0.0.1', "
               "ansible_group = 'azure' where name = 'w1'")
    server.sql("update worker set ansible_active = true, ipv4 = '10.0.0.2', provider = 'ovh' "
               "where name = 'w2'")
    is_(hosts(server), {
        "_meta": {"hostvars": {"w1": {"ansible_host": "10.0.0.1"},
                               "w2": {"ansible_host": "10.0.0.2"}}},
        "azure": {"hosts": ["w1"]}, "ovh": {"hosts": ["w2"]},
        "workers": {"children": ["azure", "ovh"], "hosts": []}}, "active workers are hosts")
    added(server, "--for-host", "w2", "--variable", "ansible_host", "--value", "10.1.0.2")
    is_((hosts(server)["_meta"]["hostvars"]["w2"], hosts(server)["ovh"]),
        ({"ansible_host": "10.1.0.2"}, {"hosts": ["w2"]}),
        "what is said of it comes first, its group stays")
    added(server, "--del-host", "w1")
    added(server, "--del-host", "w2")
    is_(hosts(server), EMPTY, "workers can be forgotten")
    is_(len(api.get("/workers/").json), 3, "and stay workers")


REFUSED = [
    (["--del-host", "nobody"], 1, "Host nobody is not in the inventory"),
    (["--for-host", "nobody", "--variable", "a", "--value", "b"], 1,
     "Host nobody is not in the inventory"),
    (["--add-host", "a b"], 1, "is no name of a host"),
    (["--add-host", "a", "--in-group", "x-y"], 1, "is no name of a group"),
    (["--add-host", "a", "--variable", "x", "--value", "{{ 1 }}"], 1, "is a template"),
    (["--add-host", "a", "--variable", "x"], 2, "each --variable needs one --value"),
    (["--for-host", "a"], 2, "--for-host needs --variable and --value"),
    (["--list", "--in-group", "x"], 2, "go with --add-host or --for-host"),
    ([], 2, "nothing to do"),
    (["--list", "--del-host", "a"], 2, ""),
    (["word"], 2, "unexpected word 'word'"),
]


def test_refusals(server):
    for words, code, text in REFUSED:
        got, out, err = inventory(server, *words)
        ok((got, out) == (code, "") and text in err, "refused: " + " ".join(words), (got, err))
    is_(hosts(server), EMPTY, "nothing of it is kept")
    code, out, err = tool("scitq-inventory", "-s", "127.0.0.1:1", "--list")
    ok(code == 1 and "cannot reach the scitq server" in err, "no server", err)
    api = server.api()
    for body, text in (({}, "host is missing"), ({"host": "a", "color": 1}, "color"),
                       ({"host": "a", "variables": [1]}, "variables must be an object"),
                       ({"host": "a", "variables": {"b": None}}, "b has no value"),
                       ({"host": "a", "variables": {"v%d" % i: 1 for i in range(65)}},
                        "more than 64 variables")):
        answer = api.post("/inventory/", body)
        ok(answer.status == 400 and text in answer.json["message"], "400: " + text, answer.json)
    is_(api.post("/inventory/", {"host": "a", "variables": {"ansible_port": 2222}}).status, 201,
        "numbers are taken as texts")
    is_(hosts(server)["_meta"]["hostvars"], {"a": {"ansible_port": "2222"}}, "and told so")
    is_(api.put("/inventory/a", {"group": "azure"}).status, 200, "PUT changes the group")
    is_(api.delete("/inventory/a").status, 200, "DELETE forgets it")


def test_etchosts(server):
    """In a mount namespace whose /etc is an overlay: the machine's own is out of reach."""
    if os.geteuid() != 0:
        return lacking("--change-etchosts", "root")
    f = Folder()
    script = """set -e
mount -t tmpfs tmpfs "$0"; mkdir "$0/u" "$0/w"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$0/u,workdir=$0/w" /etc
printf '127.0.0.1 localhost\\n10.9.9.9 mine' >/etc/hosts
for i in 1 2; do "$@" --change-etchosts; cat /etc/hosts; done
"$@" --del-host a --change-etchosts; cat /etc/hosts"""
    added(server, "--add-host", "a", "--variable", "ansible_host", "--value", "10.0.0.7")
    added(server, "--add-host", "b", "--variable", "ansible_host", "--value", "b.example.org")
    with open("/etc/hosts") as hosts_file:
        before = hosts_file.read()
    out = subprocess.run(["unshare", "--mount", "sh", "-c", script, f.path,
                          program("scitq-inventory"), "-s", server.address],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env=clean_env(), timeout=60)
    kept = "127.0.0.1 localhost\n10.9.9.9 mine\n"
    block = "# scitq: begin (made by scitq-inventory)\n%s# scitq: end\n"
    is_(out.stdout, 2 * (kept + block % "10.0.0.7 a\n") + kept + block % "",
        "/etc/hosts names the hosts, once, and keeps its own lines") or diag(out.stderr)
    with open("/etc/hosts") as hosts_file:
        is_(hosts_file.read(), before, "not that of this machine")
    added(server, "--del-host", "b")


def test_install(server):
    f = Folder()
    inside = f.join("not", "there", "yet")
    code, path, err = tool("scitq-manage", "ansible", "path")
    ok(code == 0 and os.path.exists(path.strip() + "/deploy.yml"), "ansible path", err)
    code, out, err = tool("scitq-manage", "ansible", "install", "-p", inside)
    ok(code == 0 and "02-scitq.example" in out, "ansible install makes the folder", err)
    is_(sorted(os.listdir(inside)), ["01-scitq-default", "scitq-inventory"], "with two files")
    own = "[manual]\nmine ansible_host=10.0.0.9\n[workers:vars]\nswap_proportion=0.5\n"
    with open(inside + "/02-scitq", "w") as file:
        file.write(own)
    with open(inside + "/01-scitq-default", "a") as file:
        file.write("[changed]\n")
    os.unlink(inside + "/scitq-inventory")
    with open(inside + "/scitq-inventory", "w") as file:
        file.write("of another version")
    code, out, err = tool("scitq-manage", "ansible", "install", "-p", inside)
    ok(code == 0 and "wrote" in out and "linked" in out, "again it mends what differs", out + err)
    code, out, err = tool("scitq-manage", "ansible", "install", "-p", inside)
    is_((code, out.count("is up to date")), (0, 2), "and then says that nothing does")
    is_(sorted(os.listdir(inside)), ["01-scitq-default", "02-scitq", "scitq-inventory"],
        "nothing else is left there")
    with open(inside + "/02-scitq") as file:
        is_(file.read(), own, "02-scitq is as it was")
    code, out, err = tool("scitq-manage", "-s", server.address, "ansible", "inventory", "--list")
    is_((code, json.loads(out or "0")), (0, EMPTY), "ansible inventory is scitq-inventory")
    with open(f.join("file"), "w"):
        pass
    code, out, err = tool("scitq-manage", "ansible", "install", "-p", f.join("file"))
    ok(code == 1 and "file" in err, "a file in the place of the folder is told", err)
    ansible_reads(server, f, inside)


def ansible_reads(server, f, inside):
    if not shutil.which("ansible-inventory"):
        return lacking("what Ansible reads", "ansible-inventory (tools/deps.sh test)")
    added(server, "--add-host", "new", "--in-group", "ovh", "--variable", "ansible_host",
          "--value", "10.0.0.8")
    out = subprocess.run(["ansible-inventory", "-i", inside, "--list"], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, timeout=300, cwd=f.path,
                         env=clean_env(SCITQ_SERVER=server.address, HOME=f.path))
    read = json.loads(out.stdout or "{}")
    is_(read.get("ovh"), {"hosts": ["new"]}, "Ansible knows the new host") or diag(out.stderr)
    is_(read.get("manual"), {"hosts": ["mine"]}, "and the one of 02-scitq")
    is_(read.get("managers"), {"hosts": ["localhost"]}, "and the manager")
    ok({"manual", "ovh"} <= set(read.get("workers", {}).get("children", [])),
       "workers are of groups", read.get("workers"))
    variables = read.get("_meta", {}).get("hostvars", {})
    is_([variables.get("new", {}).get(k) for k in ("ansible_host", "swap_proportion")],
        ["10.0.0.8", 0.5], "02-scitq wins over what is default")
    added(server, "--del-host", "new")


for db in databases():
    diag("over " + db)
    with Server(db=db) as s:
        for test in (test_hosts, test_workers, test_refusals, test_etchosts):
            run(test, s)
        if db == "sqlite":
            run(test_install, s)
done()
