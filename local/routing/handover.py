"""What Enreach support needs to set up Smart Routing. Never the key."""

from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from functions.smart_routing.rules import RoutingRules
from local.app_settings import UsageError

PATH = "/api/smart-routing"
NETWORKS = ("80.88.186.0/24", "80.88.187.0/24")
"""Where Enreach calls from."""
TIMEOUT_SECONDS = 5
_ANY = "(any)"


def endpoint(url: str) -> str:
    """The address that Enreach calls, from that of the app. Raises UsageError."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path.rstrip("/") not in ("", PATH):
        raise UsageError("--url is the app's address, such as https://contoso-switchboard.azurewebsites.net")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError("--url must hold no query, fragment or user")
    return f"https://{parts.netloc}{PATH}"


def routed(rules: RoutingRules) -> dict[tuple[str, str], list[str]]:
    """The rules' names by pool and targetid, in the order of the rules."""
    found: dict[tuple[str, str], list[str]] = {}
    for rule in rules.rules:
        for pool in rule.when.pool or (_ANY,):
            for target_id in rule.when.targetid or (_ANY,):
                found.setdefault((pool, target_id), []).append(rule.name)
    return found


def show(url: str, rules: RoutingRules, console: Console) -> None:
    """Print the sheet. Raises UsageError."""
    sheet = Table(title="Smart Routing, for Enreach support", show_header=False, title_justify="left")
    for name, value in (
        ("URL", endpoint(url)),
        ("Method", "POST, Content-Type: application/json"),
        ("Authentication", "header X-Benemen-APIKey: the key"),
        ("  or", "HTTP Basic: user name of the app setting ROUTING_BASIC_USER, password: the key"),
        ("The key", "app setting ROUTING_KEY_CURRENT (a reference to its Key Vault secret); hand it over apart"),
        ("Timeout", f"{TIMEOUT_SECONDS} s"),
        ("Without an answer", "204 or no answer in time: what Enreach does without us"),
        ("Allowed networks", ", ".join(NETWORKS)),
    ):
        sheet.add_row(name, escape(value))
    console.print(sheet)
    table = Table("pool (bnum)", "targetid", "rules", title="To be routed", title_justify="left")
    for (pool, target_id), names in routed(rules).items():
        table.add_row(escape(pool), escape(target_id), escape("; ".join(names)))
    console.print(table)
