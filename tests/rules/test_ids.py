"""Row ids."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.rules.ids import is_uuid, uuid7, uuid_bytes, uuid_text


def test_the_example_of_the_standard() -> None:
    """The UUIDv7 of RFC 9562 appendix A.6 comes out of its instant and its random bits."""
    entropy = (0xCC3 << 64 | 0x18C4DC0C0C07398F).to_bytes(10)
    assert uuid7(1645557742.000, entropy) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(st.floats(0, 4e9), st.binary(min_size=10, max_size=10))
def test_version_and_variant(now: float, entropy: bytes) -> None:
    """Whatever the entropy, the id says version 7 and the RFC's variant, in the one accepted spelling."""
    text = uuid7(now, entropy)
    parsed = uuid.UUID(text)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert int(text.replace("-", "")[:12], 16) == int(now * 1000)
    assert is_uuid(text)


@given(st.uuids())
def test_text_and_bytes_are_those_of_the_standard_library(each: uuid.UUID) -> None:
    """Both ways, for any id."""
    assert uuid_text(each.bytes) == str(each)
    assert uuid_bytes(str(each)) == each.bytes


def test_ids_sort_by_age() -> None:
    """A later millisecond makes a greater id, whatever the entropy."""
    assert uuid7(1000.001, b"\xff" * 10) < uuid7(1000.002, b"\x00" * 10)


@pytest.mark.parametrize("size", [0, 9, 11])
def test_wrong_entropy_is_refused(size: int) -> None:
    """Ten bytes, no more and no less."""
    with pytest.raises(ValueError, match="ten bytes"):
        uuid7(0, b"x" * size)


@pytest.mark.parametrize("now", [-1.0, 2.0**48])
def test_an_instant_that_does_not_fit_is_refused(now: float) -> None:
    """48 bits of milliseconds bound the instants."""
    with pytest.raises(ValueError, match="48 bits"):
        uuid7(now, b"x" * 10)


@pytest.mark.requirement("H8", "X19")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
        "017f22e279b07cc398c4dc0c0c07398f",
        "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
        "urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "../etc/passwd",
    ],
)
def test_other_spellings_are_no_ids(text: str) -> None:
    """An id has one spelling, so that it can be compared and logged as text."""
    assert not is_uuid(text)
