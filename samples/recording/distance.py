"""Puts 50 ms of distance between two addresses of this machine, which the loopback interface cannot.

Usage: distance.py   (in a network namespace of its own, as root; prints 'ready', then runs until killed)

It makes an interface `far0` with the address 192.0.2.1. What is sent to 192.0.2.2 comes back 50 ms later
with source and destination swapped: a connection to 192.0.2.2 arrives at the server on 192.0.2.1, and its
answers arrive at the client as if 192.0.2.2 had sent them. The checksums stay right, since both addresses
are part of the same sum. So every packet passes `far0` twice, as its sender and as its receiver sees it.
"""
import fcntl
import os
import struct
import subprocess
import time
from collections import deque
from select import select

DELAY = 0.050
MTU = 1500
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
SOURCE, DESTINATION = slice(12, 16), slice(16, 20)  # in an IPv4 header


def main():
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"far0", IFF_TUN | IFF_NO_PI))
    for command in ("ip link set lo up", "ip link set far0 up", "ip address add 192.0.2.1/24 dev far0"):
        subprocess.run(command.split(), check=True)
    print("ready", flush=True)

    on_the_way = deque()  # (time of arrival, packet), the earliest first
    while True:
        pause = max(0, on_the_way[0][0] - time.monotonic()) if on_the_way else None
        if select([tun], [], [], pause)[0]:
            packet = os.read(tun, MTU)
            if packet[0] >> 4 == 4:  # IPv6 speaks up uninvited.
                on_the_way.append((time.monotonic() + DELAY, swapped(packet)))
        while on_the_way and on_the_way[0][0] <= time.monotonic():
            os.write(tun, on_the_way.popleft()[1])


def swapped(packet):
    turned = bytearray(packet)
    turned[SOURCE], turned[DESTINATION] = packet[DESTINATION], packet[SOURCE]
    return bytes(turned)


if __name__ == "__main__":
    main()
