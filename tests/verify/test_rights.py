"""A verified token is asked what it may."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sekisho_verify import ConfigurationError, RightMissing, require
from sekisho_verify.bearer import BearerCheck
from sekisho_verify.rights import Rights
from tests.verify.tokens import token, verifier

RIGHTS = {"scope": "read", "role": "clerk", "group": "tokyo", "permission": "customers:read"}


@pytest.mark.parametrize("kind", RIGHTS)
def test_a_right_is_there_or_not(kind: str) -> None:
    """The exact name of the right passes; a part, another case, or the right of another kind does not."""
    accepted = verifier().verify(token())
    require(accepted, **{kind: RIGHTS[kind]})
    others = [name for other, name in RIGHTS.items() if other != kind]
    for name in (RIGHTS[kind][:-1], RIGHTS[kind].upper(), RIGHTS[kind] + " ", "*", "read write", *others):
        with pytest.raises(RightMissing) as caught:
            require(accepted, **{kind: name})
        assert (caught.value.code, caught.value.kind, caught.value.name) == ("insufficient_scope", kind, name)


def test_all_rights_named_are_needed() -> None:
    """Several rights are required together, and the one that is lacking is named."""
    accepted = verifier().verify(token())
    require(accepted, **RIGHTS)
    for kind in RIGHTS:
        with pytest.raises(RightMissing) as caught:
            require(accepted, **(RIGHTS | {kind: "other"}))
        assert caught.value.kind == kind


@pytest.mark.parametrize("rights", [{}, {"scope": ""}, {"role": "", "scope": "read"}, {"permission": None}])
def test_to_require_nothing_is_a_mistake(rights: dict[str, Any]) -> None:
    """An empty requirement would let everybody pass, so it is refused, also for a token that has it all."""
    with pytest.raises(ConfigurationError, match="name the right"):
        require(verifier().verify(token()), **rights)


@pytest.mark.parametrize("name", [["read"], ("read",), {"read"}, b"read", 1])
@pytest.mark.parametrize("kind", RIGHTS)
def test_a_right_is_one_name(kind: str, name: Any) -> None:  # noqa: ANN401 -- what callers without a checker write
    """A list of names is refused where it is written: each request would fail, or be refused, over it."""
    with pytest.raises(
        ConfigurationError, match=f"a {kind} is one name, in a str; got {type(name).__name__}"
    ):
        Rights(**{kind: name})


@pytest.mark.requirement("H4")
def test_a_name_that_a_caller_had_a_hand_in_begins_no_line_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A permission for one resource is named after what stands in the URL, line breaks and all."""
    guard = BearerCheck(verifier())
    caplog.set_level("INFO", logger="sekisho_verify.bearer")
    with pytest.raises(RightMissing) as caught:
        require(verifier().verify(token()), permission="orders:7\r\nrefused nothing\x1b[2J\u202e")
    guard.answer(caught.value)
    (record,) = caplog.records
    assert record.getMessage() == (
        r"refused insufficient_scope: needs permission 'orders:7\r\nrefused nothing\x1b[2J\u202e'"
    )


@pytest.mark.parametrize("kind", RIGHTS)
def test_a_name_that_is_no_text_is_told_all_the_same(kind: str) -> None:
    """Half a character, as JSON from a caller may hold it, is answered 403: it cannot break the answer."""
    guard = BearerCheck(verifier())
    with pytest.raises(RightMissing) as caught:
        require(verifier().verify(token()), **{kind: "team-\ud800"})
    told = guard.answer(caught.value)
    assert told.status == 403
    assert json.loads(told.body)["detail"] == f"It needs the {kind} team-?."
