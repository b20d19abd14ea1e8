"""Tokens of every kind over real connections: the simulator's token endpoint, and one that fails as Entra can."""

import asyncio
import base64
import hashlib
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from local.stack.ports import DATAVERSE, DATAVERSE_TLS, free_ports
from shared.clock import utc_now
from shared.dataverse.credentials import FetchToken, TokenCache
from shared.dataverse.entra import PIPELINE, entra_tokens
from shared.dataverse.errors import DataverseError, DeniedError, UnavailableError
from shared.settings import Settings
from tests.integration.entra import IDENTITY_HEADER, Answer, Entra, refusal, running_entra, trust_file
from tests.keys import certificate_for, pem, pfx
from tests.plain_http import PLAIN

ROOT = Path(__file__).parents[2]
DATAVERSE_URL = "https://contoso.crm4.dynamics.com"
SECRET = "s3cret-of-contoso"
KEY = rsa.generate_private_key(65537, 2048)
CERTIFICATE = certificate_for(KEY, datetime(2099, 1, 1, tzinfo=UTC))


@pytest.fixture
async def entra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Entra]:
    async with running_entra(tmp_path) as entra:
        monkeypatch.setenv("IDENTITY_ENDPOINT", entra.identity_url)
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        yield entra


def settings(kind: str, authority: str, url: str = DATAVERSE_URL, certificate: str = "") -> Settings:
    return Settings.model_validate(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "AZURE_CLIENT_ID": "identity-id",
            "dataverse_url": url,
            "dataverse_auth": kind,
            "dataverse_tenant_id": "contoso.onmicrosoft.com",
            "dataverse_client_id": "app-id",
            "dataverse_client_secret": SECRET,
            "dataverse_certificate": certificate or pem(KEY, CERTIFICATE),
            "dataverse_authority": authority,
        }
    )


def source(entra: Entra, kind: str = "client-secret", certificate: str = "", **options: object) -> FetchToken:
    """The app's own source, but for the test server's certificate and a short wait between attempts."""
    pipeline = {**PIPELINE, "connection_verify": entra.trust, "retry_backoff_factor": 0.01, **options}
    return entra_tokens(settings(kind, entra.url, certificate=certificate), pipeline)


# ------------------------------------------------------------------------------------------ every kind, in full


