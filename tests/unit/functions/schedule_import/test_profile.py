"""Schedule profiles: built-in ones, and what a site may say on top."""

from typing import Any

import pytest

from functions.schedule_import.profile import ProfileError, SiteProfile, builtin_names, builtin_profile, resolve_profile
from shared.config_documents import BadDocumentError, json_document
from tests.unit.functions.schedule_import.reading import site_profile


@pytest.mark.parametrize("name", builtin_names())
def test_every_built_in_profile_is_whole(name: str) -> None:
    profile = builtin_profile(name)
    assert profile.name == name
    assert profile.time_zone in (None, "UTC"), "no built-in holds the zone of a site"
    for source in profile.sources:
        assert not set(source.columns()) & set(source.other_columns)
        if profile.format.kind == "delimited":
            assert set(source.required) <= {*source.columns(), *source.other_columns}


def test_an_unknown_folder_names_the_profiles_that_exist() -> None:
    with pytest.raises(ProfileError, match=r"no schedule profile 'acme'.*nice-iex.*switchboard-csv.*acme\.json"):
        resolve_profile("acme", None)


def test_a_site_document_may_have_a_name_of_its_own() -> None:
    site = SiteProfile.model_validate({"extends": "nice-iex", "timeZone": "Europe/Berlin", "plan": "Team {isoWeek}"})
    profile = resolve_profile("berlin", site)
    assert (profile.name, profile.time_zone, profile.plan, profile.identity) == (
        "berlin", "Europe/Berlin", "Team {isoWeek}", "employeeid",
    )  # fmt: skip


def test_site_activities_are_laid_over_the_built_in_ones() -> None:
    profile = site_profile(
        "openschichtplaner5-absences",
        activities={"Elternzeit": {"name": "Parental leave", "assignable": False}, "KRANK": {"assignable": True}},
    )
    rules = {word: profile.activity_rule(word) for word in ("Urlaub", "elternzeit", "Krank")}
    assert {word: rule and (rule.name, rule.assignable) for word, rule in rules.items()} == {
        "Urlaub": ("Vacation", False), "elternzeit": ("Parental leave", False), "Krank": (None, True),
    }  # fmt: skip


def test_the_example_of_the_documentation() -> None:
    profile = site_profile(
        "talkdesk", timeZone="Europe/Helsinki", identity="employeeid",
        activities={"Urlaub": {"name": "Vacation", "assignable": False}}, columns={"Agent Id": "Mitarbeiter"},
        scope={"mode": "window", "agents": {"plan": "Team A"}, "days": 14, "marginHours": 12},
        hold={"maxRemovedShare": 0.3, "maxAgentsWithoutWorkTomorrow": 0, "maxAssignableDropShare": 0.5},
    )  # fmt: skip
    assert profile.agent_columns(profile.sources[0].fields.agent) == [("Mitarbeiter", "employeeid")]
    assert profile.sources[0].required[0] == "Mitarbeiter"
    assert (profile.scope.days, profile.scope.margin_hours, profile.hold.max_removed_share) == (14, 12, 0.3)


def test_a_site_may_change_parts_of_the_container_and_of_the_times() -> None:
    profile = site_profile("nice-iex", format={"delimiters": [";"], "headerPrefix": ""}, times={"date": ["%d.%m.%Y"]})
    container: Any = profile.format
    assert (container.kind, container.delimiters, container.quoted, container.header_prefix) == (
        "delimited", (";",), False, "",
    )  # fmt: skip
    assert {source.times.date for source in profile.sources} == {("%d.%m.%Y",)}


@pytest.mark.parametrize("name", [name for name in builtin_names() if builtin_profile(name).format.kind == "delimited"])
def test_every_column_of_a_layout_can_be_renamed(name: str) -> None:
    builtin = builtin_profile(name)
    columns = {column for source in builtin.sources for column in (*source.columns(), *source.other_columns)}
    renamed = site_profile(name, columns={column: f"{column} 2" for column in columns})
    found = {column for source in renamed.sources for column in (*source.columns(), *source.other_columns)}
    assert found == {f"{column} 2" for column in columns}
    assert {column for source in renamed.sources for column in source.required} <= found


