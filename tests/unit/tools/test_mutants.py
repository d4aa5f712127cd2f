# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mutants' own tools: what each operator does, that names and choices last, and what counts as noticed."""

from __future__ import annotations

import pytest

from tests.tools.mutants.catalogue import choose, found_again, means_something_else, mutants_of
from tests.tools.mutants.covering import Covering, imported, plain
from tests.tools.mutants.operators import OPERATORS
from tests.tools.mutants.reporting import compare, report

# One line for each: the operator, what a function says, and what it becomes.
EDITS = [
    ("dropped_guard", "if late:\n    raise ValueError", "if False:\n    raise ValueError"),
    ("dropped_guard", "for x in y:\n    if x > 3: continue", "for x in y:\n    if False: continue"),
    ("inverted_condition", "return a == b", "return a != b"),
    ("inverted_condition", "return a not in (b)", "return a in (b)"),
    ("inverted_condition", "return 1 if ready() else 2", "return 1 if (not ready()) else 2"),
    ("inverted_condition", "return not ready", "return (ready)"),
    ("shifted_bound", "return len(a) <= most", "return len(a) < most"),
    ("shifted_bound", "return n + 1", "return n + 2"),
    ("shifted_bound", "return min(a, b)", "return max(a, b)"),
    ("missing_wait", "time.sleep(3)", "pass"),
    ("missing_wait", "done = wait_ready(s, seconds=left)", "done = wait_ready(s, seconds=0)"),
    ("leaked_release", "self._lock.release()", "pass"),
    ("dropped_no_log", "return {'type': 'str', 'no_log': True}", "return {'type': 'str', 'no_log': False}"),
    ("swapped_owner", "return Item(owner=CUSTOMER, other=FIREWORKS)", "return Item(owner=FIREWORKS, other=FIREWORKS)"),
    ("swapped_owner", "return Finding(owner=Owner.CUSTOMER)", "return Finding(owner=Owner.FIREWORKS)"),
    ("swapped_owner", "return {'result': 'refused'}", "return {'result': \"waiting\"}"),
    ("dropped_precondition", "return {'name': n, 'resourceVersion': v}", "return {'name': n}"),
    ("dropped_precondition", "return {'resourceVersion': v, 'name': n}", "return {'name': n}"),
    ("dropped_element", "return ('a', 'b', 'c')", "return ('b', 'c')"),
    ("dropped_element", "return ('a', 'b')", "return ('b',)"),
    ("swapped_and_or", "return a and b and c", "return a or b and c"),
    ("swallowed_exception", "try: f()\nexcept OSError: raise Mine", "try: f()\nexcept OSError: pass"),
    ("flipped_answer", "return True", "return False"),
]  # fmt: skip


def a_function(body: str) -> str:
    return "def f():\n" + "".join(f"    {line}\n" for line in body.splitlines())


def becomes(operator: str, source: str, file: str = "plugins/module_utils/_domain/x.py") -> list[str]:
    """What the mutants of one operator make of a source."""
    content = source.encode()
    return [m.applied(content).decode() for m in mutants_of(file, content) if m.operator == operator]


@pytest.mark.parametrize(("operator", "before", "after"), EDITS)
def test_an_operator_makes_its_fault_and_leaves_the_rest_as_it_is(operator, before, after):
    assert a_function(after) in becomes(operator, a_function(before))


def test_every_operator_is_tried_above_or_below():
    assert {row[0] for row in EDITS} | {"wrong_permission"} == set(OPERATORS)


def test_a_wrong_verb_is_put_only_where_rights_are_said():
    table = "READ = ('get', 'list')\n"
    assert "READ = (\"watch\", 'list')\n" in becomes(
        "wrong_permission", table, "plugins/module_utils/_domain/identities/x.py"
    )
    assert becomes("wrong_permission", table, "plugins/module_utils/_domain/model/x.py") == []


def test_an_edit_counts_bytes_where_a_text_has_wide_letters():
    assert becomes("inverted_condition", "a = 'größe' == b\n") == ["a = 'größe' != b\n"]


def test_a_guard_with_another_way_is_no_guard():
    assert becomes("dropped_guard", a_function("if a:\n    return 1\nelse:\n    return 2")) == []


def test_a_proposal_that_is_no_python_or_nothing_new_is_told():
    content = b"def f(a):\n    return a == 1\n"
    (mutant,) = [m for m in mutants_of("plugins/x.py", content) if m.operator == "inverted_condition"]
    assert means_something_else(mutant, content)
    assert not means_something_else(mutant, b"def f(a):\n    return a = 1\n")


TWO = b"class C:\n    def f(self, a):\n        return a == 1 or a == 2\n"


