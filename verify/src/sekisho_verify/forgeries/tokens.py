"""What is forged outside of the header: signature, claims, shape, and how it is sent. See `forgeries`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from sekisho_verify.encoding import b64url_decode
from sekisho_verify.forgeries.forging import ABSENT, NESTED, Material, Sent, listed, segment, tampered

_DAY: Final = 86400
_HUGE: Final = 1 << 20
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _seal(change: Callable[[bytes], bytes]) -> Callable[[Material], str]:
    return lambda m: f"{m.token.rpartition('.')[0]}.{segment(change(m.read.signature))}"


def _der(m: Material) -> str:
    m.need(m.alg == "ES256", "es256")
    r, s = (int.from_bytes(half) for half in (m.read.signature[:32], m.read.signature[32:]))
    return f"{m.token.rpartition('.')[0]}.{segment(encode_dss_signature(r, s))}"


def _trailing_bits(m: Material) -> str:
    m.need(len(m.read.signature) % 3 != 0, "spare_bits")
    return m.token[:-1] + _ALPHABET[_ALPHABET.index(m.token[-1]) + 1]


def _garbage(m: Material) -> str:
    # Four, so that a decoder that counts the characters for its padding is not disturbed.
    return f"{m.token[:-8]}!!!!{m.token[-8:]}"


def _respaced(m: Material) -> str:
    header, payload, signature = m.segments()
    return f"{segment(b64url_decode(header.encode()).replace(b'{', b'{ ', 1))}.{payload}.{signature}"


def _with_admin(m: Material) -> str:
    return tampered(m.token, {"roles": [*listed(m.read.payload.get("roles")), "admin"]})


def _json(m: Material, **members: object) -> str:
    return msgspec.json.encode({"payload": m.segments()[1], **members}).decode()


def _flattened(m: Material) -> str:
    header, _, signature = m.segments()
    return _json(m, protected=header, signature=signature)


def _arranged(shape: str) -> Callable[[Material], str]:
    def make(m: Material) -> str:
        header, payload, signature = m.segments()
        return shape.format(h=header, p=payload, s=signature)

    return make


def _full_width(m: Material) -> str:
    # NFKC, which some apply to all input, turns it back.
    head, _, signature = m.token.rpartition(".")
    return f"{head}.{chr(ord(signature[0]) + 0xFEE0)}{signature[1:]}"


def _audience(m: Material) -> str:
    found = m.read.payload.get("aud")
    return str((*listed(found), found)[0])


def _exp(raw: bytes) -> Callable[[Material], bytes]:
    return lambda m: m.payload(exp=ABSENT)[:-1] + b',"exp":' + raw + b"}"


def _past(m: Material) -> bytes:
    made = m.seconds("iat")
    return m.payload(iat=made - 2 * _DAY, nbf=ABSENT, exp=made - _DAY)


def _future(m: Material) -> bytes:
    end = m.seconds("exp")
    return m.payload(iat=end + 1800, exp=end + 3600)


def _authorization(*values: str) -> Callable[[Material], Sent]:
    return lambda m: Sent(
        tuple(("Authorization", value.format(good=m.token, bad=_with_admin(m))) for value in values)
    )


def _twice(m: Material) -> Sent:
    return Sent((("Authorization", f"Bearer {m.token}"),), query=f"access_token={m.token}")


CLAIMS: Final[dict[str, Callable[[Material], bytes]]] = {
    "payload-array": lambda m: b"[" + m.payload() + b"]",
    "payload-nested": lambda m: m.payload()[:-1] + b',"x":' + NESTED + b"}",
    "aud-other": lambda m: m.payload(aud="https://another-api.invalid"),
    "aud-list": lambda m: m.payload(aud=["https://another-api.invalid", f"{_audience(m)}-2"]),
    "aud-longer": lambda m: m.payload(aud=f"{_audience(m)}-2"),
    "aud-shorter": lambda m: m.payload(aud=_audience(m)[:-1] or "-"),
    "aud-missing": lambda m: m.payload(aud=ABSENT),
    "iss-other": lambda m: m.payload(iss="https://forger.invalid"),
    "iss-shorter": lambda m: m.payload(iss=str(m.read.payload.get("iss"))[:-1] or "-"),
    "iss-missing": lambda m: m.payload(iss=ABSENT),
    "sub-missing": lambda m: m.payload(sub=ABSENT),
    "exp-past": _past,
    "exp-missing": lambda m: m.payload(exp=ABSENT),
    "exp-null": _exp(b"null"),
    "exp-string": lambda m: m.payload(exp=f"{m.seconds('exp'):.0f}"),
    "exp-true": _exp(b"true"),
    "exp-nan": _exp(b"NaN"),
    "exp-infinite": _exp(b"1e999"),
    "nbf-future": lambda m: m.payload(nbf=m.seconds("exp") + 3600),
    "iat-future": _future,
}
"""The bytes of the claims, sealed anew where the issuer's key is at hand."""

