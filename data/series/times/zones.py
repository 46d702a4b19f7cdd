"""Zones of time by name: what their abbreviations mean, and how far they are from Greenwich."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HOUR = 3600
OFFSETS = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3,
    "MSK": 3, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8,
    "HST": -10, "JST": 9, "KST": 9, "HKT": 8, "AWST": 8, "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11,
    "NZST": 12, "NZDT": 13, "SAST": 2, "EAT": 3, "WAT": 1, "CAT": 2, "BRT": -3, "ART": -3, "PKT": 5, "WIB": 7,
}  # fmt: skip
AMBIGUOUS = {
    "IST": ("Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"),
    "CST": ("America/Chicago", "Asia/Shanghai", "America/Havana"),
    "BST": ("Europe/London", "Asia/Dhaka"),
    "AST": ("America/Halifax", "Asia/Riyadh"),
    "GST": ("Asia/Dubai", "Atlantic/South_Georgia"),
    "SST": ("Asia/Singapore", "Pacific/Pago_Pago"),
}
YEARS = range(1970, 2038)  # in which a zone's abbreviations are looked for


def known_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@functools.cache
def zone_offsets(zone: str) -> Mapping[str, int]:
    """Return the seconds east of Greenwich by abbreviation; those that a zone itself has go by that zone."""
    known = {name: int(hours * HOUR) for name, hours in OFFSETS.items()}
    if not zone:
        return known
    found: dict[str, set[int]] = {}
    for year in YEARS:
        for month in range(1, 13):
            moment = datetime(year, month, 1, 12, tzinfo=ZoneInfo(zone))
            shift = moment.utcoffset() or timedelta()
            found.setdefault(moment.tzname() or "", set()).add(int(shift.total_seconds()))
    return known | {name: next(iter(shifts)) for name, shifts in found.items() if len(shifts) == 1 and name.isalpha()}


def offset_at(seconds: int, zone: str) -> int:
    """Return the seconds east of Greenwich of a zone at a unix time."""
    shift = datetime.fromtimestamp(seconds, timezone.utc).astimezone(ZoneInfo(zone)).utcoffset()
    return int((shift or timedelta()).total_seconds())


def abbreviation_at(seconds: int, zone: str) -> str:
    """Return what a zone's time is called at a unix time, such as CEST."""
    return datetime.fromtimestamp(seconds, timezone.utc).astimezone(ZoneInfo(zone)).tzname() or ""
