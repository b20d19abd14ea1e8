"""What the index says about each function, with the host's part done: defaults, %SETTING%, path templates."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.host.errors import StartError

Binding = dict[str, Any]

_SETTING = re.compile(r"%([^%]+)%")
_PARAMETER = re.compile(r"\{([^{}]+)\}")
_RESOLVED_FIELDS = ("queueName", "path", "schedule", "route")
_DEFAULTS: dict[str, Binding] = {
    "httpTrigger": {"methods": [], "authLevel": "FUNCTION"},
    "queueTrigger": {"connection": "AzureWebJobsStorage"},
    "blobTrigger": {"connection": "AzureWebJobsStorage", "source": "LogsAndContainerScan"},
    "timerTrigger": {"runOnStartup": False, "useMonitor": True},
    "warmupTrigger": {},
    "queue": {"connection": "AzureWebJobsStorage"},
    "blob": {"connection": "AzureWebJobsStorage"},
    "http": {},
}


@dataclass(frozen=True)
class Function:
    """One indexed function. `trigger`, `inputs` and `outputs` hold every key that the host reads."""

    name: str
    id: str
    trigger: Binding
    inputs: tuple[Binding, ...]
    outputs: tuple[Binding, ...]

    @property
    def kind(self) -> str:
        return str(self.trigger["type"])


def function_from_index(name: str, id_: str, raw_bindings: list[str], environ: Mapping[str, str]) -> Function:
    """The function with its settings resolved; raises StartError for what this host cannot run."""
    bindings = [_complete(name, json.loads(raw), environ) for raw in raw_bindings]
    triggers = [binding for binding in bindings if binding["type"].endswith("Trigger")]
    if len(triggers) != 1:
        raise StartError(f"Function {name} has {len(triggers)} triggers; it must have one.")
    if triggers[0]["type"] == "warmupTrigger" and name.lower() != "warmup":
        raise StartError(f"Function {name} has a warm-up trigger, but only one named warmup is ever called.")
    others = [binding for binding in bindings if binding is not triggers[0]]
    return Function(
        name=name,
        id=id_,
        trigger=triggers[0],
        inputs=tuple(binding for binding in others if binding["direction"].upper() == "IN"),
        outputs=tuple(binding for binding in others if binding["direction"].upper() != "IN"),
    )


def _complete(function: str, binding: Binding, environ: Mapping[str, str]) -> Binding:
    if binding["type"] not in _DEFAULTS:
        raise StartError(f"Function {function} has a {binding['type']} binding, which the local host does not support.")
    if binding["type"] == "httpTrigger":
        binding.setdefault("route", function)
    for field in _RESOLVED_FIELDS:
        if field in binding:
            binding[field] = _resolve(function, str(binding[field]), environ)
    return _DEFAULTS[binding["type"]] | binding


def _resolve(function: str, text: str, environ: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in environ:
            raise StartError(f"Function {function}: '%{match[1]}%' does not resolve to a value.")
        return environ[match[1]]

    return _SETTING.sub(value, text)


def split_path(path: str) -> tuple[str, str]:
    """`container/blob` as (container, blob)."""
    container, _, name = path.strip("/").partition("/")
    return container, name


def path_pattern(template: str) -> re.Pattern[str]:
    """A blob path template as a pattern with a named group for each parameter.

    A parameter matches slashes too, as in WebJobs, where each is `(?<name>.*)`
    (BindingTemplateToken.BuildCapturePattern).
    """
    parts = _PARAMETER.split(template)
    return re.compile(
        "".join(f"(?P<{part}>.*)" if index % 2 else re.escape(part) for index, part in enumerate(parts)), re.DOTALL
    )


def literal_prefix(template: str) -> str:
    """What every match of the template begins with: lets the storage service do most of the filtering."""
    return template.partition("{")[0]


def fill_template(template: str, values: Mapping[str, str]) -> str:
    """The template with the values of this invocation; raises LookupError for an unknown parameter."""

    def value(match: re.Match[str]) -> str:
        if match[1].lower() == "rand-guid":
            return str(uuid.uuid4())
        if match[1] not in values:
            raise LookupError(f"No value for named parameter '{match[1]}'.")
        return values[match[1]]

    return _PARAMETER.sub(value, template)
