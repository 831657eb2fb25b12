"""Render what an administrator pastes: the dialplan entry and the manager user.

The entry leads to a human however the AGI step ends: a voice host that does not answer
(AGISTATUS=FAILURE lets the dialplan go on), a script that is missing, a result that was never set.
Only ORDERLINE_RESULT=completed goes to Hangup. The variable is emptied first, so that what an
earlier pass of the same call left behind does not count. AGIEXITONHANGUP lets a redirect take the
caller out of an AGI session whose voice process stands still; without it Asterisk waits for ever.
It neither reads nor writes files of Asterisk. Source: Asterisk documentation, "Application_AGI",
"Asterisk Manager Interface: privileges"; res_agi.c (launch_netscript, agi_exec_full).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from importlib import resources
from string import Template

from dialplan.variables import (
    AGI_EXIT_ON_HANGUP,
    HUMAN_LABEL,
    RESULT,
    VOICEMAIL_LABEL,
    WHISPER,
    Result,
)

AGI_SCRIPT = "orderline.agi"
"""The script for hosts and menus where a `agi://` address cannot be typed."""

WHISPER_SCRIPT = "whisper"
"""Name in the `agi://` address of what speaks to the human who answers; no profile has it."""

DEFAULT_FASTAGI_PORT = 4573

MANAGER_READ = ("system", "call", "agent", "dialplan", "dtmf", "user")
"""system: FullyBooted; call: Newchannel, DialBegin, DialEnd, BridgeEnter, Hangup, and the queues'
callers; agent: queue members and AgentConnect; dialplan: Newexten of AGI(), without which callers
of a voice process that stands still are looked for instead of told of; dtmf: DTMFEnd; user:
UserEvent."""

MANAGER_WRITE = ("call", "reporting", "user")
"""call: Hangup, Getvar, Setvar, Redirect; reporting: CoreShowChannels, ShowDialPlan, and Status;
user: UserEvent. Login, Ping, ListCommands, QueueStatus and QueueSummary need no right."""

CALLBACKS_WRITE = ("originate",)
"""What call-backs need besides, and nothing else does: the right to place calls."""

MANAGER_DROPPED = (
    "!Event: VarSet",
    "!Event: Newexten.*Application: ([^A]|A[^G]|AG[^I]|AGI[^[:space:]])",
)
"""Filters, since the right `dialplan` would else bring each variable and each step of all calls:
no VarSet, and of Newexten only that of AGI(). Regular expressions of POSIX, over the whole event,
as Asterisk 16 to 22 read them (manager.c, match_filter)."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,79}")
_EXTENSION = re.compile(r"[A-Za-z0-9_*#+.!\[\]-]{1,79}")
_STEP = re.compile(r"[A-Za-z][A-Za-z0-9]*\([^\x00-\x1f\x7f;]{0,255}\)")
_HOST = re.compile(r"[A-Za-z0-9_.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\]")
_SECRET = re.compile(r"[!-:<-~]{8,128}")


class AsteriskTemplate(Template):
    """A text with `%{name}` in it; `${name}` is left to Asterisk."""

    delimiter = "%"


_VOICEMAIL_BRANCH = AsteriskTemplate(
    """ same => n,GotoIf($["${%{result}}" = "%{voicemail}"]?%{label})\n"""
)
_VOICEMAIL_STEPS = AsteriskTemplate(
    """ same => n(%{label}),%{step}\n"""
    """ same => n,GotoIf($["${VMSTATUS}" = "FAILED"]?%{human_label})\n"""
    """ same => n,Hangup()\n"""
)
"""A box that takes no message is no end: the caller goes to the human (app_voicemail.c)."""


@dataclass(frozen=True)
class Entry:
    """What stands in one dialplan entry."""

    context: str = "orderline"
    extension: str = "600"
    profile: str = "default"
    human: str = "Queue(support)"
    """The step at which a person takes over; the administrator's choice."""
    voicemail: str = ""
    """The step that takes a message; empty: none is offered."""


