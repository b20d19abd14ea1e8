"""aiohttp is loaded by the first request or ahead of it, and by no import of the app."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STORIES = {
    "the app's imports leave it": ("", "False"),
    "the first request loads it": ("asyncio.run(http_library.ready())", "True"),
    "ahead it is loaded on a thread": (
        "http_library.load_ahead(); [t.join() for t in threading.enumerate() if t.name == 'load aiohttp']",
        "True",
    ),
}


@pytest.mark.parametrize(("step", "is_loaded"), STORIES.values(), ids=STORIES)
def test_when_it_is_loaded(step: str, is_loaded: str) -> None:
    script = f"""
import asyncio, sys, threading
import shared.gateways
from shared import http_library
{step}
print("aiohttp" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == is_loaded
