"""A routing.json that makes no sense is refused with the place and the reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from functions.smart_routing.rules import RoutingRules
from shared.config_documents import BadDocumentError, json_document
from shared.customers import CustomerMatching

LOCAL = Path(__file__).parents[4] / "local" / "config"


def rule(**parts: Any) -> dict[str, Any]:
    return {"name": "VIP", "then": {"target": "+35853445657"}, **parts}


def read(*rules: dict[str, Any]) -> RoutingRules:
    return json_document(RoutingRules)(json.dumps({"rules": rules}).encode())


def test_conditions_are_optional_and_a_single_value_is_a_list_of_one() -> None:
    (plain,) = read(rule()).rules
    assert not plain.when.need_caller
    (conditional,) = read(rule(when={"account": {"customertypecode": 3, "name": ["a", None, True, 1.5]}})).rules
    assert conditional.when.account is not None
    assert {column: test.comparisons for column, test in conditional.when.account.items()} == {
        "customertypecode": (("=", (3,)),),
        "name": (("=", ("a", None, True, 1.5)),),
    }
    assert conditional.when.need_caller


def test_extra_is_kept_as_it_is() -> None:
    extra = {"ExtraPriority": 5, "Messages": [{"Lang": "fi-FI", "Text": "Hei"}]}
    (only,) = read(rule(then={"target": "DISCONNECT:", "extra": extra})).rules
    assert only.then.extra == extra


BROKEN = [
    pytest.param(rule(name=""), "rules.0.name", id="no name"),
    pytest.param(rule(name="a\nb"), "control character", id="a line break in the name"),
    pytest.param(rule(wen={}), "rules.0.wen: Extra inputs", id="an unknown key"),
    pytest.param(rule(when={"pools": ["1"]}), "rules.0.when.pools", id="an unknown condition"),
    pytest.param(rule(when={"pool": 358}), "rules.0.when.pool", id="a pool that is a number"),
    pytest.param(rule(when={"pool": []}), "at least 1", id="an empty pool list"),
    pytest.param(rule(when={"pool": ["--"]}), "letter or a digit", id="a pool of dashes"),
    pytest.param(rule(when={"match": ["vip"]}), "'contact', 'account', 'lead'", id="an unknown match kind"),
    pytest.param(rule(when={"contact": {}}), "at least 1", id="no column"),
    pytest.param(rule(when={"contact": {"full name": "x"}}), "logical name of a column", id="no column name"),
    pytest.param(rule(when={"contact": {"a eq 1 or b": "x"}}), "logical name of a column", id="an injection"),
    pytest.param(rule(when={"account": {"name": {}}}), "at least one comparison", id="an object as value"),
    pytest.param(rule(when={"account": {"name": []}}), "never matches", id="an empty list of values"),
    pytest.param(rule(when={"account": {"name": [["x"]]}}), "must be a text, a number", id="a list in a list"),
    pytest.param(rule(when={"account": {"revenue": float("nan")}}), "must be a text, a number", id="NaN"),
    pytest.param({"name": "VIP"}, "rules.0.then: Field required", id="no answer"),
    pytest.param(rule(then={}), "either a target or an agent", id="no target"),
    pytest.param(rule(then={"target": "1", "agent": "caseOwner"}), "either a target or an agent", id="both"),
    pytest.param(rule(then={"agent": "boss"}), "rules.0.then.agent", id="an unknown agent"),
    pytest.param(rule(then={"target": "1", "onShift": {"minutes": 5}}), "belong to an agent", id="a target on shift"),
    pytest.param(rule(then={"target": "1", "else": "default"}), "belong to an agent", id="else without an agent"),
    pytest.param(rule(then={"agent": "caseOwner", "withinDays": 3}), "lastAgent", id="withinDays of a case owner"),
    pytest.param(rule(then={"agent": "caseOwner", "else": "stop"}), "rules.0.then.else", id="an unknown else"),
    pytest.param(rule(then={"agent": "lastAgent", "withinDays": 0}), "withinDays", id="within no day"),
    pytest.param(rule(then={"agent": "lastAgent", "onShift": {"minutes": -1}}), "minutes", id="minutes before now"),
    pytest.param(rule(when={"account": {"name": {"~": 1}}}), "a comparison is one of", id="an unknown comparison"),
    pytest.param(rule(when={"account": {"name": {">=": [1, 2]}}}), "one number or one moment", id="more than a list"),
    pytest.param(rule(when={"open": "support"}), "openingHours does not have", id="hours that are not there"),
    pytest.param(rule(when={"country": ["Finland"]}), "ISO 3166", id="a country by its name"),
    pytest.param(rule(when={"openCase": {}}), "rules.0.when.openCase", id="a case without columns"),
    pytest.param(rule(then={"target": ""}), "letter or a digit", id="an empty target"),
    pytest.param(rule(then={"target": 358}), "rules.0.then.target", id="a number as target"),
    pytest.param(rule(then={"target": "+358 "}), "begin or end with a space", id="a blank behind the target"),
    pytest.param(rule(then={"target": "1", "extra": {"InitialTarget": "2"}}), "write target", id="extra as back door"),
    pytest.param(rule(then={"target": "1", "extra": {"failtarget": "2"}}), "write target", id="extra in other case"),
    pytest.param(rule(then={"target": "1", "extra": {"x": float("inf")}}), "not JSON", id="Infinity in extra"),
]


@pytest.mark.parametrize(("broken", "named"), BROKEN)
def test_a_broken_rule_is_refused_with_its_place(broken: dict[str, Any], named: str) -> None:
    with pytest.raises(BadDocumentError) as refusal:
        read(broken)
    assert named in str(refusal.value)


def test_two_rules_with_one_name_are_refused() -> None:
    with pytest.raises(BadDocumentError, match="rule 1"):
        read(rule(), rule(name="vip"))


def test_the_documents_of_the_demo_are_good() -> None:
    rules = json_document(RoutingRules)((LOCAL / "routing.json").read_bytes())
    assert rules.rules[0].then.target == "+35853445657"
    policy = json_document(CustomerMatching)((LOCAL / "customer-matching.json").read_bytes())
    assert policy.default_region == "FI"


def test_both_documents_have_a_schema() -> None:
    assert "customertypecode" not in json.dumps(RoutingRules.model_json_schema())
    assert set(CustomerMatching.model_json_schema()["properties"]) == {
        "defaultRegion", "NumbersToCut", "MultipleMatchesPickFirst", "columns", "order", "ownNumbers",
    }  # fmt: skip
