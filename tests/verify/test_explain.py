"""The explanation of a verdict is the verdict's own: every check in its order, and the one that refuses."""

from __future__ import annotations

import pytest

from sekisho_verify import TokenRefused
from sekisho_verify.encoding import b64url_encode
from sekisho_verify.explain import CHECKS, Check, CheckName, explain
from sekisho_verify.forgeries import Forged
from sekisho_verify.key_generation import Alg
from sekisho_verify.revocations.live import Revocations
from sekisho_verify.testing import BAD, ENDED, Issuer
from tests.verify.tokens import (
    ALGS,
    AUDIENCE,
    HMAC,
    ISSUER,
    NOW,
    claims,
    header,
    seal,
    token,
    verifier,
)


def explained(issuer: Issuer, text: str, *, feed: Revocations | None = None) -> tuple[Check, ...]:
    """The checks of a text by the keys and the clock of an issuer of tests."""
    return explain(text, keys=issuer.keys, issuer=issuer.url, audience=issuer.audience, feed=feed, now=NOW)


def refusing(checks: tuple[Check, ...]) -> Check:
    """The one check that refuses; all before it have passed, and none behind it was reached."""
    (at,) = (at for at, check in enumerate(checks) if check.verdict == "refused")
    assert [check.verdict for check in checks[:at]] == ["passed"] * at
    assert [check.verdict for check in checks[at + 1 :]] == ["not_reached"] * (len(checks) - at - 1)
    return checks[at]


#: Of each way to be malformed, the check that finds it; `alg` and `typ` are right in all of them.
MALFORMED: dict[str, tuple[CheckName, str]] = {
    "opaque": ("form", "skr1_AAAA"),
    "empty": ("form", ""),
    "no header": ("form", "." + token().partition(".")[2]),
    "two dots alone": ("form", ".."),
    "encrypted": ("form", "a.b.c.d.e"),
    "long": ("form", token() + "A" * 20_000),
    "foreign": ("form", token() + "é"),
    "header in base64": ("header", "=" + token()),
    "header no JSON": ("header", "AAAA." + token().partition(".")[2]),
    "header twice": ("header", seal(b'{"alg":"HS256","alg":"HS256"}', claims())),
    "header long": ("header", seal(header(x="x" * 4000), claims())),
    "member": ("members", seal(header(crit=["x"], x=1), claims())),
    "member and seal": ("members", seal(header(jku="https://x.example"), claims()) + "="),
    "no seal": ("signature", token().rpartition(".")[0] + "."),
    "seal in base64": ("signature", token() + "="),
    "no payload": ("signature", "..".join(token().split(".")[::2])),
    "claim": ("claims", token(sub=1)),
    "lifetime": ("lifetime", token(exp=NOW + 86_401)),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_found_by_its_own_check(name: str) -> None:
    """Nine checks say `token_malformed`; the explanation tells which of them."""
    check, text = MALFORMED[name]
    refused = refusing(explain(text, keys=[HMAC], issuer=ISSUER, audience=AUDIENCE, feed=None, now=NOW))
    assert (refused.name, refused.code) == (check, "token_malformed")
    with pytest.raises(TokenRefused) as verdict:
        verifier().verify(text)
    assert verdict.value.code == "token_malformed"
    if check != "form":  # a length is refused before the parts are asked, in words of its own
        assert verdict.value.detail == refused.detail


def test_a_payload_in_no_base64_is_found_behind_its_signature() -> None:
    """A seal over anything holds; what it seals is read afterwards, and named as the claims."""
    head = seal(header(), claims()).partition(".")[0]
    signing_input = f"{head}.!!"
    text = f"{signing_input}.{b64url_encode(HMAC.sign(signing_input.encode())).decode()}"
    refused = refusing(explain(text, keys=[HMAC], issuer=ISSUER, audience=AUDIENCE, feed=None, now=NOW))
    assert (refused.name, refused.code) == ("claims", "token_malformed")


@pytest.mark.parametrize("alg", ALGS)
def test_every_forgery_is_explained_with_its_code(alg: Alg) -> None:
    """Of the whole catalogue, truly signed: one check refuses, with the code that the verifier gives."""
    issuer = Issuer(alg=alg, clock=lambda: NOW)
    using = issuer.verifier(feed=None)
    for forged in issuer.forgeries():
        if isinstance(forged, Forged) and forged.text is not None:
            refused = refusing(explained(issuer, forged.text))
            with pytest.raises(TokenRefused) as verdict:
                using.verify(forged.text)
            assert refused.code == verdict.value.code, forged.forgery.name
            if refused.name != "form":
                assert refused.detail == verdict.value.detail, forged.forgery.name


BY_NAME = {
    "malformed": "form",
    "unsigned": "algorithm",
    "wrong_type": "type",
    "unknown_key": "key",
    "wrong_key": "signature",
    "tampered": "signature",
    "wrong_issuer": "issuer",
    "wrong_audience": "audience",
    "expired": "expiry",
    "not_yet_valid": "not before",
    "revoked": "revocation",
    "stale": "revocation",
}


@pytest.mark.parametrize("name", BAD | ENDED)
def test_every_bad_token_is_refused_by_the_check_of_its_name(name: str) -> None:
    """The checks of the list are reached one after the other, the revocations last."""
    issuer = Issuer(clock=lambda: NOW)
    refused = refusing(explained(issuer, issuer.bad(name), feed=issuer.revocations))
    assert (refused.name, refused.code) == (BY_NAME[name], {**BAD, **ENDED}[name])


def test_without_a_feed_the_revocations_are_said_not_to_be_asked() -> None:
    """A token that was revoked passes every other check, and the last one says that nobody looked."""
    issuer = Issuer(clock=lambda: NOW)
    checks = explained(issuer, issuer.revoked())
    assert [check.name for check in checks] == list(CHECKS)
    assert [check.verdict for check in checks] == ["passed"] * 13 + ["not_asked"]
    asked = explained(issuer, issuer.token(), feed=issuer.revocations)
    assert [check.verdict for check in asked] == ["passed"] * 14
    silent = explained(issuer, issuer.token(), feed=Revocations())[-1]
    assert (silent.verdict, silent.code) == ("not_asked", None)
    assert "no snapshot" in silent.detail


def test_an_rv_that_no_issuer_writes_is_found_by_the_revocations() -> None:
    """Only a verifier with a feed reads it; then it is malformed."""
    issuer = Issuer(clock=lambda: NOW)
    text = issuer.token(rv="x")
    assert explained(issuer, text)[-1].verdict == "not_asked"
    refused = refusing(explained(issuer, text, feed=issuer.revocations))
    assert (refused.name, refused.code, refused.detail) == ("revocation", "token_malformed", "rv is 'x'")


def test_the_explanation_agrees_with_a_verifier_at_the_very_second() -> None:
    """A second before `exp` all pass, at `exp` the expiry refuses."""
    for now, verdict in ((NOW + 899, "passed"), (NOW + 900, "refused")):
        checks = explain(token(), keys=[HMAC], issuer=ISSUER, audience=AUDIENCE, feed=None, now=now)
        assert checks[CHECKS.index("expiry")].verdict == verdict
