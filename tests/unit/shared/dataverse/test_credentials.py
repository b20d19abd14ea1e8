"""One token for the process: fetched when needed, shared, renewed before its end."""

import asyncio
from datetime import datetime, timedelta

import pytest

from shared.clock import utc_now
from shared.dataverse.credentials import TokenCache, token_cache
from shared.settings import Settings, SettingsError


class Source:
    def __init__(self, *lifetimes: timedelta) -> None:
        self._lifetimes, self.fetched = list(lifetimes), 0

    async def fetch(self) -> tuple[str, datetime]:
        self.fetched += 1
        await asyncio.sleep(0)
        return f"token {self.fetched}", utc_now() + self._lifetimes.pop(0)


HOUR = timedelta(hours=1)


async def test_however_many_ask_at_once_one_fetch_is_under_way() -> None:
    source = Source(HOUR)
    cache = TokenCache(source.fetch)
    assert set(await asyncio.gather(*(cache.token() for _ in range(50)))) == {"token 1"}
    assert source.fetched == 1


async def test_a_token_near_its_end_is_renewed() -> None:
    cache = TokenCache(Source(timedelta(minutes=4), HOUR).fetch)
    assert [await cache.token() for _ in range(3)] == ["token 1", "token 2", "token 2"]


async def test_discarding_an_old_token_keeps_the_newer_one() -> None:
    source = Source(HOUR, HOUR)
    cache = TokenCache(source.fetch)
    cache.discard(await cache.token())
    assert await cache.token() == "token 2"
    cache.discard("token 1")
    assert await cache.token() == "token 2"
    assert source.fetched == 2


def settings(url: str, auth: str = "development", **more: str) -> Settings:
    return Settings.model_validate(
        {"dataverse_url": url, "dataverse_auth": auth, "AzureWebJobsStorage": "UseDevelopmentStorage=true", **more}
    )


async def test_the_development_token_goes_to_a_loopback_address_only() -> None:
    cache = token_cache(settings("http://127.0.0.1:7081"))
    assert await cache.token() == await cache.token() != ""
    with pytest.raises(SettingsError, match="only with a DATAVERSE_URL on 127"):
        token_cache(settings("https://contoso.crm4.dynamics.com"))


@pytest.mark.parametrize(
    ("auth", "more"),
    [
        ("managed-identity", {}),
        ("federated", {"dataverse_tenant_id": "t-1", "dataverse_client_id": "c"}),
        ("client-secret", {"dataverse_tenant_id": "t-1", "dataverse_client_id": "c", "dataverse_client_secret": "s"}),
    ],
)
async def test_each_kind_can_be_opened_without_a_request(auth: str, more: dict[str, str]) -> None:
    assert isinstance(token_cache(settings("https://contoso.crm4.dynamics.com", auth, **more)), TokenCache)
