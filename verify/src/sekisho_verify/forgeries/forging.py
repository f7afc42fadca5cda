"""How a forger works: take a token apart, and put another together without the issuer's key.

For test suites, the attack on one's own API and the demonstration, never on the way of a request. Pure: the
forger's key comes as an argument. The catalogue of what is forged with it is in `forgeries`.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sekisho_verify.encoding import b64url_decode, b64url_encode, json_object
from sekisho_verify.keypairs import EcKey, OkpKey, RsaKey, SigningKey
from sekisho_verify.keys import HmacKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sekisho_verify.keys import Signer

Need = Literal["public_key", "key_pair", "shared_secret", "es256", "spare_bits", "at_jwt"]
"""What a forgery cannot be made without."""

ABSENT: Final = object()
"""Given as a member's value, leaves the member out."""

NESTED: Final = b"[" * 1000 + b"]" * 1000
"""JSON deeper than a token ever needs, and than many a parser can bear."""

_HASHES: Final = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


class Lacking(Exception):
    """A forgery cannot be made of what the forger has; `need` is missing."""

    def __init__(self, need: Need) -> None:
        super().__init__(need)
        self.need: Need = need


@dataclass(frozen=True, slots=True)
class Parts:
    """What anybody can read of a compact JWS, key or no key. Nothing of it is verified."""

    header: dict[str, Any]
    payload: dict[str, Any]
    signature: bytes = field(repr=False)


def parts(token: str) -> Parts:
    """The three parts of `token`, decoded and not verified.

    Raises:
        EncodingError: if it is not three segments of base64url, the first two of them JSON objects.
        ValueError: the same, for another number of segments.
    """
    header, payload, signature = (b64url_decode(segment.encode()) for segment in token.split("."))
    return Parts(
        json_object(header, unique_members=False), json_object(payload, unique_members=False), signature
    )


def changed(members: Mapping[str, object], changes: Mapping[str, object]) -> bytes:
    """The JSON of `members` with other values; `ABSENT` leaves a member out."""
    merged = {**members, **changes}
    return msgspec.json.encode({name: value for name, value in merged.items() if value is not ABSENT})


def listed(value: object) -> list[object]:
    """`value` if it is a list, else nothing."""
    return cast("list[object]", value) if isinstance(value, list) else []


def segment(content: bytes) -> str:
    """One segment of a token."""
    return b64url_encode(content).decode()


def tampered(token: str, changes: Mapping[str, object]) -> str:
    """The token with other claims under the old signature."""
    header, _, signature = token.split(".")
    return f"{header}.{segment(changed(parts(token).payload, changes))}.{signature}"


def unsigned(token: str, changes: Mapping[str, object], *, signature: str = "") -> str:
    """The token with other claims, saying `alg: none` (RFC 7519 section 6), with any signature or none."""
    read = parts(token)
    header = segment(changed(read.header, {"alg": "none"}))
    return f"{header}.{segment(changed(read.payload, changes))}.{signature}"


@dataclass(frozen=True, slots=True)
class Sent:
    """What is not simply a token behind `Authorization: Bearer`."""

    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""
    form: str = ""


