"""Plays an HTTP conversation over TCP, octet by octet, as a script on standard input says.

Usage: dialogue.py [--both] ADDRESS PORT < SCRIPT

It plays the client against a server that is there already. With --both it plays the server too, which
shows what no well-behaved server would do. Each line of the script is a step:

    connect              a new connection; everything up to the next one happens on it
    > LINE | LINE ...    the client sends this head, the server waits for a head
    >+ LINE | LINE ...   the same, but sent in one write together with the head that follows
    type LINE            the client sends this one line, as telnet does; an empty one ends the head (not with --both)
    < LINE | LINE ...    the server sends this head (a body may follow: '... | | body'); the client waits
                         for a response to its end, with this status line and these fields among others
    >> HEX, << HEX       octets that are no HTTP, sent by the one and awaited by the other
    > raw TEXT, < raw    the same, written as text: \\r and \\n are understood
    ~ SECONDS            both do nothing
    client FIN           the client closes, the server waits for that and closes too
    server FIN           the other way round
    server RST           the server resets the connection (with --both), or its kernel does; the client waits for that
    server forgets       the server's socket goes without a word; the client plays on alone (only with --both, as root)
"""
import socket
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor

TCP_REPAIR = 19  # Linux; a socket that is closed in this state sends nothing
PATIENCE = 100  # seconds; more than the longest idle timeout that is waited for


def main():
    both = sys.argv[1] == "--both"
    address = sys.argv[-2], int(sys.argv[-1])
    conversations = read_script(sys.stdin)
    with ThreadPoolExecutor() as pool:
        server = pool.submit(accept, socket.create_server(address), conversations) if both else None
        connect(address, conversations)
        if server:
            server.result()  # Raises what went wrong over there.


def read_script(lines):
    """A list of conversations, each a list of (verb, argument)."""
    conversations = []
    for line in lines:
        verb, _, argument = line.strip().partition(" ")
        if verb == "connect":
            conversations.append([])
        elif verb:
            conversations[-1].append((verb, argument))
    return conversations


def connect(address, conversations):
    for steps in conversations:
        Side("client", socket.create_connection(address, PATIENCE)).play(steps)


def accept(listener, conversations):
    listener.settimeout(PATIENCE)
    for steps in conversations:
        sock, _ = listener.accept()
        sock.settimeout(PATIENCE)
        Side("server", sock).play(steps)


class Side:
    """One end of one connection."""

    def __init__(self, who, sock):
        self.who = who
        self.sock = sock
        self.incoming = sock.makefile("rb")
        self.held_back = b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def play(self, steps):
        with self.sock, self.incoming:
            for verb, argument in steps:
                if (verb, argument) == ("server", "forgets"):
                    if self.who == "server":
                        return self.sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
                else:
                    self.step(verb, argument)

    def step(self, verb, argument):
        if verb == "~":
            time.sleep(float(argument))
        elif verb in ("client", "server"):
            self.close(verb, argument)
        elif verb == "type":
            self.message("client", argument.encode() + b"\r\n")
        elif verb in (">>", "<<"):
            self.octets("client" if verb == ">>" else "server", bytes.fromhex(argument))
        elif verb == ">+":
            self.held_back += head(argument)
        elif verb in (">", "<") and argument.startswith("raw "):
            raw = argument.removeprefix("raw ").encode().decode("unicode_escape")
            self.octets("client" if verb == ">" else "server", raw.encode("latin-1"))
        elif verb in (">", "<"):
            self.message("client" if verb == ">" else "server", head(argument), argument)
        else:
            sys.exit(f"dialogue.py: no such step: {verb} {argument}")

    def message(self, sender, octets, expected=""):
        if sender == self.who:
            self.sock.sendall(self.held_back + octets)
            self.held_back = b""
        elif self.who == "client":
            self.await_response(expected)
        else:
            self.await_head()

    def octets(self, sender, octets):
        if sender == self.who:
            self.sock.sendall(octets)
        elif (got := self.incoming.read(len(octets))) != octets:
            sys.exit(f"dialogue.py: {octets.hex()} was expected, {got.hex()} came")

    def close(self, closer, kind):
        """A half-close first, so that what the other side still has to say arrives."""
        if closer == self.who and kind == "RST":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if closer == self.who:
            self.sock.shutdown(socket.SHUT_WR)
        try:
            if rest := self.incoming.read():
                sys.exit(f"dialogue.py: a close was expected, {rest!r} came")
        except ConnectionError:
            pass  # A reset ends a connection as well.

    def await_head(self):
        """The lines of the head that comes next, without their ends."""
        lines = []
        while line := self.incoming.readline().decode("latin-1").rstrip("\r\n"):
            lines.append(line)
        return lines

    def await_response(self, expected):
        lines = self.await_head()
        for line in filter(None, expected.partition(" | | ")[0].split(" | ")):
            if line.lower() not in (l.lower() for l in lines):
                sys.exit(f"dialogue.py: '{line}' was expected, {lines} came")
        self.skip_body(dict(line.lower().split(": ", 1) for line in lines[1:]), lines[0])

    def skip_body(self, fields, status_line):
        """RFC 9112 section 6.3, as far as these conversations need it."""
        if " 101 " in status_line:
            return
        if fields.get("transfer-encoding") == "chunked":
            while size := int(self.incoming.readline(), 16):
                self.incoming.read(size + len("\r\n"))
            self.incoming.readline()
        elif "content-length" in fields:
            self.incoming.read(int(fields["content-length"]))
        # Without either the body lasts until the close, which is a step of its own.


def head(argument):
    """The octets of a head written on one line, and of the body that may follow behind an empty part."""
    lines, _, body = argument.partition(" | | ")
    return lines.replace(" | ", "\r\n").encode() + b"\r\n\r\n" + body.encode()


if __name__ == "__main__":
    main()
