"""The peers' own environment under build/: one for Python and one for Node.js."""

import shutil
import subprocess
import sys
from hashlib import sha256

from benchmarks.places import BUILD, PEERS_NODE, PEERS_PYTHON, PEERS_SOURCE

_STAMP = BUILD / "peers" / ".stamp"
_LOCKS = ("requirements.txt", "package.json", "package-lock.json")


def install_peers() -> None:
    """Makes the peers what their lock files say. Raises RuntimeError with the installer's words when it cannot."""
    wanted = sha256(b"".join((PEERS_SOURCE / name).read_bytes() for name in _LOCKS)).hexdigest()
    if _STAMP.exists() and _STAMP.read_text() == wanted:
        return
    print("Installing the peers (once, about a minute)...", flush=True)
    folder = PEERS_NODE.parent
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _run(sys.executable, "-m", "venv", str(folder / ".venv"))
    pip = (str(PEERS_PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input")
    _run(*pip, "--require-hashes", "-r", str(PEERS_SOURCE / "requirements.txt"))
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PEERS_SOURCE / name, folder)
    _run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder))
    _STAMP.write_text(wanted)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} could not install the peers: {done.stderr.strip()[-1000:]}")
