"""The app settings: the only reader of the environment. What an operator owns; documents live in `config_documents`.

Every problem is named at once. A routing key that cannot be a key counts as absent and is named in the log, so
that the rest of the app runs (architecture, "App settings"); a malformed URL or a wrong type stops the start.
"""

import re
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_UNRESOLVED_REFERENCE = "@Microsoft.KeyVault("


class SettingsError(ValueError):
    """The app cannot start with these settings. `problems` has one line for each, without any secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(["Switchboard cannot start with these app settings:", *problems]))
        self.problems = problems


class DataverseAuth(StrEnum):
    """How the app proves who it is towards Dataverse."""

    MANAGED_IDENTITY = "managed-identity"
    FEDERATED = "federated"
    CERTIFICATE = "certificate"
    CLIENT_SECRET = "client-secret"  # noqa: S105 - the name of a kind
    DEVELOPMENT = "development"


_NEEDS: dict[DataverseAuth, tuple[str, ...]] = {
    DataverseAuth.FEDERATED: ("dataverse_tenant_id", "dataverse_client_id"),
    DataverseAuth.CERTIFICATE: ("dataverse_tenant_id", "dataverse_client_id", "dataverse_certificate"),
    DataverseAuth.CLIENT_SECRET: ("dataverse_tenant_id", "dataverse_client_id", "dataverse_client_secret"),
}


class Settings(BaseSettings):
    """One field an app setting, named alike in capitals. docs/settings.md says what each is for."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    storage_connection_string: SecretStr | None = Field(None, validation_alias="AzureWebJobsStorage")
    storage_account_name: str | None = Field(None, validation_alias="AzureWebJobsStorage__accountName")
    storage_blob_service_uri: str | None = Field(None, validation_alias="AzureWebJobsStorage__blobServiceUri")
    storage_table_service_uri: str | None = Field(None, validation_alias="AzureWebJobsStorage__tableServiceUri")
    storage_queue_service_uri: str | None = Field(None, validation_alias="AzureWebJobsStorage__queueServiceUri")
    storage_client_id: str | None = Field(None, validation_alias="AzureWebJobsStorage__clientId")
    managed_identity_client_id: str | None = Field(None, validation_alias="AZURE_CLIENT_ID")

    blob_trigger_source: str = Field("EventGrid", pattern="^(EventGrid|LogsAndContainerScan)$")

    dataverse_url: str
    dataverse_auth: DataverseAuth = DataverseAuth.MANAGED_IDENTITY
    dataverse_tenant_id: str | None = None
    dataverse_client_id: str | None = None
    dataverse_client_secret: SecretStr | None = None
    dataverse_certificate: SecretStr | None = None
    dataverse_authority: str = "https://login.microsoftonline.com"

    routing_key_current: SecretStr | None = None
    routing_key_next: SecretStr | None = None
    routing_basic_user: str | None = None
    routing_deadline_seconds: float = Field(1.2, gt=0, le=5)
    routing_cache_seconds: float = Field(2.0, ge=0, le=60)
    routing_calls_per_second: float = Field(500.0, gt=0, le=100_000)

    enreach_user: str | None = None
    enreach_secret_key: SecretStr | None = None
    enreach_discovery_url: str = "https://discover.enreachvoice.com"
    enreach_api_url: str | None = None
    enreach_user_id_column: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{0,99}$")
    enreach_user_email_column: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{0,99}$")
    enreach_user_role: str = "Voice User"
    call_sync_schedule: str = Field("0 * * * * *", pattern=r"^\S+( \S+){5}$")
    retroactive_sync_schedule: str = Field("0 * 22,23 * * *", pattern=r"^\S+( \S+){5}$")
    callback_sync_schedule: str = Field("0 * * * * *", pattern=r"^\S+( \S+){5}$")
    user_sync_schedule: str = Field("0 * * * * *", pattern=r"^\S+( \S+){5}$")

    ticket_tending_schedule: str = Field("0 */5 * * * *", pattern=r"^\S+( \S+){5}$")

    callback_events_token: SecretStr | None = None

    site_id: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")

    config_check_seconds: float = Field(5.0, ge=0.1, le=300)

    number_index_enabled: bool = False
    number_index_schedule: str = Field("15 * * * * *", pattern=r"^\S+( \S+){5}$")
    number_index_key: SecretStr | None = None

    customer_id_key: SecretStr | None = None

    schedule_max_bytes: int = Field(128 * 1024 * 1024, gt=0)
    schedule_sweep_schedule: str = Field("0 */5 * * * *", pattern=r"^\S+( \S+){5}$")

    @field_validator("dataverse_url")
    @classmethod
    def _check_dataverse_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError("must be the address of the environment, such as https://contoso.crm4.dynamics.com")
        if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError("must be https; plain http is for a loopback address only")
        if parts.path not in {"", "/"} or parts.query or parts.username:
            raise ValueError("must be the environment's address alone, without path, query or user")
        # Lower case, as Dataverse itself writes it: the next page of a query must lie below this very address.
        return value.rstrip("/").lower()

    @field_validator("dataverse_authority")
    @classmethod
    def _check_authority(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "https" or not parts.hostname or parts.path not in {"", "/"} or parts.query or "@" in value:
            raise ValueError("must be an address of Entra alone, such as https://login.microsoftonline.us")
        return value.rstrip("/")

    @field_validator("enreach_discovery_url", "enreach_api_url")
    @classmethod
    def _check_enreach_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError("must be an address such as https://api.example.com")
        if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError("must be https; plain http is for a loopback address only")
        if parts.query or parts.fragment or "@" in value:
            raise ValueError("must be an address alone, without user, query or fragment")
        return value.rstrip("/")

    @field_validator(
        "dataverse_tenant_id",
        "dataverse_client_id",
        "dataverse_client_secret",
        "dataverse_certificate",
        "storage_connection_string",
    )
    @classmethod
    def _refuse_unresolved_reference[T: (str | None, SecretStr | None)](cls, value: T) -> T:
        # Azure hands over the reference's own text when it cannot read the vault (Key Vault references). The routing
        # keys may be such a text: they then count as absent (shared.routing_key).
        text = value.get_secret_value() if isinstance(value, SecretStr) else value or ""
        if text.strip().startswith(_UNRESOLVED_REFERENCE):
            raise ValueError(
                "is an unresolved Key Vault reference: check that the secret exists and that the app's identity "
                "may read it (Key Vault Secrets User)"
            )
        return value

    @field_validator("dataverse_tenant_id")
    @classmethod
    def _check_tenant(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch("[A-Za-z0-9.-]+", value):
            raise ValueError("must be the tenant's id or its domain, such as contoso.onmicrosoft.com")
        return value

    @field_validator("dataverse_client_secret")
    @classmethod
    def _strip_secret(cls, value: SecretStr | None) -> SecretStr | None:
        # A line feed at the end is what is left of a secret that came from a file.
        return None if value is None else SecretStr(value.get_secret_value().strip())

    @model_validator(mode="after")
    def _require_what_the_kind_needs(self) -> Self:
        missing = [name.upper() for name in _NEEDS.get(self.dataverse_auth, ()) if getattr(self, name) is None]
        if missing:
            raise ValueError(f"DATAVERSE_AUTH={self.dataverse_auth.value} also needs {', '.join(missing)}")
        if not any((self.storage_connection_string, self.storage_account_name, self.storage_blob_service_uri)):
            raise ValueError("AzureWebJobsStorage is missing: a connection string, or AzureWebJobsStorage__accountName")
        if not any((self.storage_connection_string, self.storage_account_name)):
            others = {
                "tableServiceUri": self.storage_table_service_uri,
                "queueServiceUri": self.storage_queue_service_uri,
            }
            absent = [f"AzureWebJobsStorage__{name}" for name, uri in others.items() if uri is None]
            if absent:
                raise ValueError(f"AzureWebJobsStorage__blobServiceUri also needs {' and '.join(absent)}")
        return self

    @property
    def blob_service_url(self) -> str | None:
        """Where identity-based storage answers; None with a connection string."""
        if self.storage_blob_service_uri or not self.storage_account_name:
            return self.storage_blob_service_uri
        return f"https://{self.storage_account_name}.blob.core.windows.net"

    @property
    def table_service_url(self) -> str | None:
        """Where identity-based Table Storage answers; None with a connection string."""
        if self.storage_table_service_uri or not self.storage_account_name:
            return self.storage_table_service_uri
        return f"https://{self.storage_account_name}.table.core.windows.net"

    @property
    def queue_service_url(self) -> str | None:
        """Where identity-based Queue Storage answers; None with a connection string."""
        if self.storage_queue_service_uri or not self.storage_account_name:
            return self.storage_queue_service_uri
        return f"https://{self.storage_account_name}.queue.core.windows.net"


def read_settings() -> Settings:
    """The settings of this process. Raises SettingsError with every problem named, none with its value."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError([_problem(detail["loc"], detail["msg"]) for detail in error.errors()]) from None


def _problem(location: tuple[int | str, ...], message: str) -> str:
    name = ".".join(str(part) for part in location)
    setting = name if name.startswith("AzureWebJobsStorage") else name.upper()
    text = re.sub("^Value error, ", "", message)
    return f"{setting}: {text}" if setting else text
