# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What needs no cluster and no tarball: style, types, documentation, metadata. `make lint` runs these."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.rails.running import passes, variables
from tests.tools import docs
from tests.tools.environments import ROOT

TYPED = ("_domain", "_kube", "_operations", "_vocabulary")
UTILS = "ansible_collections.fireworks.byoc.plugins.module_utils"


def test_python_follows_the_style(tool):
    tool("ruff", "check", "--output-format", "concise", ".", log="ruff-check")


def test_python_is_formatted(tool):
    tool("ruff", "format", "--check", ".", log="ruff-format")


def test_types_of_thinking_talking_and_operations_hold(tool):
    packages = [word for name in TYPED for word in ("-p", f"{UTILS}.{name}")]
    tool("mypy", *packages)


@pytest.mark.soak
def test_plugin_documentation_is_sound_and_its_references_resolve(tool):
    tool("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self", ".")


def test_the_site_is_made_of_the_pages_without_a_warning(tools, tmp_path):
    """As ``make docs`` does, less the plugins' pages; a link that leads nowhere is a warning."""
    docs.gather(tmp_path / "source")
    docs.build(tools, tmp_path / "source", tmp_path / "site")
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert pages <= {path.relative_to(tmp_path / "site") for path in (tmp_path / "site").rglob("*.html")}


def test_changelog_fragments_are_sound(tool):
    tool("python", "-m", "tests.rails.changelog_lint", log="antsibull-changelog")


def test_an_execution_environment_gets_what_the_collection_needs(tool):
    found = yaml.safe_load(tool("ansible-builder", "introspect", "--sanitize", ".collections"))
    ours = {line.split("  #")[0] for line in found["python"] if line.endswith("fireworks.byoc")}
    assert ours == requirement_lines(ROOT / "meta" / "ee-requirements.txt")


@pytest.mark.parametrize("image", ["execution", "decision"])
def test_an_image_for_awx_can_be_built_of_its_definition(tool, tmp_path, image):
    definition, context = ROOT / "extensions" / "awx" / f"{image}-environment.yml", tmp_path / "context"
    made = ("--context", context, "--output-filename", "Containerfile")
    tool("ansible-builder", "create", "--file", definition, *made, log=f"ansible-builder-{image}")
    asked = yaml.safe_load((context / "_build" / "requirements.yml").read_text())["collections"]
    assert [each["name"] for each in asked] == ["fireworks.byoc"]
    verified = "RUN $PYCMD -m pip install --require-hashes --only-binary :all: -r /tmp/ee-lock.txt"
    assert (verified in (context / "Containerfile").read_text().splitlines()) is (image == "execution")
    if image == "execution":
        assert (context / "_build" / "locks" / "ee-lock.txt").read_bytes() == (
            ROOT / "meta" / "ee-lock.txt"
        ).read_bytes()


def test_shell_scripts_parse():
    scripts = [*ROOT.glob("tests/tools/*.sh"), ROOT / ".ci" / "run"]
    for script in scripts:
        shell = "bash" if "bash" in script.read_text().splitlines()[0] else "sh"
        passes([shell, "-n", script], log=f"parse-{script.name}", env=variables())


def requirement_lines(path: Path) -> set[str]:
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return {line for line in lines if line}
