"""A verifier that has revocations: they are asked at every request, for remembered tokens too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sekisho_verify import (
    ConfigurationError,
    LocalRevocations,
    Revocations,
    RevocationsUnavailable,
    TokenRefused,
)
from sekisho_verify.bearer import BearerCheck
from sekisho_verify.errors import UNAVAILABLE
from sekisho_verify.revocations.entries import Heartbeat, Kind, Snapshot
from tests.verify.tokens import (
    ALGS,
    EC,
    HMAC,
    NOW,
    OTHER_HMAC,
    claims,
    public,
    refusal,
    signer,
    token,
    verifier,
)


@pytest.fixture
def feed() -> LocalRevocations:
    """Revocations of this process."""
    return LocalRevocations(clock=lambda: NOW)


@pytest.mark.requirement("J19")
@pytest.mark.parametrize("cache_size", [0, 1024])
@pytest.mark.parametrize(
    ("kind", "claim"),
    [("session", "sid"), ("user", "sub"), ("group", "groups"), ("everything", ""), ("key", "")],
)
def test_a_revoked_token_is_refused_at_once(
    feed: LocalRevocations, kind: Kind, claim: str, cache_size: int
) -> None:
    """A token that was just accepted, and is remembered, is refused as soon as an entry for it is there."""
    using, text = verifier(feed=feed, cache_size=cache_size), token(rv=feed.rv)
    assert using.verify(text).sub == using.verify(text).sub
    if kind != "everything":
        feed.publish(kind, "another")
        assert using.verify(text).rv == "1.0"
    said: Any = claims()[claim] if claim else {"everything": "", "key": HMAC.kid}[kind]
    feed.publish(kind, said[0] if isinstance(said, list) else said)
    assert refusal(text, using) == "token_revoked"
    assert refusal(text, using) == "token_revoked"


@pytest.mark.parametrize("alg", ALGS)
def test_a_leaked_key_is_known_by_the_seal(feed: LocalRevocations, alg: str) -> None:
    """The key is the one that sealed the token: of each algorithm, at first sight and when remembered."""
    key = signer(alg)
    using = verifier(public(key), feed=feed)
    first, second = token(key, rv="1.0", jti="1"), token(key, rv="1.0", jti="2")
    using.verify(first)
    feed.publish("key", key.kid)
    assert refusal(first, using) == "token_revoked"
    assert refusal(second, using) == "token_revoked"
    assert refusal(token(key, rv="999999999999999999.1", jti="3"), using) == "token_revoked"


def test_of_two_keys_the_one_that_leaked_is_refused(feed: LocalRevocations) -> None:
    """Tokens of the other key go on."""
    using = verifier(HMAC, OTHER_HMAC, feed=feed)
    feed.publish("key", OTHER_HMAC.kid)
    assert using.verify(token(rv="1.0")).sid
    assert refusal(token(OTHER_HMAC, rv="1.1"), using) == "token_revoked"


def test_a_token_that_expired_is_told_that(feed: LocalRevocations) -> None:
    """Times are checked before revocations, remembered or not."""
    now = [float(NOW)]
    using, text = verifier(feed=feed, clock=lambda: now[0]), token(rv="1.0")
    using.verify(text)
    feed.publish("everything")
    now[0] = NOW + 900.0
    assert refusal(text, using) == "token_expired"


@pytest.mark.parametrize("rv", ["7", "v2:1.2", "1.2.3", "01.2"])
def test_an_rv_is_read_only_where_it_is_needed(feed: LocalRevocations, rv: str) -> None:
    """With revocations an `rv` that cannot be read is malformed; without, it is opaque."""
    assert refusal(token(rv=rv), verifier(feed=feed)) == "token_malformed"
    assert verifier(feed=None).verify(token(rv=rv)).rv == rv


def test_a_refused_token_is_not_remembered(feed: LocalRevocations) -> None:
    """What was revoked when it was first seen takes no place."""
    using = verifier(feed=feed)
    feed.publish("everything")
    assert refusal(token(rv="1.0"), using) == "token_revoked"
    assert len(using._ring.recent) == 0


@pytest.mark.parametrize("wrong", [True, False, 0, "", "https://id.example.com/v1/revocations", object(), []])
def test_a_feed_is_revocations_or_none(wrong: object) -> None:
    """Anything else is refused when the verifier is made, with what to write."""
    with pytest.raises(ConfigurationError, match="feed=None"):
        verifier(feed=wrong)


def test_a_verifier_says_which_feed_it_has(feed: LocalRevocations) -> None:
    """None where there is none."""
    assert verifier(feed=feed).feed is feed
    assert verifier(feed=None).feed is None


def test_sensitive_without_a_feed_is_a_mistake() -> None:
    """It promises what nobody keeps: said where it is written, for a guard when it is made."""
    with pytest.raises(ConfigurationError, match="sensitive routes need a verifier with a revocation feed"):
        verifier(feed=None).verify(token(), sensitive=True)
    with pytest.raises(ConfigurationError, match="sensitive routes need a verifier with a revocation feed"):
        BearerCheck(verifier(feed=None), sensitive=True)


def fed(steady: list[float], **options: Any) -> Any:  # noqa: ANN401 -- passed on
    """A verifier whose feed was read at 100 of its steady clock."""
    feed = Revocations()
    feed.apply(Snapshot(epoch=1, head=42, as_of=NOW, ttl=970.0, entries=()))
    feed.learn_offset(NOW - 100.0)
    return verifier(feed=feed, steady=lambda: steady[0], **options)


def test_a_sensitive_route_answers_503_when_the_news_are_old() -> None:
    """Not 401: the token may be good. Routes beside it go on, and so does this one when news come."""
    steady = [102.0]
    using = fed(steady)
    plain, sensitive = BearerCheck(using), BearerCheck(using, sensitive=True)
    header = f"Bearer {token()}"
    assert sensitive.token(header).sid == plain.token(header).sid
    steady[0] = 102.001
    assert plain.token(header).sid
    with pytest.raises(RevocationsUnavailable) as caught:
        sensitive.token(header)
    answer = sensitive.answer(caught.value)
    body = json.loads(answer.body)
    assert (answer.status, body["code"]) == (503, "revocations_unavailable")
    assert body["title"] == UNAVAILABLE["revocations_unavailable"]
    assert dict(answer.headers)["retry-after"] == "5"
    assert "www-authenticate" not in dict(answer.headers)
    using.feed.apply(Heartbeat(epoch=1, head=42, as_of=NOW + 1.0))
    assert sensitive.token(header).sid


def test_on_cut_is_the_verifiers() -> None:
    """The policy that was written decides when nothing has come for a minute."""
    steady = [160.001]
    text = token(iat=NOW - 300, exp=NOW + 600)
    assert fed(steady).verify(text).sid
    assert refusal(text, fed(steady, on_cut="young")) == "token_stale"
    assert fed(steady, on_cut="young").verify(token(iat=NOW - 299, exp=NOW + 600)).sid
    with pytest.raises(RevocationsUnavailable):
        fed(steady, on_cut="refuse").verify(text)
    with pytest.raises(ConfigurationError, match="on_cut"):
        fed(steady, on_cut="fail_open")


def test_a_verifier_that_has_heard_nothing_gives_no_verdict() -> None:
    """A feed without a snapshot never means that nothing is revoked; a forged token is still told so."""
    using = verifier(EC.public, feed=Revocations())
    with pytest.raises(RevocationsUnavailable, match="no snapshot"):
        using.verify(token(EC))
    with pytest.raises(TokenRefused):
        using.verify(token(EC)[:-4] + "AAAA")
