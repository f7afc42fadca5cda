"""What values of the house are made of: equal by their fields, never changed, and silent about secrets."""

from __future__ import annotations

import io
from typing import Generic, TypeVar

import msgspec
import pytest
from msgspec.structs import replace
from rich.console import Console

from sekisho.frozen import Frozen, Hidden

T = TypeVar("T")


class Pass(Frozen):
    """A value with a secret."""

    number: int
    seal: Hidden[str]
    holder: str = ""


class Stamped(Pass, Generic[T], kw_only=True):
    """One that has more to hide."""

    by: T
    stamp: Hidden[bytes] = b""


PASS = Pass(7, "open sesame", "Aya")
STAMPED = Stamped(7, "open sesame", by="Hakone", stamp=b"red ink")


def in_rich(value: object) -> str:
    """As Rich prints the locals of a traceback."""
    console = Console(file=io.StringIO(), width=200)
    console.print(value)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().strip()


@pytest.mark.requirement("H4", "H5")
@pytest.mark.parametrize("printed", [repr, str, in_rich], ids=["repr", "str", "rich"])
def test_what_is_hidden_is_not_printed(printed: object) -> None:
    """A hidden field is left out, of a subclass as well; every other one is there by its name."""
    assert callable(printed)
    assert printed(PASS) == "Pass(number=7, holder='Aya')"
    assert printed(STAMPED) == "Stamped(number=7, holder='', by='Hakone')"


@pytest.mark.requirement("H4", "H5")
def test_evaluated_annotations_show_nothing() -> None:
    """Where a module evaluates its annotations a secret cannot be told apart, so no field is printed."""
    space: dict[str, type[Frozen]] = {}
    source = "class Key(Frozen):\n    seal: Hidden[str]\n    kid: str\n"
    exec(compile(source, "evaluated", "exec", dont_inherit=True), {"Frozen": Frozen, "Hidden": Hidden}, space)  # noqa: S102 -- this module does not evaluate its own
    assert repr(msgspec.convert({"seal": "open sesame", "kid": "k1"}, space["Key"])) == "Key()"


@pytest.mark.requirement("H4", "H5")
@pytest.mark.parametrize("kind", ["frozen.Hidden[str]", "None | Hidden[str]", "Final[Hidden[str]]"])
def test_what_is_hidden_within_a_longer_type_is_hidden(kind: str) -> None:
    """However the name is reached and whatever stands around it."""
    key = msgspec.defstruct("Key", [("seal", str), ("kid", str)], bases=(Frozen,))
    key.__annotations__["seal"], key.__annotations__["kid"] = kind, "str"
    assert repr(key("open sesame", "k1")) == "Key(kid='k1')"


def test_a_value_is_never_changed() -> None:
    """Neither a field nor anything else can be set; another value is made, as checked as the first."""
    with pytest.raises(AttributeError, match="immutable type: 'Pass'"):
        PASS.number = 8  # type: ignore[misc]  # what is tested
    with pytest.raises(AttributeError):
        PASS.more = 8  # type: ignore[attr-defined]  # same
    assert replace(PASS, number=8) == Pass(8, "open sesame", "Aya")
    assert PASS.number == 7


def test_values_are_equal_by_their_fields_and_their_type() -> None:
    """What is hidden counts as well; equal ones are one key of a table."""
    assert Pass(7, "open sesame", "Aya") == PASS
    assert replace(PASS, seal="abracadabra") != PASS
    assert STAMPED != PASS
    assert len({PASS, Pass(7, "open sesame", "Aya")}) == 1
