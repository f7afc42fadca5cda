"""What the story looks like on paper."""

from __future__ import annotations

import json

from sekisho.features.demo.transcript import Transcript, shortened
from sekisho.features.demo.wire import Answer, request
from sekisho_verify.encoding import b64url_encode
from sekisho_verify.forgeries.forging import parts, tampered, unsigned

TOKEN = ".".join(
    b64url_encode(part).decode()
    for part in (b'{"alg":"HS256","kid":"abcdefgh"}', b'{"sub":"somebody","roles":[]}', b"\x01" * 32)
)


def told(*, colour: bool = False) -> tuple[Transcript, list[str]]:
    """A transcript, and the lines it has written."""
    lines: list[str] = []
    return Transcript(lines.append, colour=colour), lines


def test_tokens_lose_their_middle_and_nothing_else_does() -> None:
    """Every segment of a token keeps its ends; ordinary words stay whole."""
    text = shortened(f"Bearer {TOKEN} for eyJust-a-word of skr1_{'A' * 40}zzzzzz")
    assert TOKEN not in text
    assert text.startswith(f"Bearer {TOKEN[:10]}…")
    assert "eyJust-a-word" in text
    assert "skr1_AAAAA…zzzzzz" in text


def test_a_request_is_shown_as_it_was_sent() -> None:
    """Method, URL, the headers that matter, and the body."""
    transcript, lines = told()
    transcript.sent(request("POST", "http://localhost:1/v1/x", json_body={"a": "b"}, bearer=TOKEN))
    text = "\n".join(lines)
    assert "→  POST http://localhost:1/v1/x" in text
    assert "Authorization: Bearer eyJ" in text
    assert '{"a": "b"}' in text
    assert TOKEN not in text


def test_a_cookie_that_comes_is_shown_without_its_middle() -> None:
    """Each Set-Cookie has its line, attributes and all; a value may have a mark of ours or only its name."""
    transcript, lines = told()
    cookies = (f"sekisho=sks1_{'A' * 40}zzzzzz; HttpOnly", f"sekisho-csrf={'B' * 43}; Path=/")
    answer = Answer(204, "No Content", {}, b"", (*cookies, "sekisho-device=; Max-Age=0"))
    transcript.came(answer)
    assert [line.strip() for line in lines[1:]] == [
        "set-cookie: sekisho=sks1_AAAAA…zzzzzz; HttpOnly",
        "set-cookie: sekisho-csrf=BBBBBBBBBB…BBBBBB; Path=/",
        "set-cookie: sekisho-device=; Max-Age=0",
    ]
    assert answer.cookies == {
        "sekisho": f"sks1_{'A' * 40}zzzzzz",
        "sekisho-csrf": "B" * 43,
        "sekisho-device": "",
    }


def test_a_long_answer_is_broken_into_lines_of_valid_json() -> None:
    """What does not fit on a line is a member a line, inwards too, and still JSON."""
    transcript, lines = told()
    body = {"products": [{"id": n, "name": "straw sandals" * 3} for n in range(3)], "n": {}, "last": 1}
    transcript.came(Answer(200, "OK", {"cache-control": "no-store"}, json.dumps(body).encode()))
    assert lines[0].strip() == "←  200 OK"
    assert lines[1].strip() == "cache-control: no-store"
    assert json.loads("\n".join(lines[2:])) == body
    assert max(map(len, lines)) < 110


def test_colour_is_for_terminals() -> None:
    """Plain lines carry no escape sequence; coloured ones say the same."""
    plain, lines = told()
    bright, coloured = told(colour=True)
    for transcript in (plain, bright):
        transcript.step(1, "A title", "why")
        transcript.verdict("good", good=True)
        transcript.verdict("bad", good=False)
    assert not any("\x1b" in line for line in lines)
    assert any("\x1b[1;31m✗" in line for line in coloured)
    assert "   ✓  good" in lines


def test_a_forger_changes_claims_and_keeps_what_he_cannot_make() -> None:
    """A tampered token has the old header and signature; an unsigned one says so and has any or none."""
    forged = tampered(TOKEN, {"roles": ["admin"]})
    assert forged.split(".")[::2] == TOKEN.split(".")[::2]
    assert parts(forged).payload == {"sub": "somebody", "roles": ["admin"]}
    bare = unsigned(TOKEN, {"roles": ["admin"]})
    assert bare.endswith(".")
    assert parts(bare).header == {"alg": "none", "kid": "abcdefgh"}
    assert unsigned(TOKEN, {}, signature="AA").endswith(".AA")
