"""etc/manage-firewall.sh, in a network namespace: the machine's own firewall is out of
reach.  Packets are sent for real, from a second namespace."""

from harness import *

SCRIPT = os.path.join(TOP, "etc", "manage-firewall.sh")
if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "iptables", "ip"))):
    lacking("the firewall", "root, unshare, ip and iptables")
    done()
if os.environ.get("SCITQ_TEST_ALONE") != "1":
    os.environ["SCITQ_TEST_ALONE"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child",
                          "--mount-proc", sys.executable] + sys.argv)


def run_it(*words, **env):
    out = subprocess.run([SCRIPT] + list(words), stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=60,
                         env=dict({k: v for k, v in os.environ.items()
                                   if k != "SSH_CONNECTION"}, **env))
    return out.returncode, out.stdout


def sh(text):
    return subprocess.run(["sh", "-ec", text], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=True, timeout=60).stdout


sh("""ip link set lo up
mount -t tmpfs tmpfs /run
ip netns add other
ip link add sq0 type veth peer name sq1 netns other
ip address add 10.78.0.1/24 dev sq0
ip link set sq0 up
ip -n other link set lo up
for n in 2 3; do ip -n other address add 10.78.0.$n/24 dev sq1; done
ip address add fd00:78::1/64 dev sq0 nodad
for n in 2 3; do ip -n other address add fd00:78::$n/64 dev sq1 nodad; done
ip -n other link set sq1 up""")
door = socket.socket(socket.AF_INET6)
door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
door.bind(("::", 0))
door.listen(50)
PORT = door.getsockname()[1]
KNOCK = """import socket, sys
try:
    socket.create_connection((sys.argv[2], int(sys.argv[3])), 3, (sys.argv[1], 0))
    print("in")
except OSError:
    print("out")"""


def knock(source, target="10.78.0.1", where=("ip", "netns", "exec", "other")):
    out = subprocess.run(list(where) + [sys.executable, "-c", KNOCK, source, target, str(PORT)],
                         stdout=subprocess.PIPE, text=True, timeout=60)
    return out.stdout.strip()


ECHO = """import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
s.bind((sys.argv[1], 0))
s.settimeout(3)
s.sendto(struct.pack("!BBHHH", 8, 0, 0xfffa - 0x800, 1, 4), (sys.argv[2], 0))
try:
    while s.recv(100)[20] != 0:
        pass
    print("in")
except OSError:
    print("out")"""
ANSWER = """import socket
s = socket.create_server(("10.78.0.3", 0))
print(s.getsockname()[1], flush=True)
s.accept()[0].sendall(b"an answer")"""


def echo(source, target="10.78.0.1"):
    """Is a ping answered?"""
    out = subprocess.run(["ip", "netns", "exec", "other", sys.executable, "-c", ECHO, source,
                          target], stdout=subprocess.PIPE, text=True, timeout=60)
    return out.stdout.strip()


def answer():
    """What somebody who is not trusted says when he is asked from here."""
    with subprocess.Popen(["ip", "netns", "exec", "other", sys.executable, "-c", ANSWER],
                          stdout=subprocess.PIPE, text=True) as other:
        try:
            with socket.create_connection(("10.78.0.3", int(other.stdout.readline())), 3) as s:
                return s.recv(100)
        except OSError as e:
            other.kill()
            return e


def rules():
    return sh("iptables -S INPUT; iptables -S scitq-trusted 2>/dev/null || :")


