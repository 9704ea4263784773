#!/usr/bin/python3
"""Make the scratch space where tasks work: scratch.py [--dry-run] [--path P] [DISK…]

All NVMe disks together as one RAID 0, or the largest other disk, whichever is larger;
the disks named, where some are.  Only a disk that is surely blank is ever written to: it
has a device node, no partition, no mount, no signature that blkid knows, and opens
exclusively.  Where no disk is blank, what a cloud mounted on /mnt serves if it is larger
than the system's disk; else the scratch space is a folder of that.  Run again it finds
its file system by its label.  Prints one line, "changed: …" or "same: …"."""

import argparse
import json
import os
import re
import subprocess
import sys

LABEL = "scitq-scratch"
SMALLEST = 1 << 30  # less is no scratch space
RAID = "/dev/md/" + LABEL
OPTIONS = "defaults,noatime,nofail"


def run(*argv):
    """Its standard output; what fails ends all, in its own words."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("%s failed: %s" % (" ".join(argv), done.stderr.strip()))
    return done.stdout


def is_blank(path):
    """Is this block device nobody's?  When in doubt, no."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_EXCL))
        # 2: it looked, and found neither file system nor partition table.
        return subprocess.run(["blkid", "-p", path], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 2
    except OSError:
        return False


def unused(listing, blank=is_blank):
    """The disks of lsblk's JSON that may be written to: [(path, size)]."""
    found = []
    for d in listing["blockdevices"]:
        if (d["type"] in ("disk", "loop") and not d.get("children") and not d.get("fstype")
                and not d.get("mountpoint") and str(d.get("ro")) in ("0", "False")
                and int(d["size"]) >= SMALLEST and blank(d["path"])):
            found.append((d["path"], int(d["size"])))
    return found


def choose(disks, named=()):
    """Which of the unused disks become scratch space; [] when there is none."""
    if named:
        there = [p for p, _ in disks]
        wrong = [p for p in named if p not in there]
        if wrong:
            sys.exit("%s is not a blank disk: nothing was changed" % ", ".join(wrong))
        return list(named)
    nvme = [d for d in disks if re.match(r"/dev/nvme", d[0])]
    other = [d for d in disks if not re.match(r"/dev/(nvme|loop)", d[0])]
    largest = max(other, key=lambda d: d[1], default=("", 0))
    if nvme and sum(size for _, size in nvme) >= largest[1]:
        return sorted(path for path, _ in nvme)
    return [largest[0]] if largest[0] else []


def size_of(path):
    s = os.statvfs(path)
    return s.f_blocks * s.f_frsize


def make_file_system(disks):
    device = disks[0]
    if len(disks) > 1:
        device = RAID
        run("mdadm", "--create", RAID, "--run", "--level=0", "--homehost=any",
            "--raid-devices=%d" % len(disks), *disks)
    run("mkfs.ext4", "-q", "-L", LABEL, "-m", "0", device)


def remember(fstab, source, path, kind, options):
    """One line of fstab for the path, renamed into place."""
    with open(fstab) as f:
        lines = [line for line in f.read().splitlines()
                 if line.strip().startswith("#") or line.split()[1:2] != [path]]
    with open(fstab + ".scitq", "w") as f:
        f.write("\n".join(lines + ["%s %s %s %s 0 0" % (source, path, kind, options)]) + "\n")
    os.chmod(fstab + ".scitq", 0o644)
    os.rename(fstab + ".scitq", fstab)


def mount(fstab, path, source, kind, options):
    os.makedirs(path, exist_ok=True)
    remember(fstab, source, path, kind, options)
    run("mount", "-T", fstab, path)


def labeled():
    """Our file system of an earlier time, by its label."""
    return subprocess.run(["blkid", "-L", LABEL], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def cloud_disk(path):
    """What the cloud's image mounted on /mnt, if it is a larger disk than the system's."""
    parent = os.path.dirname(path.rstrip("/")) or "/"
    return os.path.ismount("/mnt") and size_of("/mnt") > size_of(parent)


def plan(a):
    """What is to be done: a sentence, and the function that does it (None: nothing)."""
    if os.path.ismount(a.path):
        return "%s is mounted" % a.path, None
    if labeled():
        return "mounted the scratch disk on " + a.path, lambda: mount(
            a.fstab, a.path, "LABEL=" + LABEL, "ext4", OPTIONS)
    listing = json.loads(run("lsblk", "-J", "-b", "-o",
                             "NAME,PATH,TYPE,SIZE,FSTYPE,MOUNTPOINT,RO", *a.disks))
    disks = choose(unused(listing), a.disks)
    if disks:
        def make():
            make_file_system(disks)
            mount(a.fstab, a.path, "LABEL=" + LABEL, "ext4", OPTIONS)
        return "made %s of %s" % (a.path, " ".join(disks)), make
    if os.path.isdir(a.path):
        return "%s is a folder of the system's disk" % a.path, None
    if cloud_disk(a.path):
        def bind():
            os.makedirs("/mnt/scratch", exist_ok=True)
            mount(a.fstab, a.path, "/mnt/scratch", "none", "bind,nofail")
        return "made %s of the disk on /mnt" % a.path, bind
    return "made the folder %s, no disk is unused" % a.path, lambda: os.makedirs(a.path)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--dry-run", action="store_true")
    p.add_argument("--path", default="/scratch")
    p.add_argument("--fstab", default="/etc/fstab")
    p.add_argument("disks", nargs="*")
    a = p.parse_args()
    sentence, act = plan(a)
    if act and not a.dry_run:
        act()
    print(("changed: " if act else "same: ") + sentence)


if __name__ == "__main__":
    main()
