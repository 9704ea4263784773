#!/usr/bin/env python3
"""run+fastq://, run+submitted:// and fasp:// against a small ENA of our own (its file
report over HTTP, its files over FTP), the real fasterq-dump on a run made by the real
loader, and stand-ins for what needs the outside: ascp and prefetch."""

import gzip
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time

SERVERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers")
sys.path.insert(0, SERVERS)
from fetch import fetch, spawn, tree, worker, write  # noqa: E402
from harness import Folder, done, has, is_, ok, run, signal, wait_until  # noqa: E402
from servers import Absent, Servers  # noqa: E402

ONE, TWO, BAM = (os.urandom(300000) + bytes([i]) for i in range(3))


class Archive:
    """The server, the programs, and one folder to fetch into."""

    def __init__(self, server, folder):
        self.server, self.folder, self.count = server, folder, 0
        write(folder.join("key"), b"the key\n")
        for name in ("sra", "load"):
            os.makedirs(folder.join(name))
        self.env = {
            "ENA_REPORT_URL": "http://127.0.0.1:%d/filereport" % server.port,
            "SRA_ROUNDS": "3", "SRA_PAUSE": "0",
            "ASPERA_KEY": folder.join("key"), "ASCP_ROOT": server.root,
            "ASCP_HOW": folder.join("how"), "ASCP_LOG": folder.join("ascp.log"),
            "PREFETCH_ROOT": folder.join("sra"), "PREFETCH_LOG": folder.join("sra.log"),
            "PATH": os.path.abspath(os.path.join(SERVERS, "bin")) + ":" + os.environ["PATH"]}

    def run(self, fastq=None, submitted=None, bad=None, **how):
        """A new run with these files; its accession."""
        self.count += 1
        accession = "ERR%06d" % self.count
        top = os.path.join(self.server.root, accession)
        os.makedirs(top)
        for name, body in (fastq or {}).items():
            write(os.path.join(top, "fastq", name), body)
        for name, body in (submitted or {}).items():
            write(os.path.join(top, name), body)
        for name, body in (bad or {}).items():
            write(os.path.join(top, "fastq", name + ".bad"), body)
        if how:
            write(os.path.join(top, ".how"), json.dumps(how).encode())
        return accession

    def pair(self, **more):
        accession = "ERR%06d" % (self.count + 1)
        return self.run({accession + "_1.fastq.gz": ONE, accession + "_2.fastq.gz": TWO},
                        **more)

    def fetch(self, *words, env=None, **more):
        return fetch(*words, env=dict(self.env, **env or {}), **more)

    def copy(self, uri, env=None):
        """(exit code, {name: bytes}, standard error); nothing else is left behind."""
        to = self.folder.join("to")
        shutil.rmtree(to, ignore_errors=True)
        code, _, error = self.fetch("copy", uri, to + "/", env=env)
        return code, tree(to), error

    def lines(self, name):
        path = self.folder.join(name)
        if not os.path.exists(path):
            return []
        with open(path) as f:
            return f.read().split()

    def ascp(self, words):
        write(self.folder.join("how"), words.encode())

    def without(self, *programs):
        """A PATH with everything but these and the stand-ins."""
        folder = self.folder.join("path-" + "-".join(programs))
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir("/usr/bin"):
            if name not in programs and not os.path.lexists(os.path.join(folder, name)):
                os.symlink("/usr/bin/" + name, os.path.join(folder, name))
        return {"PATH": folder}


