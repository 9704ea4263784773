"""TAP, and what must be undone whatever happens: every test point is counted under one
lock, and what was started or made (daemons, folders) is stopped at the end, be it an
exception or a signal."""

import atexit
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback

# Long versions are run.  Another value than 1 asks only for the long noise of parsers.
LONG = os.environ.get("SCITQ_TEST_LONG") == "1"

_lock = threading.RLock()
_count = 0
_failed = 0


def diag(text):
    """A remark for the reader of the log."""
    with _lock:
        for line in str(text).splitlines() or [""]:
            print("# " + line, flush=True)


def ok(condition, name, detail=None):
    """One test point; `detail` is printed when it fails.  Returns the condition."""
    global _count, _failed
    with _lock:
        _count += 1
        name = str(name).replace("#", "\\#").replace("\n", " ")
        print("%sok %d - %s" % ("" if condition else "not ", _count, name), flush=True)
        if not condition:
            _failed += 1
            if detail is not None:
                diag(detail)
    return bool(condition)


def is_(got, want, name):
    """Equality, showing both sides when it fails."""
    return ok(got == want, name, "got    %.2000r\nwanted %.2000r" % (got, want))


def has(text, part, name):
    """`part` occurs in `text`."""
    return ok(part in (text or ""), name, "%.2000r\nlacks %.500r" % (text, part))


def skip(name, reason):
    global _count
    with _lock:
        _count += 1
        print("ok %d - %s # SKIP %s" % (_count, name, reason), flush=True)


def lacking(name, what):
    """It cannot run for want of root or of a program: skipped, and failed by ./check,
    which is run where all can be had."""
    if os.environ.get("SCITQ_TEST_COMPLETE"):
        ok(False, name, "this needs %s, and ./check wants it run" % what)
    else:
        skip(name, "needs " + what)


def done():
    """Stop what still runs, print the plan, end the program."""
    stop_all()
    print("1..%d" % _count, flush=True)
    sys.stdout.flush()
    os._exit(1 if _failed else 0)


def absent(e):
    """Is it that something is not installed which the test can be skipped for
    (tests/servers/servers.py)?"""
    return getattr(e, "skips", False)


def run(function, *args):
    """Call a group of test points; an exception in it is one failed point."""
    try:
        function(*args)
    except Exception as e:
        if absent(e):
            skip(function.__name__, e)
            return
        ok(False, "%s went to its end" % function.__name__, traceback.format_exc())


# ---- what must be undone, whatever happens

_running = []


def stop_all():
    while _running:
        thing = _running[-1]
        try:
            thing.stop()
        except Exception:
            ok(False, "%r stopped" % thing, traceback.format_exc())
        if _running and _running[-1] is thing:
            _running.pop()


def remember(thing):
    """Its stop() is called at the end."""
    if thing not in _running:
        _running.append(thing)


def forget(thing):
    if thing in _running:
        _running.remove(thing)


def _uncaught(kind, value, trace):
    if absent(value):
        skip("the rest of the test program", value)
        done()
    ok(False, "the test program went to its end",
       "".join(traceback.format_exception(kind, value, trace)))
    done()


def _interrupted(number, frame):
    raise KeyboardInterrupt("signal %d" % number)


sys.excepthook = _uncaught
atexit.register(stop_all)
signal.signal(signal.SIGTERM, _interrupted)
signal.signal(signal.SIGHUP, _interrupted)


STOOD_STILL_S = 5


def wait_until(what, question, timeout_s=60, every_s=0.01):
    """Ask `question()` again and again until its answer is true, which is returned;
    past `timeout_s` an exception says `what` did not happen.  Longer than a few seconds
    from one time to the next is a machine that stood still, for all that is waited for
    too: that does not count."""
    waited, last = 0, time.monotonic()
    while True:
        answer = question()
        if answer:
            return answer
        now = time.monotonic()
        waited, last = waited + min(now - last, STOOD_STILL_S), now
        if waited > timeout_s:
            raise TimeoutError("after %g s still not: %s" % (timeout_s, what))
        time.sleep(every_s)


class Folder:
    """A temporary folder, gone at the end (kept when $KEEP is set)."""

    def __init__(self, prefix="scitq-test-"):
        self.path = tempfile.mkdtemp(prefix=prefix)
        os.chmod(self.path, 0o755)
        remember(self)

    def join(self, *names):
        return os.path.join(self.path, *names)

    def stop(self):
        forget(self)
        if os.environ.get("KEEP"):
            diag("kept: " + self.path)
        else:
            shutil.rmtree(self.path, ignore_errors=True)
