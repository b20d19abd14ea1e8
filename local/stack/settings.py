"""The settings of the functions host: where each value comes from when several places name it."""

import json
from collections.abc import Mapping
from pathlib import Path

from local.stack.ports import ADDRESS, BLOB, DATAVERSE, ENREACH, QUEUE, TABLE, Ports

ACCOUNT = "devstoreaccount1"
# The emulator's published key, the same for everybody:
# https://learn.microsoft.com/azure/storage/common/storage-connect-azurite#http-connection-strings
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class SettingsError(Exception):
    """A settings file cannot be used; the text says which and why."""


def read_values(path: Path) -> dict[str, str]:
    """`Values` of a settings file of the Functions tools."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise SettingsError(f"{path} is missing.") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.") from error
    values = document.get("Values") if isinstance(document, dict) else None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise SettingsError(f'{path} must look like {{"IsEncrypted": false, "Values": {{"NAME": "text"}}}}.')
    if document.get("IsEncrypted"):
        raise SettingsError(f"{path} is encrypted; run `func settings decrypt` first.")
    return values


def stack_addresses(ports: Ports) -> dict[str, str]:
    """The settings that name a part of this stack."""
    services = (("Blob", BLOB), ("Queue", QUEUE), ("Table", TABLE))
    endpoints = [f"{kind}Endpoint=http://{ADDRESS}:{ports[port.variable]}/{ACCOUNT}" for kind, port in services]
    account = ["DefaultEndpointsProtocol=http", f"AccountName={ACCOUNT}", f"AccountKey={ACCOUNT_KEY}"]
    return {
        "AzureWebJobsStorage": ";".join([*account, *endpoints]) + ";",
        "DATAVERSE_URL": f"http://{ADDRESS}:{ports[DATAVERSE.variable]}",
        "ENREACH_DISCOVERY_URL": f"http://{ADDRESS}:{ports[ENREACH.variable]}",
    }


def functions_settings(
    example: Mapping[str, str],
    own: Mapping[str, str],
    addresses: Mapping[str, str],
    environ: Mapping[str, str],
) -> dict[str, str]:
    """Later wins: the example, the addresses of this stack, what local.settings.json changes, the environment.

    A copy of the example as local.settings.json changes nothing, so its default ports do not hide those of this stack.
    The environment counts for names that are settings only.
    """
    changed = {name: value for name, value in own.items() if example.get(name) != value}
    settings = {**example, **addresses, **changed}
    return {name: environ.get(name, value) for name, value in settings.items()}
