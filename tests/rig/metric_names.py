"""Which metrics the alerts and the dashboard name, and which a process exports."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.rig.control import ROOT

RULES = ROOT / "etc" / "prometheus" / "orderline.rules.yml"
DASHBOARD = ROOT / "etc" / "grafana" / "orderline.json"

_NAME = re.compile(r"\b(?:orderline|process|python)_[a-z0-9_]+")
_SUFFIX = re.compile(r"_(total|bucket|sum|count)$")
_LABEL = re.compile(r"\bby \(([^)]*)\)|[{,]\s*([a-z_]+)(?:=~|!~|!=|=)")


def expressions(path: Path) -> list[str]:
    """Return every PromQL expression of the alerts or of the dashboard."""
    if path.suffix == ".json":
        panels = json.loads(path.read_text("utf-8"))["panels"]
        return [target["expr"] for panel in panels for target in panel["targets"]]
    groups = yaml.safe_load(path.read_text("utf-8"))["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def named(expression: str) -> set[str]:
    """Return the metrics that an expression names, without the suffixes of their samples."""
    return {base(name) for name in _NAME.findall(expression)}


def base(name: str) -> str:
    return _SUFFIX.sub("", name)


def labels(expression: str) -> set[str]:
    """Return the labels that an expression names."""
    found = (part for pair in _LABEL.findall(expression) for part in ",".join(pair).split(","))
    return {name.strip() for name in found} - {""}


def exported(text: str) -> set[str]:
    """Return the metrics of an exposition, those without a sample yet as well."""
    return {base(family.name) for family in text_string_to_metric_families(text)}
