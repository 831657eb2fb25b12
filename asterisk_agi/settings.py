"""The whole configuration: which sections there are, and how the file is read.

Each section is a frozen dataclass of the module that it configures; what only the command needs
stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ami_bridge.connection import AmiSettings
from ami_bridge.publishers.nats_settings import NatsSettings
from ami_bridge.publishers.webhook import WebhookSettings
from ami_bridge.watchdog import BridgeSettings
from asterisk_agi import config, reference
from asterisk_agi.conversation import CallSettings
from asterisk_agi.dialogue.machine import DialogueSettings
from asterisk_agi.heartbeat import HeartbeatSettings
from asterisk_agi.media.leg import MediaSettings
from asterisk_agi.people import PeopleSettings
from asterisk_agi.reception import DEFAULT_PROFILE, ReceptionSettings
from asterisk_agi.recording import RecordingSettings
from asterisk_agi.server import FastAgiSettings
from asterisk_agi.speech.endpointing import EndpointSettings
from asterisk_agi.speech.espeak_engine import EspeakSettings
from asterisk_agi.speech.vad import VadSettings
from asterisk_agi.speech.vosk_engine import VoskSettings
from asterisk_agi.story import StorySettings
from dialplan.render import WHISPER_SCRIPT
from erp.callbacks.settings import CallbackSettings
from erp.events.settings import EventSettings
from erp.monitoring.settings import MonitoringSettings
from erp.opening import OpeningSettings
from erp.settings import GatewaySettings, SystemSettings
from erp.store.settings import StoreSettings

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class DialplanSettings:
    """The dialplan entry that calls us, for `orderline check` and `orderline dialplan`."""

    context: str = "orderline"
    """The context of the entry."""
    extension: str = "600"
    """The extension of the entry."""
    profile: str = DEFAULT_PROFILE
    """The profile that the entry names."""
    human: str = "Queue(support)"
    """The step at which a person takes over."""
    voicemail: str = ""
    """The step that takes a message, as in VoiceMail(100@default,u), where people.voicemail is
    true; empty: the entry has none."""


@dataclass(frozen=True)
class CheckSettings:
    """What `orderline check` asks the ERP for; take records of your own."""

    item_number: str = ""
    """Number of an item that exists."""
    phone: str = ""
    """Telephone number of a customer who has an order."""


@dataclass(frozen=True)
class LogSettings:
    """What is logged, to standard error."""

    level: str = "info"
    """debug, info, warning or error."""

    def __post_init__(self) -> None:
        if self.level not in LOG_LEVELS:
            raise ValueError(f"level is {self.level!r}: write one of {', '.join(LOG_LEVELS)}")


@dataclass(frozen=True)
class Settings:
    """The whole configuration; each field is a section of the file."""

    ami: AmiSettings
    erp: GatewaySettings
    systems: Mapping[str, SystemSettings]
    fastagi: FastAgiSettings
    media: MediaSettings
    call: CallSettings
    recognizer: VoskSettings
    synthesizer: EspeakSettings
    vad: VadSettings
    endpointing: EndpointSettings
    reception: ReceptionSettings
    stories: StorySettings
    heartbeat: HeartbeatSettings
    bridge: BridgeSettings
    people: PeopleSettings
    opening: OpeningSettings
    callbacks: CallbackSettings
    recording: RecordingSettings
    store: StoreSettings
    events: EventSettings
    webhook: WebhookSettings
    nats: NatsSettings
    monitoring: MonitoringSettings
    dialplan: DialplanSettings
    check: CheckSettings
    log: LogSettings
    profiles: Mapping[str, DialogueSettings] = field(
        default_factory=lambda: {DEFAULT_PROFILE: DialogueSettings()}
    )

    def __post_init__(self) -> None:
        if WHISPER_SCRIPT in self.profiles:
            raise ValueError(
                f"profiles.{WHISPER_SCRIPT} can't be called: the address agi://HOST/"
                f"{WHISPER_SCRIPT} is that of the whisper to humans; give the profile another name"
            )
        if self.people.voicemail and not self.dialplan.voicemail:
            raise ValueError(
                "people.voicemail is true and dialplan.voicemail is empty: write the step that"
                " takes a message, as in VoiceMail(100@default,u)"
            )


def load(path: Path) -> Settings:
    """Read a configuration file. Raises ConfigError, one sentence with the mend."""
    return config.build(Settings, config.read_file(path))


EXAMPLES = {
    "ami.user": "orderline",
    "ami.secret": "env:ORDERLINE_AMI_SECRET",
    "profile": "tryton-8.2",
    "url": "http://127.0.0.1:8000",
    "user": "orderline",
    "password": "env:ORDERLINE_ERP_PASSWORD",
    "parameters": "{database: company}",
    "company": '"the company"',
}
"""What stands in `etc/orderline.yaml` for the keys that have no default."""


def reference_file() -> str:
    """Return `etc/orderline.yaml`: every key with its unit and its default."""
    return reference.reference(Settings, EXAMPLES)
