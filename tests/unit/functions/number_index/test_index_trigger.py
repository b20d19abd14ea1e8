"""The timer: when it fires, and that it does nothing while the index is off."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import azure.functions as func
import pytest

from functions.number_index.trigger import blueprint
from shared.config_documents import ConfigDocuments
from shared.dataverse.client import DataverseClient
from shared.gateways import Gateways
from shared.number_index.index import open_number_index
from shared.settings import Settings
from shared.storage.files import Files
from shared.storage.messages import open_messages
from shared.storage.tables import Tables
from tests.memory_storage import MemoryFiles, MemoryTables

KEY = "0123456789abcdef0123456789abcdef"


class NoChanges:
    """Dynamics without any row."""

    def __init__(self) -> None:
        self.asked = 0

    async def changes(self, *tracked: Any, within: float | None = None) -> Any:
        self.asked += 1
        nothing: tuple[Any, ...] = ()
        for each in nothing:
            yield each


def function(dynamics: NoChanges, tables: MemoryTables, **values: object) -> func.Function:
    settings = Settings.model_validate(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "dataverse_url": "https://contoso.crm4.dynamics.com",
            **values,
        }
    )
    files = MemoryFiles()
    gateways = Gateways(
        settings=settings,
        dataverse=cast(DataverseClient, dynamics),
        files=cast(Files, files),
        documents=ConfigDocuments(files),
        tables=cast(Tables, tables),
        messages=open_messages(settings),
        number_index=open_number_index(settings, tables),
    )
    app = func.FunctionApp()
    app.register_functions(blueprint(gateways))
    (found,) = app.get_functions()
    return found


@pytest.mark.parametrize(
    ("values", "schedule"), [({}, "15 * * * * *"), ({"number_index_schedule": "0 */5 * * * *"}, "0 */5 * * * *")]
)
def test_the_function_has_its_name_and_its_schedule(values: dict[str, object], schedule: str) -> None:
    found = function(NoChanges(), MemoryTables(), **values)
    assert found.get_function_name() == "refresh_number_index"
    trigger = found.get_trigger()
    assert trigger is not None
    assert trigger.get_dict_repr()["schedule"] == schedule


@pytest.mark.parametrize(
    ("values", "works"),
    [
        pytest.param({}, False, id="off"),
        pytest.param({"number_index_key": KEY}, False, id="off with a key"),
        pytest.param({"number_index_enabled": True}, False, id="without a key"),
        pytest.param({"number_index_enabled": True, "number_index_key": KEY[:-1]}, False, id="with a short key"),
        pytest.param({"number_index_enabled": True, "number_index_key": KEY}, True, id="on"),
    ],
)
async def test_it_works_where_the_index_is_on(values: dict[str, object], works: bool) -> None:
    dynamics, tables = NoChanges(), MemoryTables()
    tick = cast(Callable[[Any], Awaitable[None]], function(dynamics, tables, **values).get_user_function())
    await tick(None)
    assert (dynamics.asked == 1, tables.requests > 0) == (works, works)
