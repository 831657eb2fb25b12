"""The parts of a profile's operations: each checked against its shape, its names and its adapter.

A mistake raises ProfileError with one sentence. Nothing is asked here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

# These rooms import `erp.profiles.errors`: their names are looked up when they are used.
from erp import mapping, systems
from erp.profiles.engines import EnginePackage
from erp.profiles.errors import ProfileError
from erp.profiles.profile import ROWS_MAX, NamedRequest, PartPlan
from erp.profiles.section import Section
from erp.shapes import PARAMETERS, SHAPES, Field, Kind, Part

LIMIT_MAX = 100_000
"""Highest `limit` that a profile may set: each row is a dictionary in memory."""

EVERYWHERE = frozenset({"today"})
GIVEN = frozenset({"warehouses"})
"""System parameters that need no declaration: the connector itself reads them."""

SINGLE = frozenset({"item", "order", "price", "account", "find", "create"})
"""Parts of which one record counts, the first that the query asks for."""

TAKEN = EVERYWHERE | {name for names in PARAMETERS.values() for name in names}
"""Names that neither a parameter nor a learned value may have."""

_REQUEST_KEYS = ("request", "sql")
_AFTER_FIND = frozenset(PARAMETERS["create_task"]) - {"task_key"}
"""What is not known when a write is looked up."""

_KINDS = {"number": Kind.NUMBER, "date": Kind.DATE, "flag": Kind.FLAG}


@dataclass(frozen=True)
class Surroundings:
    """What the parts of one profile have in common."""

    engine: EnginePackage
    tables: mapping.Tables
    adapter: str
    parameters: frozenset[str]
    """The names of the declared parameters."""
    learned: frozenset[str] = frozenset()
    """The names that have been learned when the part is asked."""

    @property
    def names(self) -> frozenset[str]:
        """Return what every request may name."""
        return EVERYWHERE | GIVEN | self.parameters | self.learned


def learn_plan(section: Section, number: int, around: Surroundings) -> PartPlan:
    """Check one read of `learn`. Its fields are free names; `as` says their kind."""
    fields = section.section("fields")
    if not fields.values:
        raise ProfileError(f"{fields.where} is missing: say what is learned")
    for name in fields.values:
        if name in TAKEN | around.parameters | around.learned:
            raise ProfileError(f"{fields.place(name)} is a name that is taken: choose another")
    part = Part(f"learn.{number}", tuple(_learned(name, rule) for name, rule in
                                         fields.values.items()))
    return _plan(section, part, around, around.names)


def _learned(name: str, rule: object) -> Field:
    how = rule.get("as") if isinstance(rule, dict) else None
    return Field(name, _KINDS.get(str(how), Kind.TEXT), required=False)


def operation_plans(
    operation: str, section: Section, around: Surroundings
) -> tuple[PartPlan, ...]:
    """Check the parts of one operation, in the order of its shape."""
    shape = SHAPES[operation]
    section.allow([part.name for part in shape])
    known = around.names | set(PARAMETERS[operation])
    plans: list[PartPlan] = []
    for part in shape:
        if part.name in section.values:
            earlier = tuple(plan.part for plan in plans)
            names = known - _AFTER_FIND if part.name == "find" else known
            plans.append(_plan(section.section(part.name), part, around, names, earlier))
        elif not part.optional:
            raise ProfileError(f"{section.place(part.name)} is missing: say how it is asked")
    _check_phone(operation, section)
    return tuple(plans)


def named_request(section: Section, around: Surroundings) -> NamedRequest:
    """Check a request that the adapter asks. Its values come from the adapter as well."""
    prepared = around.engine.prepare(section.values, section.where)
    return NamedRequest(prepared, _limit(section))


def _plan(
    section: Section,
    part: Part,
    around: Surroundings,
    known: frozenset[str],
    earlier: tuple[Part, ...] = (),
) -> PartPlan:
    within = section.text("within", "")
    prepared = None
    needs: frozenset[str] = frozenset()
    if within:
        _check_within(section, within, earlier)
    else:
        prepare = around.engine.prepare_write if part.writes else around.engine.prepare
        prepared = prepare(section.values, section.where)
        needs = _check_names(section, prepared.names, known, earlier)
    return PartPlan(
        name=part.name,
        where=section.where,
        part=part,
        mapper=mapping.compile_record(
            _fields(section, part, around), part, around.tables, section.place("fields")
        ),
        prepared=prepared,
        needs=needs,
        limit=_limit(section),
        first=section.flag("first"),
        single=part.name in SINGLE,
        within=within,
        rows=_path(section) if within else (),
        refine=_refine(section, around),
    )


def _fields(section: Section, part: Part, around: Surroundings) -> Mapping[str, object]:
    """Return a part's fields; the company's one currency need not stand in each part."""
    fields = section.mapping("fields")
    everywhere = "currency" in around.parameters | around.learned
    if everywhere and "currency" not in fields and any(f.name == "currency" for f in part.fields):
        return {**fields, "currency": {"value": ""}}
    return fields


def _check_names(
    section: Section, names: Collection[str], known: frozenset[str], earlier: tuple[Part, ...]
) -> frozenset[str]:
    """Raise for a name that nobody gives a value. Returns the earlier parts that are named."""
    of_parts = {f"{part.name}.{field.name}": part.name for part in earlier for field in part.fields}
    for name in sorted(names):
        if name not in known and name not in of_parts:
            choice = ", ".join(sorted(known | set(of_parts)))
            raise ProfileError(f"{section.where} names {name!r}: it may name {choice}")
    return frozenset(of_parts[name] for name in names if name in of_parts)


def _check_within(section: Section, within: str, earlier: tuple[Part, ...]) -> None:
    names = [part.name for part in earlier]
    if within not in names:
        raise ProfileError(
            f"{section.place('within')} is {within!r}: write an earlier part of the operation "
            f"({', '.join(names) or 'there is none'})"
        )
    for key in _REQUEST_KEYS:
        if key in section.values:
            raise ProfileError(f"{section.where} has `within` and `{key}`: take one away")


def _path(section: Section) -> tuple[str, ...]:
    """Return where rows lie: a text with dots, or a list of exact keys."""
    value = section.values.get("rows", "")
    if isinstance(value, list):
        return tuple(str(step) for step in value)
    return tuple(str(value).split(".")) if value != "" else ()


def _limit(section: Section) -> int:
    limit = section.whole("limit", ROWS_MAX)
    if limit > LIMIT_MAX:
        raise ProfileError(f"{section.place('limit')} is {limit}: write {LIMIT_MAX} at most")
    return limit


def _refine(section: Section, around: Surroundings) -> str:
    name = section.text("refine", "")
    if not name:
        return ""
    if not around.adapter:
        raise ProfileError(f"{section.place('refine')} is {name!r}: name an `adapter` at the top")
    steps = systems.adapter_class(around.adapter).REFINERS
    if name not in steps:
        raise ProfileError(
            f"{section.place('refine')} is {name!r}: "
            f"the adapter {around.adapter} has {', '.join(sorted(steps))}"
        )
    return name


def _check_phone(operation: str, section: Section) -> None:
    customer = section.section("customer") if operation == "customers_by_phone" else None
    if customer is not None and "phone" not in customer.mapping("fields"):
        raise ProfileError(
            f"{customer.place('fields')}.phone is missing: it is compared with the caller's number"
        )
