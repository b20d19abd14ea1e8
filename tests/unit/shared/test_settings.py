"""App settings: every problem named at once, none with its value."""

import os

import pytest

from shared.settings import DataverseAuth, Settings, SettingsError, read_settings

GOOD = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "DATAVERSE_URL": "https://contoso.crm4.dynamics.com/",
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for prefix in ("AzureWebJobs", "DATAVERSE_", "ROUTING_", "BLOB_", "SCHEDULE_", "AZURE_CLIENT"):
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


def test_an_unresolved_key_vault_reference_says_what_to_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    said = problems(monkeypatch, DATAVERSE_CLIENT_SECRET="@Microsoft.KeyVault(SecretUri=https://v/secrets/hidden)")
    assert "DATAVERSE_CLIENT_SECRET: is an unresolved Key Vault reference" in said
    assert "hidden" not in said


def test_a_secret_does_not_show_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hush" not in repr(read(monkeypatch, ROUTING_KEY_CURRENT="hush" * 10))


def test_storage_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAVERSE_URL", GOOD["DATAVERSE_URL"])
    with pytest.raises(SettingsError, match="AzureWebJobsStorage is missing"):
        read_settings()
