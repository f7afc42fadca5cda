"""Mutated and arbitrary tokens: none is accepted, and nothing but TokenRefused is raised."""

from __future__ import annotations

import json
import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho_verify import TokenRefused
from sekisho_verify.encoding import b64url_encode
from sekisho_verify.errors import SENTENCES
from tests.verify import mutate
from tests.verify.mutations import STEPS, TEXT, good_and_other, trial
from tests.verify.tokens import ALGS, HMAC, header, seal, verifier

# A hundred thousand; `python -m tests.verify.mutate` has ten million.
COUNTS = {
    "HS256": 60_000,
    "HS384": 12_000,
    "HS512": 12_000,
    "ES256": 5_000,
    "EdDSA": 4_000,
    "RS256": 4_000,
    "PS256": 3_000,
}


@pytest.mark.requirement("J18", "J4", "J7")
@pytest.mark.parametrize("alg", ALGS)
def test_no_mutated_token_is_accepted(alg: str) -> None:
    """Of thousands of texts near a good token only that one passes; every other is a TokenRefused."""
    verdicts = trial(alg, seed="suite", count=COUNTS[alg])
    assert verdicts.found == []
    assert verdicts.refused.total() + verdicts.same == COUNTS[alg]
    assert verdicts.same < COUNTS[alg] * 0.05
    # They get as far as every gate.
    assert verdicts.refused.keys() >= {
        "token_malformed",
        "token_alg_not_allowed",
        "token_key_unknown",
        "token_type_mismatch",
        "token_signature_mismatch",
        "token_audience_mismatch",
    }


def test_there_are_a_hundred_thousand() -> None:
    """The suite's share of the mutations is as large as it says."""
    assert sum(COUNTS.values()) == 100_000
    assert COUNTS.keys() == set(ALGS)


def test_the_mutations_find_a_hole() -> None:
    """A verifier that reads leniently, or trips, is found out by them."""
    good, _ = good_and_other("HS256")
    using = verifier().verify

    def lenient(text: str) -> object:
        return using(text.strip().rstrip("="))

    def clumsy(text: str) -> object:
        head = text.partition(".")[0]
        if len(head) % 4 == 1:
            raise IndexError(head)
        return using(text)

    def caseless(text: str) -> object:
        return using(good if text.lower() == good.lower() else text)

    for judge, expected in ((lenient, "accepted"), (clumsy, "raised IndexError"), (caseless, "accepted")):
        found = trial("HS256", seed="hole", count=3000, judge=judge).found
        assert found
        assert all(expected in find and "HS256" in find for find in found)


def test_every_step_is_taken_and_repeats() -> None:
    """The same seed gives the same verdicts, another seed others, and no step leaves its token as it is."""
    assert trial("HS256", seed="a", count=300) == trial("HS256", seed="a", count=300)
    assert trial("HS256", seed="a", count=300) != trial("HS256", seed="b", count=300)
    good, other = good_and_other("HS256")
    for step in STEPS:
        source = Random(step.__name__)  # noqa: S311 -- must repeat
        assert len({step(good, other, source) for _ in range(100)} - {good}) >= 3, step.__name__


@pytest.mark.parametrize("first", [0, 1])
def test_the_long_run_reports(first: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The script names its seed, goes on where it is told, counts every text, and ends with 0 for no find."""
    assert (
        mutate.main(["--texts", str(2 * mutate.SIZE), "--jobs", "1", "--seed", "s", "--first", str(first)])
        == 0
    )
    said = capsys.readouterr().out
    assert f"seed s, rounds {first} to 1" in said
    counted = re.search(r"refused ([\d,]+).*unchanged ([\d,]+); found 0", said)
    assert counted
    assert sum(int(number.replace(",", "")) for number in counted.groups()) == (2 - first) * mutate.SIZE


@pytest.mark.requirement("J18")
@given(
    st.text()
    | st.binary()
    | st.text(alphabet=TEXT + ".", max_size=80)
    | st.lists(st.binary().map(b64url_encode), max_size=5).map(b".".join).map(bytes.decode)
    | st.from_regex(r"\A[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
    | st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4)
)
def test_anything_at_all_is_refused(anything: object) -> None:
    """Nothing comes out of `verify` for rubbish but a TokenRefused with a known code."""
    with pytest.raises(TokenRefused) as caught:
        verifier().verify(anything)  # type: ignore[arg-type]  # that is the point
    assert caught.value.code in {"token_malformed", "token_alg_not_allowed"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "zip", "cty", "x5t", "x"])


@pytest.mark.requirement("J18")
@given(st.dictionaries(MEMBERS, JSON | st.just(HMAC.kid), max_size=3), JSON | st.binary(max_size=40))
def test_any_sealed_header_and_payload_are_judged(head: dict[str, object], payload: object) -> None:
    """Behind a seal that holds, too, everything is a token or a TokenRefused."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode("utf-8", "surrogatepass")
    with pytest.raises(TokenRefused) as caught:
        verifier().verify(seal(json.dumps(header() | head).encode(), raw))
    assert caught.value.code in SENTENCES
