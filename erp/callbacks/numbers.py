"""Which numbers may be called back: the guard against toll fraud and against injection. Pure.

A caller may name any number; what comes out of here is a plus sign and digits, of an allowed
country, and of a kind that costs what a call costs. Source: Google's libphonenumber, as the
package phonenumbers carries it (kinds, regions, time zones of prefixes).
"""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType
from phonenumbers import timezone as prefixes

SPELLING_MAX_CHARS = 64
"""A longer text is no telephone number; libphonenumber itself reads up to 250."""

ORDINARY = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
    }
)
"""Kinds that may be dialled: not premium, shared-cost, toll-free, pager, personal or unknown."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_UNKNOWN_ZONE = prefixes.UNKNOWN_TIMEZONE


class NumberRefused(ValueError):
    """A number that may not be called back; the text says why, without the number."""


def callable_number(spelling: str, region: str, allowed: frozenset[str]) -> str:
    """Return a number as E.164 (a plus sign and digits), if it may be called back.

    region: the country of a number without a calling code. allowed: countries, two letters.
    Raises NumberRefused.
    """
    number = _parsed(spelling, region)
    if not phonenumbers.is_valid_number(number):
        raise NumberRefused("this is no complete telephone number")
    if phonenumbers.region_code_for_number(number) not in allowed:
        raise NumberRefused("numbers of this country are not called back: see allowed_regions")
    if phonenumbers.number_type(number) not in ORDINARY:
        raise NumberRefused("numbers of this kind are not called back: premium, say, or toll-free")
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not _E164.fullmatch(e164):
        raise NumberRefused("this is no number of E.164")
    return e164


def zones_of(e164: str) -> tuple[ZoneInfo, ...]:
    """Return the time zones that a number may be in; empty when none is known."""
    try:
        number = _parsed(e164, "ZZ")
    except NumberRefused:
        return ()
    found = []
    for name in prefixes.time_zones_for_number(number):
        zone = None if name == _UNKNOWN_ZONE else _zone(name)
        if zone is not None:
            found.append(zone)
    return tuple(found)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return None


def _parsed(spelling: str, region: str) -> PhoneNumber:
    if len(spelling) > SPELLING_MAX_CHARS:
        raise NumberRefused("this is too long for a telephone number")
    try:
        number = phonenumbers.parse(spelling, region)
    except NumberParseException as error:
        raise NumberRefused("this is no telephone number") from error
    if number.extension:
        raise NumberRefused("a number with an extension can't be dialled")
    return number
