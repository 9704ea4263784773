"""The table of figures, and what the kernel says of a process."""

import os

TICKS = os.sysconf("SC_CLK_TCK")
missed = 0


def line(what, figure, target, good, reference=""):
    """One line of the table."""
    global missed
    missed += not good
    print("%-46s %-34s %-28s %-24s %s" % (what, figure, reference, target,
                                          "OK" if good else "MISS"), flush=True)


def cpu_s(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def smaps(pid):
    """(resident, anonymous) MiB."""
    values = {}
    with open("/proc/%d/smaps_rollup" % pid) as f:
        for text in f:
            words = text.split()
            if words[0].endswith(":"):
                values[words[0]] = int(words[1]) if words[1].isdigit() else 0
    return values["Rss:"] / 1024, values["Anonymous:"] / 1024


class Peak:
    """Growth of a process's resident memory while a block runs."""

    def __init__(self, pid):
        self.pid = pid

    def hwm(self):
        with open("/proc/%d/status" % self.pid) as f:
            return next(int(t.split()[1]) for t in f if t.startswith("VmHWM")) / 1024

    def __enter__(self):
        with open("/proc/%d/clear_refs" % self.pid, "w") as f:
            f.write("5")  # resets the high-water mark
        self.before = self.hwm()
        return self

    def __exit__(self, *_):
        self.growth = self.hwm() - self.before