@pytest.fixture(scope="module")
def simulator() -> Iterator[tuple[str, int]]:
    """The address of the Dataverse simulator, and the port at which it speaks TLS."""
    ports = free_ports(tls=True)
    port, tls_port = ports[DATAVERSE.variable], ports[DATAVERSE_TLS.variable]
    command = [sys.executable, "-m", "local.dataverse", "--port", str(port), "--tls-port", str(tls_port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}", tls_port
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.mark.parametrize(
    ("kind", "certificate"),
    [
        ("client-secret", ""),
        ("certificate", pem(KEY, CERTIFICATE)),
        ("certificate", pfx(KEY, CERTIFICATE)),
        ("federated", ""),
    ],
    ids=["client secret", "certificate in PEM", "certificate in PFX", "federated"],
)
async def test_the_simulator_issues_a_token_and_takes_it(
    simulator: tuple[str, int], entra: Entra, tmp_path: Path, kind: str, certificate: str
) -> None:
    url, tls_port = simulator
    pipeline = {**PIPELINE, "connection_verify": trust_file(tmp_path, tls_port)}
    configured = settings(kind, f"https://127.0.0.1:{tls_port}", url, certificate)
    token = await TokenCache(entra_tokens(configured, pipeline)).token()
    async with httpx.AsyncClient(base_url=url, trust_env=False, verify=PLAIN) as http:
        assert (await http.post("/__sim/environment", json={"strictTokens": True})).is_success
        statuses = [
            (await http.get("/api/data/v9.2/WhoAmI", headers={"Authorization": f"Bearer {sent}"})).status_code
            for sent in (token, token + "x")
        ]
    assert statuses == [200, 401]


async def test_a_client_secret_is_sent_to_the_tenant_s_endpoint(entra: Entra) -> None:
    value, ends = await source(entra)()
    assert value == "token-1"
    assert timedelta(minutes=59) < ends - utc_now() <= timedelta(hours=1)
    (asked,) = entra.asked
    assert asked["path"] == "/contoso.onmicrosoft.com/oauth2/v2.0/token"
    assert (asked["client_id"], asked["client_secret"]) == ("app-id", SECRET)
    assert (asked["grant_type"], asked["scope"]) == ("client_credentials", f"{DATAVERSE_URL}/.default")


@pytest.mark.parametrize("certificate", [pem(KEY, CERTIFICATE), pfx(KEY, CERTIFICATE)], ids=["PEM", "PFX"])
async def test_a_certificate_signs_and_its_key_stays_here(entra: Entra, certificate: str) -> None:
    await source(entra, "certificate", certificate)()
    (asked,) = entra.asked
    head, payload, signature = asked["client_assertion"].split(".")
    KEY.public_key().verify(
        unpadded(signature),
        f"{head}.{payload}".encode(),
        padding.PSS(padding.MGF1(hashes.SHA256()), 32),
        hashes.SHA256(),
    )
    thumbprint = hashlib.sha256(CERTIFICATE.public_bytes(serialization.Encoding.DER)).digest()
    assert unpadded(json.loads(unpadded(head))["x5t#S256"]) == thumbprint
    assert json.loads(unpadded(payload))["sub"] == "app-id"
    assert "client_secret" not in asked


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_the_managed_identity_is_asked_for_dataverse(entra: Entra) -> None:
    value, ends = await source(entra, "managed-identity")()
    assert (value, ends) == ("identity-1", datetime(2100, 1, 1, tzinfo=UTC))
    (asked,) = entra.identity_asked
    assert (asked["resource"], asked["client_id"], asked["header"]) == (DATAVERSE_URL, "identity-id", IDENTITY_HEADER)
    assert entra.asked == []


async def test_a_federated_identity_vouches_for_the_app_registration(entra: Entra) -> None:
    assert (await source(entra, "federated")())[0] == "token-1"
    assert entra.identity_asked[0]["resource"] == "api://AzureADTokenExchange"
    assert (entra.asked[0]["client_assertion"], entra.asked[0]["client_id"]) == ("identity-1", "app-id")
    assert entra.asked[0]["scope"] == f"{DATAVERSE_URL}/.default"


@pytest.mark.parametrize("kind", ["federated", "managed-identity"])
async def test_a_slow_identity_endpoint_stops_nothing_else(entra: Entra, kind: str) -> None:
    await source(entra, kind)()  # the library is imported by now, whose pauses are not the endpoint's
    entra.identity_delay = 0.6
    fetching = asyncio.create_task(TokenCache(source(entra, kind)).token())
    clock, gaps = asyncio.get_running_loop().time, []
    while not fetching.done():
        before = clock()
        await asyncio.sleep(0.01)
        gaps.append(clock() - before)
    assert await fetching
    assert len(gaps) > 20
    assert max(gaps) < 0.4


async def test_a_refused_token_is_replaced_by_another_one(entra: Entra) -> None:
    """The identity library keeps tokens itself, and must not hand out the refused one again."""
    for kind, first, second in [
        ("client-secret", "token-1", "token-2"),
        ("managed-identity", "identity-1", "identity-2"),
    ]:
        cache = TokenCache(source(entra, kind))
        assert await cache.token() == first
        cache.discard(first)
        assert await cache.token() == second


async def test_fifty_callers_cost_one_request(entra: Entra) -> None:
    cache = TokenCache(source(entra))
    assert set(await asyncio.gather(*(cache.token() for _ in range(50)))) == {"token-1"}
    assert len(entra.asked) == 1


# ---------------------------------------------------------------------------------------------------- failures


async def failure(fetch: FetchToken) -> DataverseError:
    with pytest.raises(DataverseError) as caught:
        await fetch()
    assert caught.value.__cause__ is None
    return caught.value


async def test_a_short_outage_is_waited_out(entra: Entra) -> None:
    entra.answers = [Answer("<html>busy</html>", 503), Answer(drop=True), Answer({"error": "x"}, 500)]
    assert (await source(entra)())[0] == "token-4"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("<html>error: Service unavailable</html>", 503),
        Answer({"error": "temporarily_unavailable", "error_description": "AADSTS90033: A transient error"}, 503),
        Answer({"error": "server_error", "error_description": "AADSTS90024: A transient error"}, 400),
        Answer(drop=True),
        Answer("<html>hello</html>"),
        Answer("<html>no error</html>"),
        Answer(""),
        Answer({}),
        Answer([]),
        Answer({"access_token": "x"}),
        Answer({"access_token": "x", "expires_in": "soon"}),
        Answer({"token_type": "Bearer", "expires_in": 3600}),
    ],
    ids=repr,
)
async def test_what_may_pass_by_itself_is_tried_again_later(entra: Entra, answer: Answer) -> None:
    entra.answers = [answer] * 10
    assert type(await failure(source(entra))) is UnavailableError
    assert len(entra.asked) <= 4


