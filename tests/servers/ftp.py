"""An FTP server: ftp.py ROOT PORT, user lab, password secret, on 127.0.0.1.  Debian's
pyftpdlib as it is, but for its answer to MLSD of an absent folder: 501, a syntax error,
where RFC 3659 (7.2.1) asks for 550 and clients take it at its word."""

import logging
import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer


class Handler(FTPHandler):
    def ftp_MLSD(self, path):
        if not os.path.isdir(path):
            self.respond("550 No such directory.")
            return None
        return super().ftp_MLSD(path)


logging.basicConfig(level=logging.INFO)
authorizer = DummyAuthorizer()
authorizer.add_user("lab", "secret", sys.argv[1], perm="elradfmwMT")
Handler.authorizer = authorizer
FTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
