"""Markdown from the templates of this room, in which FOLDER stands for the exported folder."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def markdown(template: str, **values: Any) -> str:
    """The template of that name, with values put in; its filter `plain` keeps names from being markup."""
    return _environment().get_template(f"{template}.md").render(values)


@cache
def _environment() -> Environment:
    loader = PackageLoader("uncone.export")
    environment = Environment(loader=loader, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters["plain"] = _plain
    return environment


def _plain(text: str) -> str:
    """A name as Markdown shows it letter by letter, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", " ".join(text.split()))
