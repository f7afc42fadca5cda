"""Text in, AccessToken out, or TokenRefused: nothing else, whatever comes."""

from __future__ import annotations

import copy
import pickle
import threading
import tracemalloc
from typing import Any

import msgspec
import pytest

from sekisho_verify import AccessToken, ConfigurationError, HmacKey, IssuerKeys, TokenRefused, Verifier
from sekisho_verify.errors import SENTENCES, RightMissing, SekishoVerifyError
from sekisho_verify.key_ring import MAX_REMEMBERED
from tests.verify.tokens import (
    ABSENT,
    ALGS,
    AUDIENCE,
    EC,
    HMAC,
    ISSUER,
    NOW,
    OTHER_HMAC,
    claims,
    header,
    public,
    refusal,
    seal,
    signer,
    token,
    verifier,
)


@pytest.mark.requirement("J7")
@pytest.mark.parametrize("alg", ALGS)
def test_a_good_token_says_what_was_signed(alg: str) -> None:
    """Every claim comes out under its name, of its type."""
    accepted = verifier(public(signer(alg))).verify(token(signer(alg)))
    said = claims()
    assert (accepted.sub, accepted.sid, accepted.jti) == (said["sub"], said["sid"], said["jti"])
    assert (accepted.client_id, accepted.rv, accepted.amr) == ("first-party", "1.42", ("pwd",))
    assert (accepted.issued_at, accepted.expires_at, accepted.auth_time) == (NOW, NOW + 900, NOW - 60)
    assert accepted.scope == {"read", "write"}
    assert accepted.roles == {"clerk"}
    assert accepted.groups == {"tokyo"}
    assert accepted.permissions == {"customers:read"}
    assert dict(accepted.claims) == said


def test_an_access_token_cannot_be_changed_made_or_moved() -> None:
    """No attribute, no list within its claims, no copy and no constructor gives a token other rights."""
    accepted = verifier().verify(token())
    changes: list[tuple[Any, str]] = [(accepted, "sub"), (accepted, "_claims"), (accepted._claims, "subject")]
    for holder, name in changes:
        with pytest.raises(AttributeError):
            setattr(holder, name, "admin")
    with pytest.raises(AttributeError):
        del accepted._claims
    with pytest.raises(TypeError):
        accepted.claims["roles"] = ["admin"]  # type: ignore[index]  # that is the point
    accepted.claims["roles"].append("admin")
    assert accepted.claims["roles"] == ["clerk"]
    assert accepted.roles == {"clerk"}
    for act in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied or pickled"):
            act(accepted)
    with pytest.raises(TypeError, match=r"Verifier\.verify only"):
        AccessToken()


def test_an_access_token_prints_its_names_and_no_credential() -> None:
    """What stands in a log line cannot be used as a token."""
    text = token()
    accepted = verifier().verify(text)
    said = claims()
    assert repr(accepted) == (
        f"AccessToken(sub={said['sub']!r}, sid={said['sid']!r}, jti={said['jti']!r}, "
        f"expires_at={NOW + 900}.0)"
    )
    assert not any(segment in repr(accepted) for segment in text.split("."))


class Shouting(str):
    """A str whose methods are somebody else's."""

    __slots__ = ()

    def encode(self, *_args: object, **_kwargs: object) -> bytes:
        """Lie about what the text is."""
        raise AssertionError("a method of a stranger was called")


@pytest.mark.requirement("J18")
@pytest.mark.parametrize(
    "anything",
    [
        *(
            None,
            0,
            1.5,
            True,
            b"",
            token().encode(),
            bytearray(b"a.b.c"),
            [],
            ["a.b.c"],
            {},
            {"a": 1},
            object(),
        ),
        *("", " ", ".", "..", "a.b.c", "\0", "\ud800", "鍵.鍵.鍵", "a" * 10**6, Shouting(token()), str, ...),
    ],
    ids=lambda anything: repr(anything)[:20],
)
def test_anything_may_be_given(anything: object) -> None:
    """What is not a token is refused as malformed, of whatever type it is."""
    assert refusal(anything) == "token_malformed"


