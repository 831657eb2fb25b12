"""Reads the docstring below each field of a dataclass: the one place where a field is explained.

The reference of the configuration and the schema of the events are made of them.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing
from itertools import pairwise
from typing import Any


def field_texts(kind: type[Any]) -> dict[str, str]:
    """Return the docstring that stands below each field of a dataclass."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = typing.cast(ast.ClassDef, tree.body[0]).body
    texts: dict[str, str] = {}
    for statement, following in pairwise(body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            texts[statement.target.id] = str(following.value.value)
    return texts
