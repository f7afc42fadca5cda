"""The signing key that an operator gives: a shared secret, PEM, a JWK or a JWK set.

Its kind decides the algorithm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

from sekisho.adapters.secrets.secret import Secret, strong
from sekisho.frozen import Frozen
from sekisho.rules.keyring import Keyring, KeyringRefused
from sekisho.setting_words import Words
from sekisho.settings import Alg, SettingsRefused, refused
from sekisho_verify import EcKey, HmacKey, KeyRefused, OkpKey, RsaKey, SigningKey, key_from_jwk, key_from_pem
from sekisho_verify.encoding import b64url_decode, json_object
from sekisho_verify.errors import EncodingError

VerifyingKey: TypeAlias = HmacKey | EcKey | OkpKey | RsaKey
SignerKey: TypeAlias = HmacKey | SigningKey
SigningKeys: TypeAlias = Keyring[SignerKey, VerifyingKey]
AnyKey: TypeAlias = SignerKey | VerifyingKey

_SHARED: dict[Alg, Any] = {"HS256": "HS256", "HS384": "HS384", "HS512": "HS512"}
_RSA: dict[Alg, Any] = {"RS256": "RS256", "PS256": "PS256"}


class KnownKey(Frozen):
    """What may be told of a key: nothing by which anybody could use it. `signs`: it could."""

    kid: str
    alg: str
    thumbprint: str
    signs: bool

    @classmethod
    def of(cls, key: AnyKey) -> KnownKey:
        """Of this one."""
        return cls(key.kid, key.alg, key.thumbprint, isinstance(key, SignerKey))


def given_keys(secret: Secret, *, alg: Alg, where: str) -> SigningKeys:
    """The keys that `secret` holds.

    `alg` chooses only where the kind of key leaves a choice: HS384 or HS512 for a shared secret, PS256 for
    RSA. Of a JWK set the first private key (or the first secret) signs, and all of the set verify. `where`
    names the secret in a refusal.

    Raises:
        SettingsRefused: it holds no such key; the content is never repeated.
    """
    try:
        return keyring(held_keys(secret, alg=alg, where=where))
    except KeyringRefused as fault:
        raise unusable(where, str(fault)) from None


def held_keys(secret: Secret, *, alg: Alg, where: str) -> Sequence[AnyKey]:
    """All keys that `secret` holds, in its order, whatever they are; `alg` and `where` as for `given_keys`.

    Raises:
        SettingsRefused: it holds something else.
    """
    try:
        keys = _written_keys(secret.reveal(), alg, where)
        if keys is None:
            # Not below, where the bytes are in a local: a traceback that shows locals would show them.
            keys = [HmacKey(strong(secret, where).reveal(), alg=_SHARED.get(alg, "HS256"))]
    except KeyRefused as fault:
        raise unusable(where, str(fault)) from None
    return keys


def keyring(keys: Sequence[AnyKey]) -> SigningKeys:
    """The ring of these keys: the first that can sign does.

    Raises:
        KeyringRefused: none of them can, or they do not stand together.
    """
    signing = next((key for key in keys if isinstance(key, SignerKey)), None)
    if signing is None:
        raise KeyringRefused("only public keys; a private key is needed to sign")
    return Keyring(signing, tuple(key.public if isinstance(key, SigningKey) else key for key in keys))


def unusable(where: str, reason: str) -> SettingsRefused:
    """The refusal of a signing key."""
    return refused(
        where,
        Words(f"holds no key to sign with: {reason}", f"署名に使える鍵ではありません: {reason}"),
        Words(
            "give a random secret of 32 bytes or more, a private key as PEM or JWK, or a JWK set",
            "32 バイト以上の乱数、PEM か JWK の秘密鍵、または JWK セットを指定してください",
        ),
    )


def _written_keys(content: bytes, alg: Alg, where: str) -> Sequence[AnyKey] | None:
    """The keys of a PEM, a JWK or a JWK set; none where it is no such text, and so a secret."""
    if b"-----BEGIN" in content:
        if content.count(b"-----BEGIN") > 1:
            raise KeyRefused("more than one PEM block; put several keys into a JWK set")
        return [key_from_pem(content, alg=_RSA.get(alg) if _is_rsa(content) else None)]
    if content.lstrip().startswith(b"{") and _is_text(content):
        # Text that begins like JSON is never taken for a secret: a broken JWK must not become one.
        try:
            document = json_object(content.strip(), unique_members=True)
        except EncodingError:
            raise KeyRefused("begins like a JWK and is not JSON") from None
        if "keys" not in document:
            return [_from_jwk(document, alg, where)]
        entries = document["keys"]
        if not isinstance(entries, list) or not entries:
            raise KeyRefused("a JWK set has an array named keys with at least one key")
        return [_from_jwk(entry, alg, where) for entry in cast("list[object]", entries)]
    return None


def _from_jwk(jwk: object, alg: Alg, where: str) -> AnyKey:
    if not isinstance(jwk, dict):
        raise KeyRefused("an entry of the JWK set is not an object")
    members = cast("Mapping[str, object]", jwk)
    choices = {"oct": _SHARED, "RSA": _RSA}.get(str(members.get("kty")), {})
    key = key_from_jwk(members, alg=None if "alg" in members else choices.get(alg))
    if isinstance(key, HmacKey):
        strong(Secret(b64url_decode(str(members["k"]).encode())), where)
    return key


def _is_rsa(pem: bytes) -> bool:
    key = key_from_pem(pem)
    return isinstance(key.public if isinstance(key, SigningKey) else key, RsaKey)


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
