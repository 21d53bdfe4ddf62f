"""What hostile code would try first to get out of its confinement. Run in there, by itself, by `inspection`.

Rules of this file: the standard library alone, because nothing of ours is to be found in there; one JSON argument,
one JSON answer; nothing that was possible is left behind.
"""

import json
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

_SECONDS = 1.0
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))  # RFC 5737, RFC 3849


def writes(folders: Iterable[str], name: str) -> Iterator[str]:
    """Where a file called `name` can be made."""
    for folder in folders:
        path = os.path.join(folder, name)
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            os.unlink(path)
        except OSError:
            continue
        yield f"{folder} can be written to"


def sights(hidden: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """Which files and folders are still the machine's own (device and inode), or can be read as files."""
    for path, identity in hidden.items():
        try:
            found = os.stat(path)
        except OSError:
            continue
        if [found.st_dev, found.st_ino] == list(identity) or _content(path):
            yield f"{path} can be seen"


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1)
    except OSError:
        return b""


def ways_out(port: int) -> Iterator[str]:
    """Whether a server of the machine answers, and whether the kernel knows a way to others (nothing is sent)."""
    try:
        socket.create_connection(("127.0.0.1", port), _SECONDS).close()
        yield "the network of this machine can be reached"
    except OSError:
        pass
    for family, address in _ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as there:
                there.connect((address, 9))
        except OSError:
            continue
        yield "other machines can be reached"


def rights(namespaces: Mapping[str, str]) -> Iterator[str]:
    """What is shared with the machine, and which privileges are left."""
    for name, identity in namespaces.items():
        if os.readlink(f"/proc/self/ns/{name}") == identity:
            yield f"the {name} namespace is shared"
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    if any(int(status[kind], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb")):
        yield "capabilities are left"
    if status["NoNewPrivs"] != "1":
        yield "privileges can be gained"


def main(argument: str) -> None:
    """Tries everything; prints which of it worked, with the name it was given, so that silence proves nothing."""
    asked = json.loads(argument)
    worked = [
        *writes(asked["folders"], asked["name"]),
        *sights(asked["hidden"]),
        *ways_out(asked["port"]),
        *rights(asked["namespaces"]),
    ]
    print(json.dumps({"name": asked["name"], "worked": worked}))


if __name__ == "__main__":
    main(sys.argv[1])