@dataclass(frozen=True, slots=True)
class RawHmac:
    """A signer without scruples: an HMAC with whatever bytes it is given, a published key included."""

    secret: bytes = field(repr=False)
    alg: str
    kid: str

    def sign(self, signing_input: bytes) -> bytes:
        """The MAC over `signing_input`."""
        return hmac.digest(self.secret, signing_input, _HASHES[self.alg])


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Material:
    """What the forger has. Only the token and a key of their own are needed.

    Attributes:
        token: a good token.
        read: its parts.
        forger: the forger's own key, of the token's algorithm.
        public_key: the issuer's published key, for confusions of key and secret.
        signer: the issuer's own signing key. Only a test issuer's is ever given away: with it, forgeries
            have a signature that holds, so that nothing but the one check that is meant can refuse them.
        expired: a token of the issuer that has expired.
        foreign: a token of the issuer for another audience.
        origin: a server of the forger's: the key set is at `/jwks.json`, the certificate at
            `/certificate.pem`.
    """

    token: str
    read: Parts
    forger: HmacKey | SigningKey
    public_key: EcKey | OkpKey | RsaKey | None
    signer: Signer | None
    expired: str | None
    foreign: str | None
    origin: str

    @property
    def alg(self) -> str:
        """The algorithm of the good token."""
        return str(self.read.header.get("alg"))

    @property
    def symmetric(self) -> bool:
        """Whether the good token is sealed by a shared secret."""
        return self.alg in _HASHES

    def need(self, there: bool, what: Need) -> None:  # noqa: FBT001 -- the name says what True means
        """Return if it is there.

        Raises:
            Lacking: if not.
        """
        if not there:
            raise Lacking(what)

    def segments(self) -> tuple[str, str, str]:
        """Header, payload and signature as they stand in the good token."""
        header, payload, signature = self.token.split(".")
        return header, payload, signature

    def headed(self, header: bytes) -> str:
        """The good token under another header: sealed if there is a signer, else with the old signature."""
        _, payload, signature = self.segments()
        if self.signer is not None:
            return self.sealed(header, self.signer)
        return f"{segment(header)}.{payload}.{signature}"

    def header(self, **changes: object) -> bytes:
        """The good token's header with changes."""
        return changed(self.read.header, changes)

    def sealed(self, header: bytes, signer: Signer) -> str:
        """The good token's claims under another header, sealed by `signer`."""
        signing_input = f"{segment(header)}.{self.segments()[1]}"
        return f"{signing_input}.{segment(signer.sign(signing_input.encode()))}"

    def claiming(self, payload: bytes) -> str:
        """Other claims under the good token's header: sealed if there is a signer, else the old signature."""
        header, _, signature = self.segments()
        if self.signer is not None:
            signature = segment(self.signer.sign(f"{header}.{segment(payload)}".encode()))
        return f"{header}.{segment(payload)}.{signature}"

    def payload(self, **changes: object) -> bytes:
        """The good token's claims with changes."""
        return changed(self.read.payload, changes)

    def seconds(self, claim: str) -> float:
        """A time in the good token, or 0 where it has none."""
        value = self.read.payload.get(claim)
        return value if isinstance(value, int | float) else 0

    def forged_jwk(self) -> dict[str, str]:
        """The forger's key as a JWK, as it would be brought along."""
        forger = self.forger
        return forger.to_private_jwk() if isinstance(forger, HmacKey) else forger.public.to_jwk()

    def certificate_chain(self) -> list[str]:
        """The forger's certificate as `x5c` has it (RFC 7515 section 4.1.6): standard base64 of DER."""
        if isinstance(self.forger, HmacKey):
            raise Lacking("key_pair")
        certificate = _certificate(self.forger.public).public_bytes(Encoding.DER)
        return [base64.b64encode(certificate).decode()]


def certificate_pem(key: EcKey | OkpKey | RsaKey) -> bytes:
    """A certificate of a public key, worth nothing: its authority's private key is the number 1."""
    return _certificate(key).public_bytes(Encoding.PEM)


def _certificate(key: EcKey | OkpKey | RsaKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "forger")])
    return (
        x509.CertificateBuilder(name, name, public_key(key), 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .sign(ec.derive_private_key(1, ec.SECP256R1()), SHA256())
    )


def public_key(
    key: EcKey | OkpKey | RsaKey,
) -> ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey:
    """The key of `cryptography` in a published key."""
    jwk = key.to_jwk()

    def data(name: str) -> bytes:
        return b64url_decode(jwk[name].encode())

    if jwk["kty"] == "OKP":
        return ed25519.Ed25519PublicKey.from_public_bytes(data("x"))
    if jwk["kty"] == "EC":
        x, y = int.from_bytes(data("x")), int.from_bytes(data("y"))
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    return rsa.RSAPublicNumbers(int.from_bytes(data("e")), int.from_bytes(data("n"))).public_key()


def spellings(key: EcKey | OkpKey | RsaKey) -> dict[str, bytes]:
    """A published key in the ways in which it may lie on a server's disk, each a secret to a confused one."""
    published = public_key(key)
    pem = published.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = published.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    jwk = msgspec.json.encode(key.to_jwk())
    return {
        "pem": pem,
        "pem-crlf": pem.replace(b"\n", b"\r\n"),
        "pem-space": pem + b" ",
        "pem-stripped": pem.strip(),
        "der": der,
        "base64": base64.b64encode(der),
        "jwk": jwk,
        "jwks": b'{"keys":[' + jwk + b"]}",
        "ssh": published.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    }
