"""A preview as JSON, for scripts: every agent, day, choice and problem; moments in UTC."""

from typing import Any

from local.schedules.clock_changes import ClockChange
from local.schedules.preview import Choice, Preview, Rehearsal
from shared.dataverse.tables import utc_text

FIRST_SEGMENTS = 5

type Json = dict[str, Any]


def as_json(preview: Preview) -> Json:
    """The whole preview but for its segments, of which there may be hundreds of thousands."""
    days = preview.scope.days
    return {
        "readable": True,
        "profile": preview.profile.name,
        "timeZone": preview.home_zone,
        "rows": preview.rows,
        "segments": len(preview.segments),
        "bookings": preview.bookings,
        "scope": {
            "mode": "delta" if preview.delta else "window",
            "firstDate": days[0].isoformat() if days else None,
            "lastDate": days[1].isoformat() if days else None,
            "agents": len(preview.scope.agents),
            "agentsWithoutBookings": preview.empty_agents,
        },
        "notes": preview.notes,
        "agents": [
            {
                "agent": one.agent, "identity": one.identity, "segments": one.segments, "hours": round(one.hours, 2),
                "openHours": round(one.open_hours, 2), "first": utc_text(one.first), "last": utc_text(one.last),
                "timeZone": one.zone,
            }
            for one in preview.agents
        ],
        "days": [
            {
                "date": day.isoformat(), "segments": one.segments, "agents": len(one.agents),
                "hours": round(one.hours, 2), "openHours": round(one.open_hours, 2),
            }
            for day, one in preview.days.items()
        ],
        "activities": [
            {
                "word": one.word, "name": one.name, "assignable": one.assignable, "segments": one.segments,
                "hours": round(one.hours, 2),
            }
            for one in preview.activities
        ],
        "plans": preview.plans,
        "timeChoices": [_choice(one) for one in preview.choices],
        "clockChanges": [_rehearsal(one) for one in preview.rehearsals],
        "nextClockChanges": [_change(one) for one in preview.next_changes],
        "overlaps": [
            {
                "firstRow": one.first.row, "secondRow": one.second.row, "agent": one.first.agent,
                "firstActivity": one.first.activity, "secondActivity": one.second.activity,
                "start": utc_text(max(one.first.start, one.second.start)),
                "end": utc_text(min(one.first.end, one.second.end)),
            }
            for one in preview.overlaps
        ],
        "overlapCount": preview.overlap_count,
        "problems": [
            {
                "row": one.row, "column": one.column, "code": one.code, "reason": one.reason, "agent": one.agent,
                "todo": one.todo,
            }
            for one in preview.problems
        ],
        "firstSegments": [segment_json(one) for one in preview.segments[:FIRST_SEGMENTS]],
    }  # fmt: skip


def segment_json(segment: Any) -> Json:
    """One segment as read."""
    return {
        "row": segment.row, "agent": segment.agent, "identity": segment.identity, "start": utc_text(segment.start),
        "end": utc_text(segment.end), "activity": segment.activity, "timeZone": segment.time_zone,
        "team": segment.team, "status": segment.status, "externalId": segment.external_id,
    }  # fmt: skip


def _choice(one: Choice) -> Json:
    return {
        "row": one.row, "agent": one.agent, "code": one.code, "field": one.field, "timeZone": one.zone,
        "chosen": utc_text(one.chosen), "other": utc_text(one.other),
    }  # fmt: skip


def _change(change: ClockChange) -> Json:
    return {
        "timeZone": change.zone, "at": utc_text(change.at), "clockBefore": change.shown_before.isoformat(),
        "clockAfter": change.shown_after.isoformat(),
    }  # fmt: skip


def _rehearsal(one: Rehearsal) -> Json:
    return {
        **_change(one.change), "segmentsNear": one.count, "choices": [_choice(each) for each in one.choices],
        "segments": [segment_json(each) for each in one.segments],
    }  # fmt: skip