@dataclass(frozen=True)
class VoiceHost:
    """Where the voice process listens for FastAGI."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_FASTAGI_PORT


def render_entry(entry: Entry, voice: VoiceHost | None = None) -> str:
    """Return the dialplan entry that calls the voice process by FastAGI.

    voice: where it listens; None renders the variant with the AGI script on the PBX host, which
    knows the voice hosts itself.
    Raises ValueError when a value could not stand in a dialplan.
    """
    _require("context", entry.context, _NAME)
    _require("extension", entry.extension, _EXTENSION)
    _require("profile", entry.profile, _NAME)
    _require("human step", entry.human, _STEP)
    branch = label = ""
    if entry.voicemail:
        _require("voicemail step", entry.voicemail, _STEP)
        names = {"result": RESULT, "voicemail": Result.VOICEMAIL.value, "label": VOICEMAIL_LABEL}
        branch = _VOICEMAIL_BRANCH.substitute(names)
        names |= {"human_label": HUMAN_LABEL, "step": entry.voicemail}
        label = _VOICEMAIL_STEPS.substitute(names)
    return _template("extensions.conf").substitute(
        context=entry.context,
        extension=entry.extension,
        profile=entry.profile,
        agi=_agi(entry.profile, voice),
        result=RESULT,
        exit_on_hangup=AGI_EXIT_ON_HANGUP,
        completed=Result.COMPLETED.value,
        human_label=HUMAN_LABEL,
        human=entry.human,
        voicemail_branch=branch,
        voicemail_steps=label,
    )


def render_whisper(context: str, voice: VoiceHost) -> str:
    """Return the context that speaks to the human who answers, before the caller is connected.

    Queue and Dial run it on the human's channel by Gosub. When the human takes the call it marks
    the caller's channel as served: a caller whose voice process died is not queued again after
    the talk (MASTER_CHANNEL: func_channel.c). A human whose whisper stands still can be freed, as
    a caller can, by AGIEXITONHANGUP; the next one is then connected without it.
    Raises ValueError when a value could not stand in a dialplan.
    """
    _require("whisper context", context, _NAME)
    return _template("whisper.conf").substitute(
        context=context,
        agi=_agi(WHISPER_SCRIPT, voice),
        exit_on_hangup=AGI_EXIT_ON_HANGUP,
        whisper=WHISPER,
        result=RESULT,
        completed=Result.COMPLETED.value,
    )


def render_manager_user(
    user: str,
    secret: str,
    permit: str = "127.0.0.1/255.255.255.255",
    *,
    callbacks: bool = False,
) -> str:
    """Return the manager.conf lines of a user with the least rights that Orderline needs.

    secret: 8 to 128 printable characters, no blank, no `;`.
    permit: the address (and mask) from which the voice process connects.
    callbacks: whether call-backs are on, which alone may place calls.
    Raises ValueError when a value could not stand in manager.conf.
    """
    _require("user", user, _NAME)
    if not _SECRET.fullmatch(secret):
        raise ValueError("the secret must have 8 to 128 printable characters, no blank, no ';'")
    try:
        ipaddress.ip_network(permit, strict=False)
    except ValueError as error:
        raise ValueError(f"permit {permit!r} is not an address with a mask") from error
    return _template("manager.conf").substitute(
        user=user,
        secret=secret,
        permit=permit,
        read=",".join(MANAGER_READ),
        write=",".join(MANAGER_WRITE + (CALLBACKS_WRITE if callbacks else ())),
        filters="\n".join(f"eventfilter = {dropped}" for dropped in MANAGER_DROPPED),
    )


def _agi(profile: str, voice: VoiceHost | None) -> str:
    if voice is None:
        return f"{AGI_SCRIPT},{profile}"
    _require("voice host", voice.host, _HOST)
    if not 0 < voice.port < 2**16:
        raise ValueError(f"voice port {voice.port} is not a TCP port (1 to 65535)")
    return f"agi://{voice.host}:{voice.port}/{profile}"


def _require(what: str, value: str, allowed: re.Pattern[str]) -> None:
    if not allowed.fullmatch(value):
        raise ValueError(f"{what} {value!r} cannot stand in a dialplan: use {allowed.pattern}")


def _template(name: str) -> AsteriskTemplate:
    path = resources.files("dialplan") / "templates" / name
    return AsteriskTemplate(path.read_text("utf-8"))
