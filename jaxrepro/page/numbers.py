"""Numbers and times as a page writes them."""

import datetime
import math


def number(value: float) -> str:
    """Returns four significant digits; large whole numbers in full, NaN as "not finite (nan)"."""
    if not math.isfinite(value):
        return f"not finite ({value})"
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    if 1e3 <= abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def deviation(value: float) -> str:
    """Returns a standard deviation: two significant digits."""
    return number(float(f"{value:.2g}"))


def time(iso: str) -> str:
    """Returns an ISO 8601 time as "2026-11-21 03:47 UTC"; other text as it stands."""
    try:
        moment = datetime.datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{moment.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"


def duration(seconds: float) -> str:
    """Returns "2 h 05 min", "5 min 12 s" or "12 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
