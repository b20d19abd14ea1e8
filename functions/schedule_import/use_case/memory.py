"""What hundreds of thousands of bookings leave in the memory of the process."""

import ctypes
from functools import cache

_LARGE_BLOCK = 256 * 1024
_M_MMAP_THRESHOLD = -3
"""mallopt(3)"""


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
