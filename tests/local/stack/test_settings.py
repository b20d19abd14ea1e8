"""Where each setting of the functions host comes from."""

from pathlib import Path

import pytest

from local.stack.ports import free_ports
from local.stack.settings import SettingsError, functions_settings, read_values, stack_addresses

EXAMPLE = {"DATAVERSE_URL": "http://127.0.0.1:7081", "SITE_ID": "demo", "ROUTING_KEY_CURRENT": "example"}
ADDRESSES = {"DATAVERSE_URL": "http://127.0.0.1:9999", "AzureWebJobsStorage": "this stack"}


@pytest.mark.parametrize(
    ("own", "environ", "name", "value"),
    [
        pytest.param({}, {}, "SITE_ID", "demo", id="the example"),
        pytest.param({}, {}, "DATAVERSE_URL", "http://127.0.0.1:9999", id="the stack's own address over the example"),
        pytest.param({}, {}, "AzureWebJobsStorage", "this stack", id="an address that the example does not have"),
        pytest.param(
            {"DATAVERSE_URL": "http://127.0.0.1:7081"},
            {},
            "DATAVERSE_URL",
            "http://127.0.0.1:9999",
            id="local.settings.json that repeats the example changes nothing",
        ),
        pytest.param(
            {"DATAVERSE_URL": "https://org.crm4.dynamics.com"},
            {},
            "DATAVERSE_URL",
            "https://org.crm4.dynamics.com",
            id="local.settings.json that differs wins over the address",
        ),
        pytest.param({"NEW": "1"}, {}, "NEW", "1", id="a name that only local.settings.json has"),
        pytest.param({"SITE_ID": "own"}, {"SITE_ID": "env"}, "SITE_ID", "env", id="the environment wins"),
        pytest.param({}, {"DATAVERSE_URL": "env"}, "DATAVERSE_URL", "env", id="the environment wins over the address"),
        pytest.param({}, {"SITE_ID": ""}, "SITE_ID", "", id="an empty variable is a value"),
        pytest.param({}, {"PATH": "/bin"}, "PATH", None, id="variables that are no settings stay out"),
    ],
)
def test_which_value_wins(own: dict[str, str], environ: dict[str, str], name: str, value: str | None) -> None:
    assert functions_settings(EXAMPLE, own, ADDRESSES, environ).get(name) == value


def test_the_addresses_are_those_of_this_stack() -> None:
    ports = free_ports()
    addresses = stack_addresses(ports)
    assert addresses["DATAVERSE_URL"] == f"http://127.0.0.1:{ports['DATAVERSE_SIM_PORT']}"
    assert addresses["ENREACH_DISCOVERY_URL"] == f"http://127.0.0.1:{ports['ENREACH_SIM_PORT']}"
    storage = dict(part.split("=", 1) for part in addresses["AzureWebJobsStorage"].rstrip(";").split(";"))
    assert storage["AccountName"] == "devstoreaccount1"
    for service in ("Blob", "Queue", "Table"):
        port = ports[f"AZURITE_{service.upper()}_PORT"]
        assert storage[f"{service}Endpoint"] == f"http://127.0.0.1:{port}/devstoreaccount1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(None, "is missing", id="no file"),
        pytest.param("{", "cannot be read", id="no JSON"),
        pytest.param("[]", "must look like", id="no object"),
        pytest.param('{"Values": {"A": 1}}', "must look like", id="a value that is not text"),
        pytest.param('{"IsEncrypted": true, "Values": {"A": "x"}}', "is encrypted", id="encrypted"),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_named(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "local.settings.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError, match=rf"local\.settings\.json {message}"):
        read_values(file)
