"""The app settings as a command of an administrator finds them on this machine."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.settings import Settings, SettingsError, read_settings

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "local" / "config"
"""The documents of a site, as its container `config` has them."""


class UsageError(Exception):
    """The command was given something that it cannot work with; the text says what to give instead."""


@contextmanager
def app_settings(path: Path | None) -> Iterator[Settings]:
    """The settings of the app, its environment filled as the local host does it. Raises UsageError."""
    file = path or next((each for each in _default_files() if each.is_file()), None)
    if file is None or not file.is_file():
        raise UsageError(f"there is no settings file {file or ROOT / 'local.settings.json'}")
    # A variable that is set already wins, as with Core Tools.
    added = {name: value for name, value in _values(file).items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield read_settings()
    except SettingsError as error:
        raise UsageError(f"{file}: {error}") from None
    finally:
        for name in added:
            os.environ.pop(name, None)


def _default_files() -> tuple[Path, ...]:
    return ROOT / "local.settings.json", ROOT / "local.settings.example.json"


def _values(path: Path) -> dict[str, str]:
    try:
        values = json.loads(path.read_bytes())["Values"]
    except (ValueError, KeyError, TypeError):
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise UsageError(f"{path} is no settings file: it needs Values, an object of texts")
    return values