def whole(a):
    run_ = a.pair(submitted={"sample #1 a%20b.bam": BAM})
    pair = {run_ + "_1.fastq.gz": ONE, run_ + "_2.fastq.gz": TWO}
    code, got, error = a.copy("run+fastq://" + run_)
    ok(code == 0 and got == pair, "run+fastq brings the FASTQ files", error)
    code, got, error = a.copy("run+submitted://%s/" % run_)
    ok(code == 0 and got == {"sample #1 a%20b.bam": BAM},
       "run+submitted what was submitted, under its odd name", error)
    code, got, error = a.copy("run+fastq@ftp@filter_r1://" + run_)
    ok(code == 0 and list(got) == [run_ + "_1.fastq.gz"], "@filter_r1 the first reads", error)
    code, got, error = a.copy("run+fastq://%s/%s_2.fastq.gz" % (run_, run_))
    ok(code == 0 and list(got.values()) == [TWO], "one of its files can be named", error)
    single = a.run({"ERR%06d.fastq.gz" % (a.count + 1): ONE}, http=True)
    code, got, error = a.copy("run+fastq@filter_r1://" + single)
    ok(code == 0 and got == {single + ".fastq.gz": ONE},
       "@filter_r1 leaves a run without pairs, and a link may be http", error)
    packed = a.run({"ERR%06d.fastq.gz" % (a.count + 1): gzip.compress(b"@r\nA\n+\nI\n")})
    code, got, error = a.copy("run+fastq://%s/%s.fastq.gz|gunzip" % (packed, packed))
    ok(code == 0 and got == {packed + ".fastq": b"@r\nA\n+\nI\n"}, "|gunzip follows", error)


def listed(a):
    run_ = a.pair()
    names = [run_ + "_1.fastq.gz", run_ + "_2.fastq.gz"]
    code, out, error = a.fetch("rlist", "--md5", "run+fastq://" + run_)
    want = ["%s  %s" % (hashlib.md5(b).hexdigest(), n) for n, b in zip(names, (ONE, TWO))]
    is_((code, out.splitlines()), (0, want), "rlist --md5 gives ENA's MD5s")
    code, out, error = a.fetch("list", "run+fastq@filter_r1://" + run_)
    is_((code, out.splitlines()), (0, ["run+fastq@filter_r1://%s/%s" % (run_, names[0])]),
        "list prints URIs")
    code, got, error = a.copy(out.strip())
    ok(code == 0 and list(got.values()) == [ONE], "which can be fetched", error)
    code, ends, _, error = worker(
        [{"op": "hash", "uri": "run+fastq://" + run_},
         {"op": "get", "uri": "run+fastq://" + run_, "to": a.folder.join("job")}], env=a.env)
    is_([e["event"] for e in ends.values()], ["done", "done"], "a worker's jobs are done")
    is_((ends[2]["files"], sorted(os.listdir(a.folder.join("job")))), (2, names),
        "with their files")
    for verb in (["delete", "run+fastq://" + run_],
                 ["copy", a.folder.join("key"), "run+fastq://" + run_ + "/key"]):
        code, _, error = a.fetch(*verb)
        ok(code != 0 and error.count("\n") == 1, verb[0] + " there is refused", error)


def damaged(a):
    """What does not have the MD5 of the report is never kept."""
    accession = "ERR%06d" % (a.count + 1)
    name = accession + ".fastq.gz"
    other = bytes(255 - b for b in ONE)
    run_ = a.run({name: ONE}, bad={name: other}, no_aspera=True)
    code, got, error = a.copy("run+fastq@ftp://" + run_)
    ok(code == 0 and got == {name: ONE}, "a wrong MD5, then the right one", error)
    has(error, "came with the MD5 " + hashlib.md5(other).hexdigest(), "and a warning")
    is_(len(a.server.requests("RETR .*" + name)), 2, "in two transfers")
    run_ = a.run({name: ONE}, wrong_md5=2)
    code, got, error = a.copy("run+fastq@ftp://" + run_)
    ok(code == 0 and list(got.values()) == [ONE], "a report that is corrected", error)
    is_(len(a.server.requests("REPORT " + run_)), 3, "is asked for in each round")
    run_ = a.run({name: ONE}, wrong_md5=99)
    code, got, error = a.copy("run+fastq://" + run_, env=a.without("ascp", "prefetch"))
    ok(code == 1 and got == {} and "given up after 3 rounds" in error and
       "came with the MD5" in error, "always a wrong MD5: given up, with the reason", error)
    is_(len(a.server.requests("RETR .*%s/" % run_)), 3, "after the rounds, and no more")


