"""One token for the process: fetched when needed, shared, renewed before its end."""

import asyncio
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from shared.dataverse.credentials import TokenCache, pause_after, token_cache
from shared.dataverse.errors import DataverseError, DeniedError, UnavailableError
from shared.settings import Settings, SettingsError

HOUR = timedelta(hours=1)
START = datetime(2026, 11, 21, 8, tzinfo=UTC)


class Source:
    """Tokens of an hour that count; a failure in `failing` is raised in their place. Time moves by hand."""

    def __init__(self, life: timedelta = HOUR) -> None:
        self.now, self.life, self.fetched = START, life, 0
        self.failing: list[Exception] = []
        self.open = asyncio.Event()
        self.open.set()

    async def fetch(self) -> tuple[str, datetime]:
        self.fetched += 1
        number = self.fetched
        await self.open.wait()
        if self.failing:
            raise self.failing.pop(0)
        return f"token {number}", self.now + self.life

    def clock(self) -> datetime:
        return self.now

    def cache(self) -> TokenCache:
        return TokenCache(self.fetch, self.clock)

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_however_many_ask_at_once_one_fetch_is_under_way() -> None:
    source = Source()
    cache = source.cache()
    assert set(await asyncio.gather(*(cache.token() for _ in range(50)))) == {"token 1"}
    assert source.fetched == 1


async def test_the_first_who_gives_up_does_not_take_the_token_from_the_others() -> None:
    source = Source()
    source.open.clear()
    cache = source.cache()
    first, *others = [asyncio.create_task(cache.token()) for _ in range(5)]
    await settle()
    first.cancel()
    await settle()
    assert first.cancelled()
    source.open.set()
    assert await asyncio.gather(*others) == ["token 1"] * 4
    assert source.fetched == 1


async def test_a_fetch_that_nobody_waits_for_any_more_still_serves_the_next_caller() -> None:
    source = Source()
    source.open.clear()
    cache = source.cache()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await cache.token()
    source.open.set()
    assert await cache.token() == "token 1"
    assert source.fetched == 1


async def test_a_token_is_renewed_in_the_background_after_four_fifths_of_its_life() -> None:
    source = Source()
    cache = source.cache()
    await cache.token()
    source.later(minutes=47, seconds=59)
    await cache.token()
    await settle()
    assert source.fetched == 1
    source.later(seconds=1)
    source.open.clear()
    assert [await cache.token() for _ in range(3)] == ["token 1"] * 3
    await settle()
    assert source.fetched == 2
    source.open.set()
    await settle()
    assert await cache.token() == "token 2"


async def test_a_token_at_its_end_is_not_sent_any_more() -> None:
    source = Source()
    cache = source.cache()
    await cache.token()
    source.later(minutes=59, seconds=31)
    assert await cache.token() == "token 2"


async def test_a_failing_renewal_keeps_the_old_token_until_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    cache = source.cache()
    await cache.token()
    source.failing = [UnavailableError("down")] * 1000
    source.later(minutes=48)
    for _ in range(11 * 60):
        assert await cache.token() == "token 1"
        await settle()
        source.later(seconds=1)
    # A pause of 1, 2, 4, ... 32 s and then of one minute each, not a question a second.
    assert source.fetched - 1 == 16
    assert "old one serves on: down" in caplog.text
    source.later(seconds=31)
    with pytest.raises(UnavailableError, match="down"):
        await cache.token()
    source.failing = []
    source.later(minutes=1)
    assert (await cache.token()).startswith("token ")


async def test_while_entra_is_down_most_requests_fail_without_asking_it() -> None:
    source = Source()
    source.failing = [UnavailableError("down")] * 1000
    cache = source.cache()
    for _ in range(600):
        with pytest.raises(UnavailableError, match="down"):
            await cache.token()
        await settle()
        source.later(seconds=0.1)
    assert source.fetched == 6, "at 0, 1, 3, 7, 15 and 31 s"
    source.failing = []
    source.later(seconds=10)
    assert await cache.token() == "token 7"
    cache.discard("token 7")
    source.failing = [UnavailableError("down again")]
    with pytest.raises(UnavailableError, match="down again"):
        await cache.token()
    await settle()
    source.later(seconds=1)
    assert await cache.token() == "token 9", "a success starts the pauses anew"


async def test_all_who_wait_for_a_failing_fetch_learn_of_it() -> None:
    source = Source()
    source.failing = [DeniedError("wrong secret")]
    cache = source.cache()
    results = await asyncio.gather(*(cache.token() for _ in range(20)), return_exceptions=True)
    assert {type(result) for result in results} == {DeniedError}
    assert source.fetched == 1


