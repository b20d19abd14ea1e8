"""Schedule profiles: built-in ones, and what a site may say on top."""

import pytest

from functions.schedule_import.profile import ProfileError, SiteProfile, builtin_names, builtin_profile, resolve_profile
from shared.config_documents import BadDocumentError, json_document


@pytest.mark.parametrize("name", builtin_names())
def test_every_built_in_profile_is_whole(name: str) -> None:
    profile = builtin_profile(name)
    assert profile.name == name
    assert set(profile.required) <= set(profile.fields.names())
    assert profile.time_zone is None, "no built-in holds the zone of a site"


def test_an_unknown_folder_names_the_profiles_that_exist() -> None:
    with pytest.raises(ProfileError, match=r"no schedule profile 'acme'.*nice-iex, switchboard-csv.*acme\.json"):
        resolve_profile("acme", None)


def test_a_site_document_may_have_a_name_of_its_own() -> None:
    site = SiteProfile.model_validate({"extends": "nice-iex", "timeZone": "Europe/Berlin", "plan": "Team {isoWeek}"})
    profile = resolve_profile("berlin", site)
    assert (profile.name, profile.time_zone, profile.plan, profile.identity) == (
        "berlin", "Europe/Berlin", "Team {isoWeek}", "employeeid",
    )  # fmt: skip


def test_site_activities_are_laid_over_the_built_in_ones() -> None:
    site = SiteProfile.model_validate(
        {"extends": "nice-iex", "activities": {"Urlaub": {"name": "Vacation", "assignable": False}}}
    )
    rule = resolve_profile("nice-iex", site).activity_rule("URLAUB")
    assert rule is not None
    assert (rule.name, rule.assignable) == ("Vacation", False)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        pytest.param(b'{"extends": "acme"}', "no built-in profile 'acme'", id="unknown built-in"),
        pytest.param(b'{"extends": "nice-iex", "timezone": "UTC"}', "timezone: Extra inputs", id="misspelt key"),
        pytest.param(b'{"extends": "nice-iex", "timeZone": "Middle/Earth"}', "not an IANA", id="unknown zone"),
        pytest.param(b'{"extends": "nice-iex", "identity": "shoe size"}', "identity", id="unknown identity"),
        pytest.param(b"{", "Invalid JSON", id="not JSON"),
    ],
)
def test_a_bad_site_document_names_place_and_reason(document: bytes, says: str) -> None:
    with pytest.raises(BadDocumentError, match=says):
        json_document(SiteProfile)(document)


def test_a_column_that_the_built_in_lacks_is_refused() -> None:
    site = SiteProfile.model_validate({"extends": "nice-iex", "columns": {"Agent Id": "Mitarbeiter"}})
    with pytest.raises(ProfileError, match="Agent Id is not among the columns of nice-iex: tvID"):
        resolve_profile("nice-iex", site)
