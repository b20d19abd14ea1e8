"""Opening the client of the process: absent without credentials, and never by assumptions that may be wrong."""

import logging

import pytest

from shared.config_documents import CONTAINER, ConfigDocuments
from shared.enreach.client import EnreachClient, check, open_client
from shared.enreach.document import DOCUMENT, EnreachDocument
from shared.enreach.errors import UnavailableError
from shared.gateways import enreach_document
from shared.health import Status
from shared.settings import Settings
from tests.memory_storage import MemoryFiles

REFERENCE = "@Microsoft.KeyVault(SecretUri=https://v/secrets/hidden)"


def settings(**more: str) -> Settings:
    least = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "dataverse_url": "https://contoso.crm4.dynamics.com"}
    return Settings.model_validate(least | more)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, ""),
        ({"enreach_user": "svc@example.com"}, "ENREACH_SECRET_KEY is not set"),
        ({"enreach_secret_key": "key"}, "ENREACH_USER is not set"),
        (
            {"enreach_user": "svc@example.com", "enreach_secret_key": REFERENCE},
            "ENREACH_SECRET_KEY is an unresolved Key Vault reference",
        ),
    ],
)
async def test_without_credentials_there_is_no_client_and_the_log_says_why(
    given: dict[str, str], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert open_client(settings(**given)) is None
    (finding,) = await check(settings(**given), None)
    assert finding.status is (Status.RED if says else Status.GREEN)
    assert says in finding.reason
    assert (says in caplog.text) if says else (caplog.text == "")
    assert "svc@" not in caplog.text
    assert "hidden" not in caplog.text


async def test_with_credentials_there_is_a_client_that_has_asked_nothing() -> None:
    client = open_client(settings(enreach_user="svc@example.com", enreach_secret_key="key"))
    assert isinstance(client, EnreachClient)
    assert [finding.status for finding in await check(settings(), client)] == [Status.GREEN]
    assert client.requests.total() == 0


GOOD = EnreachDocument.model_validate_json('{"userIdsPerRequest": 7}')
BROKEN = b'{"paths": {"users": "https://evil.example"}}'


async def written(files: MemoryFiles, text: bytes) -> None:
    await files.write(CONTAINER, DOCUMENT, text, "application/json")


async def test_without_a_document_our_assumptions_count() -> None:
    documents = ConfigDocuments(MemoryFiles())
    assert await enreach_document(documents) == EnreachDocument()


async def test_a_good_document_counts_until_a_better_one_comes() -> None:
    files = MemoryFiles()
    documents = ConfigDocuments(files, check_every=0)
    await written(files, b'{"userIdsPerRequest": 7}')
    assert await enreach_document(documents) == GOOD
    await written(files, BROKEN)
    assert await enreach_document(documents) == GOOD
    assert documents.problems().keys() == {DOCUMENT}, "health tells of it"
    await written(files, b"{}")
    assert await enreach_document(documents) == EnreachDocument()


async def test_where_no_version_was_ever_good_nothing_is_read() -> None:
    """By our assumptions instead of the customer's names a private call could pass for another one."""
    files = MemoryFiles()
    await written(files, BROKEN)
    with pytest.raises(UnavailableError, match=r"enreach\.json"):
        await enreach_document(ConfigDocuments(files))


async def test_while_storage_does_not_answer_nothing_is_read_by_assumptions() -> None:
    files = MemoryFiles()
    files.down = True
    with pytest.raises(UnavailableError, match=r"enreach\.json"):
        await enreach_document(ConfigDocuments(files))
