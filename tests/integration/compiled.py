# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates, conditions and filters of this collection, compiled and found once for all runs that are forked.

Ansible compiles each template in the worker that uses it, and looks through all of a collection's files for each of its
filters. Both come to the same every time, and take a third of a worker's processor time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import CodeType
from typing import Any

import yaml
from ansible._internal._templating._engine import TemplateEngine, TemplateOptions
from ansible._internal._templating._jinja_bits import (
    AnsibleEnvironment,
    TemplateOverrides,
    _TemplateCompileContext,
)
from ansible.plugins.loader import filter_loader
from jinja2.environment import TemplateExpression

_CONDITIONS = {"when", "that", "until", "failed_when", "changed_when"}
_LEXING = tuple(field.name for field in fields(TemplateOverrides))
_OURS = "fireworks.byoc."
_codes: dict[tuple[Any, ...], CodeType] = {}
_filters: dict[str, Any] = {}


def keep_compiled(root: Path) -> None:
    """Compile what the playbooks and roles below a folder hold, and let every process forked from this one use it."""
    _keep_filters()
    _keep_codes()
    engine = TemplateEngine()
    paths = [*(root / "playbooks").rglob("*.yml"), *(root / "roles").glob("*/[!f]*/*.yml")]  # "files" are no templates
    for is_condition, text in (each for path in paths for each in _texts(yaml.safe_load(path.read_text()))):
        if "{{" in text or "{%" in text:
            engine._compile_template(text, TemplateOptions.DEFAULT)
        elif is_condition:
            engine._compile_expression(text, TemplateOptions.DEFAULT)
    # As plugin_utils/manifest_files.py renders them.
    overrides = TemplateOverrides(trim_blocks=True, lstrip_blocks=True)
    for path in (root / "roles").rglob("*.j2"):
        engine._compile_template(path.read_text(), TemplateOptions(escape_backslashes=False, overrides=overrides))


def _texts(value: Any, is_condition: bool = False) -> Iterator[tuple[bool, str]]:
    """Each text of a document, and whether it is a condition."""
    if isinstance(value, str):
        yield is_condition, value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, is_condition)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, key in _CONDITIONS)


def _key(environment: AnsibleEnvironment, kind: str, text: str) -> tuple[Any, ...]:
    """What the code of a text depends on: how texts are cut up, and whether backslashes are kept, too."""
    context = _TemplateCompileContext.current(optional=True)
    lexing = tuple(getattr(environment, name) for name in _LEXING)
    return kind, text, bool(context and context.escape_backslashes), lexing


def _keep_codes() -> None:
    from_string_anew, compile_expression_anew = AnsibleEnvironment.from_string, AnsibleEnvironment.compile_expression
    expressions: list[tuple[Any, ...]] = []  # that are being compiled: Jinja makes a template of each

    def from_string(self: AnsibleEnvironment, source: Any, *arguments: Any, **options: Any) -> Any:
        if arguments or options:
            return from_string_anew(self, source, *arguments, **options)
        key = _key(self, "template", source) if isinstance(source, str) else expressions.pop()
        if key not in _codes:
            _codes[key] = self.compile(source)
        return self.template_class.from_code(self, _codes[key], self.make_globals(None), None)

    def compile_expression(self: AnsibleEnvironment, source: str, undefined_to_none: bool = True) -> Any:
        key = _key(self, "expression", source)
        if key in _codes:
            template = self.template_class.from_code(self, _codes[key], self.make_globals(None), None)
            return TemplateExpression(template, undefined_to_none)
        expressions.append(key)
        return compile_expression_anew(self, source, undefined_to_none)

    AnsibleEnvironment.from_string, AnsibleEnvironment.compile_expression = from_string, compile_expression


def _keep_filters() -> None:
    find = filter_loader.get_with_context

    def get_with_context(name: str, *arguments: Any, **options: Any) -> Any:
        if not name.startswith(_OURS):
            return find(name, *arguments, **options)
        if name not in _filters:
            _filters[name] = find(name, *arguments, **options)
        return _filters[name]

    filter_loader.get_with_context = get_with_context
