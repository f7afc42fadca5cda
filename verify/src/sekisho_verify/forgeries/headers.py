"""What is forged in the header: algorithm, key, kind of token, and what it demands. See `forgeries`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sekisho_verify.forgeries.forging import ABSENT, NESTED, Lacking, Material, RawHmac, segment, spellings

_HUGE: Final = 1 << 20
_SWAPPED: Final = {
    "HS256": "HS512",
    "HS384": "HS256",
    "HS512": "HS256",
    "RS256": "PS256",
    "PS256": "RS256",
    "ES256": "EdDSA",
    "EdDSA": "ES256",
}


def _unsigned(**changes: object) -> Callable[[Material], str]:
    return lambda m: f"{segment(m.header(**changes))}.{m.segments()[1]}."


def _kept(**changes: object) -> Callable[[Material], str]:
    return lambda m: f"{segment(m.header(**changes))}.{m.segments()[1]}.{m.segments()[2]}"


def _confused(spelling: str) -> Callable[[Material], str]:
    def make(m: Material) -> str:
        m.need(not m.symmetric, "key_pair")
        if m.public_key is None:
            raise Lacking("public_key")
        return _by_secret(m, spellings(m.public_key)[spelling], "HS256")

    return make


def _guessed(secret: bytes) -> Callable[[Material], str]:
    def make(m: Material) -> str:
        m.need(m.symmetric, "shared_secret")
        return _by_secret(m, secret, m.alg)

    return make


def _empty_secret(m: Material) -> str:
    m.need(not m.symmetric, "key_pair")
    return _by_secret(m, b"", "HS256")


def _by_secret(m: Material, secret: bytes, alg: str, **changes: object) -> str:
    return m.sealed(m.header(alg=alg, **changes), RawHmac(secret, alg, m.forger.kid))


def _brought(member: str, value: Callable[[Material], object]) -> Callable[[Material], str]:
    return lambda m: m.sealed(m.header(kid=m.forger.kid, **{member: value(m)}), m.forger)


def _x5u(m: Material) -> str:
    m.need(not m.symmetric, "key_pair")
    return f"{m.origin}/certificate.pem"


def _injected(kid: str, secret: bytes) -> Callable[[Material], str]:
    def make(m: Material) -> str:
        # Where there is a secret, the injection decides which; where there is a key pair, the forger's is as
        # good as any.
        return _by_secret(m, secret, m.alg, kid=kid) if m.symmetric else m.sealed(m.header(kid=kid), m.forger)

    return make


def _header_with(members: bytes) -> Callable[[Material], bytes]:
    return lambda m: b"{" + members + b"," + m.header()[1:]


def _typ(value: object) -> Callable[[Material], bytes]:
    def make(m: Material) -> bytes:
        typ = m.read.header.get("typ")
        m.need(isinstance(typ, str) and typ.lower().removeprefix("application/") == "at+jwt", "at_jwt")
        return m.header(typ=value)

    return make


SEALED_HEADERS: Final[dict[str, Callable[[Material], bytes]]] = {
    "alg-lower-case": lambda m: m.header(alg=m.alg.lower()),
    "alg-padded": lambda m: m.header(alg=f"{m.alg} "),
    "alg-swapped": lambda m: m.header(alg=_SWAPPED[m.alg]),
    "kid-missing": lambda m: m.header(kid=ABSENT),
    "kid-nul": lambda m: m.header(kid=f"{m.read.header.get('kid')}\0"),
    "typ-jwt": _typ("JWT"),
    "typ-missing": _typ(ABSENT),
    "typ-refresh": _typ("rt+jwt"),
    "typ-logout": _typ("logout+jwt"),
    "typ-list": _typ(["at+jwt"]),
    "crit-unknown": lambda m: m.header(crit=["x-unheard-of"], **{"x-unheard-of": True}),
    "crit-empty": lambda m: m.header(crit=[]),
    "crit-b64": lambda m: m.header(crit=["b64"], b64=False),
    "b64-false": lambda m: m.header(b64=False),
    "cty-jwt": lambda m: m.header(cty="JWT"),
    "zip-def": lambda m: m.header(zip="DEF"),
    "enc-gcm": lambda m: m.header(enc="A256GCM"),
    "header-alg-twice": _header_with(b'"alg":"none"'),
    "header-alg-twice-last": lambda m: m.header()[:-1] + b',"alg":"none"}',
    "header-kid-twice": _header_with(b'"kid":"x"'),
    "header-nested": _header_with(b'"x":' + NESTED),
    "header-nan": _header_with(b'"x":NaN'),
    "header-infinite": _header_with(b'"x":1e999'),
    "header-surrogate": _header_with(b'"x":"\\ud800"'),
    "header-bom": lambda m: b"\xef\xbb\xbf" + m.header(),
    "header-not-utf8": _header_with(b'"x":"\xff"'),
    "header-in-array": lambda m: b"[" + m.header() + b"]",
    "header-no-json": lambda _: b"not JSON",
    "header-large": lambda m: m.header(x="x" * 6144),
    "header-huge": lambda m: m.header(x="x" * _HUGE),
}
"""The bytes of the header; the rest stays, sealed anew where the issuer's key is at hand."""

