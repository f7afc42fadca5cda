"""The catalogue of forgeries: each is refused with its code, whatever the algorithm."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from sekisho_verify import SigningKey, TokenRefused, Verifier
from sekisho_verify.bearer import BearerCheck
from sekisho_verify.forgeries import Forged, Untried, catalogue, forge, needs
from sekisho_verify.forgeries.forging import parts, spellings, tampered, unsigned
from sekisho_verify.key_generation import Alg, new_key
from tests.verify.tokens import (
    ALGS,
    NOW,
    OTHER_HMAC,
    claims,
    header,
    public,
    refusal,
    seal,
    signer,
    token,
    verifier,
)

if TYPE_CHECKING:
    from sekisho_verify.keypairs import EcKey, OkpKey, RsaKey

HTTP_JOINS: Final = ", "


def asked(forged: Forged, using: Verifier) -> str | None:
    """The code with which a guard refuses what is sent, as servers hand it over; None if it lets it in."""
    values = [value for name, value in forged.headers if name == "Authorization"]
    authorization = HTTP_JOINS.join(values) if values else None
    try:
        BearerCheck(using).token(authorization, query=forged.query)
    except TokenRefused as refused:
        return refused.code
    return None


def published(alg: str) -> EcKey | OkpKey | RsaKey | None:
    """The public key that an issuer of this algorithm publishes."""
    key = signer(alg)
    return key.public if isinstance(key, SigningKey) else None


def all_of(alg: Alg, *, signed: bool) -> tuple[Forged | Untried, ...]:
    """The catalogue made of a good token, with the issuer's key or without."""
    key = signer(alg)
    return forge(token(key), forger=new_key(alg), public_key=published(alg), signer=key if signed else None)


