"""What a site decides about the bookings of a profile: scope, holds, removal."""

from typing import Annotated, Literal

from pydantic import Field

from functions.schedule_import.profile.layout import Model, Name

type Share = Annotated[float, Field(ge=0, le=1)]


class PlanAgents(Model):
    """Everybody who has a booking of this profile in the shift plan of this name, and whoever the file names."""

    plan: Name


class Scope(Model):
    """What a file speaks for: agents x window. Inside, Dynamics is made equal to the file; outside nothing is touched.

    `delta`: only the rows given; a row that is marked as deleted removes its booking.
    """

    mode: Literal["window", "delta"] = "window"
    agents: Literal["file"] | tuple[Name, ...] | PlanAgents = "file"
    """The agents that the file names, these ones (identities of the profile), or those of a plan; always with the
    agents that the file names."""
    days: int | None = Field(None, gt=0, le=400)
    """A fixed horizon from the file's first date; without it the dates of the file, from its first to its last."""
    margin_hours: int = Field(16, ge=0, le=48)
    """A shift belongs to the day on which it starts. Stretches that follow each other (see `decide.shift_days`) are one
    shift for at most so many hours after its start, across midnight and across the window's edges."""


class Hold(Model):
    """When a plan waits for a person. A share of 1 is never exceeded.

    The shares are judged over the whole scope and for each shift plan; removals for each agent, too.
    """

    max_removed_share: Share = 0.3
    max_agents_without_work_tomorrow: int = Field(0, ge=0)
    max_assignable_drop_share: Share = 0.5
