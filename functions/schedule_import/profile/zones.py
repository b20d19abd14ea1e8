"""Time zones by the names that files use: IANA, Windows, or a city."""

from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

# Cities that give a zone its name in other software (Rails, Windows) and have no IANA zone of their own.
_CITIES_ELSEWHERE = {
    "abu dhabi": "Asia/Dubai",
    "arizona": "America/Phoenix",
    "beijing": "Asia/Shanghai",
    "bern": "Europe/Zurich",
    "bombay": "Asia/Kolkata",
    "brasilia": "America/Sao_Paulo",
    "canberra": "Australia/Sydney",
    "chennai": "Asia/Kolkata",
    "edinburgh": "Europe/London",
    "islamabad": "Asia/Karachi",
    "mumbai": "Asia/Kolkata",
    "new delhi": "Asia/Kolkata",
    "osaka": "Asia/Tokyo",
    "pretoria": "Africa/Johannesburg",
    "rangoon": "Asia/Yangon",
    "saigon": "Asia/Ho_Chi_Minh",
    "sapporo": "Asia/Tokyo",
    "st. petersburg": "Europe/Moscow",
    "wellington": "Pacific/Auckland",
}
_AREAS = ("Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/",
          "Pacific/")  # fmt: skip


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

    known = win_tz.get(name) or _by_city().get(name.strip().casefold())
    if not known:
        raise ValueError(f"{name!r} is not a time zone: neither IANA (Europe/Helsinki) nor Windows nor a city with one")
    return ZoneInfo(known)


@cache
def _by_city() -> dict[str, str]:
    cities: dict[str, str] = {}
    for zone in sorted(available_timezones()):
        if zone.startswith(_AREAS):
            city = zone.rpartition("/")[2].replace("_", " ").casefold()
            cities[city] = "" if city in cities else zone
    return cities | _CITIES_ELSEWHERE
