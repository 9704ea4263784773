"""A real browser, headless, driven through chromedriver (WebDriver, W3C): what a person
sees, clicks and types.

    with Browser() as b:
        b.go(server.url + "/ui/batch/")
        b.click("button[data-act=go]")
        b.until("says so", "return document.body.innerText.includes('goes on')")
"""

import base64
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request

from daemons import Folder, clean_env, free_port
from tap import diag, forget, remember, wait_until

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver, section 12.1
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "Home": "\ue011",
        "End": "\ue010", "Down": "\ue015", "Up": "\ue013"}


def there():
    """Is there a browser to drive?"""
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


class Browser:
    def __init__(self, width=1280, height=800):
        self.folder, self.port, self.session = Folder("scitq-browser-"), free_port(), None
        remember(self)
        env = clean_env(HOME=self.folder.path)
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=%d" % self.port], env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until("chromedriver listens", self.listens)
        self.session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": [
                "--headless=new", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--disable-background-networking",
                "--no-proxy-server", "--user-data-dir=" + self.folder.join("profile")],
                "prefs": {"download.default_directory": self.folder.join("downloads")}},
            "timeouts": {"script": 60000}}}})["sessionId"]
        self.size(width, height)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            self.report()
        self.stop()

    def stop(self):
        forget(self)
        try:
            if self.session:
                self.on("DELETE", "")
        except (OSError, RuntimeError) as e:
            diag("the browser's session: %s" % e)
        self.session = None
        self.driver.terminate()
        self.driver.wait()
        self.folder.stop()

    def listens(self):
        try:
            return self.call("GET", "/status")["ready"]
        except OSError:
            return False

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            "http://127.0.0.1:%d%s" % (self.port, path), method=method,
            data=json.dumps(body or {}).encode() if method == "POST" else None,
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            value = json.load(e)["value"]
            raise RuntimeError("%s %s: %s: %s" % (
                method, path, value["error"], value["message"].split("\n")[0])) from None

    def on(self, method, path, body=None):
        return self.call(method, "/session/%s%s" % (self.session, path), body)

    def cdp(self, command, **parameters):
        return self.on("POST", "/goog/cdp/execute",
                       {"cmd": command, "params": parameters})

    # ---- what a person does

    def size(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)

    def go(self, url):
        self.on("POST", "/url", {"url": url})

    def find(self, css):
        """The first element, waited for."""
        def look():
            try:
                return self.on("POST", "/element", {"using": "css selector", "value": css})
            except RuntimeError as e:
                if "no such element" in str(e):
                    return None
                raise
        return wait_until("there is %s" % css, look, 30)[ELEMENT]

    def click(self, css):
        """Waits until it can be clicked; a list that moves is tried again."""
        def press():
            try:
                element = self.find(css)
                if not self.on("GET", "/element/%s/enabled" % element):
                    return False
                self.on("POST", "/element/%s/click" % element)
                return True
            except RuntimeError as e:
                if any(w in str(e) for w in ("stale", "intercepted", "not interactable")):
                    return False
                raise
        wait_until("%s is clicked" % css, press, 30)

    def type(self, css, text):
        """In the place of what it holds."""
        element = self.find(css)
        self.on("POST", "/element/%s/clear" % element)
        self.on("POST", "/element/%s/value" % element, {"text": text})

    def choose(self, css, value):
        """An option of a select."""
        self.find("%s option[value='%s']" % (css, value))
        self.js("const e = document.querySelector(arguments[0]); e.value = arguments[1];"
                "for (const n of ['input', 'change'])"
                "  e.dispatchEvent(new Event(n, {bubbles: true}));", css, value)

    def press(self, *keys):
        """Keys, where the focus is."""
        actions = [{"type": kind, "value": KEYS.get(k, k)} for k in keys
                   for kind in ("keyDown", "keyUp")]
        self.on("POST", "/actions", {"actions": [
            {"type": "key", "id": "keyboard", "actions": actions}]})

    # ---- what it sees

    def js(self, script, *arguments):
        return self.on("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def until(self, what, script, *arguments, timeout_s=60):
        """Until the script's value is true, which is returned."""
        return wait_until(what, lambda: self.js(script, *arguments), timeout_s, 0.05)

    def text(self, css):
        """What it says, None when it is not there."""
        return self.js("return document.querySelector(arguments[0])?.innerText ?? null", css)

    def shows(self, css, text):
        """Until the element has this text in it."""
        return self.until("%s shows %s" % (css, text),
                          "return (document.querySelector(arguments[0])?.innerText ?? '')"
                          ".includes(arguments[1])", css, text)

    def complaints(self):
        """What its console was told since it was asked last: errors of scripts, what the
        page's policy forbade."""
        return [e["message"] for e in self.on("POST", "/se/log", {"type": "browser"})
                if e["level"] == "SEVERE"]

    def report(self):
        """Of a test that failed: where it was, what was seen."""
        try:
            diag("at %s" % self.on("GET", "/url"))
            diag(self.text("body")[:2000])
            for line in self.complaints():
                diag(line)
            if os.environ.get("KEEP"):
                with open("browser.png", "wb") as f:
                    f.write(base64.b64decode(self.on("GET", "/screenshot")))
        except (OSError, RuntimeError) as e:
            diag("the browser tells no more: %s" % e)
