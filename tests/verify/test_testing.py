"""`sekisho_verify.testing`: for our users' suites, any token, good or bad, with no server."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, get_args

import pytest

from sekisho_verify import (
    ConfigurationError,
    HmacKey,
    KeySetUnavailable,
    TokenRefused,
    Verifier,
    fetch_key_set,
)
from sekisho_verify.forgeries import Forged
from sekisho_verify.key_generation import Alg, new_key
from sekisho_verify.testing import ABSENT, BAD, ENDED, Issuer
from tests.parts.serving import until
from tests.verify.feed_issuer import wait_until_no_feed
from tests.verify.test_forgeries import asked
from tests.verify.tokens import ALGS, NOW, refusal

if TYPE_CHECKING:
    from pathlib import Path


def issuer(alg: Alg = "ES256") -> Issuer:
    """An issuer whose clock stands still."""
    return Issuer(alg=alg, clock=lambda: NOW)


@pytest.mark.parametrize("alg", ALGS)
def test_a_token_carries_what_was_asked_for(alg: Alg) -> None:
    """A good token of each algorithm passes, with the rights it was given and a claim of one's own."""
    made = issuer(alg)
    token = made.verifier().verify(
        made.token(
            "grace",
            roles=["clerk"],
            groups=["tokyo"],
            permissions=["customers:read"],
            scope="read write",
            tenant="t1",
        )
    )
    assert token.sub == "grace"
    assert token.roles == {"clerk"}
    assert token.groups == {"tokyo"}
    assert token.permissions == {"customers:read"}
    assert token.scope == {"read", "write"}
    assert token.claims["tenant"] == "t1"
    assert (token.issued_at, token.expires_at) == (NOW, NOW + 900)


def test_every_algorithm_can_be_had() -> None:
    """The algorithms of test issuers are those of the verifier, and no others."""
    assert set(get_args(Alg)) == set(ALGS)
    with pytest.raises(ConfigurationError, match="alg is one of HS256"):
        Issuer(alg="none")  # type: ignore[arg-type]  # what a caller without a checker may write


@pytest.mark.parametrize("alg", ["ES256", "HS256"])
@pytest.mark.parametrize("name", BAD | ENDED)
def test_each_bad_token_is_refused_with_its_code(name: str, alg: Alg) -> None:
    """By name, with claims of one's own, and the code is the one in the table and in the docstring."""
    made = issuer(alg)
    using = made.verifier()
    text = made.bad(name, sub="grace", permissions=["customers:read"])
    code = {**BAD, **ENDED}[name]
    assert refusal(text, using) == code
    assert f"`{code}`" in (getattr(Issuer, name).__doc__ or "")
    assert using.verify(made.token("grace")).sub == "grace", "the next token of the same user is good"


def test_no_other_name_is_bad() -> None:
    """A misspelled name is an error, not a token; nor are the good methods reached by it."""
    for name in ("expire", "token", "verifier", ""):
        with pytest.raises(KeyError):
            issuer().bad(name)


def test_a_bad_token_is_bad_in_one_way_only() -> None:
    """Expired in this second, and a second ago good: nothing else was wrong with it."""
    made = issuer()
    text = made.expired()
    assert refusal(text, made.verifier()) == "token_expired"
    assert made.verifier(clock=lambda: NOW - 1).verify(text).sub == "ada"
    early = made.not_yet_valid()
    assert made.verifier(clock=lambda: NOW + 3600).verify(early).sub == "ada"


def test_a_claim_can_be_left_out() -> None:
    """What RFC 9068 requires is required; what it does not may be missing."""
    made = issuer()
    assert refusal(made.token(jti=ABSENT), made.verifier()) == "token_malformed"
    assert made.verifier().verify(made.token(auth_time=ABSENT)).auth_time is None


@pytest.mark.parametrize(("kind", "name"), [("user", "ada"), ("group", "tokyo"), ("everything", "")])
def test_what_is_revoked_ends_the_tokens_made_until_then(kind: str, name: str) -> None:
    """A user, a group, or everything: older tokens are dead, others and the next one live."""
    made = issuer()
    using = made.verifier()
    before, other = made.token("ada", groups=["tokyo"]), made.token("grace")
    assert using.verify(before).sub == "ada"
    made.revoke(kind, name)  # type: ignore[arg-type]  # the table's strings are its kinds
    assert refusal(before, using) == "token_revoked"
    assert using.verify(made.token("ada", groups=["tokyo"])).sub == "ada"
    if kind == "everything":
        assert refusal(other, using) == "token_revoked"
    else:
        assert using.verify(other).sub == "grace"


