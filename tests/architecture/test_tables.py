"""The names in `shared/dataverse/tables.py` are those of Microsoft's table metadata, case included."""

import json
from pathlib import Path

import pytest

from shared.dataverse.tables import TABLES, Table

METADATA = json.loads((Path(__file__).parents[2] / "local" / "dataverse" / "metadata.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.logical_name)
def test_every_name_is_one_of_dataverse(table: Table) -> None:
    known = METADATA["tables"][table.logical_name]
    assert (table.entity_set, table.primary_id) == (known["entity_set"], known["primary_id"])
    assert table.columns <= known["attributes"].keys()
    for navigation, lookup in table.navigation.items():
        assert lookup.column == known["navigation"][navigation]["lookup"]
        assert lookup.target_set in known["navigation"][navigation]["target_sets"]
        assert lookup.value_property == known["navigation"][navigation]["property"]
