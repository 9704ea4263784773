"""What every system test stands on: TAP output (tap.py), real daemons that are always
stopped, on a PostgreSQL of their own (daemons.py), and an HTTP client with tables of
calls (client.py), together with the modules that tests use all the time.

    from harness import *
    with Server(db="sqlite") as s:
        api = s.api()
        task = api.post("/tasks/", {"command": "true"}).json
        with Worker(s, concurrency=2) as w:
            api.wait_task(task["task_id"], "succeeded")
        is_(api.get("/tasks/").status, 200, "tasks are listed")
    done()
"""

import http.client  # noqa: F401
import json  # noqa: F401
import os  # noqa: F401
import select  # noqa: F401
import shutil  # noqa: F401
import signal  # noqa: F401
import socket  # noqa: F401
import subprocess  # noqa: F401
import sys  # noqa: F401
import tempfile  # noqa: F401
import threading  # noqa: F401
import time  # noqa: F401
import traceback  # noqa: F401
import urllib.parse  # noqa: F401

from client import *  # noqa: F401,F403
from daemons import *  # noqa: F401,F403
from tap import *  # noqa: F401,F403
