"""The playbooks as far as they can be tried without a machine: syntax, lint, which disks
become scratch space; and the packaged worker.  test_deploy.py runs them."""

import importlib.util
import re

from harness import *

ANSIBLE = os.path.join(TOP, "ansible")
PLAYBOOKS = ("check.yml", "deploy.yml", "destroy.yml", "update.yml")


def output(argv, **more):
    out = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         stdin=subprocess.DEVNULL, timeout=300, **more)
    return out.returncode, out.stdout


def there(program):
    if not shutil.which(program):
        lacking(program, program + " (tools/deps.sh test)")
    return shutil.which(program)


def test_syntax():
    names = sorted(f for f in os.listdir(ANSIBLE) if f.endswith(".yml"))
    is_(tuple(names), PLAYBOOKS, "every playbook is looked at")
    home = Folder()
    env = clean_env(ANSIBLE_CONFIG=os.path.join(ANSIBLE, "ansible.cfg"), HOME=home.path)
    if there("ansible-playbook"):
        code, text = output(
            ["ansible-playbook", "--syntax-check", "-i", ANSIBLE + "/inventory/01-scitq-default",
             "-e", "scitq_host=localhost"] + [ANSIBLE + "/" + p for p in PLAYBOOKS], env=env)
        is_(code, 0, "the playbooks' syntax") or diag(text)
    if there("ansible-lint"):
        copy = shutil.copytree(ANSIBLE, home.join("ansible"))
        code, text = output(["ansible-lint", "--offline", "--nocolor", "-q"], env=env, cwd=copy)
        is_(code, 0, "ansible-lint finds nothing") or diag(text)


def test_example():
    """What 02-scitq.example sets is what somebody reads."""
    files = [os.path.join(top, f) for top, _, names in os.walk(ANSIBLE) for f in names
             if f.endswith((".yml", ".conf", ".j2"))]
    text = ""
    for name in files + [os.path.join(TOP, "core/fleet/site.c")]:
        with open(name) as f:
            text += f.read()
    with open(ANSIBLE + "/inventory/02-scitq.example") as f:
        names = re.findall(r"[# ](\w+)=", f.read())
    ok(len(names) > 8, "the example shows variables", names)
    is_([n for n in names if not re.search(r"\b%s\b" % n, text) and
         not n.startswith("ansible_")], [], "each is one that is read")


PERMANENT = """
- hosts: all
  connection: local
  gather_facts: false
  vars_files: [%s]
  tasks:
    - debug: {msg: "{{ inventory_hostname }} {{ scitq_permanent | bool }}"}
"""


def test_manual():
    """Machines of the group manual are never destroyed, though nobody says so."""
    if not there("ansible-playbook"):
        return
    f = Folder()
    with open(f.join("play.yml"), "w") as play:
        play.write(PERMANENT % os.path.abspath(ANSIBLE + "/roles/worker/defaults/main.yml"))
    with open(f.join("hosts"), "w") as hosts:
        hosts.write("[manual]\nmine\n[static]\nlent\n")
    code, text = output(["ansible-playbook", "-i", f.join("hosts"), f.join("play.yml")],
                        env=clean_env(HOME=f.path), cwd=f.path)
    is_(sorted(re.findall(r"(mine|lent) (True|False)", text)),
        [("lent", "False"), ("mine", "True")], "who is permanent") or diag(text)


def scratch():
    path = os.path.join(ANSIBLE, "roles/scratch/files/scratch.py")
    spec = importlib.util.spec_from_file_location("scratch", path)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


def disk(name, gb, kind="disk", **more):
    return dict({"path": "/dev/" + name, "type": kind, "size": gb << 30, "fstype": None,
                 "mountpoint": None, "ro": False}, **more)


PARTS = {"children": [{"path": "/dev/sda1"}]}
DISKS = [
    ("no disk but the system's", [disk("sda", 50, **PARTS)], []),
    ("one blank disk", [disk("sda", 50, **PARTS), disk("sdb", 100)], ["sdb"]),
    ("the larger of two", [disk("sdb", 100), disk("sdc", 200)], ["sdc"]),
    ("NVMe disks together", [disk("nvme1n1", 100), disk("nvme0n1", 100), disk("sdb", 150)],
     ["nvme0n1", "nvme1n1"]),
    ("a disk larger than the NVMe ones", [disk("nvme0n1", 100), disk("sdb", 500)], ["sdb"]),
    ("no file system, no mount, no read-only disk, nothing tiny",
     [disk("sdb", 100, fstype="ext4"), disk("sdc", 100, mountpoint="/mnt"),
      disk("sdd", 100, ro=True), disk("sde", 0), disk("sr0", 100, "rom")], []),
    ("no loop device unasked", [disk("loop0", 100, "loop")], []),
]


def test_disks():
    s = scratch()
    for name, disks, want in DISKS:
        found = s.unused({"blockdevices": disks}, blank=lambda path: True)
        is_(s.choose(found), ["/dev/" + d for d in want], "scratch space: " + name)
    is_(s.unused({"blockdevices": [disk("sdb", 100)]}, blank=lambda path: False), [],
        "scratch space: nothing that is not surely blank")
    try:
        s.choose([("/dev/sdb", 1 << 40)], ["/dev/sdc"])
        ok(False, "scratch space: a disk that is named and not blank is refused")
    except SystemExit as e:
        has(str(e), "/dev/sdc is not a blank disk", "scratch space: a named disk is refused")


class Loop:
    """An empty block device of 2 GB, on a file that has holes; `path` None: none here."""

    def __init__(self):
        self.folder = Folder()
        with open(self.folder.join("disk"), "wb") as image:
            image.truncate(2 << 30)
        code, text = output(["losetup", "--show", "-f", self.folder.join("disk")])
        self.path = text.strip() if code == 0 else None
        remember(self)

    def stop(self):
        forget(self)
        if self.path:
            output(["losetup", "-d", self.path])
        self.folder.stop()


