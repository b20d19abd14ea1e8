"""What a call to storage can end in, drawn by what a caller does about it.

StorageError                 the same call may succeed later
├── AlreadyThereError        somebody else was first
├── ChangedError             look again: another version is there, or none
│   └── FileChangedError
├── StaleFenceError          somebody succeeded us: stop
├── FileMissingError         there is nothing to read
└── FileTooLargeError        it will not be read
"""


class StorageError(Exception):
    """Storage did not answer, or refused. The same call may succeed later."""


class AlreadyThereError(StorageError):
    """Something of that name is there already; nothing was written."""


class ChangedError(StorageError):
    """The version in hand is no longer the one in storage; nothing was written."""


class FileChangedError(ChangedError):
    """The blob was overwritten since it was looked at."""


class StaleFenceError(StorageError):
    """Somebody with a larger fence wrote since: our lease is over, and nothing may be written any more."""


class FileMissingError(StorageError):
    """There is no such blob (any more)."""


class FileTooLargeError(StorageError):
    """The blob is larger than the limit, in bytes."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the file has {size} bytes; the limit is {limit}")
        self.size = size
        self.limit = limit
