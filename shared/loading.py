"""What the first caller will need and should not wait for is loaded on a thread, once the process has come up."""

import logging
import threading
from collections.abc import Callable

_AFTER_SECONDS = 0.1
"""So that who asks for it ends what it does first: an import on another thread slows it down."""

_log = logging.getLogger(__name__)


def load_ahead(name: str, load: Callable[[], object]) -> None:
    """In a moment, call `load` on a thread. A failure is logged by its type: the first use meets it again, and has
    somebody to tell. `name` is for the log and the thread."""

    def loaded() -> None:
        try:
            load()
        except Exception as error:  # noqa: BLE001 - see above
            _log.error("%s cannot be set up: %s", name.capitalize(), type(error).__name__)

    timer = threading.Timer(_AFTER_SECONDS, loaded)
    timer.name, timer.daemon = f"load {name}", True
    timer.start()
