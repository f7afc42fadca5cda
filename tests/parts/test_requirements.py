"""The list of security requirements that the suite holds."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "tests.parts.requirements", "-p", "no:cacheprovider")

MARKED = """
import pytest

@pytest.mark.requirement("R4", "J10")
@pytest.mark.parametrize("n", [1, 2])
def test_two(n): assert False, "must not run"

@pytest.mark.requirement("J9")
def test_one(): assert False, "must not run"

def test_none(): assert False, "must not run"
"""


def test_the_table_lists_each_id_once_with_its_tests(pytester: pytest.Pytester) -> None:
    """Ids come in the order of letter and number, parameters folded; nothing runs."""
    path = pytester.makepyfile(MARKED).name
    pytester.makeini("[pytest]\nmarkers = requirement(id): an id")
    result = pytester.runpytest_inprocess(*PLUGIN, "--requirements", "-q")
    assert [line.split() for line in result.outlines if "::" in line] == [
        ["J9", f"{path}::test_one"],
        ["J10", f"{path}::test_two"],
        ["R4", f"{path}::test_two"],
    ]
    result.assert_outcomes()


@pytest.mark.parametrize("argument", ["'j6'", "'J'", "6", ""])
def test_a_mark_that_names_no_id_stops_the_run(pytester: pytest.Pytester, argument: str) -> None:
    """A misspelt id is an error at collection, not a requirement quietly missing from the table."""
    pytester.makepyfile(f"import pytest\n@pytest.mark.requirement({argument})\ndef test_it(): pass")
    pytester.makeini("[pytest]\nmarkers = requirement(id): an id")
    result = pytester.runpytest_inprocess(*PLUGIN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*names no id such as J6*"])