HEADERS: Final[dict[str, Callable[[Material], str]]] = {
    "alg-none": _unsigned(alg="none"),
    "alg-none-capitalized": _unsigned(alg="None"),
    "alg-none-upper": _unsigned(alg="NONE"),
    "alg-none-mixed": _unsigned(alg="nOnE"),
    "alg-none-kept": _kept(alg="none"),
    "alg-none-capitalized-kept": _kept(alg="None"),
    "alg-none-upper-kept": _kept(alg="NONE"),
    "alg-none-mixed-kept": _kept(alg="nOnE"),
    "alg-missing": _unsigned(alg=ABSENT),
    "alg-null": _unsigned(alg=None),
    "alg-empty": _unsigned(alg=""),
    "alg-list": _unsigned(alg=["none"]),
    "header-tampered": _kept(note="x"),
    "hs256-pem": _confused("pem"),
    "hs256-pem-crlf": _confused("pem-crlf"),
    "hs256-pem-space": _confused("pem-space"),
    "hs256-pem-stripped": _confused("pem-stripped"),
    "hs256-der": _confused("der"),
    "hs256-base64": _confused("base64"),
    "hs256-jwk": _confused("jwk"),
    "hs256-jwks": _confused("jwks"),
    "hs256-ssh": _confused("ssh"),
    "hs256-empty-secret": _empty_secret,
    "secret-empty": _guessed(b""),
    "secret-word": _guessed(b"secret"),
    "secret-sample": _guessed(b"your-256-bit-secret"),
    "jwk-embedded": _brought("jwk", Material.forged_jwk),
    "jku": _brought("jku", lambda m: f"{m.origin}/jwks.json"),
    "x5u": _brought("x5u", _x5u),
    "x5c": _brought("x5c", Material.certificate_chain),
    "key-of-the-forger": lambda m: m.sealed(m.header(), m.forger),
    "kid-unknown": lambda m: m.sealed(m.header(kid=m.forger.kid), m.forger),
    "kid-path": _injected("../../../../../../../../dev/null", b""),
    "kid-sql": _injected("x' UNION SELECT 'k", b"k"),
    "kid-command": _injected("key.pem|sleep 5", b""),
    "kid-url": lambda m: m.sealed(m.header(kid=f"{m.origin}/jwks.json"), m.forger),
    "kid-newline": _injected("x\r\n\x1b[31mlogged in as admin", b""),
    "kid-long": _injected("x" * 10_000, b""),
    "kid-list": lambda m: m.sealed(m.header(kid=["x"]), m.forger),
    "kid-number": lambda m: m.sealed(m.header(kid=0), m.forger),
}
"""Whole tokens, whose signature is part of the forgery."""
