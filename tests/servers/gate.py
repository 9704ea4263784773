"""A TCP gate: gate.py PORT TARGET MODE_FILE accepts on 127.0.0.1:PORT and passes both ways
to 127.0.0.1:TARGET, obeying the words in MODE_FILE, which are read again at each step:

    pass        everything goes through
    cut:N       a connection is reset once it has brought the client N bytes
    up:N        … or once the client has sent N bytes
    stall:N     past N bytes nothing more goes through, and nothing is closed
    flip:N      the N-th byte towards the client is another one
    slow:N      about N bytes a second towards the client
    late:N      what goes towards the client is held for N ms
    unseen      HTTP: what is asked with HEAD is not there
    refuse      connections are reset at once

Each connection writes a line when it opens, one when it is cut or stalls, and one with its
bytes when it ends."""

import socket
import struct
import sys
import threading
import time

CHUNK = 65536
POLL_S = 0.05  # how soon a gate that stalls notices another mode

_out = threading.Lock()


def say(text):
    with _out:
        print(text, flush=True)


class Gate:
    def __init__(self, port, target, mode_path):
        self.target, self.mode_path = target, mode_path
        self.listener = socket.create_server(("127.0.0.1", port))

    def mode(self):
        with open(self.mode_path) as f:
            word, _, number = f.read().strip().partition(":")
        return word, int(number or 0)

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.pass_on, args=(client,), daemon=True).start()

    def pass_on(self, client):
        if self.mode()[0] == "refuse":
            say("refused")
            return reset(client)
        say("opened")
        server = socket.create_connection(("127.0.0.1", self.target))
        up = threading.Thread(target=self.pump, args=(client, server, "up"),
                              daemon=True)
        up.start()
        down = self.pump(server, client, "cut")
        up.join()
        say("closed after %d bytes down" % down)
        client.close()
        server.close()

    def pump(self, source, sink, cut):
        """Pass bytes on until the end or until the mode says otherwise; their number."""
        count, stalled = 0, False
        try:
            while True:
                word, number = self.mode()
                room = CHUNK
                if word == cut or word == "stall":
                    room = min(CHUNK, number - count)
                if room <= 0:
                    if word == cut:
                        say("cut")
                        reset(source)
                        reset(sink)
                        return count
                    if not stalled:
                        say("stalled")
                    stalled = True
                    time.sleep(POLL_S)
                    continue
                if word == "slow" and cut == "cut":
                    room = max(1, int(number * POLL_S))
                    time.sleep(POLL_S)
                data = source.recv(room)
                if word == "flip" and cut == "cut" and count <= number < count + len(data):
                    data = bytearray(data)
                    data[number - count] ^= 0x55
                if word == "unseen" and cut == "up" and data.startswith(b"HEAD "):
                    say("unseen")
                    source.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                if word == "late" and cut == "cut":
                    time.sleep(number / 1000)
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return count
                sink.sendall(data)
                count += len(data)
        except OSError:
            reset(source)
            reset(sink)
            return count


def reset(connection):
    """Close with RST, as a peer that died would; wakes whoever reads it."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


if __name__ == "__main__":
    Gate(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]).serve()
