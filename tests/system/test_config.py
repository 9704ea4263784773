"""scitq-manage config: the server's rclone.conf shown and installed, settings checked."""

import os
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

TEXT = "[s3]\ntype = s3\nsecret_access_key = sésame ouvre-toi\n"


AZURE = """AZURE_SUBSCRIPTION_ID=s
AZURE_TENANT=t
AZURE_CLIENT_ID=c
AZURE_SECRET=secret
"""
OPENSTACK = """OS_AUTH_URL=https://keystone.example:5000/v3
OS_USERNAME=u
OS_PASSWORD=p
OS_PROJECT_NAME=p
OS_USER_DOMAIN_NAME=d
OS_PROJECT_DOMAIN_NAME=d
OS_REGION_NAME=r
"""


def manage(*words, **env):
    p = subprocess.run([program("scitq-manage")] + list(words), env=clean_env(**env),
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=120)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def read(path):
    with open(path) as f:
        return f.read()


def test_rclone():
    folder = Folder()
    conf = folder.join("server.conf")
    with open(conf, "w") as f:
        f.write(TEXT)
    with Server(RCLONE_CONFIG=conf) as server:
        here = {"SCITQ_SERVER": server.address, "HOME": folder.join("home"),
                "XDG_CONFIG_HOME": "", "RCLONE_CONFIG": ""}
        is_(manage("config", "rclone", "--show", **here), (0, TEXT, ""), "it is shown")
        path = folder.join("home/.config/rclone/rclone.conf")
        is_(manage("config", "rclone", "--install", **here),
            (0, "wrote %s\n" % path, ""), "it is installed where rclone looks")
        is_((read(path), stat.S_IMODE(os.stat(path).st_mode)), (TEXT, 0o600),
            "whole, and for nobody else to read")
        is_(manage("config", "rclone", "--install", **here),
            (0, "%s is up to date\n" % path, ""), "once")
        with open(path, "w") as f:
            f.write("mine\n")
        is_(manage("config", "rclone", "--install", **here),
            (0, "wrote %s; what was there before is %s.old\n" % (path, path), ""),
            "over another")
        is_((read(path), read(path + ".old")), (TEXT, "mine\n"), "which is kept")
        other = folder.join("elsewhere/r.conf")
        manage("config", "rclone", "--install", **dict(here, RCLONE_CONFIG=other))
        is_(read(other), TEXT, "RCLONE_CONFIG names another place")
        os.unlink(conf)
        code, _, err = manage("config", "rclone", "--show", **here)
        is_(code, 1, "none on the server: exit 1")
        has(err, "the server has no rclone.conf", "and why")
        is_(manage("config", "rclone", **here)[0], 2, "neither option: exit 2")
    folder.stop()


def test_check():
    folder = Folder()
    conf = folder.join("scitq.conf")
    for text, code, words in (
            ("SCITQ_LISTEN=127.0.0.1:5000\n", 0, "the settings are right: " + conf),
            ("SCITQ_LISTEN=bogus\n", 1, "SCITQ_LISTEN must be address:port"),
            ("WORKER_OFFLINE_DELAY=soon\n", 1, "scitq-manage: " + conf + " line 2: "
             "WORKER_OFFLINE_DELAY"),
            (AZURE + "AZURE_EVICTION_POLICY=Keep\n", 1,
             "scitq-manage: the provider azure: AZURE_EVICTION_POLICY is"),
            ("OS_AUTH_URL=nowhere\n", 1,
             "the provider openstack: OS_AUTH_URL is no address"),
            ("SCITQ_PROVIDERS=mine=openstack\nOS_AUTH_URL=nowhere\n", 1,
             "the provider mine: OS_AUTH_URL is no address"),
            ("SCITQ_PROVIDERS=local\nOS_AUTH_URL=nowhere\n", 0, "are right: " + conf),
            ("LOCAL_FLAVORS=small:many:1:1:0:0\n", 1, "the provider local: "),
            ("LOCAL_WORKER=/nowhere/scitq-worker\n", 1,
             "the provider local: LOCAL_WORKER: cannot run /nowhere/scitq-worker: No such"),
            ("LOCAL_REGIONS=here\nLOCAL_WORKER=\n", 0, "are right: " + conf),
            (OPENSTACK + "OS_INTERFACE=publicURL\n", 1, "the provider openstack: "
             "OS_INTERFACE is public, internal or admin, not publicURL"),
            ("STATIC_MACHINES=%s\n" % folder.path, 1,
             "the provider static: cannot read %s: Is a directory" % folder.path),
            (OPENSTACK + "OS_CACERT=/nowhere/ca.pem\n", 1,
             "the provider openstack: OS_CACERT: cannot read /nowhere/ca.pem: No such"),
            (OPENSTACK + "OS_CACERT=%s\n" % folder.path, 1,
             "the provider openstack: OS_CACERT: cannot read %s: Is a" % folder.path),
            (OPENSTACK + "OS_CACERT=%s\n" % conf, 0, "are right: " + conf),
            (AZURE.replace("AZURE_SECRET", "#"), 0,
             "the provider azure: AZURE_SECRET is not set"),
            (AZURE, 0, "are right: " + conf)):
        with open(conf, "w") as f:
            f.write("SCITQ_STATE_DIR=%s\n" % folder.join("state") + text)
        got, out, err = manage("config", "check", "-c", conf)
        is_(got, code, "%r: exit %d" % (text, code))
        has(out + err, words, "%r: says so" % text)
    ok(not os.path.exists(folder.join("state")), "nothing is made by a check")
    folder.stop()


def test_start():
    """A server starts all the same, and says what is wrong once, whatever the names."""
    words = "openstack: OS_AUTH_URL is no address"
    with Server(OS_AUTH_URL="nowhere") as server:
        wait_until("the log says it", lambda: words in server.log())
        is_(server.end(), 0, "a server goes on with a provider's wrong setting")
        is_(server.log().count("OS_AUTH_URL is no address"), 1, "which it warns of")


run(test_rclone)
run(test_check)
run(test_start)
done()