def reports(a):
    """Reports that are absent, empty, broken or hostile."""
    head = "run_accession\tfastq_ftp\tfastq_md5\tfastq_bytes\tfastq_aspera\n"
    md5 = "0" * 32
    host = "127.0.0.1:1/x/"

    def row(links, md5s="", sizes=""):
        return {"body": head + "\t".join([a.next, links, md5s, sizes, ""]) + "\n"}
    cases = [
        ("a header alone", lambda: {"body": head}, "knows no public run"),
        ("nothing", lambda: {"body": ""}, "knows no public run"),
        ("a page of a portal", lambda: {"body": "<html>log in</html>"}, "columns of a report"),
        ("a row of another run", lambda: {"body": head + "ERR999999\ta/b\t\t\t\n"}, "knows no"),
        ("a file named ..", lambda: row(host + ".."), "a link to no file"),
        ("no file name", lambda: row(host), "a link to no file"),
        ("a file: link", lambda: row("file:///etc/passwd"), "a link to no file"),
        ("an option for a host", lambda: row("--upload-file/x"), "a link to no file"),
        ("two of one name", lambda: row(host + "a;" + host + "y/a"), "two files of one"),
        ("an MD5 too few", lambda: row(host + "a;" + host + "b", md5), "not as many"),
        ("no MD5", lambda: row(host + "a", "xyz"), "an MD5 that is none"),
        ("no size", lambda: row(host + "a", md5, "-1"), "a size that is no number"),
        ("a zero byte", lambda: {"body": head + "\0"}, "a zero byte"),
        ("a name with a bell", lambda: row(host + "a\7"), "a link to no file"),
        ("too many files", lambda: row(";".join(host + str(i) for i in range(1001))),
         "names 1001 files"),
        ("a report without end", lambda: {"endless": True}, "too long for a report"),
        ("status 400", lambda: {"status": 400}, "says 400"),
    ]
    for what, how, word in cases:
        a.next = "ERR%06d" % (a.count + 1)
        code, got, error = a.copy("run+fastq://" + a.run(**how()), env={"SRA_ROUNDS": "1"})
        ok(code == 1 and not got and word in error, what + " is refused in words", error)
    code, got, error = a.copy("run+fastq://ERR987654")
    ok(code == 1 and "knows no public run ERR987654" in error, "so is an unknown run", error)
    run_ = a.run(submitted={"a.bam": BAM})
    code, got, error = a.copy("run+fastq://" + run_)
    ok(code == 1 and "run+submitted://" + run_ in error, "and one without FASTQ files", error)
    for uri in ("run+fastq://SRX000001", "run+fastq://ERR12", "run+fastq://ERR000001x",
                "run+fastq@what://ERR000001", "run+submitted@sra://ERR000001",
                "fasp://ERR000001", "fasp://-o/x", "fasp@ftp://h:/x"):
        code, got, error = a.copy(uri)
        ok(code in (1, 2) and not got and error.count("\n") == 1, uri + " is refused", error)
    code, _, error = a.fetch("list", "run+fastq://" + run_, env={"ENA_REPORT_URL": "file:///x"})
    ok(code != 0 and "ENA_REPORT_URL" in error, "so is a wrong setting", error)


def unanswered(a):
    """A server that fails is asked again, then the task may be tried later."""
    run_ = a.run(status=500)
    job = {"op": "get", "uri": "run+fastq://" + run_, "to": a.folder.join("to")}
    code, ends, _, _ = worker([job], env=a.env, timeout_s=4)
    is_((ends[1]["event"], ends[1]["retry"]), ("failed", True), "a 500 may pass")
    ok(len(a.server.requests("REPORT " + run_)) > 1, "it was asked for again")


