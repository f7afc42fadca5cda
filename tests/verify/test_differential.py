"""Ours against PyJWT and joserfc, both as strict as they can be: each difference is listed with a reason.

Whatever both refuse, we refuse; what we accept, both accept. Where that is not so, `DIFFERENCES` says why,
each entry with a token that shows it: an entry that no longer occurs fails, and so does a difference without
one.
"""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Literal

import joserfc.errors
import joserfc.jwk
import joserfc.jws
import joserfc.jwt
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st

from sekisho_verify import HmacKey, TokenRefused, Verifier
from sekisho_verify.encoding import b64url_decode, b64url_encode
from sekisho_verify.errors import EncodingError
from tests.verify.mutations import MEMBERS, mutated
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
    seal,
    signer,
    token,
    verifier,
)

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIRED = ["iss", "exp", "aud", "sub", "iat", "jti", "client_id", "sid", "rv"]


class StillPyJWT(jwt.PyJWT):
    """PyJWT with our clock: it asks the machine's, and offers no other way."""

    def _validate_claims(
        self,
        payload: dict[str, Any],
        options: Any,  # noqa: ANN401 -- as in the base class
        *args: Any,  # noqa: ANN401 -- passed on
        **kwargs: Any,  # noqa: ANN401 -- passed on
    ) -> None:
        timeless = options | {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
        super()._validate_claims(payload, timeless, *args, **kwargs)
        for name, check in (
            ("iat", self._validate_iat),
            ("nbf", self._validate_nbf),
            ("exp", self._validate_exp),
        ):
            if name in payload:
                check(payload, NOW, 0)


class Peers:
    """PyJWT and joserfc for one algorithm, set up to expect what our verifier expects, and no less."""

    def __init__(self, alg: str) -> None:
        key: Any = signer(alg)
        self.alg = alg
        if isinstance(key, HmacKey):
            self.for_pyjwt = key._secret
            self.for_joserfc: Any = joserfc.jwk.OctKey.import_key(key._secret)
        else:
            published = key._private.public_key()
            pem = published.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            kind: Any = {"ES256": joserfc.jwk.ECKey, "EdDSA": joserfc.jwk.OKPKey}.get(alg, joserfc.jwk.RSAKey)
            self.for_pyjwt, self.for_joserfc = published, kind.import_key(pem)

    def pyjwt(self, text: str) -> dict[str, Any] | None:
        """The claims by PyJWT, or None."""
        try:
            return StillPyJWT().decode(
                text,
                self.for_pyjwt,
                algorithms=[self.alg],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": REQUIRED, "enforce_minimum_key_length": True},
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            return None

    def joserfc(self, text: str) -> dict[str, Any] | None:
        """The claims by joserfc, or None."""
        headers = joserfc.jws.JWSRegistry(algorithms=[self.alg], strict_check_header=True)
        required: dict[str, Any] = {name: {"essential": True} for name in REQUIRED}
        required |= {
            "iss": {"essential": True, "value": ISSUER},
            "aud": {"essential": True, "value": AUDIENCE},
        }
        registry = joserfc.jwt.JWTClaimsRegistry(now=NOW, leeway=0, **required)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of "EdDSA" being an old name
                decoded = joserfc.jwt.decode(text, self.for_joserfc, registry=headers)
            registry.validate(decoded.claims)
        except (joserfc.errors.JoseError, ValueError, TypeError, RecursionError, OverflowError):
            return None
        else:
            return dict(decoded.claims)


def ours(text: str, using: Verifier) -> dict[str, Any] | TokenRefused:
    """The claims by us, or our refusal."""
    try:
        return dict(using.verify(text).claims)
    except TokenRefused as refused:
        return refused


PEERS = {alg: Peers(alg) for alg in ALGS}
Side = Literal["both", "pyjwt", "joserfc", "none"]


def side(text: str, alg: str) -> Side:
    """Which of the peers accept a text."""
    accepting = (PEERS[alg].pyjwt(text) is not None, PEERS[alg].joserfc(text) is not None)
    sides: dict[tuple[bool, bool], Side] = {
        (True, True): "both",
        (True, False): "pyjwt",
        (False, True): "joserfc",
        (False, False): "none",
    }
    return sides[accepting]


@dataclass(frozen=True)
class Difference:
    """One way in which we and the peers differ.

    Attributes:
        reason: why we do as we do.
        text: a token, of HS256, that shows it.
        peers: who of the peers accepts that token.
        refused: a pattern of how we refuse, `code: detail`; None where we accept.
        seen: where we accept, whether a token of this header and these claims differs for this reason.
    """

    reason: str
    text: str
    peers: Side
    refused: str | None = None
    seen: Callable[[dict[str, Any], dict[str, Any]], bool] = lambda _head, _said: False


def written(said: dict[str, object] | bytes, head: dict[str, object] | bytes | None = None) -> str:
    """A token by the right key, of these claims and this header, or of these very bytes."""
    return seal(header() if head is None else head, said)


def with_literal(name: str, literal: str) -> bytes:
    """The claims of a good token, one of them in JSON that no encoder writes."""
    return json.dumps(claims(**{name: "@@"})).replace('"@@"', literal).encode()


def resealed(text: str) -> str:
    """A text of any first two segments, with the right seal over them."""
    signing_input = text.rpartition(".")[0]
    return f"{signing_input}.{b64url_encode(HMAC.sign(signing_input.encode())).decode()}"


def another_last_letter(text: str) -> str:
    """The same bytes in base64url with another last character, whose last bits nobody reads."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + letters[letters.index(text[-1]) + 1]


HEAD, _, SEAL = token().split(".")
HEAD_JSON, CLAIMS_JSON = json.dumps(header()).encode(), json.dumps(claims()).encode()
REGISTERED = {"alg", "kid", "typ", "cty", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64"}

DIFFERENCES = {
    # Both accept, we refuse.
    "another kind of token": Difference(
        "RFC 9068 section 4: an access token says at+jwt; neither peer looks",
        written(claims(), header(typ="JWT")),
        "both",
        "token_type_mismatch: ",
    ),
    "an unknown key id": Difference(
        "a kid that names no key is refused, and so is a token without one; the peers were given one key",
        written(claims(), header(kid="other")),
        "both",
        "token_key_unknown: ",
    ),
    "a key in the header": Difference(
        "jwk, jku, x5u, x5c and x5t have no use on an access token: who sends them is up to something",
        written(claims(), header(jku="https://evil.example/keys")),
        "both",
        r"token_malformed: a header with (jwk|jku|x5u|x5c|x5t|x5t#S256)$",
    ),
    "nested": Difference(
        "cty says that a token is in the token (RFC 7519 section 5.2), which we do not take out",
        written(claims(), header(cty="JWT")),
        "both",
        "token_malformed: a header with cty$",
    ),
    "b64 alone": Difference(
        "RFC 7797 section 7: not for JWT at all, whatever the value",
        written(claims(), header(b64=True)),
        "both",
        "token_malformed: a header with b64$",
    ),
    "a claim of another type": Difference(
        "ours and those of RFC 9068 have types here; the peers look at the registered ones only",
        written(claims(roles="admin")),
        "both",
        r"token_malformed: Expected `[^`]*`, got `\w+`.* - at `\$\.",
    ),
    "a text or a list that is empty": Difference(
        "an id of no length names nobody; joserfc agrees, where it is told to expect the claim",
        written(claims(client_id="")),
        "pyjwt",
        "token_malformed: Expected `(str|array)` of length >= 1 - at ",
    ),
    "a time out of range": Difference(
        "before 1970, or after the year 9999: a slip, or an attempt at an overflow",
        written(claims(auth_time=-1)),
        "both",
        r"token_malformed: Expected `float` (>=|<) [0-9.e+-]+ - at |token_malformed: Number out of range",
    ),
    "a long life": Difference(
        "an access token lives a day at the most, unless a verifier is told otherwise",
        written(claims(exp=NOW + 10**6)),
        "both",
        "token_malformed: lives longer than ",
    ),
    "a member twice in the header": Difference(
        "two parsers may read two algorithms; the peers let the last one win",
        written(CLAIMS_JSON, HEAD_JSON[:-1] + b',"typ":"at+jwt"}'),
        "both",
        "token_malformed: .*names a member twice",
    ),
    "no JSON": Difference(
        "RFC 8259 has no NaN, no infinity and no mark in front; Python's parser is lax",
        written(with_literal("x", "NaN")),
        "both",
        "token_malformed: not strict JSON: ",
    ),
    "UTF-16": Difference(
        "JSON is UTF-8 (RFC 8259 section 8.1); Python's parser guesses",
        written(json.dumps(claims()).encode("utf-16")),
        "both",
        "token_malformed: not strict JSON: ",
    ),
    "infinity by overflow": Difference(
        "1e999 is no number that anybody meant",
        written(with_literal("x", "1e999")),
        "both",
        "token_malformed: not strict JSON: ",
    ),
    "half a character": Difference(
        "a lone surrogate cannot be written to a log or a database again",
        written(with_literal("x", '"\\ud800"')),
        "both",
        "token_malformed: not strict JSON: ",
    ),
    "deep nesting": Difference(
        "32 levels are plenty; the peers go as deep as Python's stack",
        written(with_literal("x", "[" * 40 + "]" * 40)),
        "both",
        "token_malformed: JSON nested deeper than 32 levels$",
    ),
    "a long token": Difference(
        "16 KiB fit through no proxy's header as it is",
        written(claims(x="x" * 16_000)),
        "both",
        "token_malformed: not text of at most 16384 characters$",
    ),
    # One of them accepts, we refuse.
    "padding": Difference(
        "RFC 7515 section 2 has none; PyJWT 2.15.1 takes it again for the sake of a load balancer",
        resealed(f"{HEAD}.{b64url_encode(CLAIMS_JSON + b' ' * (-len(CLAIMS_JSON) % 3 + 1)).decode()}==."),
        "pyjwt",
        "token_malformed: not base64url without padding",
    ),
    "nbf with a fraction": Difference(
        "not before means not half a second before; PyJWT cuts the fraction off",
        written(claims(nbf=NOW + 0.5)),
        "pyjwt",
        "token_not_yet_valid: ",
    ),
    # We accept, not everybody does.
    "a header member of somebody's own": Difference(
        "RFC 7515 section 4: ignored when not understood, so that an issuer may be newer than its verifiers",
        written(claims(), header(x="y")),
        "pyjwt",
        seen=lambda head, _said: not head.keys() <= REGISTERED,
    ),
    "a long header": Difference(
        "4 KiB of header are allowed here, 512 bytes in joserfc",
        written(claims(), json.dumps(header()).encode() + b" " * 600),
        "pyjwt",
    ),
    "iat a little ahead": Difference(
        "two clocks are never the same: 5 seconds, which prolong nothing",
        written(claims(iat=NOW + 3)),
        "none",
        seen=lambda _head, said: NOW < said["iat"] <= NOW + 5,
    ),
    "exp with a fraction": Difference(
        "RFC 7519 section 2 allows it, and until then the token is good; PyJWT cuts the fraction off",
        written(claims(exp=NOW + 0.5)),
        "joserfc",
        seen=lambda _head, said: int(said["exp"]) <= NOW < said["exp"],
    ),
}


def told(refused: TokenRefused) -> str:
    """A refusal as the patterns of `DIFFERENCES` are written: without the quotes around a parser's words."""
    detail = refused.detail.strip("'\"")
    return f"{refused.code}: {detail}"


@pytest.mark.requirement("J18")
@pytest.mark.parametrize("name", DIFFERENCES)
def test_each_difference_still_occurs(name: str) -> None:
    """What is listed as a difference is one: we and the peers decide on its token as the list says."""
    difference = DIFFERENCES[name]
    verdict = ours(difference.text, verifier())
    assert side(difference.text, "HS256") == difference.peers
    if difference.refused is None:
        assert isinstance(verdict, dict)
        assert difference.peers != "both"
    else:
        assert isinstance(verdict, TokenRefused)
        assert re.match(difference.refused, told(verdict)), told(verdict)
        assert difference.peers != "none"


@pytest.mark.parametrize(
    "pattern", ["", "token_signature_mismatch: ", "token_alg_not_allowed: alg is 'none'"]
)
def test_no_entry_covers_everything(pattern: str) -> None:
    """The patterns of the list are narrow: none of them excuses a wrong seal or algorithm."""
    assert not [
        name for name, entry in DIFFERENCES.items() if entry.refused and re.match(entry.refused, pattern)
    ]


def unexplained(text: str, alg: str) -> str | None:
    """What differs between us and the peers on a text for no listed reason, or None."""
    verdict, peers = ours(text, verifier(public(signer(alg)))), side(text, alg)
    if isinstance(verdict, TokenRefused):
        excused = [
            entry
            for entry in DIFFERENCES.values()
            if entry.refused and re.match(entry.refused, told(verdict))
        ]
        return None if peers != "both" or excused else f"only we refuse ({told(verdict)}): {text}"
    if peers == "both":
        same = PEERS[alg].pyjwt(text) == PEERS[alg].joserfc(text) == verdict
        return None if same else f"we read other claims than the peers: {text}"
    head = json.loads(b64url_decode(text.split(".", maxsplit=1)[0].encode()))
    excused = [entry for entry in DIFFERENCES.values() if entry.refused is None and entry.seen(head, verdict)]
    return None if excused else f"we accept what only {peers} accepts: {text}"


# --- structured tokens, by the right key ---

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
# Values near to what is right, so that not nearly all examples are refused for the same reason.
TIMES = (NOW, NOW + 900, NOW - 1, NOW + 0.5, NOW + 3, NOW + 6, float(NOW), 0, -1, 1e300, 10**30)
NAMES = ("", "at+jwt", "AT+JWT", "JWT", AUDIENCE, ISSUER, "HS256", "ES256", "none", HMAC.kid, EC.kid)
LIKELY: st.SearchStrategy[object] = st.sampled_from(
    [*TIMES, *NAMES, [AUDIENCE], [ISSUER], ["admin"], [], {}, None, True, [AUDIENCE, ""]]
)
HEADER_MEMBERS = st.sampled_from(
    ["alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "x5u", "zip", "cty", "x5t", "enc", "p2c", "x"]
)
CLAIM_MEMBERS = st.sampled_from([*claims(), "nbf", "x"])
CHANGES = st.dictionaries(CLAIM_MEMBERS, LIKELY | JSON | st.just(ABSENT), max_size=2)
SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "spaced": lambda text: b" \n\t" + text.replace(":", " :\r\n").encode() + b" ",
    "duplicate, the same": lambda text: (
        (text[:-1] + "," + text[1:]).encode() if len(text) > 2 else text.encode()
    ),
    "escaped": lambda text: text.replace("s", "\\u0073").encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "array": lambda text: f"[{text}]".encode(),
    "something after": lambda text: text.encode() + b"x",
    "NUL after": lambda text: text.encode() + b"\0",
    "cut": lambda text: text.encode()[:-1],
    "bad UTF-8": lambda text: text.encode().replace(b"a", b"\xe1", 1),
    "NaN": lambda text: text.encode()[:-1] + b',"y":NaN}',
    "huge number": lambda text: text.encode()[:-1] + b',"y":' + b"9" * 5000 + b"}",
}
SEALINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "padding at the end": lambda text: text + "=",
    "two at the end": lambda text: text + "==",
    "another last letter": another_last_letter,
    "new line": lambda text: text + "\n",
    "space before": lambda text: " " + text,
    "one segment more": lambda text: text + "." + text.rpartition(".")[2],
    "the standard alphabet": lambda text: text.replace("-", "+").replace("_", "/"),
    "no seal": lambda text: text.rpartition(".")[0] + ".",
}


SPELLED = st.sampled_from(["plain"] * len(SPELLINGS) + list(SPELLINGS))


@pytest.mark.requirement("J18", "J7", "J3", "J4")
@given(
    st.sampled_from(ALGS),
    st.dictionaries(HEADER_MEMBERS, LIKELY | JSON | st.just(ABSENT), max_size=1),
    CHANGES,
    st.tuples(SPELLED, SPELLED),
    st.sampled_from(["as it is"] * len(SEALINGS) + list(SEALINGS)),
)
@example("HS256", {}, {}, ("plain", "plain"), "as it is")
@example("ES256", {"typ": "AT+JWT"}, {"aud": ["x", AUDIENCE]}, ("spaced", "escaped"), "as it is")
@example("HS256", {}, {"nbf": NOW, "exp": NOW + 0.5}, ("plain", "duplicate, the same"), "as it is")
@example("EdDSA", {"kid": ABSENT}, {}, ("plain", "plain"), "as it is")
@example("RS256", {"alg": "none"}, {}, ("plain", "plain"), "no seal")
def test_no_sealed_token_is_judged_otherwise_than_listed(
    alg: str,
    head: dict[str, object],
    changes: dict[str, object],
    spelling: tuple[str, str],
    sealing: str,
) -> None:
    """On any header and claims in any spelling, truly sealed, we differ from the peers only as is listed."""
    key = signer(alg)
    text = seal(
        SPELLINGS[spelling[0]](json.dumps(header(key, **head))),
        SPELLINGS[spelling[1]](json.dumps(claims(**changes))),
        key,
    )
    assert unexplained(SEALINGS[sealing](text), alg) is None


@pytest.mark.requirement("J18", "J4")
@given(st.sampled_from(["HS256", "HS384", "HS512", "RS256"]), st.integers(0, 2**32))
def test_no_mutated_token_is_judged_otherwise_than_listed(alg: str, seed: int) -> None:
    """A good token changed anywhere, its seal left as it was: what both peers refuse, we refuse too."""
    good, source = token(signer(alg)), Random(seed)  # noqa: S311 -- must repeat
    text = good
    for _ in range(20):
        assert unexplained(text, alg) is None
        text = mutated(good, good, source)


@pytest.mark.requirement("J18")
@given(st.sampled_from([*MEMBERS]), st.data())
def test_no_attack_is_judged_otherwise_than_listed(name: str, data: st.DataObject) -> None:
    """The values that attacks use, in header or claims, under the right seal or another key's."""
    value = data.draw(st.sampled_from(MEMBERS[name]))
    for head, said in ((header() | {name: value}, claims()), (header(), claims(**{name: value}))):
        assert unexplained(seal(head, said), "HS256") is None
        assert isinstance(ours(seal(head, said, OTHER_HMAC), verifier()), TokenRefused)
        assert side(seal(head, said, OTHER_HMAC), "HS256") == "none"


# --- and in peace ---


@pytest.mark.parametrize("alg", ALGS)
def test_what_we_sign_the_peers_accept(alg: str) -> None:
    """Our tokens are everybody's tokens."""
    text = token(signer(alg))
    assert PEERS[alg].pyjwt(text) == PEERS[alg].joserfc(text) == claims()


@pytest.mark.parametrize("alg", ALGS)
def test_what_the_peers_sign_we_accept(alg: str) -> None:
    """A token made by PyJWT or joserfc with our header is one of ours."""
    key: Any = signer(alg)
    secret = key._secret if isinstance(key, HmacKey) else key._private
    text = jwt.encode(claims(), secret, alg, headers={"kid": key.kid, "typ": "at+jwt"})
    assert ours(text, verifier(public(key))) == claims()
    private: Any = joserfc.jwk.import_key(key.to_private_jwk())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of "EdDSA" being an old name
        text = joserfc.jwt.encode(header(key), claims(), private, algorithms=[alg])
    assert ours(text, verifier(public(key))) == claims()


def test_the_peers_are_as_strict_as_they_can_be() -> None:
    """The comparison means something: each peer refuses what it can be made to refuse."""
    assert side(token(), "HS256") == "both"
    wrong: list[dict[str, object]] = [{"iss": "x"}, {"aud": "x"}, {"nbf": NOW + 1}]
    for changes in (*({name: ABSENT} for name in REQUIRED), *wrong):
        assert side(token(**changes), "HS256") == "none"
    assert side(token(exp=NOW - 1), "HS256") == "none"
    assert side(seal(header(alg="none"), claims()).rpartition(".")[0] + ".", "HS256") == "none"
    assert side(seal(header(crit=["x"], x=1), claims()), "HS256") == "none"
    with pytest.raises(EncodingError):
        b64url_decode(another_last_letter(SEAL).encode())
