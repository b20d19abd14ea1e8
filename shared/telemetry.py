"""What may stand in the app's log: never an address with data in it."""

import logging

# httpx writes every full URL at INFO, and so `...telephone1 eq '+358...'`; the Azure SDK writes names of blobs. Entra's
# full text, which azure.identity writes as a warning, comes in our own words from shared.dataverse.credentials.
_LEVELS = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "azure.core.pipeline.policies.http_logging_policy": logging.WARNING,
    "azure.identity": logging.ERROR,
}


def quiet_libraries() -> None:
    """The libraries that log requests log only what somebody must know from now on."""
    for name, level in _LEVELS.items():
        logging.getLogger(name).setLevel(level)