@pytest.mark.requirement(
    *(f"V{number:02}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20, 21, 22)),
    *("J6", "J7", "J9", "J10", "J11", "J12", "J14", "J15", "C1", "C3", "C4", "C5", "C6", "C9"),
)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("alg", ALGS)
def test_every_forgery_is_refused_with_its_code(alg: Alg, signed: bool) -> None:  # noqa: FBT001 -- a parameter of the table
    """With the issuer's key and without, the guard answers the code that the catalogue says."""
    using = verifier(public(signer(alg)))
    wrong = {
        forged.forgery.name: (forged.code, code)
        for forged in all_of(alg, signed=signed)
        if isinstance(forged, Forged) and (code := asked(forged, using)) != forged.code
    }
    assert wrong == {}


@pytest.mark.parametrize("alg", ALGS)
def test_the_verifier_alone_refuses_every_text(alg: Alg) -> None:
    """What stands alone behind Bearer is refused without a guard too, with the same code but for a comma."""
    using = verifier(public(signer(alg)))
    for forged in all_of(alg, signed=True):
        if isinstance(forged, Forged) and forged.text is not None:
            # A comma is two credentials to a guard; to the verifier it is only no token.
            expected = "token_malformed" if forged.code == "invalid_request" else forged.code
            assert refusal(forged.text, using) == expected, forged.forgery.name


@pytest.mark.parametrize("alg", ALGS)
def test_nothing_is_dropped_in_silence(alg: Alg) -> None:
    """Each entry of the catalogue is made or untried with a reason, in the catalogue's order."""
    every = all_of(alg, signed=False)
    assert [forged.forgery.name for forged in every] == list(catalogue())
    missing = {forged.forgery.name: forged.need for forged in every if isinstance(forged, Untried)}
    pair = not alg.startswith("HS")
    assert ("hs256-pem" in missing) is not pair
    assert ("secret-empty" in missing) is pair
    assert ("signature-der" in missing) is (alg != "ES256")
    assert set(missing.values()) <= needs().keys()


def test_without_the_public_key_its_confusions_are_untried() -> None:
    """The nine spellings of the public key need the public key, and say so."""
    made = forge(token(signer("ES256")), forger=new_key("ES256"))
    missing = {each.forgery.name for each in made if isinstance(each, Untried) and each.need == "public_key"}
    key = published("ES256")
    assert key is not None
    assert missing == {f"hs256-{spelling}" for spelling in spellings(key)}
    assert len(missing) == 9


def test_a_claim_that_nobody_could_sign_is_refused_by_its_signature() -> None:
    """Without the issuer's key a changed audience breaks the seal; a true token of another API does not."""
    key = signer("ES256")
    for foreign, expired, codes in (
        (None, None, ("token_signature_mismatch", "token_signature_mismatch")),
        (token(key, aud="b"), token(key, exp=NOW - 1), ("token_audience_mismatch", "token_expired")),
    ):
        made = forge(token(key), forger=new_key("ES256"), foreign=foreign, expired=expired)
        by_name = {each.forgery.name: each for each in made if isinstance(each, Forged)}
        assert (by_name["aud-other"].code, by_name["exp-past"].code) == codes
        assert [asked(by_name[name], verifier(public(key))) for name in ("aud-other", "exp-past")] == [*codes]


def test_each_forgery_differs_from_the_good_token() -> None:
    """No forgery is the good token by accident, and no two are the same request."""
    key = signer("ES256")
    good = token(key)
    made = [each for each in all_of("ES256", signed=True) if isinstance(each, Forged)]
    assert good not in {each.text for each in made}
    sent = [(each.headers, each.query, each.form) for each in made]
    assert len(set(sent)) == len(sent)


def test_a_token_of_another_kind_is_not_judged_by_its_kind() -> None:
    """Where the good token is no at+jwt, another typ proves nothing: those forgeries are untried."""
    made = forge(seal(header(typ="JWT"), claims()), forger=new_key("HS256"))
    untried = {each.forgery.name for each in made if isinstance(each, Untried) and each.need == "at_jwt"}
    assert untried == {name for name in catalogue() if name.startswith("typ-")}


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "skr1_AAAA", "..", "e30.e30"])
def test_what_is_no_jws_cannot_be_forged(text: str) -> None:
    """An opaque token is said to be one."""
    with pytest.raises(ValueError, match="compact JWS"):
        forge(text, forger=OTHER_HMAC)
    with pytest.raises(ValueError, match="another algorithm"):
        forge(token(signer("ES256")), forger=OTHER_HMAC)


def test_the_catalogue_speaks_both_languages() -> None:
    """English is ASCII and Japanese is Japanese; each entry is one sentence with ids of the list."""
    said = [(entry.name, entry.en, entry.ja) for entry in catalogue().values()]
    said += [(need, words["en"], words["ja"]) for need, words in needs().items()]
    for name, en, ja in said:
        assert re.fullmatch(r"[A-Z a-z][ -~]+", en), name
        assert re.search(r"[\u3040-\u30ff]", ja), name
    for entry in catalogue().values():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name)
        assert entry.ids
        assert all(re.fullmatch(r"[VJCH]\d{1,2}", id_) for id_ in entry.ids), entry.name
        assert entry.en.endswith(".")
        assert entry.ja.endswith("。")


def test_the_controls_are_let_in() -> None:
    """Two entries are no forgeries: the scheme's name knows no case."""
    controls = [entry.name for entry in catalogue().values() if entry.code is None]
    assert controls == ["scheme-lower-case", "scheme-upper-case"]


def test_the_plain_tools_keep_what_they_do_not_change() -> None:
    """Tampering leaves header and signature; unsigning says none and leaves the rest of the header."""
    good = token()
    forged = tampered(good, {"roles": ["admin"]})
    assert parts(forged).payload == parts(good).payload | {"roles": ["admin"]}
    assert (parts(forged).header, parts(forged).signature) == (parts(good).header, parts(good).signature)
    bare = unsigned(good, {"sub": "x"}, signature="AA")
    assert parts(bare).header == parts(good).header | {"alg": "none"}
    assert parts(bare).signature == b"\0"
