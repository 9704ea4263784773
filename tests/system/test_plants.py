"""The sanitized build is awake: a server with a planted leak or overflow, or one whose
threads race, makes a system test fail, and the same server without does not.

Runs itself as the test that must fail, with the server replaced."""

import subprocess

import daemons
from harness import *  # noqa: F403


def child():
    """An ordinary system test over the planted server."""
    real = daemons.program
    daemons.program = lambda name: real(
        "tests/system/scitq-server-planted" if name == "scitq-server" else name)
    plant = os.environ["PLANT"]
    clean = daemons.clean_env
    daemons.clean_env = lambda **more: clean(PLANT=plant, **more)
    with Server() as server:
        is_(server.api().get("/healthz").status, 200, "the server answers")
    done()


def outcome(plant):
    got = subprocess.run([sys.executable, os.path.abspath(__file__), "child"],
                         env=dict(os.environ, PLANT=plant), stdout=subprocess.PIPE,
                         text=True, timeout=300)
    return got.returncode, got.stdout


if sys.argv[1:] == ["child"]:
    child()
status, text = outcome("none")
is_(status, 0, "without a plant the test passes")
PLANTS = {"address": {"leak": "LeakSanitizer", "overflow": "heap-buffer-overflow"},
          "thread": {"race": "data race"}}
for sanitizer in SANITIZED.split(","):
    for what, words in PLANTS.get(sanitizer, {}).items():
        status, text = outcome(what)
        ok(status != 0, "with a planted %s it fails" % what, text)
        has(text, words, "and says %s" % words)
done()