@pytest.mark.requirement("J18")
def test_every_refusal_is_of_one_family_with_a_sentence() -> None:
    """Each code has a sentence that fits into a header, and every exception one root."""
    for code, sentence in SENTENCES.items():
        error = TokenRefused(code, "for the operator")
        assert isinstance(error, SekishoVerifyError)
        assert str(error) == f"{code}: {sentence}"
        assert "operator" not in str(error)
        assert sentence.isascii()
        assert sentence.isprintable()
        assert '"' not in sentence
        assert "\\" not in sentence
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes
        assert (again.code, again.detail) == (code, "for the operator")
    missing = pickle.loads(pickle.dumps(RightMissing("role", "clerk")))  # noqa: S301 -- our own bytes
    assert (missing.kind, missing.name, missing.code) == ("role", "clerk", "insufficient_scope")


@pytest.mark.parametrize("drop", ["issuer", "audience"])
def test_what_a_verifier_expects_is_written(drop: str) -> None:
    """Issuer and audience have no default and are given by name."""
    settings: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "keys": [HMAC], "feed": None}
    del settings[drop]
    with pytest.raises(TypeError, match=drop):
        Verifier(**settings)
    with pytest.raises(TypeError):
        Verifier(ISSUER, AUDIENCE, [HMAC], None)  # type: ignore[call-arg, arg-type]  # on purpose


@pytest.mark.requirement("J9")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"keys": [HMAC, EC.public]}, "one verifier for each kind"),
        ({"keys": [EC]}, "public part"),
        ({"keys": []}, "at least one"),
        ({"keys": None, "issuer": "id.example.com"}, "not a plain URL"),
        ({"keys": ABSENT, "issuer": "http://id.example.com"}, "https only"),
        ({"keys": IssuerKeys("https://other.example.com")}, "are those of 'https://other.example.com'"),
        ({"feed": "https://id.example.com/v1/revocations"}, "feed=None"),
        ({"feed": True}, "feed=None"),
        ({"issuer": ""}, "issuer"),
        ({"audience": ""}, "audience"),
        ({"leeway": 61}, "leeway"),
        ({"max_lifetime": 0}, "max_lifetime"),
        ({"cache_size": -1}, "cache_size"),
        ({"cache_size": 1.5}, "cache_size"),
        ({"cache_size": None}, "cache_size"),
    ],
)
def test_a_verifier_that_could_not_be_safe_is_not_made(changes: dict[str, Any], reason: str) -> None:
    """A bad configuration is refused at once, with what to write instead."""
    settings: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "keys": [HMAC], "feed": None}
    settings = {name: value for name, value in (settings | changes).items() if value is not ABSENT}
    with pytest.raises(ConfigurationError, match=reason):
        Verifier(**settings)


def test_a_verifier_may_be_entered() -> None:
    """`with` gives the verifier itself, and it works after as before."""
    with verifier() as using:
        assert using.verify(token()).sub
    assert using.verify(token()).sub
    assert repr(using) == f"Verifier(issuer={ISSUER!r}, audience={AUDIENCE!r})"
    assert (using.issuer, using.audience) == (ISSUER, AUDIENCE)


@pytest.mark.anyio
async def test_a_verifier_may_be_entered_by_a_task() -> None:
    """`async with` gives the verifier itself."""
    async with verifier() as using:
        assert using.verify(token()).sub


def test_the_clock_is_the_real_one_unless_another_is_given() -> None:
    """Without a clock given, a token of long ago is expired and one of far ahead not yet valid."""
    using = Verifier(issuer=ISSUER, audience=AUDIENCE, keys=[HMAC], feed=None)
    assert refusal(token(iat=1_600_000_000, exp=1_600_000_900), using) == "token_expired"
    assert refusal(token(iat=4_000_000_000, exp=4_000_000_900), using) == "token_not_yet_valid"


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.mark.requirement("C5")
@pytest.mark.parametrize("cache_size", [0, 1, 1024])
def test_a_token_seen_before_expires_like_any_other(cache_size: int) -> None:
    """The memory of verified tokens spares the signature, never the clock, in either direction."""
    clock, text = Clock(), token()
    using = verifier(clock=clock, cache_size=cache_size)
    first = using.verify(text)
    assert (using.verify(text) is first) == (cache_size > 0)
    clock.now = NOW + 899.999
    assert using.verify(text).sub == first.sub
    clock.now = NOW + 900
    assert refusal(text, using) == "token_expired"
    clock.now = NOW - 6
    assert refusal(text, using) == "token_not_yet_valid"
    clock.now = NOW
    assert using.verify(text).sub == first.sub