async def test_nobody_at_home(entra: Entra) -> None:
    closed = Entra(url="https://127.0.0.1:1", trust=entra.trust)
    assert type(await failure(source(closed))) is UnavailableError


async def test_a_server_with_an_unknown_certificate_gets_no_secret(entra: Entra) -> None:
    error = await failure(source(entra, connection_verify=True))
    assert type(error) is UnavailableError
    assert entra.asked == []


async def test_a_limit_of_entra_says_how_long(entra: Entra) -> None:
    entra.answers = [Answer({"error": "throttled"}, 429, {"Retry-After": "17"})]
    error = await failure(source(entra, retry_total=0))
    assert isinstance(error, UnavailableError)
    assert error.retry_after == 17


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            refusal(7000215, "invalid_client", f"Invalid client secret {SECRET}."),
            "DATAVERSE_CLIENT_SECRET",
        ),
        (refusal(700016, "unauthorized_client", "Application 'app-id' was not found."), "DATAVERSE_CLIENT_ID"),
        (refusal(65001, "invalid_grant", "The user has not consented."), "consent"),
        (refusal(90002, "invalid_request", "Tenant 'contoso' not found."), "DATAVERSE_TENANT_ID"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
async def test_what_an_operator_has_to_change_is_asked_once(
    entra: Entra, caplog: pytest.LogCaptureFixture, answer: Answer, says: str
) -> None:
    entra.answers = [answer]
    caplog.set_level(logging.INFO)
    error = await failure(source(entra))
    assert type(error) is DeniedError
    assert says in str(error)
    assert SECRET not in str(error)
    assert error.code.startswith("AADSTS")
    assert error.request_id == "255d1aef-8c98-452f-ac51-23d051240864"
    assert len(entra.asked) == 1


async def test_no_secret_is_logged(entra: Entra, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await source(entra)()
    await source(entra, "certificate")()
    await source(entra, "federated")()
    entra.answers = [refusal(7000215, "invalid_client", "Invalid client secret.")]
    await failure(source(entra))
    for secret in (SECRET, "token-1", "identity-1", "PRIVATE KEY", IDENTITY_HEADER):
        assert secret not in caplog.text


@pytest.mark.parametrize("kind", ["managed-identity", "federated"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer({"statusCode": 400, "message": "No managed identity found"}, 400), DeniedError),
        (Answer({"statusCode": 500, "message": "Internal"}, 500), UnavailableError),
        (Answer("<html>busy</html>", 503), UnavailableError),
        (Answer("<html>hello</html>"), UnavailableError),
        (Answer({}), UnavailableError),
        (Answer({"access_token": "x", "expires_on": "1"}), UnavailableError),
        (Answer(drop=True), UnavailableError),
    ],
    ids=repr,
)
async def test_failures_of_the_identity_endpoint(
    entra: Entra, kind: str, answer: Answer, expected: type[DataverseError]
) -> None:
    entra.identity_answers = [answer] * 10
    error = await failure(source(entra, kind))
    assert type(error) is expected
    if expected is DeniedError:
        assert "managed identity is assigned" in str(error)
    assert entra.asked == []


async def test_an_app_without_an_identity_is_told_what_to_do(entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the host's variables the identity endpoint of a virtual machine is asked, which is not there."""
    monkeypatch.delenv("IDENTITY_ENDPOINT")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")
    error = await failure(source(entra, "managed-identity"))
    assert type(error) is UnavailableError
    assert "is an identity assigned to the app?" in str(error)


async def test_a_certificate_that_ends_soon_is_named_once_a_day(entra: Entra, caplog: pytest.LogCaptureFixture) -> None:
    ends = utc_now().replace(microsecond=0) + timedelta(days=12, hours=1)
    fetch = source(entra, "certificate", pem(KEY, certificate_for(KEY, ends)))
    for _ in range(3):
        await fetch()
    warnings = [record.getMessage() for record in caplog.records if record.name == "shared.dataverse.entra"]
    assert warnings == ["the certificate in DATAVERSE_CERTIFICATE ends in 12 days: renew it"]