def test_everything_is_revoked_without_a_name() -> None:
    """As the guide has it: `revoke("everything")`; a name of anything, and a typo, are refused."""
    made = issuer()
    using, before = made.verifier(), made.token()
    with pytest.raises(ConfigurationError, match="one of session, user, group, key, everything"):
        made.revoke("evrything", "x")  # type: ignore[arg-type]  # what it is there to refuse
    with pytest.raises(ConfigurationError, match="is text; got NoneType"):
        made.revoke("everything", None)  # type: ignore[arg-type]  # likewise
    assert using.verify(before).sub == "ada"
    made.revoke("everything")
    assert refusal(before, using) == "token_revoked"
    assert using.verify(made.token()).sub == "ada"


def test_a_verifier_without_the_feed_knows_of_no_revocation() -> None:
    """`feed=None` takes a revoked token: that is what an application configured so does."""
    made = issuer()
    assert made.verifier(feed=None).verify(made.revoked()).sub == "ada"


def test_sensitive_routes_pass_without_a_wait() -> None:
    """The issuer is in the same process, so its revocations are fresh, however long the suite takes."""
    made = issuer()
    using = made.verifier(clock=lambda: NOW + 800)
    assert using.verify(made.token(), sensitive=True).sub == "ada"
    assert refusal(made.revoked(), using) == "token_revoked"


def test_headers_carry_a_token_of_ones_choice() -> None:
    """`headers` makes a good one, or takes one that was made."""
    made = issuer()
    scheme, _, text = made.headers("grace", roles=["clerk"])["Authorization"].partition(" ")
    assert scheme == "Bearer"
    assert made.verifier().verify(text).roles == {"clerk"}
    assert made.headers(token="x") == {"Authorization": "Bearer x"}


def test_an_issuer_is_served_to_an_application_that_knows_its_url() -> None:
    """A verifier that finds its keys by the issuer's URL passes its tokens, while it is served."""
    made = issuer()
    with made.serve() as url:
        using = Verifier(issuer=url, audience="api", feed=None, clock=lambda: NOW)
        assert made.url == url
        assert url.startswith("http://127.0.0.1:")
        with using:
            assert using.verify(made.token("grace")).sub == "grace"
            assert refusal(made.wrong_key(), using) == "token_signature_mismatch"
        assert [key.kid for key in fetch_key_set(url).keys] == ["for-tests-only"]
    assert made.url == "https://issuer.test"
    assert made.verifier().verify(made.token()).sub == "ada"


@pytest.mark.parametrize("alg", ["ES256", "HS256"])
def test_what_is_revoked_reaches_an_application_as_it_is(alg: Alg) -> None:
    """A default verifier finds the feed of a served issuer: what `revoke` ends is refused, at once."""
    made = Issuer(alg=alg)
    with made.serve() as url:
        keys = [HmacKey(made.secret, kid="for-tests-only")] if alg == "HS256" else None
        with Verifier(issuer=url, audience="api", keys=keys) as using:
            text, other = made.token(sid="s1"), made.token("grace", sid="s2")
            assert using.verify(text, sensitive=True).sid == "s1"
            made.revoke("session", "s1")
            until(lambda: using.feed_status.entries == 1, "known")
            assert refusal(text, using) == "token_revoked"
            assert using.verify(other, sensitive=True).sub == "grace"
            assert using.verify(made.token(sid="s3")).rv == "1.1"
    wait_until_no_feed()


def test_an_issuer_whose_clock_stands_still_has_a_feed_that_does_not() -> None:
    """Its time goes on as the machine's does: the feed of a test with a fixed clock is not cut."""
    made = issuer()
    with made.serve() as url, Verifier(issuer=url, audience="api", clock=lambda: NOW) as using:
        begun = using.feed_status.age_seconds
        made.revoke("user", "nobody")
        until(lambda: using.feed_status.rv == "1.1", "known")
        assert begun is not None
        assert using.verify(made.token(), sensitive=True).sub == "ada"
        assert abs((using.feed.as_of or 0) - NOW) < 60  # type: ignore[union-attr]  # it has one
    wait_until_no_feed()