def aspera(a):
    a.ascp("")
    run_ = a.pair()
    code, got, error = a.copy("run+fastq@aspera://" + run_)
    ok(code == 0 and list(got.values()) == [ONE, TWO], "@aspera brings them", error)
    is_((len(a.server.requests("RETR .*%s/" % run_)), len(a.lines("ascp.log"))), (0, 2),
        "by ascp alone")
    a.ascp("fail wrong fail")
    run_ = a.run(submitted={"s.bam": BAM})
    code, got, error = a.copy("run+submitted@aspera@ftp://" + run_)
    ok(code == 0 and got == {"s.bam": BAM}, "ascp fails: FTP is next", error)
    has(error, "Session data transfer timeout", "and why is said")
    a.ascp("wrong fail")
    run_ = a.run(submitted={"s.bam": BAM})
    code, got, error = a.copy("run+submitted@aspera://" + run_)
    ok(code == 0 and got == {"s.bam": BAM}, "other bytes, half of them, then all", error)
    run_ = a.run(submitted={"s.bam": BAM}, no_aspera=True)
    code, got, error = a.copy("run+submitted@aspera://" + run_)
    ok(code == 1 and "no Aspera link" in error, "a run without such a link", error)
    code, got, error = a.copy("run+submitted@aspera://" + a.run(submitted={"s": BAM}),
                              env=a.without("ascp"))
    ok(code == 1 and "install ascp" in error, "an absent ascp is explained", error)
    code, got, error = a.copy("run+submitted@aspera://" + a.run(submitted={"s": BAM}),
                              env={"ASPERA_KEY": "/nowhere"})
    ok(code == 1 and "ascp failed" in error, "so is a wrong key", error)


def fasp(a):
    a.ascp("wrong")
    run_ = a.pair()
    path = "127.0.0.1:/%s/fastq/%s_1.fastq.gz" % (run_, run_)
    code, got, error = a.copy("fasp://" + path)
    ok(code == 0 and got == {run_ + "_1.fastq.gz": ONE} and "came with the MD5" in error,
       "fasp brings a file, compared with ENA's report", error)
    write(os.path.join(a.server.root, "else", "data.bin"), TWO)
    code, got, error = a.copy("fasp://era-fasp@127.0.0.1/else/data.bin")
    ok(code == 0 and got == {"data.bin": TWO}, "and one that is not ENA's", error)
    code, out, error = a.fetch("list", "fasp://" + path)
    is_((code, out.strip()), (0, "fasp://" + path), "it lists itself")
    code, got, error = a.copy("fasp://127.0.0.1:/else/none")
    ok(code == 1 and "does not exist" in error and not got, "an absent one", error)
    code, got, error = a.copy("fasp://127.0.0.1:/else/")
    ok(code == 1 and "cannot be listed" in error, "a folder is refused", error)


def make_run(a, accession, mates=2):
    """A run of the archive, by the toolkit's own loader: its reads."""
    reads = [["".join(random.choice("ACGT") for _ in range(50)) for _ in range(40)]
             for _ in range(mates)]
    words = []
    for mate, list_ in enumerate(reads):
        path = a.folder.join("r%d.fastq" % mate)
        write(path, "".join("@HWI:1:1:%d:%d/%d\n%s\n+\n%s\n" % (i, i, mate + 1, r, "I" * 50)
                            for i, r in enumerate(list_)).encode())
        words += (["--read%dPairFiles" % (mate + 1)] if mates == 2 else []) + [path]
    top = a.folder.join("load", accession)
    home = {"HOME": a.folder.path, "PATH": os.environ["PATH"]}
    subprocess.run(["latf-load", "--quality", "PHRED_33", "-p", "ILLUMINA", "-o", top] + words,
                   check=True, env=home, stderr=subprocess.PIPE)
    subprocess.run(["kar", "-c", a.folder.join("sra", accession + ".sra"), "-d", top],
                   check=True, env=home, stderr=subprocess.PIPE)
    return reads


def reads_in(packed):
    return gzip.decompress(packed).decode().splitlines()[1::4]


