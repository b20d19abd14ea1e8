"""App settings: every problem named at once, none with its value."""

import os

import pytest

from shared.enreach.discovery import VENDORS_DISCOVERY
from shared.settings import DataverseAuth, Settings, SettingsError, read_settings

GOOD = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "DATAVERSE_URL": "https://Contoso.crm4.dynamics.com/",
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for prefix in (
        "AzureWebJobs",
        "DATAVERSE_",
        "ROUTING_",
        "BLOB_",
        "SCHEDULE_",
        "NUMBER_",
        "AZURE_CLIENT",
        "ENREACH_",
        "SITE_",
    ):
        for name in [name for name in os.environ if name.startswith(prefix)]:
            monkeypatch.delenv(name)


def read(monkeypatch: pytest.MonkeyPatch, **more: str) -> Settings:
    for name, value in (GOOD | more).items():
        monkeypatch.setenv(name, value)
    return read_settings()


def problems(monkeypatch: pytest.MonkeyPatch, **more: str) -> str:
    with pytest.raises(SettingsError) as raised:
        read(monkeypatch, **more)
    return str(raised.value)


def test_azure_needs_no_secret_and_no_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobsStorage__accountName", "contoso")
    monkeypatch.setenv("DATAVERSE_URL", GOOD["DATAVERSE_URL"])
    settings = read_settings()
    assert settings.dataverse_url == "https://contoso.crm4.dynamics.com"
    assert settings.dataverse_auth is DataverseAuth.MANAGED_IDENTITY
    assert settings.blob_trigger_source == "EventGrid"
    assert settings.blob_service_url == "https://contoso.blob.core.windows.net"
    assert settings.table_service_url == "https://contoso.table.core.windows.net"
    assert settings.queue_service_url == "https://contoso.queue.core.windows.net"


def test_storage_endpoints_of_ones_own_are_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAVERSE_URL", GOOD["DATAVERSE_URL"])
    monkeypatch.setenv("AzureWebJobsStorage__blobServiceUri", "https://blobs.contoso.com")
    with pytest.raises(SettingsError, match=r"AzureWebJobsStorage__tableServiceUri and AzureWebJobsStorage__queueSer"):
        read_settings()
    monkeypatch.setenv("AzureWebJobsStorage__tableServiceUri", "https://tables.contoso.com")
    with pytest.raises(SettingsError, match="also needs AzureWebJobsStorage__queueServiceUri"):
        read_settings()
    monkeypatch.setenv("AzureWebJobsStorage__queueServiceUri", "https://queues.contoso.com")
    settings = read_settings()
    assert (settings.blob_service_url, settings.table_service_url, settings.queue_service_url) == (
        "https://blobs.contoso.com",
        "https://tables.contoso.com",
        "https://queues.contoso.com",
    )


def test_a_connection_string_names_its_endpoints_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch)
    assert (settings.blob_service_url, settings.table_service_url, settings.queue_service_url) == (None, None, None)


def test_every_problem_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = problems(monkeypatch, DATAVERSE_URL="contoso", DATAVERSE_AUTH="password", BLOB_TRIGGER_SOURCE="Polling",
                    ROUTING_DEADLINE_SECONDS="soon", SCHEDULE_MAX_BYTES="-1")  # fmt: skip
    for name in (
        "DATAVERSE_URL",
        "DATAVERSE_AUTH",
        "BLOB_TRIGGER_SOURCE",
        "ROUTING_DEADLINE_SECONDS",
        "SCHEDULE_MAX_BYTES",
    ):
        assert f"\n{name}: " in said
    assert "contoso" not in said.replace("https://contoso.crm4.dynamics.com", "")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://contoso.crm4.dynamics.com", "must be https"),
        ("https://contoso.crm4.dynamics.com/api/data/v9.2", "without path"),
        ("https://user:pw@contoso.crm4.dynamics.com", "without path, query or user"),
        ("ftp://contoso", "address of the environment"),
    ],
)
def test_a_wrong_address_is_explained(monkeypatch: pytest.MonkeyPatch, url: str, says: str) -> None:
    assert says in problems(monkeypatch, DATAVERSE_URL=url)


def test_plain_http_is_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, DATAVERSE_URL="http://127.0.0.1:7081")
    assert settings.dataverse_url == "http://127.0.0.1:7081"


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("federated", "DATAVERSE_TENANT_ID, DATAVERSE_CLIENT_ID"),
        ("certificate", "DATAVERSE_TENANT_ID, DATAVERSE_CLIENT_ID, DATAVERSE_CERTIFICATE"),
        ("client-secret", "DATAVERSE_TENANT_ID, DATAVERSE_CLIENT_ID, DATAVERSE_CLIENT_SECRET"),
    ],
)
def test_each_kind_says_what_else_it_needs(monkeypatch: pytest.MonkeyPatch, kind: str, missing: str) -> None:
    assert f"DATAVERSE_AUTH={kind} also needs {missing}" in problems(monkeypatch, DATAVERSE_AUTH=kind)


