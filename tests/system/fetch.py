"""Running scitq-fetch: one command, or --worker with its answers."""

import json
import os
import subprocess

from harness import BUILD, SANITIZED, clean_env, ok, program

LIMIT_S = 300


def environment(**more):
    """Without what would reach the user's own accounts."""
    env = {k: v for k, v in clean_env().items()
           if not k.startswith(("AWS_", "RCLONE_")) and "proxy" not in k.lower()}
    env.update(more)
    return env


def spawn(*words, **more):
    """The process; `input` is not given yet."""
    more["env"] = environment(**more.get("env", {}))
    for stream in ("stdin", "stdout", "stderr"):
        more.setdefault(stream, subprocess.PIPE)
    return subprocess.Popen([program("scitq-fetch"), *words], **more)


def fetch(*words, **more):
    """(exit code, standard output, standard error) of one command."""
    p = spawn(*words, **more)
    try:
        out, error = p.communicate(timeout=LIMIT_S)
    finally:
        p.kill()
    check_sanitizer(error)
    return p.returncode, out.decode(errors="replace"), error.decode(errors="replace")


def check_sanitizer(error):
    if b"Sanitizer" in error or b"runtime error" in error:
        ok(False, "scitq-fetch is clean", error.decode(errors="replace"))


def events(out):
    return [json.loads(line) for line in out.splitlines()]


def ends(out):
    """{id: the event that ended it} of what --worker printed."""
    return {e["id"]: e for e in events(out) if e["event"] != "progress"}


def worker(jobs, timeout_s=0, **more):
    """(exit code, {id: end}, all events, standard error) of a list of jobs, whose ids
    are 1, 2…"""
    for i, job in enumerate(jobs):
        job["id"] = i + 1
    p = spawn("--worker", **more)
    text = json.dumps({"jobs": jobs, "timeout_s": timeout_s}).encode()
    try:
        out, error = p.communicate(text, timeout=LIMIT_S)
    finally:
        p.kill()
    check_sanitizer(error)
    return p.returncode, ends(out), events(out), error.decode(errors="replace")


def tree(path):
    """{relative name: bytes, or None of a folder, or the target of a link}"""
    found = {}
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            full = os.path.join(folder, name)
            rel = os.path.relpath(full, path)
            if os.path.islink(full):
                found[rel] = os.readlink(full)
            elif os.path.isdir(full):
                found[rel] = None
            else:
                with open(full, "rb") as f:
                    found[rel] = f.read()
    return found


def write(path, data=b""):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return path


__all__ = ["BUILD", "SANITIZED", "ends", "environment", "events", "fetch", "spawn",
           "tree", "worker", "write"]