def test_a_shared_secret_is_given_and_never_served() -> None:
    """An application with HS256 gets the secret itself; the other kind of key has none."""
    made = issuer("HS256")
    with made.serve() as url, pytest.raises(KeySetUnavailable, match="has no jwks_uri"):
        fetch_key_set(url)
    using = Verifier(
        issuer=made.url,
        audience="api",
        keys=[HmacKey(made.secret, kid="for-tests-only")],
        feed=None,
        clock=lambda: NOW,
    )
    assert using.verify(made.token()).sub == "ada"
    with pytest.raises(ConfigurationError, match=r"use \.keys"):
        _ = issuer().secret


@pytest.mark.parametrize(
    "url", ["https://id.example.com", "https://test.example.com", "https://nottest", "", "https://test"]
)
def test_no_issuer_of_tests_has_a_name_that_could_be_real(url: str) -> None:
    """Under .test or on this machine, and nowhere else."""
    with pytest.raises(ConfigurationError, match=r"under \.test"):
        Issuer(url=url)


@pytest.mark.parametrize("url", ["https://id.company.test", "http://localhost:8400", "http://[::1]:1"])
def test_an_issuer_of_tests_may_be_named(url: str) -> None:
    """The name is `iss`, and the verifier's issuer."""
    made = Issuer(url=url, audience="orders", clock=lambda: NOW)
    token = made.verifier().verify(made.token())
    assert (token.claims["iss"], token.claims["aud"]) == (url, "orders")


def test_no_two_issuers_share_a_key() -> None:
    """Keys are made anew each time and say in their id what they are for."""
    one, two = issuer("HS256"), issuer("HS256")
    assert one.secret != two.secret
    assert refusal(one.token(), two.verifier()) == "token_signature_mismatch"
    assert {key.kid for key in (*one.keys, *two.keys)} == {"for-tests-only"}


def test_forgeries_come_with_a_true_signature() -> None:
    """A suite gets them ready to send, each with the one code that must refuse it."""
    made = issuer()
    using = made.verifier()
    forgeries = [each for each in made.forgeries(roles=["clerk"]) if isinstance(each, Forged)]
    assert len(forgeries) > 120
    by_name = {each.forgery.name: each for each in forgeries}
    assert by_name["aud-other"].code == "token_audience_mismatch"
    assert {each.forgery.name for each in forgeries if asked(each, using) != each.code} == set()


def test_entropy_of_a_secret_is_an_argument() -> None:
    """A key that must be the same twice is made of entropy that is."""
    keys = [new_key("HS256", entropy=lambda size: bytes(range(size))) for _ in range(2)]
    assert keys[0].thumbprint == keys[1].thumbprint


def test_pytest_finds_the_fixture_by_itself(tmp_path: Path) -> None:
    """A suite uses `sekisho_issuer` without naming a plugin; who does not use it loads no cryptography."""
    (tmp_path / "test_sample.py").write_text(
        textwrap.dedent(
            """
            import sys

            def test_without():
                assert "cryptography" not in sys.modules
                assert "http.server" not in sys.modules

            def test_with(sekisho_issuer):
                verifier = sekisho_issuer.verifier()
                assert verifier.verify(sekisho_issuer.token("grace")).sub == "grace"
            """
        )
    )
    result = subprocess.run(
        # Other plugins that are installed here may load what they like, so only ours is let in.
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": _entry_point()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in result.stdout, result.stdout + result.stderr


def _entry_point() -> str:
    (ours,) = (point for point in entry_points(group="pytest11") if point.name == "sekisho-verify")
    return ours.value


def test_what_is_refused_is_refused_for_users_too() -> None:
    """The example of the module's own words: a bad token raises, with the code."""
    made = Issuer()
    with pytest.raises(TokenRefused) as refused:
        made.verifier().verify(made.expired())
    assert refused.value.code == "token_expired"
