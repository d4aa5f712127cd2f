# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML that holds texts, truths, lists and mappings, and nothing that its writer could make of them.

Somebody else wrote it. Numbers, dates and tags would be made into values of other types, which fail far from here and
say in their own words what they could not read; merge keys let a few lines fill the memory.
"""

from __future__ import annotations

import traceback
from functools import cache
from typing import Any

try:
    import yaml
except ImportError:  # reported by Operation before anything runs
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

_TAG = "tag:yaml.org,2002:"
_RESOLVED = (f"{_TAG}null", f"{_TAG}bool")
_MADE = (*_RESOLVED, f"{_TAG}str", f"{_TAG}seq", f"{_TAG}map", None)


class NotPlainError(ValueError):
    """The text is no such YAML. It is not repeated. :param line: where that shows; 0 where one cannot tell."""

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line


def plain_data(text: str) -> Any:
    """What a text holds.

    :raises NotPlainError: it is not YAML, or has tags of other types, or is nested beyond reason.
    """
    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506 (a loader that makes even less than the safe one)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise NotPlainError(mark.line + 1 if mark else 0) from None
    except (ValueError, KeyError, RecursionError):  # a value that is not what its tag says, or brackets without end
        raise NotPlainError from None


@cache
def _loader() -> Any:
    safe: Any = yaml.SafeLoader

    class PlainLoader(safe):  # type: ignore[misc]
        yaml_implicit_resolvers = {  # noqa: RUF012 (as PyYAML has it)
            first: [(tag, pattern) for tag, pattern in known if tag in _RESOLVED]
            for first, known in safe.yaml_implicit_resolvers.items()
        }
        yaml_constructors = {tag: safe.yaml_constructors[tag] for tag in _MADE}  # noqa: RUF012 (likewise)

        def flatten_mapping(self, node: Any) -> None:
            """Leave merge keys (<<) alone."""

    return PlainLoader
