"""The forgeries of the tamper editor: each made by the catalogue that the test suites and `attack` use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from sekisho.features.explorer.stage import Keys
from sekisho.rules.refusals import Refusal, invalid
from sekisho_verify import EcKey, HmacKey, OkpKey, RsaKey, forgeries, jws
from sekisho_verify.forgeries import Forged
from sekisho_verify.forgeries.forging import Parts, parts, segment, tampered
from sekisho_verify.key_generation import new_key

#: By what the page calls them: the name in the catalogue, and whether the issuer's own key signs it. Only the
#: sandbox gives that away; with it nothing but the one check that is meant can refuse the token.
PRESETS: Final[Mapping[str, tuple[str, bool]]] = {
    "alg-none": ("alg-none", False),
    "alg-None": ("alg-none-capitalized", False),
    "alg-nOnE": ("alg-none-mixed", False),
    "hs256-public-key": ("hs256-pem", False),
    "own-key-jwk": ("jwk-embedded", False),
    "own-key-jku": ("jku", False),
    "kid-unknown": ("kid-unknown", False),
    "kid-path": ("kid-path", False),
    "bit-flip": ("signature-flipped", False),
    "other-audience": ("aud-other", True),
    "refresh-token": ("typ-refresh", True),
    "id-token": ("typ-jwt", True),
    "expired": ("exp-past", True),
    "not-yet": ("nbf-future", True),
    "two-parts": ("signature-cut-off", False),
    "four-parts": ("segments-four", False),
    "duplicate-keys": ("header-alg-twice", True),
    "padding": ("signature-padded", False),
    "space": ("text-space", False),
}
#: Those that are no rows of the catalogue, and the code that refuses them.
CHANGED: Final[Mapping[str, str | None]] = {
    "role-admin": "token_signature_mismatch",
    "sub-ken": "token_signature_mismatch",
    "exp-year": "token_signature_mismatch",
    "long-payload": "token_malformed",
    "unmodified": None,
}
_YEAR: Final = 365 * 86_400
#: POSIX seconds of the year 10000: no claim is that late.
_END_OF_TIME: Final = 253_402_300_800
_LONG: Final = 48 * 1024
_HOUR: Final = 3600


def forge(preset: str, token: str, keys: Keys, subjects: Mapping[str, str]) -> dict[str, object]:
    """What to send, and the code that it must be refused with (none: it must be let in).

    Raises:
        Refusal: `not_found`: no such preset. `conflict`: it cannot be made of this token, or with these keys.
            `validation_failed`: the token cannot be read.
    """
    read = _read(token)
    if preset in CHANGED:
        return _sent(_changed(preset, token, read.payload, subjects), CHANGED[preset], None)
    if preset not in PRESETS:
        raise Refusal("not_found", preset)
    name, truly = PRESETS[preset]
    public = next((key for key in keys.verifying if isinstance(key, EcKey | OkpKey | RsaKey)), None)
    try:
        made = forgeries.forge(
            token,
            forger=new_key(keys.signing.alg, kid="the-forgers-own"),  # type: ignore[arg-type]  # an algorithm of ours
            public_key=public,
            signer=keys.signing if truly else None,
        )
    except ValueError:
        raise Refusal("conflict", "a token of another server") from None
    found = next(each for each in made if each.forgery.name == name)
    if not isinstance(found, Forged) or found.text is None:
        raise Refusal("conflict", f"{name}: needs {getattr(found, 'need', 'another request')}")
    return _sent(found.text, found.code, found.forgery)


def _read(token: str) -> Parts:
    """The token, if it is whole enough to be forged: with a signature, and an expiry that can be moved.

    Raises:
        Refusal: `validation_failed`.
    """
    try:
        read = parts(token)
    except ValueError:
        raise invalid("/token", "invalid_value") from None
    expiry = read.payload.get("exp", 0)
    if not (read.signature and isinstance(expiry, int | float) and 0 <= expiry < _END_OF_TIME):
        raise invalid("/token", "invalid_value")
    return read


def _changed(preset: str, token: str, payload: Mapping[str, Any], subjects: Mapping[str, str]) -> str:
    if preset == "unmodified":
        return token
    if preset == "role-admin":
        return tampered(token, {"roles": ["admin"]})
    if preset == "exp-year":
        return tampered(token, {"exp": payload.get("exp", 0) + _YEAR})
    if preset == "long-payload":
        return tampered(token, {"x": "x" * _LONG})
    others = [subject for subject in subjects.values() if subject != payload.get("sub")]
    if not others:
        raise Refusal("conflict", "nobody else is there")
    return tampered(token, {"sub": others[-1]})


def _sent(token: str, code: str | None, forgery: forgeries.Forgery | None) -> dict[str, object]:
    what = None if forgery is None else {"en": forgery.en, "ja": forgery.ja}
    return {"token": token, "authorization": f"Bearer {token}", "expected": code, "what": what}


def assembled(header: str, payload: str, signature: str) -> str:
    """A token of these texts: JSON or not, the first two are encoded as they stand."""
    return f"{segment(header.encode())}.{segment(payload.encode())}.{signature}"


def minted(claims: Mapping[str, Any], keys: Keys, *, now: float) -> str:
    """A token as whoever has the shared secret can make it: these claims, and what else a good one has.

    Raises:
        Refusal: `conflict`: the server has a key pair, whose private half no API holds.
    """
    if not isinstance(keys.signing, HmacKey):
        raise Refusal("conflict", "there is no shared secret to leak")
    whole = {
        "iat": int(now),
        "exp": int(now) + _HOUR,
        "auth_time": int(now),
        "client_id": "first-party",
        "amr": ["pwd"],
        "scope": "",
        "groups": [],
        **claims,
    }
    return jws.sign(msgspec.json.encode(whole), {"typ": "at+jwt"}, keys.signing)
