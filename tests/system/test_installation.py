#!/usr/bin/env python3
"""doc/guide/installation.md, word by word: its commands, read out of it, are typed on two
hosts with nothing but Debian, and what they print is what stands there.  In between it is
looked at what a reader does not see: that tasks are not hurt by being in a service, that
an upgrade of the package costs none and keeps one's settings, that a restart of the machine
brings all back, and that a purge leaves nothing.  Then doc/guide/upgrading.md, on a host
that has what scitq 1.3 left.  $SCITQ_TEST_DEB names a package that is built already."""

import glob
import os
import shutil
import subprocess
import time

import testhost
from daemons import BUILD
from guide import chapters, seen
from legacy13 import Database
from tap import diag, done, has, is_, ok, run, skip

ADDRESSES = {"server": "10.77.0.2", "node1": "10.77.0.3"}
# Tasks that sandboxing could hurt, as a worker's own user, which is root.
TASKS = {
    "becomes another user": "sudo -u ubuntu id -un | grep -x ubuntu",
    "writes where programs are": "touch /usr/local/bin/x && rm /usr/local/bin/x",
    "has everybody's /tmp": "echo here >/tmp/seen",
    "sees home folders": "ls /home/ubuntu/.ssh",
    "makes namespaces": "unshare --mount --net --pid --fork true",
    "mounts": "unshare --mount sh -c 'mount -t tmpfs none /mnt && touch /mnt/x'",
    "changes its personality": "setarch -R true",
    "has a program for another user": "install -m 4755 /usr/bin/id /usr/bin/suid && "
                                      "sudo -u ubuntu suid | grep euid=0",
    "maps memory that is written and run": "python3 -c 'import mmap; mmap.mmap(-1, 4096, "
                                           "prot=mmap.PROT_READ | mmap.PROT_WRITE | "
                                           "mmap.PROT_EXEC)'",
    "opens many files": "test $(ulimit -n) -ge 4096",
    "has devices": "head -c 1 /dev/urandom >/dev/null && test -e /dev/shm",
}


def package():
    """The package's file."""
    if os.environ.get("SCITQ_TEST_DEB"):
        return os.environ["SCITQ_TEST_DEB"]
    found = glob.glob(os.path.join(BUILD, "scitq_*.deb"))
    if os.environ.get("SCITQ_TEST_ALONE") != "1":
        env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        out = subprocess.run(["make", "-C", BUILD, "deb"], stdout=subprocess.PIPE, env=env,
                             stderr=subprocess.STDOUT, text=True, errors="replace")
        if out.returncode:
            ok(False, "make deb", out.stdout[-5000:])
            done()
        found = glob.glob(os.path.join(BUILD, "scitq_*.deb"))
    return found[0]


class Machine(testhost.Host):
    more = ("--capability=CAP_NET_ADMIN",)  # its firewall is its own

    def type(self, command, user="#"):
        """Status and both streams of what root (#) or somebody ($) types."""
        who = "exec sudo -i sh" if user == "#" else "exec sh"
        out = subprocess.run(
            ["ssh", "-q", "-i", self.key, "-o", "StrictHostKeyChecking=no",
             "-o", "UserKnownHostsFile=/dev/null", "ubuntu@" + self.address, who],
            input="export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8\n"
            "{ %s\n} </dev/null 2>&1\n" % command, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=600)
        return out.returncode, out.stdout

    def up(self, name):
        """Wait for SSH, and take its name."""
        deadline = time.monotonic() + 120
        while self.type("true")[0] != 0:
            if time.monotonic() > deadline or not self.alive():
                raise RuntimeError("%s does not come up\n%s" % (name, self.log()[-3000:]))
            time.sleep(0.2)
        self.type("hostname %s; echo 127.0.1.1 %s >>/etc/hosts" % (name, name))


def follow(hosts, title, commands):
    for name, user, command, lines in commands:
        status, text = hosts[name].type(command, user)
        ok(status == 0 and seen(lines, text), "%s: %s%s %s" % (title, name, user, command),
           "exit %s\n%s" % (status, text[-2000:]))


