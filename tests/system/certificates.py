"""Authorities and certificates for tests, by openssl."""

import os
import subprocess

from harness import Folder

CONF = """[ca]
default_ca = it
[it]
dir = %(dir)s
database = %(dir)s/index
new_certs_dir = %(dir)s
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
CN = %(name)s
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
"""


class Authority:
    """One that signs: `path` is what its clients trust."""

    def __init__(self, name="Authority of a test"):
        self.folder, self.count = Folder(), 0
        self.path = self.folder.join("ca.pem")
        self.conf = self.folder.join("conf")
        with open(self.conf, "w") as f:
            f.write(CONF % {"dir": self.folder.path, "name": name})
        open(self.folder.join("index"), "w").close()
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-keyout", self.folder.join("ca.key"), "-out", self.path,
                 "-days", "30", "-extensions", "authority", "-config", self.conf)

    def run(self, *words):
        out = subprocess.run(["openssl"] + list(words), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, timeout=120)
        if out.returncode:
            raise RuntimeError("openssl %s: %s" % (words[0], out.stdout))

    def sign(self, names="IP:127.0.0.1,DNS:localhost", ends="20991231235959Z"):
        """A certificate and its key: two paths."""
        self.count += 1
        cert, key, ask = (self.folder.join("%d.%s" % (self.count, end))
                          for end in ("pem", "key", "csr"))
        self.run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-keyout", key, "-out", ask, "-config", self.conf, "-addext",
                 "subjectAltName=" + names)
        os.chmod(key, 0o600)
        self.run("ca", "-batch", "-notext", "-config", self.conf, "-in", ask, "-out", cert,
                 "-cert", self.path, "-keyfile", self.folder.join("ca.key"), "-startdate",
                 "20200101000000Z", "-enddate", ends)
        return cert, key
