"""Answers are read as each server's own client would read them, and a wrong one ends the measurement."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from benchmarks.load import Reply
from benchmarks.matrix.acts import Reading, Refreshing
from benchmarks.matrix.dialects import (
    DjangoSession,
    FlaskSecurityToken,
    SekishoCookie,
    SekishoTokens,
    Simplejwt,
    Ticket,
    WrongAnswerError,
)


def jwt(whose: str) -> str:
    """An access token, unread but for its claims."""
    claims = urlsafe_b64encode(b'{"sub": "%b"}' % whose.encode()).decode().rstrip("=")
    return f"e30.{claims}.c2VhbA"


def traded(access: str, refresh: str) -> Reply:
    """What our server says to a refresh."""
    return reply(b'{"access_token": "%b", "refresh_token": "%b"}' % (access.encode(), refresh.encode()))


TICKET = Ticket("42", access="a1", refresh="r1", cookie="c1", csrf="x1")


def reply(body: bytes, *, status: int = 200, head: bytes = b"") -> Reply:
    """An answer."""
    return Reply(status, b"HTTP/1.1 %d\r\n%b" % (status, head), body)


def test_a_refresh_that_hands_out_the_old_token_is_no_refresh() -> None:
    """What is counted as a refresh gave two tokens that were not there before."""
    good = SekishoTokens().refreshed(traded(jwt("42"), "r2"), TICKET)
    assert (good.access, good.refresh, good.user_id) == (jwt("42"), "r2", "42")
    for answer in (traded(jwt("42"), "r1"), traded("a1", "r2")):
        with pytest.raises(WrongAnswerError, match="what was there before"):
            SekishoTokens().refreshed(answer, TICKET)


def test_a_refresh_that_hands_out_a_token_of_somebody_else_is_no_refresh() -> None:
    """The access token is read too: a stub, or another account's, ends the run."""
    with pytest.raises(WrongAnswerError, match="an access token of 7 in the place of 42"):
        SekishoTokens().refreshed(traded(jwt("7"), "r2"), TICKET)
    with pytest.raises(WrongAnswerError, match="no JWT: a2"):
        SekishoTokens().refreshed(traded("a2", "r2"), TICKET)
    user = b'{"response": {"user": {"authentication_token": "opaque", "refresh_token": "r2"}}}'
    assert FlaskSecurityToken().refreshed(reply(user), TICKET).access == "opaque"


def test_a_refusal_is_never_counted() -> None:
    """A fast 401 is no fast answer: the message holds what was said."""
    with pytest.raises(WrongAnswerError, match="token_expired"):
        Simplejwt().named(reply(b'{"code": "token_expired"}', status=401))


def test_the_wrong_account_is_never_counted() -> None:
    """Who asks who he is has to be told his own id."""
    reading = Reading(DjangoSession(), [TICKET])
    reading.ask()
    reading.heard(reply(b'{"id": "42"}'))
    with pytest.raises(WrongAnswerError, match="7 in the place of 42"):
        reading.heard(reply(b'{"id": "7"}'))


def test_the_cookie_is_read_as_asgi_and_wsgi_write_it() -> None:
    """Django's header has a blank more under WSGI."""
    for head in (b"\r\nset-cookie: sessionid=abc; Path=/", b"\r\nSet-Cookie:  sessionid=abc; HttpOnly"):
        assert DjangoSession().opened(reply(b"", status=204, head=head), "42").cookie == "abc"
    with pytest.raises(WrongAnswerError, match="no session cookie"):
        DjangoSession().opened(reply(b"", head=b"\r\nset-cookie: csrftoken=abc"), "42")


def test_a_client_goes_on_with_what_it_was_given() -> None:
    """Several sessions in turn, each with its own last token."""
    chain = Refreshing(SekishoTokens(), [TICKET, Ticket("43", access="b1", refresh="s1")])
    first = chain.ask()
    assert b'"refresh_token":"s1"' in first
    chain.heard(traded(jwt("43"), "s2"))
    assert b'"refresh_token":"r1"' in chain.ask()
    chain.heard(traded(jwt("42"), "r2"))
    assert b'"refresh_token":"s2"' in chain.ask()


def test_a_cookie_goes_out_with_what_has_to_stand_beside_it() -> None:
    """Our logout shows the CSRF token of its session; a token of Flask-Security has a header of its own."""
    logout = SekishoCookie().logout(TICKET)
    assert b"\r\nCookie: sekisho=c1\r\n" in logout
    assert b"\r\nSekisho-CSRF: x1\r\n" in logout
    assert b"\r\nAuthentication-Token: a1\r\n" in FlaskSecurityToken().me(TICKET)
