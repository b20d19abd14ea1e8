"""What may stand in the app's log: never an address with data in it."""

import logging

# httpx writes every full URL at INFO, and so `...telephone1 eq '+358...'`; the Azure SDK writes names of blobs.
_TALKATIVE = ("httpx", "httpcore", "azure.core.pipeline.policies.http_logging_policy", "azure.identity")


def quiet_libraries() -> None:
    """The libraries that log requests log only warnings from now on."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