def test_two_columns_may_change_places() -> None:
    profile = site_profile("hrnest", columns={"TimeFrom": "TimeTo", "TimeTo": "TimeFrom"})
    assert (profile.sources[0].fields.start, profile.sources[0].fields.end) == ("TimeTo", "TimeFrom")


def test_columns_of_a_companion_are_renamed_too() -> None:
    companion = site_profile("playvox", columns={"shift_uid": "Schicht", "uid": "Id"}).companion
    assert companion is not None
    assert (companion.key, companion.primary_key) == ("Schicht", "Id")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        pytest.param(b'{"extends": "acme"}', "no built-in profile 'acme'", id="unknown built-in"),
        pytest.param(b'{"extends": "nice-iex", "timezone": "UTC"}', "timezone: Extra inputs", id="misspelt key"),
        pytest.param(b'{"extends": "nice-iex", "timeZone": "Middle/Earth"}', "neither IANA", id="unknown zone"),
        pytest.param(b'{"extends": "nice-iex", "format": {"encodings": ["klingon"]}}', "text encoding", id="encoding"),
        pytest.param(b'{"extends": "nice-iex", "format": {"delimiters": [";;"]}}', "delimiters", id="delimiter"),
        pytest.param(b'{"extends": "nice-iex", "fileNames": ["("]}', "fileNames", id="not a pattern"),
        pytest.param(b'{"extends": "nice-iex", "hold": {"maxRemovedShare": 3}}', "[rR]emoved", id="a share of 3"),
        pytest.param(b'{"extends": "nice-iex", "columns": {"Agent Id": "X"}}', "Agent Id is not among", id="column"),
        pytest.param(b"{", "Invalid JSON", id="not JSON"),
    ],
)
def test_a_bad_site_document_names_place_and_reason(document: bytes, says: str) -> None:
    with pytest.raises(BadDocumentError, match=says):
        json_document(SiteProfile)(document)


@pytest.mark.parametrize(
    ("layout", "columns", "said"),
    [
        ("blue-yonder", {"scheduledJobs/startTime": "scheduledJobs/from"}, ["from", "../startTime", "startTime"]),
        ("blue-yonder", {"scheduledJobs[].startTime": "from"}, ["from", "../startTime", "startTime"]),
        ("blue-yonder", {"scheduledShifts.startTime": "from"}, ["startTime", "../from", "startTime"]),
        ("blue-yonder", {"scheduledDetail/startTime": "from"}, ["startTime", "../startTime", "from"]),
        ("blue-yonder", {"startTime": "from"}, ["from", "../from", "from"]),
        ("blue-yonder", {"scheduledJobs": "jobs", "scheduledJobs/startTime": "jobs/from"},
         ["from", "../startTime", "startTime"]),
    ],
)  # fmt: skip
def test_a_column_may_be_named_by_the_end_of_its_path(layout: str, columns: dict[str, str], said: list[str]) -> None:
    source = site_profile(layout, columns=columns).sources[0]
    other = next(column for column in source.other_columns if column in ("../startTime", "../from"))
    assert [source.fields.start, other, source.nested[0].start] == said
    assert source.path.endswith("/jobs/*" if "scheduledJobs" in columns else "/scheduledJobs/*")


def test_the_columns_of_a_table_of_codes_and_of_a_list_of_agents_have_paths_too() -> None:
    columns = {"activityCodes.id": "key", "user.id": "user.key", "agentSchedules/shifts": "agentSchedules/duties"}
    profile = site_profile("genesys-cloud", columns=columns)
    codes, listed = profile.sources[0].activity_codes, profile.listed_agents
    assert codes is not None
    assert listed is not None
    assert (codes.key, codes.value, profile.sources[0].path) == (
        "key", "name", "agentSchedules/*/duties/*/activities/*",
    )  # fmt: skip
    assert [each.column for each in listed.agent if not isinstance(each, str)] == ["user/key", "userId"]
