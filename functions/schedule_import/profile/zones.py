"""Time zones by the names that files use: IANA, Windows, or a city."""

import unicodedata
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

# Names that other software gives to zones (Rails, which Talkdesk is built with, and Windows), where IANA has no city of
# that name.
_NAMES_ELSEWHERE = {
    "abu dhabi": "Asia/Dubai",
    "alaska": "America/Juneau",
    "american samoa": "Pacific/Pago_Pago",
    "arizona": "America/Phoenix",
    "astana": "Asia/Almaty",
    "atlantic time (canada)": "America/Halifax",
    "beijing": "Asia/Shanghai",
    "bern": "Europe/Zurich",
    "bombay": "Asia/Kolkata",
    "brasilia": "America/Sao_Paulo",
    "canberra": "Australia/Sydney",
    "cape verde is.": "Atlantic/Cape_Verde",
    "central america": "America/Guatemala",
    "central time (us & canada)": "America/Chicago",
    "chatham is.": "Pacific/Chatham",
    "chennai": "Asia/Kolkata",
    "eastern time (us & canada)": "America/New_York",
    "edinburgh": "Europe/London",
    "ekaterinburg": "Asia/Yekaterinburg",
    "georgetown": "America/Guyana",
    "greenland": "America/Nuuk",
    "guadalajara": "America/Mexico_City",
    "hanoi": "Asia/Bangkok",
    "hawaii": "Pacific/Honolulu",
    "indiana (east)": "America/Indiana/Indianapolis",
    "islamabad": "Asia/Karachi",
    "marshall is.": "Pacific/Majuro",
    "midway island": "Pacific/Midway",
    "mountain time (us & canada)": "America/Denver",
    "mumbai": "Asia/Kolkata",
    "new caledonia": "Pacific/Noumea",
    "new delhi": "Asia/Kolkata",
    "newfoundland": "America/St_Johns",
    "nuku'alofa": "Pacific/Tongatapu",
    "osaka": "Asia/Tokyo",
    "pacific time (us & canada)": "America/Los_Angeles",
    "pretoria": "Africa/Johannesburg",
    "quito": "America/Lima",
    "rangoon": "Asia/Yangon",
    "saigon": "Asia/Ho_Chi_Minh",
    "sapporo": "Asia/Tokyo",
    "saskatchewan": "America/Regina",
    "solomon is.": "Pacific/Guadalcanal",
    "sri jayawardenepura": "Asia/Colombo",
    "st. petersburg": "Europe/Moscow",
    "tokelau is.": "Pacific/Fakaofo",
    "wellington": "Pacific/Auckland",
    "west central africa": "Africa/Algiers",
}
_AREAS = ("Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/",
          "Pacific/")  # fmt: skip
_FIRST_DAY, _DAYS = datetime(2000, 1, 1), 40 * 365  # noqa: DTZ001 - a wall clock
"""Days on which zones of one name are compared."""


@cache
def time_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name, a Windows name ("W. Europe Standard Time") or a city ("Lisbon").

    Raises ValueError for anything else, paths included, and for a city that several zones are named after.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    from tzlocal.windows_tz import win_tz

    known = win_tz.get(name) or _by_city().get(_plain(name))
    if not known:
        raise ValueError(f"{name!r} is not a time zone: neither IANA (Europe/Helsinki) nor Windows nor a city with one")
    return ZoneInfo(known)


def _plain(name: str) -> str:
    """A name without regard to case and accents."""
    parts = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


@cache
def _by_city() -> dict[str, str]:
    """A zone for each name of a city, empty where several are meant that do not have the same time."""
    zones: dict[str, list[str]] = {}
    for zone in sorted(available_timezones()):
        if zone.startswith(_AREAS):
            zones.setdefault(zone.rpartition("/")[2].replace("_", " ").casefold(), []).append(zone)
    # Asia/Istanbul and Europe/Istanbul are one zone.
    cities = {
        city: found[0] if len(found) == 1 or len(set(map(_offsets, found))) == 1 else ""
        for city, found in zones.items()
    }
    return cities | _NAMES_ELSEWHERE


def _offsets(zone: str) -> object:
    """What tells a zone from another one of the same name; only asked for where there are several."""
    return tuple(ZoneInfo(zone).utcoffset(_FIRST_DAY + timedelta(days=days)) for days in range(0, _DAYS, 7))
