#!/usr/bin/env python3
"""doc/guide/installation.md, word by word: its commands, read out of it, are typed on two
hosts with nothing but Debian, and what they print is what stands there.  In between it is
looked at what a reader does not see: that tasks are not hurt by being in a service, that
an upgrade of the package costs none, that a restart of the machine brings all back, and
that a purge leaves nothing.  $SCITQ_TEST_DEB names a package that is built already."""

import glob
import os
import re
import shutil
import subprocess
import time

import testhost
from daemons import BUILD, TOP
from tap import diag, done, has, is_, ok, run, skip

GUIDE = os.path.join(TOP, "doc", "guide", "installation.md")
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


def chapters():
    """[(title, [(host, user, command, lines seen)])] of the guide."""
    with open(GUIDE) as f:
        text = f.read()
    found = []
    for part in re.split(r"(?m)^##+ ", text)[1:]:
        commands = []
        for block in re.findall(r"(?ms)^```console\n(.*?)^```", part):
            for line in block.splitlines():
                prompt = re.match(r"(\w+)([#$]) (.*)", line)
                if prompt and prompt[1] in ADDRESSES:
                    commands.append((prompt[1], prompt[2], prompt[3], []))
                else:
                    commands[-1][3].append(line)
        found.append((part.split("\n", 1)[0], commands))
    return found


def pattern(lines):
    """What is expected, as a regular expression: … is anything, blanks are any blanks."""
    text = ""
    for line in lines:
        if line == "…":
            text += "(?:.*\n)*"
            continue
        words = [re.escape(w) if w != "…" else ".*?"
                 for w in re.findall(r"…|[^…\s]+|(?<=…)(?=…)|\s+", line.strip())]
        text += "".join(r"\s+" if re.match(r"(\\\s)+$", w) or w.isspace() else w
                        for w in words) + r"\s*\n"
    return re.compile(text + r"\Z")


class Machine(testhost.Host):
    more = ("--capability=CAP_NET_ADMIN",)  # its firewall is its own

    def type(self, command, user="#"):
        """Status and both streams of what root (#) or somebody ($) types."""
        who = "exec sudo -i sh" if user == "#" else "exec sh"
        out = subprocess.run(
            ["ssh", "-q", "-i", self.key, "-o", "StrictHostKeyChecking=no",
             "-o", "UserKnownHostsFile=/dev/null", "ubuntu@" + self.address, who],
            input="export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8\n{ %s\n} </dev/null\n"
            % command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=600)
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
        status, seen = hosts[name].type(command, user)
        ok(status == 0 and pattern(lines).match(seen if not seen or seen.endswith("\n")
                                                else seen + "\n"),
           "%s: %s%s %s" % (title, name, user, command),
           "exit %s\n%s" % (status, seen[-2000:]))


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
    for title, commands in chapters():
        if title.startswith("9."):
            rebooted(hosts)
        follow(hosts, title, commands)
        if title.startswith("3."):
            unhurt(hosts["server"])
            reinstalled(hosts["server"], deb)
    for name, host in hosts.items():
        purged(name, host)
        host.stop()


if os.environ.get("SCITQ_TEST_LONG") != "1":
    skip("the guide's installation on hosts of its own", "only in the long form")
    done()
built = package()
testhost.alone("packaged")
run(main, built)
done()