async def test_a_failure_that_nobody_waits_for_makes_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    source.failing = [UnavailableError("down")]
    source.open.clear()
    cache = source.cache()
    waiting = asyncio.create_task(cache.token())
    await settle()
    waiting.cancel()
    source.open.set()
    await settle()
    with caplog.at_level(logging.ERROR):
        del waiting
        await settle()
    assert caplog.text == ""


async def test_a_mistake_in_the_fetch_is_not_kept() -> None:
    source = Source()
    source.failing = [KeyError("mistake")]
    cache = source.cache()
    with pytest.raises(KeyError):
        await cache.token()
    await settle()
    assert await cache.token() == "token 2"


@pytest.mark.parametrize(
    ("error", "failures", "seconds"),
    [
        (UnavailableError("x"), 1, 1),
        (UnavailableError("x"), 2, 2),
        (UnavailableError("x"), 6, 32),
        (UnavailableError("x"), 7, 60),
        (UnavailableError("x"), 10_000, 60),
        (UnavailableError("x", retry_after=17), 1, 17),
        (UnavailableError("x", retry_after=86400), 1, 300),
        (DeniedError("x"), 1, 30),
        (DeniedError("x"), 9, 30),
    ],
)
def test_pauses(error: DataverseError, failures: int, seconds: float) -> None:
    assert pause_after(error, failures) == timedelta(seconds=seconds)


async def test_discarding_an_old_token_keeps_the_newer_one() -> None:
    source = Source()
    cache = source.cache()
    cache.discard(await cache.token())
    assert await cache.token() == "token 2"
    cache.discard("token 1")
    assert await cache.token() == "token 2"
    assert source.fetched == 2


async def test_when_dataverse_refuses_every_token_entra_is_not_asked_by_every_request() -> None:
    source = Source()
    cache = source.cache()
    for _ in range(100):
        cache.discard(await cache.token())
    assert source.fetched == 3
    source.later(minutes=1)
    cache.discard(await cache.token())
    assert await cache.token() == "token 4"


@pytest.mark.parametrize("life", [timedelta(0), timedelta(days=-1), timedelta(seconds=5)])
async def test_a_wrong_clock_does_not_make_every_call_a_fetch(life: timedelta) -> None:
    source = Source(life)
    cache = source.cache()
    assert [await cache.token() for _ in range(10)] == ["token 1"] * 10
    source.later(seconds=10)
    assert await cache.token() == "token 2"


def settings(url: str, auth: str = "development", **more: str) -> Settings:
    return Settings.model_validate(
        {"dataverse_url": url, "dataverse_auth": auth, "AzureWebJobsStorage": "UseDevelopmentStorage=true", **more}
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:7081", "http://localhost:7081", "https://[::1]:7081"])
async def test_the_development_token_goes_to_a_loopback_address(url: str) -> None:
    cache = token_cache(settings(url))
    assert await cache.token() == await cache.token() != ""


@pytest.mark.parametrize(
    "url", ["https://contoso.crm4.dynamics.com", "https://127.0.0.1.example.com", "https://localhost.example.com"]
)
def test_the_development_token_goes_nowhere_else(url: str) -> None:
    with pytest.raises(SettingsError, match="only with a DATAVERSE_URL on 127"):
        token_cache(settings(url))


def test_a_certificate_that_cannot_be_read_stops_the_start_without_being_shown() -> None:
    with pytest.raises(SettingsError, match="DATAVERSE_CERTIFICATE is neither PEM") as caught:
        token_cache(
            settings(
                "https://contoso.crm4.dynamics.com",
                "certificate",
                dataverse_tenant_id="t-1",
                dataverse_client_id="c",
                dataverse_certificate="c2VjcmV0",
            )
        )
    assert "c2VjcmV0" not in str(caught.value)


KINDS: dict[str, dict[str, str]] = {
    "development": {},
    "managed-identity": {},
    "federated": {"dataverse_tenant_id": "t-1", "dataverse_client_id": "c"},
    "client-secret": {"dataverse_tenant_id": "t-1", "dataverse_client_id": "c", "dataverse_client_secret": "s"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_loads_the_identity_library_before_it_fetches(kind: str) -> None:
    values = {"dataverse_url": "http://127.0.0.1:1", "dataverse_auth": kind, "AzureWebJobsStorage": "x", **KINDS[kind]}
    script = (
        "import sys; from shared.dataverse.credentials import token_cache; from shared.settings import Settings; "
        f"token_cache(Settings.model_validate({values!r})); "
        "print([m for m in sys.modules if m.split('.')[0] in ('azure', 'msal', 'cryptography')])"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
