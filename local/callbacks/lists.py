"""Which callback lists of Enreach the profiles use, and which profiles name a list that is none."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from functions.callback_sync.decide.profiles import Disabled, Target, list_key, resolved
from functions.callback_sync.rules import DOCUMENT, CallbackProfile, CallbackProfiles
from shared.dataverse.tables import ACTIVE, JsonRow
from shared.enreach.models import CallbackList

UNUSED = "no profile uses it"


@dataclass(frozen=True, slots=True)
class Use:
    """A callback list, with the profile that the app reads it for, and profiles that name it and are off."""

    list: CallbackList
    profile: CallbackProfile | None
    switched_off: tuple[CallbackProfile, ...] = ()


@dataclass(frozen=True, slots=True)
class Uses:
    """Every callback list in Enreach's order, and what becomes of the profiles that have none."""

    lists: tuple[Use, ...]
    without: tuple[Disabled, ...]
    unreadable: int = 0


def uses(document: CallbackProfiles, lists: Iterable[CallbackList], unreadable: int = 0) -> Uses:
    """Who uses which list, as the app decides it. Queues are not looked at: each profile passes for having one."""
    lists = tuple(lists)
    found = resolved(document, lists, _queues(document))
    targets = {target.list_key: target.profile for target in found.targets}
    off: dict[str, list[CallbackProfile]] = {}
    for profile in document.profiles:
        if not profile.active and (target := _alone(document, profile, lists)) is not None:
            off.setdefault(target.list_key, []).append(profile)
    return Uses(
        tuple(Use(each, targets.get(list_key(each.id)), tuple(off.get(list_key(each.id), ()))) for each in lists),
        found.disabled,
        unreadable,
    )


def _alone(document: CallbackProfiles, profile: CallbackProfile, lists: tuple[CallbackList, ...]) -> Target | None:
    """What a profile that is off would mean, if it were on and the only one."""
    switched_on = profile.model_copy(update={"active": True})
    only = document.model_copy(update={"profiles": (switched_on,)})
    return next(iter(resolved(only, lists, _queues(only)).targets), None)


def _queues(document: CallbackProfiles) -> list[JsonRow]:
    """A queue for each name that the profiles have for one."""
    names = sorted({profile.queue.casefold() for profile in document.profiles})
    return [
        {"queueid": str(UUID(int=number)), "name": name, "statecode": ACTIVE} for number, name in enumerate(names, 1)
    ]


def show(found: Uses, document: CallbackProfiles | None, console: Console) -> None:
    """Print a table of the lists, and each profile without one. Without a document, what that means."""
    table = Table(title="Callback lists in Enreach", title_justify="left")
    for heading in ("callback list", "id", "profile", "sync", "queue"):
        table.add_column(heading, overflow="fold")
    for use in found.lists:
        table.add_row(escape(use.list.name or "-"), escape(use.list.id), *_cells(use))
    console.print(table)
    if not found.lists:
        console.print("Enreach names no callback list to this API user.")
    if found.unreadable:
        console.print(f"{found.unreadable} more that the API answered could not be read.")
    if document is None:
        console.print(f"There is no {DOCUMENT}: nothing is synced.")
    elif not document.active:
        console.print(f"No profile of {DOCUMENT} is active: nothing is synced.")
    for each in found.without:
        named = escape(each.profile.callback_list)
        console.print(f"Profile [bold]{escape(each.profile.name)}[/bold] is off: {each.reason} ({named}).")
    unused = sum(use.profile is None for use in found.lists)
    if found.lists:
        noun = "list" if len(found.lists) == 1 else "lists"
        console.print(f"{len(found.lists)} {noun}, {unused} that no profile uses.")


def _cells(use: Use) -> tuple[str, str, str]:
    off = ", ".join(escape(profile.name) for profile in use.switched_off)
    if use.profile is None:
        return f"[bold]{UNUSED}[/bold]" + (f" (not active: {off})" if off else ""), "-", "-"
    name = escape(use.profile.name) + (f" (not active: {off})" if off else "")
    return name, use.profile.sync_method, escape(use.profile.queue)