@pytest.mark.requirement("J19")
def test_a_token_is_known_by_its_whole_text_only() -> None:
    """A text that differs from a remembered one in a single character is judged on its own."""
    using, text = verifier(), token()
    using.verify(text)
    for at in range(len(text)):
        other = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        assert refusal(other, using) in {
            "token_malformed",
            "token_signature_mismatch",
            "token_key_unknown",
            "token_alg_not_allowed",
            "token_type_mismatch",
        }


@pytest.mark.requirement("J19")
def test_a_token_is_named_by_its_claims() -> None:
    """What a revocation goes by, `sid`, `sub` and `jti`, is read from the claims; the text is not kept."""
    accepted = verifier().verify(token(sid="s", jti="j"))
    assert (accepted.sid, accepted.jti) == ("s", "j")
    assert {name for name in dir(accepted) if "text" in name or "raw" in name} == set()


def test_a_refused_token_is_not_remembered() -> None:
    """A token for another audience is refused each time, also after it was seen."""
    using, foreign = verifier(), token(aud="other")
    for _ in range(3):
        assert refusal(foreign, using) == "token_audience_mismatch"
    assert len(using._ring.recent) + len(using._ring.older) == 0


def test_the_memory_of_tokens_is_bounded() -> None:
    """At most twice the size is remembered; what is used again survives, what is not is dropped."""
    using = verifier(cache_size=10)
    kept = token(jti="kept")
    first = using.verify(kept)
    for n in range(100):
        using.verify(token(jti=str(n)))
        assert using.verify(kept) is first
        assert len(using._ring.recent) + len(using._ring.older) <= 20
    assert token(jti="0") not in using._ring.recent | using._ring.older


def test_a_long_token_is_verified_each_time() -> None:
    """A token of up to 4 KiB is remembered and a longer one is not: so the memory has a bound in bytes."""
    using = verifier()
    room = (MAX_REMEMBERED - len(token(scope=""))) * 3 // 4  # four characters of base64 hold three
    shorter, longer = token(scope="x" * (room - 4)), token(scope="x" * (room + 4))
    assert MAX_REMEMBERED - 8 <= len(shorter) <= MAX_REMEMBERED < len(longer)
    assert using.verify(shorter) is using.verify(shorter)
    assert using.verify(longer) is not using.verify(longer)
    assert using.verify(longer).scope == {"x" * (room + 4)}


@pytest.mark.parametrize(
    ("groups", "kibibytes"), [(["tokyo"], 3.0), ([f"{n:03x}" for n in range(430)], 65.0)]
)
def test_a_remembered_token_takes_the_memory_that_is_stated(groups: list[str], kibibytes: float) -> None:
    """One as sekisho writes them, and the costliest there is; a tenth is left to versions of Python."""
    using = verifier()
    payloads = (msgspec.json.encode(claims(jti=f"{n:036}", groups=groups)) for n in range(64))
    first, *texts = (seal(header(), payload) for payload in payloads)
    assert len(first) <= MAX_REMEMBERED
    using.verify(first)
    tracemalloc.start()
    for text in texts:
        using.verify(text.encode().decode())  # a text of its own, as a request brings one
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.5 * kibibytes <= kept / len(texts) / 1024 <= 1.1 * kibibytes


def test_threads_may_share_a_verifier() -> None:
    """Eight threads with a memory too small for their tokens all get what they ask for."""
    using = verifier(HMAC, OTHER_HMAC, cache_size=3)
    texts = {str(n): token(OTHER_HMAC if n % 2 else HMAC, jti=str(n)) for n in range(12)}
    wrong: list[object] = []

    def ask() -> None:
        for _ in range(50):
            for name, text in texts.items():
                try:
                    if using.verify(text).jti != name:
                        wrong.append(name)
                    using.verify(text + "=")
                except TokenRefused as refused:
                    if refused.code != "token_malformed":
                        wrong.append(refused)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_two_verifiers_know_nothing_of_each_other() -> None:
    """A token that one has verified is a stranger to another with other keys or another audience."""
    text = token()
    verifier().verify(text)
    assert refusal(text, verifier(OTHER_HMAC)) == "token_key_unknown"
    assert refusal(text, verifier(audience="other")) == "token_audience_mismatch"
    twin = HmacKey(bytes(range(32)), kid=HMAC.kid)
    assert refusal(text, verifier(twin)) == "token_signature_mismatch"