def test_closed():
    is_((knock("10.78.0.2"), knock("10.78.0.3")), ("in", "in"), "at first everybody is let in")
    code, text = run_it("start", "10.78.0.2", "fd00::/8")
    is_((code, text), (0, ""), "start")
    is_((knock("10.78.0.2"), knock("10.78.0.3")), ("in", "out"), "only who is trusted is let in")
    is_(knock("127.0.0.1", "127.0.0.1", ()), "in", "and this machine itself")
    is_(echo("10.78.0.3"), "in", "ICMP passes")
    is_(answer(), b"an answer", "and answers to what it asked")
    sh("iptables -I INPUT -s 10.78.0.3 -m comment --comment scitq:w1 -j ACCEPT")
    is_(knock("10.78.0.3"), "in", "a worker that the playbooks let in")
    before = rules()
    is_(run_it("start", "10.78.0.2", "fd00::/8"), (0, ""), "start again")
    is_(rules(), before, "changes nothing")
    is_(run_it("start", "10.78.0.0/24"), (0, ""), "start with a network")
    sh("iptables -D INPUT -s 10.78.0.3 -m comment --comment scitq:w1 -j ACCEPT")
    is_((knock("10.78.0.2"), knock("10.78.0.3")), ("in", "in"), "trusts all of it")
    has(run_it("status")[1], "-A scitq-trusted -s 10.78.0.0/24 -j ACCEPT", "status tells")


def test_list():
    """The addresses of a file, as at boot; and both families."""
    folder = Folder()
    path = folder.join("trusted")
    with open(path, "w") as f:
        f.write("# the lab\n10.78.0.2  # a server\n\n  fd00:78::2\t10.9.0.0/16\n")
    is_(run_it("start", SCITQ_TRUSTED=path), (0, ""), "start, with a file")
    is_((knock("10.78.0.2"), knock("10.78.0.3")), ("in", "out"), "who is in it is let in")
    is_((knock("fd00:78::2", "fd00:78::1"), knock("fd00:78::3", "fd00:78::1")),
        ("in", "out"), "and so it is over IPv6")
    before = rules() + sh("ip6tables -S")
    is_(run_it("start", SCITQ_TRUSTED=path), (0, ""), "again")
    is_(rules() + sh("ip6tables -S"), before, "changes nothing")
    for text in ("", "# nobody\n"):
        with open(path, "w") as f:
            f.write(text)
        code, text = run_it("start", SCITQ_TRUSTED=path)
        ok(code == 2 and path + " names nobody" in text, "an empty one is refused", text)
    code, text = run_it("start", SCITQ_TRUSTED=folder.join("none"))
    ok(code == 2 and "none" in text, "an absent one too", text)
    is_(rules() + sh("ip6tables -S"), before, "nothing was changed")


def test_refusals():
    before = rules()
    for words in ((), ("stop", "x"), ("status", "x"), ("word",)):
        code, text = run_it(*words)
        ok(code == 2 and "manage-firewall.sh start [ADDRESS" in text, "usage: %s" % (words,), text)
    code, text = run_it("start", "10.0.0.1 -j ACCEPT")
    ok(code == 2 and "is no address" in text, "what is no address is refused", text)
    for name in ("fee.de", "beef", "10.78.0.2\n-A x", "10.0.0.0/0", "::/0", "", "10.1/00"):
        code, text = run_it("start", name)
        ok(code == 2 and "nothing was changed" in text, "refused: %r" % name, text)
    before6 = sh("ip6tables -S")
    for wrong in ("10.78.0.999", "10.0.0.0/33", "fd00::/129", "1:2:3", "/8"):
        code, text = run_it("start", "10.78.0.3", "fd00:78::3", wrong)
        ok(code == 1 and "nothing was changed" in text, "cannot be: %s" % wrong, text)
    is_(sh("ip6tables -S"), before6, "of neither family")
    code, text = run_it("start", "10.1.0.0/16", SSH_CONNECTION="10.78.0.2 1 10.78.0.1 22")
    ok(code == 1 and "you are logged in from 10.78.0.2" in text, "nobody locks himself out", text)
    is_(rules(), before, "nothing was changed")


def test_opened():
    is_(run_it("stop"), (0, ""), "stop")
    is_(rules() + sh("ip6tables -S INPUT"), "-P INPUT ACCEPT\n" * 2, "leaves nothing")
    is_(run_it("stop"), (0, ""), "stop again")


for test in (test_closed, test_list, test_refusals, test_opened):
    run(test)
done()