def unhurt(server):
    """Each as a task of the worker's service."""
    names = {}
    for i, (what, command) in enumerate(sorted(TASKS.items())):
        names[what] = "unhurt%d" % i
        with open(os.path.join(server.root, "usr/local/bin", names[what]), "w") as f:
            f.write("#!/bin/sh\nset -e\n%s\n" % command)
            os.chmod(f.name, 0o755)
        server.type("scitq-launch -n %s %s" % (names[what], names[what]))
    for what, name in sorted(names.items()):
        seen = server.type("scitq-manage task output -n %s --follow" % name)[1]
        is_(server.type("scitq-manage task list -H | awk '$2 == \"%s\" {print $3}'" % name)[1],
            "succeeded\n", "a task %s" % what)
        if "succeeded" not in server.type("scitq-manage task list -H | grep %s" % name)[1]:
            diag(seen)
    is_(server.type("cat /tmp/seen")[1], "here\n", "and everybody sees what it left there")
    server.type("rm -f /tmp/seen /usr/bin/suid /usr/local/bin/unhurt*; for n in %s; do "
                "scitq-manage task delete -n $n; done" % " ".join(names.values()))


def next_version(deb):
    """The same package, as a later version that explains more in its settings."""
    folder = os.path.join(os.path.dirname(deb), "next")
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-R", deb, folder], check=True)
    for path, old, new in (("DEBIAN/control", "Version: 2.0.0", "Version: 2.0.1"),
                           ("usr/share/scitq/scitq.conf.example", "# ---- Log",
                            "# A new key.\n#\n\n# ---- Log"),
                           ("etc/cron.d/scitq", "PATH=", "# A new line.\nPATH=")):
        with open(os.path.join(folder, path)) as f:
            text = f.read()
        assert old in text, path
        with open(os.path.join(folder, path), "w") as f:
            f.write(text.replace(old, new, 1))
    later = os.path.join(os.path.dirname(deb), "scitq_2.0.1_amd64.deb")
    subprocess.run(["dpkg-deb", "-b", "--root-owner-group", folder, later], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(folder)
    return later


def upgraded(server):
    """A later version over one that runs, with settings of one's own."""
    later = next_version(os.path.join(server.root, "root/scitq_2.0.0_amd64.deb"))
    server.type("echo 'LOG_LEVEL=info  # mine' >>/etc/scitq.conf")
    before = server.type("cat /etc/scitq.conf; stat -c '%a %U %G' /etc/scitq.conf")[1]
    has(before, "640 root scitq", "the settings are for root and scitq's group")
    server.type("scitq-launch -n during sh -c 'sleep 15; echo whole'")
    status, text = server.type("apt-get install -y ./" + os.path.basename(later))
    is_(status, 0, "a later version is installed over this one")
    diag(text) if status else None
    is_(server.type("dpkg-query -W -f '${Version}' scitq")[1], "2.0.1", "which it is")
    is_(server.type("cat /etc/scitq.conf; stat -c '%a %U %G' /etc/scitq.conf")[1], before,
        "no setting is touched, and nothing asked")
    has(server.type("cat /etc/cron.d/scitq")[1], "# A new line.", "what nobody changed is new")
    is_(server.type("scitq-manage task output -n during -o --follow")[1], "whole\n",
        "which costs no task")
    is_(server.type("scitq-manage execution list -n during -H | wc -l")[1], "1\n",
        "and no attempt")
    server.type("scitq-manage task delete -n during")
    status, text = server.type("apt-get install -y --allow-downgrades ./scitq_2.0.0_amd64.deb")
    is_(status, 0, "and back")
    os.unlink(later)


def reinstalled(server, deb):
    server.type("scitq-launch -n during sh -c 'sleep 15; echo whole'")
    status, text = server.type("apt-get install -y --reinstall ./" + os.path.basename(deb))
    is_(status, 0, "the package is installed over itself")
    diag(text) if status else None
    is_(server.type("scitq-manage task output -n during -o --follow")[1], "whole\n",
        "which costs no task")
    is_(server.type("scitq-manage execution list -n during -H | wc -l")[1], "1\n",
        "and no attempt")
    has(server.type("journalctl -u scitq-main -o cat | grep -c listening")[1], "2",
        "the server was started again")
    server.type("scitq-manage task delete -n during")


def rebooted(hosts):
    """Both at once, as after a power cut."""
    for host in hosts.values():
        host.end()
        host.start()
    for name, host in hosts.items():
        host.up(name)
    server = hosts["server"]
    status, seen = server.type("timeout 120 sh -c 'until systemctl -q is-active scitq-main "
                               "scitq-worker scitq-firewall; do sleep 0.5; done'")
    is_((status, seen), (0, ""), "after a restart of the machine all services run")
    has(server.type("iptables -S scitq-trusted")[1], "10.77.0.0/24", "the firewall too")
    status, seen = hosts["node1"].type("timeout 120 sh -c 'until systemctl -q is-active "
                                       "scitq-worker; do sleep 0.5; done'")
    is_((status, seen), (0, ""), "and so does a worker elsewhere")


def purged(name, host):
    seen = host.type("find / -xdev \\( -path /proc -o -path /sys -o -path /run/systemd "
                     "-o -path /var/log/journal -o -path /var/lib/postgresql \\) -prune -o "
                     "-iname '*scitq*' ! -name '*.deb' -print")[1]
    is_(seen, "", name + ": a purge leaves no file")
    is_(host.type("getent passwd scitq; getent group scitq")[1], "", name + ": nor a user")
    is_(host.type("ps -eo args | grep '[s]citq'")[1], "", name + ": nor a process")
    is_(host.type("systemctl list-units --no-legend 'scitq*'; systemctl list-unit-files "
                  "--no-legend 'scitq*'")[1], "", name + ": nor a service")
    is_(host.type("iptables -S INPUT; ip6tables -S INPUT")[1], "-P INPUT ACCEPT\n" * 2,
        name + ": nor a firewall")


def main(deb):
    hosts = {name: Machine(name, address, tree="packaged")
             for name, address in ADDRESSES.items()}
    for name, host in hosts.items():
        host.up(name)
        shutil.copy(deb, os.path.join(host.root, "root"))
        with open(os.path.join(host.root, "etc/apt/apt.conf.d/offline"), "w") as f:
            f.write('APT::Install-Recommends "false";\n')
    for title, commands in chapters("installation", ADDRESSES):
        if title.startswith("9."):
            rebooted(hosts)
            is_(hosts["server"].type("scitq-manage ansible install")[0], 0,
                "Ansible is told of scitq")
        follow(hosts, title, commands)
        if title.startswith("3."):
            unhurt(hosts["server"])
            reinstalled(hosts["server"], deb)
            upgraded(hosts["server"])
    for name, host in hosts.items():
        purged(name, host)
        host.stop()


OLD_SETTINGS = """# scitq 1.3
PATH=/usr/local/bin:/usr/bin:/bin
FLASK_APP=server
SCITQ_PRODUCTION=1
SQLALCHEMY_DATABASE_URI=postgresql+psycopg2://scitq13:secret@localhost/scitq
SQLALCHEMY_POOL_SIZE=10
QUEUE_LOG_FILE=/var/log/scitq/queue.log
"""


def old_server(host):
    """What scitq 1.3 left after two years: units, settings, a database of its own user."""
    with open(os.path.join(host.root, "etc/scitq.conf"), "w") as f:
        f.write(OLD_SETTINGS)
    for unit in ("scitq-main", "scitq-queue", "scitq-worker"):
        with open(os.path.join(host.root, "etc/systemd/system", unit + ".service"), "w") as f:
            f.write("[Service]\nExecStart=/bin/sleep infinity\n[Install]\n"
                    "WantedBy=multi-user.target\n")
    is_(host.type("systemctl daemon-reload; systemctl enable --now scitq-main scitq-queue; "
                  "apt-get install -y postgresql && systemctl start postgresql")[0], 0,
        "an old server and PostgreSQL run")
    said = []
    Database("postgresql", said.append).fill()
    said.append("update task set name = 'finished' where task_id = 6; "
                "update execution set output = E'as it was\\n' where task_id = 6")
    with open(os.path.join(host.root, "old.sql"), "w") as f:
        f.write("set role scitq13;\n" + ";\n".join(said) + ";\n")
    is_(host.type("su - postgres -c \"psql -c \\\"create role scitq13 login password 'secret'"
                  "\\\"; createdb -O scitq13 -E UTF8 -T template0 scitq; "
                  "psql -q -v ON_ERROR_STOP=1 -f /old.sql scitq\"")[0], 0,
        "with 1.3's database")
    os.unlink(os.path.join(host.root, "old.sql"))


def upgrade(deb):
    """doc/guide/upgrading.md, word by word."""
    host = Machine("old", "10.77.0.4", tree="packaged")
    host.up("old")
    shutil.copy(deb, os.path.join(host.root, "root"))
    with open(os.path.join(host.root, "etc/apt/apt.conf.d/offline"), "w") as f:
        f.write('APT::Install-Recommends "false";\n')
    old_server(host)
    for title, commands in chapters("upgrading", ["server"]):
        follow({"server": host}, "upgrading, " + title, commands)
    has(host.type("systemctl show -p FragmentPath scitq-main")[1], "/lib/systemd/system",
        "the package's unit is the one that runs")
    has(host.type("cat /etc/scitq.conf")[1], OLD_SETTINGS, "1.3's settings are what they were")
    host.stop()


if os.environ.get("SCITQ_TEST_LONG") != "1":
    skip("the guide's installation on hosts of its own", "only in the long form")
    done()
built = package()
testhost.alone("packaged")
run(main, built)
run(upgrade, built)
done()
