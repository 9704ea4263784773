"""A small file system of a test's own, to be filled: a tmpfs in a mount namespace that
ends with the test."""

import ctypes
import os
import subprocess

from tap import Folder


def namespace():
    """Mounts made from here on are this process's and its children's.  False: not
    allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_namespace, recursive_private = 0x00020000, 0x4000 | 0x40000
    return (libc.unshare(new_namespace) == 0 and
            libc.mount(b"none", b"/", None, recursive_private, None) == 0)


class Disk(Folder):
    """The daemons on it are stopped before it."""

    def __init__(self, options="size=24m"):
        super().__init__("scitq-disk-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755," + options, "none",
                        self.path], check=True)

    def fill(self):
        """Not a byte is left."""
        with open(self.join("fill"), "wb", buffering=0) as f:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass

    def make_room(self):
        os.unlink(self.join("fill"))

    def stop(self):
        subprocess.run(["umount", "-l", self.path])
        super().stop()


__all__ = ["Disk", "namespace"]