REFERENCE = "@Microsoft.KeyVault(SecretUri=https://v/secrets/hidden)"


@pytest.mark.parametrize(
    "name",
    [
        "DATAVERSE_CLIENT_SECRET",
        "DATAVERSE_CERTIFICATE",
        "DATAVERSE_TENANT_ID",
        "DATAVERSE_CLIENT_ID",
        "AzureWebJobsStorage",
    ],
)
@pytest.mark.parametrize("text", [REFERENCE, f" {REFERENCE}\n"])
def test_an_unresolved_key_vault_reference_says_what_to_fix(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    said = problems(monkeypatch, **{name: text})
    assert f"{name}: is an unresolved Key Vault reference" in said
    assert "Key Vault Secrets User" in said
    assert "hidden" not in said


def test_no_secret_is_left_out_of_that_check() -> None:
    """Routing keys, the token of events, Enreach's and the index's are: a bad one counts as absent where it is used."""
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    checked = set(Settings.__pydantic_decorators__.field_validators["_refuse_unresolved_reference"].info.fields)
    assert secret - checked == {
        "routing_key_current", "routing_key_next", "number_index_key", "customer_id_key", "enreach_secret_key",
        "callback_events_token",
    }  # fmt: skip


def test_a_secret_from_a_file_loses_its_line_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = read(monkeypatch, DATAVERSE_CLIENT_SECRET="s3cret\r\n").dataverse_client_secret
    assert secret is not None
    assert secret.get_secret_value() == "s3cret"


@pytest.mark.parametrize(
    "address",
    [
        "http://login.microsoftonline.us",
        "login.microsoftonline.us",
        "https://login.microsoftonline.us/contoso",
        "https://me@login.microsoftonline.us",
        "https://login.microsoftonline.us?x=1",
    ],
)
def test_an_address_of_entra_is_https_and_nothing_more(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    assert "DATAVERSE_AUTHORITY: must be an address of Entra" in problems(monkeypatch, DATAVERSE_AUTHORITY=address)


def test_national_clouds_have_an_address_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch).dataverse_authority == "https://login.microsoftonline.com"
    settings = read(monkeypatch, DATAVERSE_AUTHORITY="https://login.microsoftonline.us/")
    assert settings.dataverse_authority == "https://login.microsoftonline.us"


def test_a_tenant_is_an_id_or_a_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "DATAVERSE_TENANT_ID: must be" in problems(monkeypatch, DATAVERSE_TENANT_ID="contoso/../evil")
    assert read(monkeypatch, DATAVERSE_TENANT_ID="contoso.onmicrosoft.com").dataverse_tenant_id


def test_a_secret_does_not_show_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hush" not in repr(read(monkeypatch, ROUTING_KEY_CURRENT="hush" * 10))


def test_storage_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAVERSE_URL", GOOD["DATAVERSE_URL"])
    with pytest.raises(SettingsError, match="AzureWebJobsStorage is missing"):
        read_settings()


def test_enreach_is_optional_and_its_discovery_is_the_vendors(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch)
    assert (settings.enreach_user, settings.enreach_secret_key, settings.enreach_api_url) == (None, None, None)
    assert settings.enreach_discovery_url == VENDORS_DISCOVERY
    assert settings.site_id is None


@pytest.mark.parametrize("name", ["ENREACH_DISCOVERY_URL", "ENREACH_API_URL"])
@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://discover.enreachvoice.com", "must be https"),
        ("discover.enreachvoice.com", "must be an address"),
        ("https://user:key@discover.enreachvoice.com", "without user"),
        ("https://discover.enreachvoice.com/?user=x", "without user"),
    ],
)
def test_enreach_is_asked_at_safe_addresses_only(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str, says: str
) -> None:
    said = problems(monkeypatch, **{name: address})
    assert f"\n{name}: " in said
    assert says in said
    assert "enreachvoice" not in said


def test_an_enreach_simulator_on_this_machine_needs_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, ENREACH_API_URL="http://127.0.0.1:7082/").enreach_api_url == "http://127.0.0.1:7082"


@pytest.mark.parametrize("site", ["-helsinki", "Helsinki 1", "a" * 64, "north/south"])
def test_a_site_id_is_a_plain_name(monkeypatch: pytest.MonkeyPatch, site: str) -> None:
    assert "\nSITE_ID: " in problems(monkeypatch, SITE_ID=site)
    assert read(monkeypatch, SITE_ID="helsinki-1").site_id == "helsinki-1"
