"""`orderline serve` that can be made to fail from within, by a signal.

    python -m tests.rig.faulty_voice serve --config FILE

    SIGUSR1    the event loop is blocked: its thread sleeps
    SIGUSR2    the host is dead: every packet to it is dropped unseen (a socket filter that passes
               none, so no ACK, no RST and no ICMP goes out), and nothing runs that could send one
    SIGRTMIN   out of memory: it moves itself to a memory cgroup of 32 MB and takes more, and the
               kernel's OOM killer ends it; where no cgroup can be made it takes the same, and ends
               itself by SIGKILL, as the kernel would have

The product is run as it is, by its own command. Sources: socket(7) SO_ATTACH_FILTER, and the
kernel's admin guide on memory controllers (cgroup v1 and v2).
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import stat
import struct
import sys
import time
from pathlib import Path
from types import FrameType

from asterisk_agi import cli

BLOCK, DEAD_HOST, OUT_OF_MEMORY = signal.SIGUSR1, signal.SIGUSR2, signal.SIGRTMIN
BLOCK_S = 60.0
LIMIT_BYTES = 32_000_000
EATEN_BYTES = 4 * LIMIT_BYTES

SO_ATTACH_FILTER = 26
PASS_NONE = struct.pack("HBBI", 0x06, 0, 0, 0)
"""One instruction of the classic packet filter: return 0 bytes."""

GROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))
"""Where memory cgroups are: version 1, version 2."""
LIMITS = ("memory.limit_in_bytes", "memory.max")
GROUP = "orderline-faulty-"


def main(arguments: list[str]) -> int:
    """Install the faults, and run the command `orderline`."""
    sweep()
    signal.signal(BLOCK, _block)
    signal.signal(DEAD_HOST, _die_as_host)
    signal.signal(OUT_OF_MEMORY, _run_out_of_memory)
    return cli.main(arguments)


def sweep() -> None:
    """Remove the cgroups of processes that are gone."""
    for root in GROUPS:
        for group in root.glob(f"{GROUP}*"):
            if not Path(f"/proc/{group.name.removeprefix(GROUP)}").exists():
                group.rmdir()


def _block(number: int, frame: FrameType | None) -> None:
    time.sleep(BLOCK_S)


def _die_as_host(number: int, frame: FrameType | None) -> None:
    for entry in Path("/proc/self/fd").iterdir():
        if _is_socket(int(entry.name)):
            _drop_all(int(entry.name))
    os.kill(os.getpid(), signal.SIGSTOP)


def _is_socket(descriptor: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:
        return False  # that of the listing itself


def _drop_all(descriptor: int) -> None:
    wire = socket.socket(fileno=descriptor)
    if wire.family in (socket.AF_INET, socket.AF_INET6):
        code = ctypes.create_string_buffer(PASS_NONE)
        program = struct.pack("HxxxxxxP", 1, ctypes.addressof(code))
        wire.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    wire.detach()


def _run_out_of_memory(number: int, frame: FrameType | None) -> None:
    really = _limit_memory()
    print(f"out of memory, by {'the kernel' if really else 'a SIGKILL of our own'}", flush=True)
    eaten = bytearray(EATEN_BYTES)
    for page in range(0, EATEN_BYTES, 4096):
        eaten[page] = 1
    os.kill(os.getpid(), signal.SIGKILL)


def _limit_memory() -> bool:
    """Move this process where memory is short; False where it can't be done."""
    for root, limit in zip(GROUPS, LIMITS, strict=True):
        group = root / f"{GROUP}{os.getpid()}"
        try:
            group.mkdir()
            (group / limit).write_text(str(LIMIT_BYTES))
            (group / "cgroup.procs").write_text(str(os.getpid()))
        except OSError:
            continue  # not this version, or not allowed
        return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
