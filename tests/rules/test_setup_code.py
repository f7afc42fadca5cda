"""The code of the first run: how it is printed, how it is read, what is kept of it."""

from __future__ import annotations

import hashlib
import os
import re

import pytest

from sekisho.rules.setup_code import CODE_BYTES, code_digest, setup_code


def test_a_code_can_be_typed() -> None:
    """Seven groups of four, digits and letters that look like no digit; 140 bits, each of which counts."""
    secret = os.urandom(CODE_BYTES)
    code, _ = setup_code(secret)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){6}", code)
    number = int.from_bytes(secret)
    assert (
        len({setup_code((number ^ 1 << bit).to_bytes(CODE_BYTES))[0] for bit in range(140)} | {code}) == 141
    )


def test_what_is_kept_is_a_digest() -> None:
    """SHA-256 of the symbols alone; the code does not follow from it."""
    code, kept = setup_code(os.urandom(CODE_BYTES))
    assert kept == hashlib.sha256(code.replace("-", "").encode()).digest()


@pytest.mark.parametrize(
    "typed",
    [
        "0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV",
        "0123456789abcdefghjkmnpqrstv",
        " o123 4567 89ab cdef ghjk mnpq rstv ",
        "0L23-4567-89AB-CDEF-GHJK-MNPQ-RSTV",
        "\uff10123-4567-89AB-CDEF-GHJK-MNPQ-RSTV",
        "http://localhost:8400/setup#0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV",
    ],
)
def test_a_code_is_read_as_people_type_it(typed: str) -> None:
    """Small letters, spaces, letters for digits, full width, or the whole link."""
    assert code_digest(typed) == hashlib.sha256(b"0123456789ABCDEFGHJKMNPQRSTV").digest()


@pytest.mark.requirement("X16")
@pytest.mark.parametrize(
    "typed",
    [
        "",
        "#",
        "0123",
        "U123-4567-89AB-CDEF-GHJK-MNPQ-RSTV",
        "0" * 29,
        "0" * 27,
        "#" * 3000,
        "0" * 5000,
        "\0" * 28,
    ],
)
def test_what_is_no_code_is_none(typed: str) -> None:
    """Too short, too long, or with a letter that no code has."""
    assert code_digest(typed) is None
