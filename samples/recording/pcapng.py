"""Rewrites a pcap with nanosecond time stamps as pcapng, packets and times unchanged.

Usage: pcapng.py < IN.pcap > OUT.pcapng

tcpdump writes no pcapng. dumpcap does, but puts the machine's kernel and processor into every file.
"""
import struct
import sys

NANOSECOND_PCAP = 0xA1B23C4D
SECTION_HEADER, INTERFACE_DESCRIPTION, ENHANCED_PACKET = 0x0A0D0D0A, 1, 6
BYTE_ORDER_MAGIC, UNKNOWN_LENGTH = 0x1A2B3C4D, -1
END_OF_OPTIONS, INTERFACE_NAME, TIME_RESOLUTION = 0, 2, 9


def main():
    source, target = sys.stdin.buffer, sys.stdout.buffer
    magic, _, _, _, _, snap_length, link_type = struct.unpack("=IHHiIII", source.read(24))
    if magic != NANOSECOND_PCAP:
        sys.exit("pcapng.py: this is no pcap with nanosecond time stamps in this machine's byte order")
    target.write(block(SECTION_HEADER, struct.pack("=IHHq", BYTE_ORDER_MAGIC, 1, 0, UNKNOWN_LENGTH)))
    options = option(INTERFACE_NAME, b"lo") + option(TIME_RESOLUTION, b"\x09") + option(END_OF_OPTIONS, b"")
    target.write(block(INTERFACE_DESCRIPTION, struct.pack("=HHI", link_type, 0, snap_length) + options))
    while header := source.read(16):
        seconds, nanoseconds, captured, on_the_wire = struct.unpack("=IIII", header)
        time = seconds * 10**9 + nanoseconds
        fields = struct.pack("=IIIII", 0, time >> 32, time & 0xFFFFFFFF, captured, on_the_wire)
        target.write(block(ENHANCED_PACKET, fields + padded(source.read(captured))))


def block(kind, body):
    length = len(body) + 12
    return struct.pack("=II", kind, length) + body + struct.pack("=I", length)


def option(code, value):
    return struct.pack("=HH", code, len(value)) + padded(value)


def padded(octets):
    return octets + bytes(-len(octets) % 4)


if __name__ == "__main__":
    main()
