"""scitq as an outside author of plugins has it: installed below a folder of the test,
its tools, and what pkg-config tells of it.  Sources are copied away before they are
compiled, so that nothing of the tree is in reach."""

import os
import sys

TOP = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(__file__), "../..")
sys.path.insert(0, os.path.join(TOP, "tests", "system"))
from harness import *  # noqa: E402,F403


def command(*argv, **more):
    """(exit code, output and errors) of a program."""
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=600, **more)
    return p.returncode, p.stdout


class Outside:
    def __init__(self):
        self.work = Folder("scitq-outside-")
        self.dest = self.work.join("dest")
        with open(os.path.join(BUILD, "lib", "scitq.pc")) as f:
            self.prefix = f.readline().strip().split("=", 1)[1]

    def installed(self, *names):
        """A path below the installation's prefix."""
        return self.dest + os.path.join(self.prefix, *names)

    def install(self):
        """`make check` has made one, which is copied."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        code, text = command("make", "-C", BUILD, "-s", "tests/plugin-sample/dest.stamp",
                             env=env)
        shutil.copytree(os.path.join(BUILD, "tests", "plugin-sample", "dest"), self.dest,
                        symlinks=True)
        ok(code == 0, "it can be installed below another root", text)

    def env(self, **more):
        """That of the tools of the installation, which find their library as no linker
        configured it."""
        return clean_env(LD_LIBRARY_PATH=self.installed("lib"), **more)

    def tool(self, name, *argv, **env):
        return command(self.installed("bin", name), *argv, env=self.env(**env))

    def pkg_config(self, *options):
        env = dict(os.environ, PKG_CONFIG_PATH=self.installed("lib", "pkgconfig"),
                   PKG_CONFIG_SYSROOT_DIR=self.dest)
        code, text = command("pkg-config", *options, "scitq", env=env)
        is_(code, 0, "pkg-config %s scitq" % " ".join(options))
        return text.split()

    def build(self, kind, source, name, *flags):
        """A module of this kind (storage, providers) for the site, of a source beside
        this file, or of one that is away from it already; its path."""
        os.makedirs(self.work.join("site", kind), exist_ok=True)
        so = self.work.join("site", kind, name + ".so")
        here = os.path.join(TOP, "tests", "plugin-sample", source)
        away = self.work.join(os.path.basename(source))
        if source != away:
            shutil.copy(here, away)
        code, text = command("cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
                             *flags, *self.pkg_config("--cflags"), "-o", so, away,
                             *self.pkg_config("--libs"), cwd=self.work.path)
        ok(code == 0, "%s is built out of tree %s" % (os.path.basename(away),
                                                     " ".join(flags)), text)
        return so
