"""What hundreds of thousands of bookings do to a process that others wait for: its memory, and Python's collector."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_LARGE_BLOCK = 256 * 1024
_M_MMAP_THRESHOLD = -3
"""mallopt(3)"""


LARGE_FILE = 512 * 1024
"""Bytes from which on a file is worth it: two searches through all objects of the process stop it for a tenth of a
second each, and most files have a few hundred rows."""


def give_back_memory() -> None:
    """Free memory goes back to the system, where the C library can be told to: otherwise what one step of an import
    has freed in pieces stays beside what the next one needs."""
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    """The C library, where it is glibc. Blocks of a megabyte, such as pages and bodies of requests, are from now on
    taken from the system one by one: left alone, it comes to keep them among small ones, and cannot give them back."""
    try:
        library = ctypes.CDLL(None)
        library.malloc_trim.argtypes = (ctypes.c_size_t,)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
    except (AttributeError, OSError, TypeError):
        return None
    return library


_planning = 0


@contextmanager
def collector_paused() -> Iterator[None]:
    """No search for cycles while bookings are made by the hundred thousand: they hold none, and each search looks at
    all of them at once, for which every other function of the process stands still. What is there at the end is left
    out of later searches, until `collector_resumes`. For one thread, the event loop's."""
    global _planning
    _planning += 1
    gc.collect()  # what has fetched the file holds its bytes in a cycle
    gc.disable()
    try:
        yield
    finally:
        _planning -= 1
        if not _planning:
            gc.freeze()
            gc.enable()


def collector_resumes() -> None:
    """Everything is searched again, beginning now."""
    gc.unfreeze()
    gc.collect()
