"""The catalogue of vulnerabilities: keys that are fetched, and what an issuer or its enemy may do to them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sekisho_verify import ConfigurationError, KeySetUnavailable, Verifier, fetch_key_set
from sekisho_verify.jwks import MAX_BODY, METADATA_PATH, IssuerKeys
from tests.parts import network_guard
from tests.verify.issuers import SteadyClock, running_issuer, watched
from tests.verify.tokens import AUDIENCE, EC, HMAC, NOW, OKP, refusal, token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.verify.issuers import Issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A running issuer with one key."""
    with running_issuer() as server:
        yield server


@contextmanager
def fed_by(issuer: Issuer, steady: SteadyClock) -> Iterator[Verifier]:
    """A verifier that keeps the issuer's keys fresh, by clocks of the test."""
    keys = IssuerKeys(issuer.url, clock=lambda: NOW, steady=steady)
    with Verifier(issuer=issuer.url, audience=AUDIENCE, keys=keys, feed=None, clock=lambda: NOW) as using:
        yield using


@pytest.mark.requirement("V08", "J21")
@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "file://localhost/etc/passwd", "ftp://127.0.0.1/keys", "gopher://127.0.0.1/"),
        *(
            "data:application/json,{}",
            "jar:file:///x!/y",
            "ldap://127.0.0.1/",
            "//127.0.0.1/keys",
            "javascript:1",
        ),
        *("http://keys.example.com/", "http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/"),
    ],
)
def test_v08_keys_are_fetched_by_https_only(issuer: Issuer, url: str) -> None:
    """CVE-2026-48522: no other scheme, nor plain http off this machine, leads to keys."""
    with pytest.raises(ConfigurationError, match="issuer"):
        fetch_key_set(url)
    with pytest.raises(ConfigurationError, match="issuer"):
        Verifier(issuer=url, audience=AUDIENCE, feed=None)
    issuer.publish(METADATA_PATH, {"issuer": issuer.url, "jwks_uri": url})
    with pytest.raises(KeySetUnavailable, match="jwks_uri"):
        fetch_key_set(issuer.url)
    assert issuer.asked == [METADATA_PATH]
    assert network_guard.take_attempts() == []


@pytest.mark.requirement("V08", "J21")
@pytest.mark.parametrize(
    "uri",
    [
        *("https://localhost/keys", "https://127.0.0.1/keys", "https://[::1]/keys", "http://localhost/keys"),
        *(
            "https://169.254.169.254/keys",
            "https://192.168.0.1/keys",
            "https://2130706433/keys",
            "https://0/keys",
        ),
        *("https://[::ffff:127.0.0.1]/keys", "https://metadata.internal/keys", "https://evil.example/keys"),
    ],
)
def test_v08_metadata_send_nobody_elsewhere(issuer: Issuer, uri: str) -> None:
    """Forged requests by metadata: keys come from the issuer's own scheme, host and port, or not at all."""
    issuer.publish(METADATA_PATH, {"issuer": issuer.url, "jwks_uri": uri})
    with pytest.raises(KeySetUnavailable, match="jwks_uri"):
        fetch_key_set(issuer.url)
    assert issuer.asked == [METADATA_PATH]
    assert network_guard.take_attempts() == []


@pytest.mark.requirement("V08", "J21")
@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", [METADATA_PATH, "/keys"])
def test_v08_no_redirect_is_followed(issuer: Issuer, path: str, status: int) -> None:
    """CVE-2026-102267: whoever can redirect would choose the keys; the place it points to is never asked."""
    body = issuer.pages[path][2]
    issuer.publish("/elsewhere", body)
    issuer.publish(path, body, status, Location=f"{issuer.url}/elsewhere")
    with pytest.raises(KeySetUnavailable, match=f"answered {status}"):
        fetch_key_set(issuer.url)
    assert "/elsewhere" not in issuer.asked


@pytest.mark.requirement("J21")
@pytest.mark.parametrize("path", [METADATA_PATH, "/keys"])
def test_an_answer_is_bounded(issuer: Issuer, path: str) -> None:
    """256 KiB are read of an answer, and JSON that is no object is no answer."""
    for body, reason in (
        (b" " * (MAX_BODY + 1), f"more than {MAX_BODY} bytes"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b'{"keys":[' + b"[" * 100_000, "deeper"),
        (b"\x1f\x8b\x08\0\0", "not strict JSON"),
    ):
        issuer.publish(path, body)
        with pytest.raises(KeySetUnavailable, match=reason):
            fetch_key_set(issuer.url)


@pytest.mark.requirement("V26", "J21")
@pytest.mark.parametrize(
    ("status", "body"),
    [(503, {}), (200, {"keys": []}), (200, b"<html>"), (200, {"keys": [HMAC.to_private_jwk()]}), (200, b"")],
)
def test_v26_a_failed_fetch_wipes_nothing(issuer: Issuer, status: int, body: Any) -> None:  # noqa: ANN401 -- JSON
    """GHSA-fhv5-28vv-h8m8: after an error, an empty set or rubbish the last good keys go on verifying."""
    steady = SteadyClock()
    with watched() as watch, fed_by(issuer, steady) as using:
        watch.next()
        text = token(EC, iss=issuer.url)
        assert using.verify(text).sub
        issuer.publish("/keys", body, status)
        steady.advance(400)
        watch.next()
        assert using.key_status.last_error
        assert using.verify(token(EC, iss=issuer.url, jti="another")).sub


@pytest.mark.requirement("V26", "J21")
def test_v26_unknown_keys_cause_no_storm(issuer: Issuer) -> None:
    """CVE-2026-101917: a thousand tokens of made up keys cause one fetch more at most, and are refused."""
    with watched() as watch, fed_by(issuer, SteadyClock()) as using:
        watch.next()
        before = issuer.fetches
        for count in range(1000):
            text = token(OKP, iss=issuer.url, jti=str(count))
            assert refusal(text, using) in {"token_alg_not_allowed", "token_key_unknown"}
        assert issuer.fetches <= before + 1


@pytest.mark.requirement("V26", "J13")
@pytest.mark.parametrize(
    "bad",
    [
        *(None, 1, "x", [], {}, {"kty": None}, {"kty": "EC"}, {"kty": "EC", "crv": "P-256", "x": 1, "y": []}),
        *({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}),
        *({"kty": "EC", "crv": "P-521"}, {"kty": "new"}, EC.to_private_jwk() | {"kid": "private"}),
        {**OKP.public.to_jwk(), "use": "enc"},
    ],
    ids=lambda bad: repr(bad)[:30] if not isinstance(bad, dict) else "-".join(map(str, bad))[:30],
)
def test_v26_one_bad_key_spoils_no_set(issuer: Issuer, bad: object) -> None:
    """CVE-2026-102274: an entry that is malformed, weak or of tomorrow is left out; the good one stays."""
    for entries in ([bad, EC.public.to_jwk()], [EC.public.to_jwk(), bad]):
        issuer.publish("/keys", {"keys": entries})
        found = fetch_key_set(issuer.url)
        assert [key.kid for key in found.keys] == [EC.kid]
        assert len(found.skipped) == 1