TOKENS: Final[dict[str, Callable[[Material], str | Sent]]] = {
    "signature-empty": _arranged("{h}.{p}."),
    "signature-cut-off": _arranged("{h}.{p}"),
    "signature-zero": _seal(lambda signature: bytes(len(signature))),
    "signature-flipped": _seal(lambda signature: bytes([signature[0] ^ 1]) + signature[1:]),
    "signature-truncated": _seal(lambda signature: signature[: len(signature) // 2]),
    "signature-one-byte": _seal(lambda signature: signature[:1]),
    "signature-extended": _seal(lambda signature: signature + b"\0"),
    "signature-der": _der,
    "signature-trailing-bits": _trailing_bits,
    "signature-padded": _arranged("{h}.{p}.{s}="),
    "signature-with-garbage": _garbage,
    "payload-tampered": _with_admin,
    "exp-extended": lambda m: tampered(m.token, {"exp": m.seconds("exp") + _DAY}),
    "header-respaced": _respaced,
    "payload-huge": lambda m: tampered(m.token, {"x": "x" * _HUGE}),
    "signature-huge": _seal(lambda _: bytes(_HUGE)),
    "dots-many": lambda _: "." * _HUGE,
    "token-empty": lambda _: "",
    "segments-empty": lambda _: "..",
    "segment-header-empty": _arranged(".{p}.{s}"),
    "segment-payload-empty": _arranged("{h}..{s}"),
    "dots-trailing": _arranged("{h}.{p}.{s}."),
    "segments-four": _arranged("{h}.{p}.{s}.{s}"),
    "jwe-shape": _arranged("{h}.{p}.{s}.{p}.{s}"),
    "jws-json": _flattened,
    "jws-json-unsigned": lambda m: _json(m, signatures=[]),
    "text-space": _arranged("{h}.{p}. {s}"),
    "text-tab": _arranged("{h}.{p}.\t{s}"),
    "text-quoted": _arranged('"{h}.{p}.{s}"'),
    "text-percent": _arranged("{h}%2E{p}%2E{s}"),
    "text-unicode": _full_width,
    "in-query": lambda m: Sent(query=f"access_token={m.token}"),
    "in-form": lambda m: Sent(form=f"access_token={m.token}"),
    "in-cookie": lambda m: Sent((("Cookie", f"access_token={m.token}"),)),
    "in-other-header": lambda m: Sent((("X-Access-Token", m.token),)),
    "in-header-and-query": _twice,
    "two-headers": _authorization("Bearer {good}", "Bearer {bad}"),
    "two-headers-last": _authorization("Bearer {bad}", "Bearer {good}"),
    "two-joined": _authorization("Bearer {good}, Bearer {bad}"),
    "scheme-missing": _authorization("{good}"),
    "scheme-basic": _authorization("Basic {good}"),
    "scheme-jwt": _authorization("JWT {good}"),
    "scheme-glued": _authorization("Bearer{good}"),
    "scheme-lower-case": _authorization("bearer {good}"),
    "scheme-upper-case": _authorization("BEARER {good}"),
}
"""Whole tokens, or whole requests."""