def toolkit(a):
    if not shutil.which("fasterq-dump"):
        raise Absent("sra-toolkit is not installed: run tools/deps.sh test")
    run_ = a.pair()
    reads = make_run(a, run_)
    names = [run_ + "_1.fastq.gz", run_ + "_2.fastq.gz"]
    code, got, error = a.copy("run+fastq@sra://" + run_)
    ok(code == 0 and sorted(got) == names and [reads_in(got[n]) for n in names] == reads,
       "@sra makes the same files of NCBI's run", error)
    is_(a.lines("sra.log"), [run_], "which is fetched once for both")
    code, got, error = a.copy("run+fastq@sra@filter_r1://" + run_)
    ok(code == 0 and list(got) == names[:1] and reads_in(got[names[0]]) == reads[0],
       "@filter_r1 too", error)
    single = a.run({"ERR%06d_1.fastq.gz" % (a.count + 1): ONE})
    reads = make_run(a, single, 1)
    code, got, error = a.copy("run+fastq@sra://" + single)
    ok(code == 0 and list(got) == [single + "_1.fastq.gz"] and
       [reads_in(b) for b in got.values()] == reads, "a run without pairs as ENA names it", error)
    run_ = a.pair(wrong_md5=99)
    make_run(a, run_)
    code, got, error = a.copy("run+fastq://" + run_)
    ok(code == 0 and sorted(got) == [run_ + "_1.fastq.gz", run_ + "_2.fastq.gz"] and
       len(reads_in(got[run_ + "_1.fastq.gz"])) == 40, "FTP fails: NCBI is next", error)
    run_ = a.pair()
    code, got, error = a.copy("run+fastq@sra://" + run_)
    ok(code == 1 and not got and "failed to resolve accession" in error,
       "a run that NCBI does not have", error)
    write(a.folder.join("sra", run_ + ".sra"), b"not a run at all")
    code, got, error = a.copy("run+fastq@sra://" + run_)
    ok(code == 1 and not got and "fasterq-dump failed" in error, "one that is broken", error)
    code, got, error = a.copy("run+fastq@sra://" + run_, env=a.without("prefetch"))
    ok(code == 1 and "install sra-toolkit" in error, "an absent toolkit is explained", error)


def canceled(a):
    """A signal in the midst of each way ends it, and nothing stays."""
    a.ascp("slow")
    big = {"ERR%06d.fastq.gz" % (a.count + 1): os.urandom(8 << 20)}
    run_ = a.run(big, wrong_md5=99)
    to = a.folder.join("to")

    def stop(uri, begun, env=None):
        shutil.rmtree(to, ignore_errors=True)
        p = spawn("copy", uri, to + "/", env=dict(a.env, **env or {}))
        wait_until(uri + " is under way", begun)
        p.send_signal(signal.SIGTERM)
        since = time.monotonic()
        error = p.communicate(timeout=60)[1].decode()
        print("# %s ended after %.3f s" % (uri, time.monotonic() - since))
        is_((p.returncode, tree(to)), (128 + signal.SIGTERM, {}), uri + " is canceled")
        has(error, "was canceled", uri + " says so")

    def growing():
        return [f for d, _, fs in os.walk(to) for f in fs if f.endswith(".fasp")]
    stop("run+fastq@aspera://" + run_, growing)
    stop("run+fastq@ftp://" + run_,
         lambda: a.server.requests("RETR .*%s/" % run_), {"SRA_PAUSE": "600"})
    stop("run+fastq@sra://" + run_, lambda: "slow" in a.lines("sra.log"),
         {"PATH": slow_prefetch(a) + ":" + a.env["PATH"]})


def slow_prefetch(a):
    path = write(a.folder.join("slow", "prefetch"),
                 b"#!/bin/sh\necho slow >>\"$PREFETCH_LOG\"\nexec sleep 600\n")
    os.chmod(path, 0o755)
    return os.path.dirname(path)


def main():
    random.seed(7)
    folder = Folder()
    os.makedirs(folder.join("servers"))
    with Servers(["ena"], folder.join("servers"), gates=False) as servers:
        a = Archive(servers["ena"], folder)
        for test in (whole, listed, damaged, reports, unanswered, aspera, fasp, toolkit,
                     canceled):
            run(test, a)
    done()


main()
