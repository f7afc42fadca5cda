"""The catalogue of forgeries: every known way to pass with a token that the issuer did not make so.

    for forged in forge(token, forger=new_key("ES256"), public_key=key):
        ...

One place knows how to forge: the attack on one's own API, the test suites and the demonstration all take it
from here. What each forgery is stands in `catalogue.toml`, how it is made in the tables of
`headers` and `tokens`, with the tools of `forging`. Pure.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import msgspec

from sekisho_verify.errors import RefusalCode
from sekisho_verify.forgeries.forging import Lacking, Material, Need, Sent, parts
from sekisho_verify.forgeries.headers import HEADERS, SEALED_HEADERS
from sekisho_verify.forgeries.tokens import CLAIMS, TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sekisho_verify.keypairs import EcKey, OkpKey, RsaKey, SigningKey
    from sekisho_verify.keys import HmacKey, Signer

NOWHERE: Final = "https://forger.invalid"
"""The forger's server where there is none: the name can never be found (RFC 6761 section 6.4)."""


Seal = Literal["own", "true", "old"]
"""Whose signature a forgery has. `own`: it is part of the forgery. `true`: the issuer's, over these bytes, so
that only the check that is meant can refuse it. `old`: the good token's, over other bytes: to be refused with
it says nothing of any other check."""


class Forgery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to forge.

    Attributes:
        name: stable; what a person selects it by.
        ids: its numbers in the list of requirements and known vulnerabilities, such as J6 and V01.
        code: what a guard of this package refuses it with; None where it must be let in (a control).
        en: one sentence about what is forged, in English.
        ja: the same in Japanese.
    """

    name: str
    ids: tuple[str, ...]
    en: str
    ja: str
    code: RefusalCode | None = None


@dataclass(frozen=True, slots=True)
class Forged:
    """A forgery that was made, and how it is sent.

    Attributes:
        forgery: what it is.
        code: what a guard refuses it with. It differs from the forgery's own where claims were changed and
            nobody could sign them: then the signature is what refuses.
        seal: whose signature it has.
        headers: the headers to send, in their order; values may hold any text.
        query: what stands in the query string.
        form: what stands in a form-encoded body.
        text: the token, where it stands alone behind `Authorization: Bearer`.
    """

    forgery: Forgery
    code: RefusalCode | None
    seal: Seal
    headers: tuple[tuple[str, str], ...] = field(repr=False, default=())
    query: str = field(repr=False, default="")
    form: str = field(repr=False, default="")
    text: str | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Untried:
    """A forgery that could not be made, and what is missing."""

    forgery: Forgery
    need: Need


def forge(
    token: str,
    *,
    forger: HmacKey | SigningKey,
    public_key: EcKey | OkpKey | RsaKey | None = None,
    signer: Signer | None = None,
    expired: str | None = None,
    foreign: str | None = None,
    origin: str = NOWHERE,
) -> tuple[Forged | Untried, ...]:
    """Every forgery of the catalogue that can be made of a good token, and the others with the reason.

    Args:
        token: a good access token.
        forger: a key of the forger's own, of the token's algorithm.
        public_key: the issuer's published key, for the confusions of key and secret.
        signer: the issuer's own signing key, a test issuer's. With it every change is truly signed, so that
            only the one check that is meant can refuse it.
        expired: a token of the issuer that has expired, for where there is no signer.
        foreign: a token of the issuer for another audience, likewise.
        origin: the forger's server, for keys that a token says to fetch.

    Raises:
        ValueError: if the token cannot be read as a compact JWS, or the forger's key is of another algorithm.
    """
    try:
        read = parts(token)
    except ValueError as error:
        raise ValueError("the token is not a compact JWS with a JSON object for claims") from error
    if read.header.get("alg") != forger.alg:
        raise ValueError(f"the forger's key is for {forger.alg}, the token for another algorithm")
    material = Material(
        token=token,
        read=read,
        forger=forger,
        public_key=public_key,
        signer=signer,
        expired=expired,
        foreign=foreign,
        origin=origin,
    )
    return tuple(_made(forgery, material) for forgery in catalogue().values())


@cache
def catalogue() -> Mapping[str, Forgery]:
    """Every forgery by its name, in the order in which they are tried."""
    tables = _tables()["forgeries"]
    return {name: msgspec.convert({"name": name, **entry}, Forgery) for name, entry in tables.items()}


@cache
def needs() -> Mapping[Need, Mapping[str, str]]:
    """What each `Need` says, by language."""
    tables = _tables()["needs"]
    return {need: {"en": tables[need]["en"], "ja": tables[need]["ja"]} for need in get_args(Need)}


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))


def _made(forgery: Forgery, material: Material) -> Forged | Untried:
    try:
        made, code, seal = _make(forgery, material)
    except Lacking as lacking:
        return Untried(forgery, lacking.need)
    if isinstance(made, str):
        return Forged(forgery, code, seal, headers=(("Authorization", f"Bearer {made}"),), text=made)
    return Forged(forgery, code, seal, headers=made.headers, query=made.query, form=made.form)


def _make(forgery: Forgery, material: Material) -> tuple[str | Sent, RefusalCode | None, Seal]:
    given = {"exp-past": material.expired, "aud-other": material.foreign}.get(forgery.name)
    if given is not None:
        return given, forgery.code, "true"
    seal: Seal = "old" if material.signer is None else "true"
    if forgery.name in CLAIMS:
        code = forgery.code if seal == "true" else "token_signature_mismatch"
        return material.claiming(CLAIMS[forgery.name](material)), code, seal
    if forgery.name in SEALED_HEADERS:
        return material.headed(SEALED_HEADERS[forgery.name](material)), forgery.code, seal
    return (HEADERS.get(forgery.name) or TOKENS[forgery.name])(material), forgery.code, "own"