SCRATCH = """set -e
echo '# nothing yet' >"$0/fstab"
for words in --dry-run "" ""; do
    python3 "$1" $words --fstab "$0/fstab" --path "$0/scratch" "$2"
done
cat "$0/fstab"
touch "$0/scratch/file"
sed -n "s|^$2 $0/scratch \\(ext4\\) .*|\\1|p" /proc/mounts
umount "$0/scratch"
python3 "$1" --fstab "$0/fstab" --path "$0/scratch" "$2"
ls "$0/scratch"
"""


def test_scratch():
    """A real device becomes scratch space, once, and is found again after a restart; in a
    mount namespace with an fstab of its own."""
    s = scratch()
    if os.geteuid() != 0 or not shutil.which("losetup"):
        return lacking("scratch space on a device", "root and losetup")
    loop = Loop()
    if not loop.path:
        return skip("scratch space on a device", "no loop device")
    is_(s.is_blank(loop.path), True, "an empty device is blank")
    is_(s.is_blank("/dev/none"), False, "one that is not there is not")
    folder = loop.folder.path
    code, text = output(["unshare", "--mount", "sh", "-c", SCRATCH, folder,
                         ANSIBLE + "/roles/scratch/files/scratch.py", loop.path])
    path = folder + "/scratch"
    is_(text.splitlines(), [
        "changed: made %s of %s" % (path, loop.path), "changed: made %s of %s" % (path, loop.path),
        "same: %s is mounted" % path, "# nothing yet",
        "LABEL=scitq-scratch %s ext4 defaults,noatime,nofail 0 0" % path, "ext4",
        "changed: mounted the scratch disk on " + path, "file", "lost+found"],
        "a device becomes scratch space, is left alone, and mounted again")
    is_(s.is_blank(loop.path), False, "then it is blank no more")
    code, text = output(["sh", "-c", "exec wipefs -q -a " + loop.path])
    code, text = output(["sh", "-c", "mkfs.ext4 -q %s && exec python3 %s/roles/scratch/files/"
                         "scratch.py --fstab %s/fstab --path %s %s" % (
                             loop.path, ANSIBLE, folder, path + "2", loop.path)])
    ok(code == 1 and "is not a blank disk: nothing was changed" in text,
       "one that holds somebody's files is refused, though it was named", text)
    loop.stop()


def test_source():
    """scitq_src: what is packed is the source, named by its content."""
    pack = ANSIBLE + "/roles/worker/files/pack_source.sh"
    tree = Folder()
    for name in ("configure.ac", "worker/main.c", "build-aux/install-sh", ".git/HEAD",
                 "build/config.status", "build/x.o", "a san/config.status", ".cache/y"):
        os.makedirs(os.path.dirname(tree.join(name)), exist_ok=True)
        with open(tree.join(name), "w") as f:
            f.write(name)
    archives = []
    for change in (None, None, "configure.ac"):
        if change:
            with open(tree.join(change), "a") as f:
                f.write("more")
        code, text = output([pack, tree.path])
        archives.append(os.path.basename(text.strip()))
        if code == 0:
            names = sorted(n for n in output(["tar", "-tf", text.strip()])[1].split()
                           if not n.endswith("/"))
            shutil.rmtree(os.path.dirname(text.strip()))
    is_(names, ["./build-aux/install-sh", "./configure.ac", "./worker/main.c"],
        "the source is packed without the rest")
    ok(archives[0] == archives[1] != archives[2], "named by its content", archives)
    code, text = output([pack, tree.join("worker")])
    ok(code == 1 and "is no source tree of scitq" in text, "another folder is refused", text)


def test_bundle():
    """The packaged worker, moved, in a root of its own where there is nothing else: no
    library of this machine can help."""
    if SANITIZED:
        return skip("the packaged worker", "a sanitized build makes none")
    if os.geteuid() != 0:
        return lacking("the packaged worker", "root")
    archive = os.path.join(BUILD, "share/scitq/worker/scitq-worker-%s.tar.gz" % os.uname().machine)
    f = Folder()
    root = f.join("root")
    os.makedirs(root + "/else/where")
    os.mkdir(root + "/proc")
    output(["tar", "-C", root + "/else/where", "-xzf", archive])
    with open(root + "/a file", "w") as data:
        data.write("data\n")

    def inside(*words):
        return output(["unshare", "--mount", "sh", "-c",
                       'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"', root] +
                      list(words), env=clean_env())
    code, text = inside("/else/where/bin/scitq-worker", "--version")
    is_((code, text.split(" ")[0]), (0, "scitq-worker"), "the packaged worker runs anywhere")
    code, text = inside("/else/where/bin/scitq-fetch", "copy", "file:///a%20file", "/copied")
    is_((code, text), (0, ""), "its scitq-fetch finds its plugins")
    ok(os.path.exists(root + "/copied/a file") or os.path.exists(root + "/copied"),
       "and they work")
    code, text = inside("/else/where/bin/scitq-supervisor")
    ok(code != 127 and "scitq-supervisor" in text, "its supervisor runs", text)
    with open(archive, "rb") as a:
        before = a.read()
    os.rename(archive, archive + ".before")
    code, text = output(["make", "-C", BUILD, os.path.relpath(archive, BUILD)])
    with open(archive, "rb") as a:
        ok(code == 0 and a.read() == before, "packed again it has the same bytes", text)
    os.unlink(archive + ".before")


for test in (test_syntax, test_example, test_manual, test_disks, test_scratch, test_source, test_bundle):
    run(test)
done()