def test_a_name_says_the_function_and_lasts_when_lines_above_change():
    before = [m.id for m in mutants_of("plugins/x.py", TWO)]
    after = [m.id for m in mutants_of("plugins/x.py", b"import os\n\nX = os.sep\n\n\n" + TWO)]
    assert before == after
    assert before[0].startswith("plugins/x.py::C.f::")
    assert len(set(before)) == len(before)


def again(content: bytes, file: str = "plugins/x.py") -> list[str | None]:
    """The mutants of TWO that are found in another source: what each is called there."""
    earlier = [mutant.to_dict() for mutant in mutants_of("plugins/x.py", TWO)]
    return [mutant and mutant.id for _name, mutant in found_again(earlier, mutants_of(file, content))]


def test_a_mutant_is_found_again_in_a_file_that_was_renamed():
    assert again(TWO, "plugins/y.py") == [m.id for m in mutants_of("plugins/y.py", TWO)]


def test_a_mutant_is_found_again_where_a_variable_got_another_name():
    assert None not in again(TWO.replace(b"(self, a)", b"(self, number)").replace(b"a ==", b"number =="))


def test_a_mutant_of_a_function_that_is_no_more_is_gone():
    assert set(again(TWO.replace(b"def f", b"def g"))) == {None}


def test_a_choice_is_seeded_takes_from_each_operator_and_lasts_when_others_come():
    mutants = mutants_of("plugins/x.py", TWO) + mutants_of("plugins/module_utils/_kube/y.py", TWO)
    chosen = choose(mutants, 4, seed=1)
    assert chosen == choose(list(reversed(mutants)), 4, seed=1)
    assert {(m.operator, m.package) for m in chosen} == {
        (operator, package) for operator in ("inverted_condition", "swapped_and_or") for package in ("shells", "_kube")
    }
    assert any(choose(mutants, 4, seed=seed) != chosen for seed in range(2, 6))


def test_what_a_comprehension_runs_counts_for_its_function():
    assert plain("C.f.<locals>.<genexpr>") == "C.f"
    assert plain("read.<locals>.one") == "read.one"
    assert plain("<lambda>") == "<module>"


def test_what_a_relative_import_reaches_is_imported(tmp_path):
    for file, content in {
        "tests/unit/test_a.py": "from ansible_collections.fireworks.byoc.plugins.module_utils._domain import a\n",
        "plugins/module_utils/_domain/a.py": "from .b import c\nfrom ..d import e\n",
        "plugins/module_utils/_domain/b.py": "",
        "plugins/module_utils/d/__init__.py": "",
        "plugins/module_utils/_domain/other.py": "",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(content)
    found = imported(tmp_path, "tests/unit/test_a.py") - {"tests/unit/test_a.py"}
    assert found == {f"plugins/module_utils/{name}" for name in ("_domain/a.py", "_domain/b.py", "d/__init__.py")}


def test_the_tests_that_run_least_else_come_first_and_slow_ones_late():
    measured = {
        "slow": {"seconds": 90, "functions": {"plugins/x.py": ["f"]}},
        "wide": {"seconds": 1, "functions": {"plugins/x.py": ["f", "g"]}},
        "narrow": {"seconds": 1, "functions": {"plugins/x.py": ["f"]}},
    }
    assert Covering(measured).of_function("plugins/x.py", "f") == ["narrow", "wide", "slow"]
    assert Covering(measured).of_function("plugins/x.py", "g") == ["wide"]
    assert Covering(measured).of_function("plugins/x.py", "h") == []


def entry(name: str, result: str) -> dict[str, str]:
    return {"id": f"plugins/{name}.py::f::dropped_guard::1.0", "result": result, "before": "x", "after": "False"}


def entries(**results: str) -> dict[str, dict[str, str]]:
    made = [entry(name, result) for name, result in results.items()]
    return {one["id"]: one for one in made}


def test_a_hang_is_noticed_and_what_no_test_runs_is_not():
    found = entries(a="killed", b="timeout", c="survived", d="uncovered", e="gone")
    text = report(found.values(), {})
    assert "2 of 4 mutants are killed (50.0 %), 1 are gone" in text
    assert "survived: plugins/c.py::f" in text
    assert "uncovered: plugins/d.py::f" in text


def test_a_mutant_that_means_the_same_is_counted_on_neither_side():
    found = entries(a="killed", c="survived")
    assert "1 of 1 mutants are killed (100.0 %)" in report(found.values(), {entry("c", "")["id"]: "why"})


@pytest.mark.parametrize("now", ["survived", "uncovered", "untried"])
def test_what_was_killed_before_has_to_be_killed_after(now):
    text, kept = compare(entries(a="killed", b="survived"), entries(a=now, b="survived"), {})
    assert not kept
    assert f"{now}: plugins/a.py" in text


@pytest.mark.parametrize("now", ["killed", "timeout", "gone"])
def test_what_is_killed_after_or_gone_is_not_lost(now):
    assert compare(entries(a="killed"), entries(a=now), {})[1]
