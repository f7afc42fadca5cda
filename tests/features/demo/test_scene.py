"""What the story believes: nothing but what it has asked for, word for word."""

from __future__ import annotations

import json

import pytest

from sekisho.features.demo import scene
from sekisho.features.demo.wire import Answer


def answer(status: int, **members: str) -> Answer:
    """What a server said."""
    return Answer(status, "", {}, json.dumps(members).encode())


def test_a_refusal_for_another_reason_is_not_the_one_expected() -> None:
    """A token refused for its spelling does not show that its signature was checked."""
    refused = answer(401, code="token_malformed")
    with pytest.raises(scene.Broken, match=r"^401 token_expired != 401 token_malformed$"):
        scene.expect(refused, 401, "token_expired")
    scene.expect(refused, 401, "token_malformed")


def test_a_success_that_carries_a_code_is_none() -> None:
    """Status and code are looked at together."""
    with pytest.raises(scene.Broken, match=r"^200 != 200 internal$"):
        scene.expect(answer(200, code="internal"), 200)
    with pytest.raises(scene.Broken, match=r"^200 != 204$"):
        scene.expect(answer(204), 200)
    scene.expect(answer(200), 200)


@pytest.mark.parametrize("members", [{}, {"access_token": ""}])
def test_a_member_that_is_not_there_breaks_the_story(members: dict[str, str]) -> None:
    """An answer without its token is not an empty token to go on with."""
    with pytest.raises(scene.Broken, match=r"^no access_token in the answer$"):
        scene.member(answer(200, **members), "access_token")
