"""What must be told of the business systems: how to reach each, and who answers what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from erp.limits import demand_above_zero
from erp.operations import OPERATIONS, READS, WRITES
from erp.secrets import Secret


@dataclass(frozen=True)
class SystemSettings:
    """How to reach one system, and as whom. Its name is the key above."""

    profile: str
    """Its profile: a name that `orderline erp profiles` lists, or the path of a YAML file."""
    url: str
    """Where it answers: `https://erp.example.com:8000`, `postgresql://db.example.com:5432/erp`
    or `mariadb://db.example.com:3306/erp`. No user and no password in it."""
    user: str = ""
    """Our user there; it may read what the calls need, and nothing more. A profile that logs in by
    a key alone needs none."""
    password: Secret | None = None
    """Its password, key or client secret, by reference."""
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    """Further secrets that the profile asks for by name, by reference."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What the profile asks for by name: the database, the company, the warehouses."""
    calling_code: str = "1"
    """Calling code of the company's own country, digits: how national numbers are read."""
    time_zone: str = ""
    """The company's time zone, as in `Europe/Berlin`; empty: what the system says, or this
    machine's."""
    connections: int = 8
    """Most queries at once; so many connections are kept open."""
    answer_max_bytes: int = 4_000_000
    """Longest answer, in bytes after decompression; a longer one is refused."""
    ca_file: Path | None = None
    """Certificates of the authorities that we trust, PEM; none: the machine's own."""
    client_certificate: Path | None = None
    """Our certificate and its chain for mutual TLS, PEM; none: we show none."""
    client_key: Path | None = None
    """The certificate's private key, PEM; none: it is in the same file."""

    def __post_init__(self) -> None:
        # aiohttp takes 0 connections for any number of them.
        demand_above_zero(self, "connections", "answer_max_bytes")
        if "@" in self.url.partition("//")[2].partition("/")[0]:
            raise ValueError("url holds a user: write it as `user`, and the password by reference")
        if not self.calling_code.isascii() or not self.calling_code.isdigit():
            raise ValueError(f"calling_code is {self.calling_code!r}: write digits, as in '1'")


LOOKUPS = ("ping", "customers_by_phone", "customer_by_account", "customers_by_name")
"""Operations that no caller asks for: there is nothing that a key could try again."""

SYSTEM_STEP = "system:"
"""What stands before a system's name in a fallback."""

FALLBACKS = ("cache", "keypad", "human")
"""What may stand in for a system that does not answer, besides `system:NAME`."""


@dataclass(frozen=True)
class GatewaySettings:
    """Which system answers what, and what happens when it does not."""

    use: str = ""
    """The system (a key of `systems`) that answers all that `routes` sends nowhere else; empty:
    the only one."""
    routes: Mapping[str, str] = field(default_factory=dict)
    """Operations that another system answers: `{availability: warehouse, balance: finance}`."""
    fallback: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What is tried, in order, when an operation fails: `system:NAME`, `cache` (the last answer,
    its age is spoken; catalogue and customers only), `keypad` (a key tries again), `human`."""
    cache_s: Mapping[str, float] = field(default_factory=dict)
    """Longest age of a cached answer by operation, in seconds; catalogue and customers only."""
    read_attempts: int = 3
    """How often a read is tried in all when the system can't be reached."""
    breaker_failures: int = 5
    """Failures in a row after which a system is left alone."""
    breaker_open_s: float = 5.0
    """Seconds until one question probes whether it is back."""
    profile_folder: Path | None = None
    """Folder in which `orderline erp activate` keeps the profiles in use; none: those that the
    systems name."""

    def __post_init__(self) -> None:
        demand_above_zero(self, "read_attempts", "breaker_failures", "breaker_open_s")
        for key in ("routes", "fallback", "cache_s"):
            # Nothing stands in for a write, and nothing is kept of it.
            known = (*READS, *WRITES) if key == "routes" else READS
            for operation in getattr(self, key):
                if operation not in known:
                    raise ValueError(
                        f"{key}.{operation} is not known here: known are {', '.join(known)}"
                    )
        for operation, max_age_s in self.cache_s.items():
            _demand_cacheable(f"cache_s.{operation} is {max_age_s}", operation)
            longest_s = OPERATIONS[operation].freshness.max_age_s
            if max_age_s > longest_s:
                raise ValueError(f"cache_s.{operation} is {max_age_s}: write {longest_s} at most")
        for operation, steps in self.fallback.items():
            self._check_fallback(operation, steps)

    def _check_fallback(self, operation: str, steps: tuple[str, ...]) -> None:
        for step in steps:
            if step == "cache":
                _demand_cacheable(f"fallback.{operation} has cache", operation)
            elif step == "keypad" and operation in LOOKUPS:
                raise ValueError(
                    f"fallback.{operation} has keypad: no caller asks for it, so take it away"
                )
            elif step not in FALLBACKS and not step.startswith(SYSTEM_STEP):
                raise ValueError(
                    f"fallback.{operation} has {step!r}: write system:NAME, cache, keypad or human"
                )


def _demand_cacheable(what: str, operation: str) -> None:
    if OPERATIONS[operation].freshness.live:
        raise ValueError(f"{what}: this must be read live, each time; take it away")
