"""Prints a tree, one line a path in byte order, with all that a container can see of it.

tree.py ROOT [--mmap] [--no-root-times]: contents are read by read(), or mapped.
"""
import hashlib
import mmap
import os
import stat
import sys
from urllib.parse import quote_from_bytes

root = os.fsencode(sys.argv[1])
use_mmap = "--mmap" in sys.argv
links = {}


def contents(path, size):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        if use_mmap and size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                for at in range(0, size, 1 << 20):
                    digest.update(mapped[at:at + (1 << 20)])
        else:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def describe(path, name):
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    regular, link = kind == stat.S_IFREG, kind == stat.S_IFLNK
    shared = "-" if kind == stat.S_IFDIR or status.st_nlink == 1 else links.setdefault(status.st_ino, name)
    xattrs = sorted((key, os.getxattr(path, key, follow_symlinks=False).hex())
                    for key in os.listxattr(path, follow_symlinks=False))
    return [
        oct(status.st_mode), status.st_uid, status.st_gid,
        status.st_size if regular or link else "-",
        status.st_mtime_ns, f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}",
        "-" if kind == stat.S_IFDIR else status.st_nlink, shared,
        quote_from_bytes(os.readlink(path)) if link else "-",
        ",".join(f"{quote_from_bytes(os.fsencode(key))}={value}" for key, value in xattrs) or "-",
        contents(path, status.st_size) if regular else "-",
    ]


def walk(path, name):
    print(quote_from_bytes(name) or "/", *describe(path, name))
    if stat.S_ISDIR(os.lstat(path).st_mode):
        for entry in sorted(os.listdir(path)):
            walk(os.path.join(path, entry), name + b"/" + entry)


sys.setrecursionlimit(10000)
walk(root, b"")
