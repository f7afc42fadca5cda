"""What a check of `sekisho token explain` found in a token, in the reader's language and with instants.

The verifier says it in English for logs, with seconds since 1970. Those sentences are the keys here, so that
the verifier, which is on the way of every request, carries no words in two languages.
"""

from __future__ import annotations

import re
from typing import Final

from sekisho.cli import output
from sekisho.words.catalogue import Say

_PLAIN: Final = {
    "an empty segment": "found.empty_segment",
    "encrypted (JWE)": "found.encrypted",
    "not three segments": "found.not_three",
    "base64url of an impossible length": "found.base64_length",
    "not base64url without padding": "found.base64",
    "base64url with trailing bits that are not zero": "found.base64_bits",
    "the JSON is not an object": "found.no_object",
    "a JSON object names a member twice": "found.twice",
    "not two numbers of P-256": "found.not_p256",
    "not of 64 bytes": "found.not_64_bytes",
    "not of the length of the modulus": "found.not_modulus",
}
_WITH_VALUES: Final = (
    ("found.is", re.compile(r"(?P<name>alg|typ|kid|iss|aud|rv) is (?P<value>.*)")),
    ("found.member", re.compile(r"a header with (?P<name>\w+)")),
    ("found.not_ascii", re.compile(r"not ASCII text of at most (?P<count>\d+) characters")),
    ("found.long_header", re.compile(r"a header of more than (?P<count>\d+) characters")),
    ("found.deep", re.compile(r"JSON nested deeper than (?P<count>\d+) levels")),
    ("found.not_json", re.compile(r"not strict JSON: (?P<why>.*)")),
    ("found.long_life", re.compile(r"lives longer than (?P<count>[\d.]+) seconds")),
    ("found.claim_missing", re.compile(r"Object missing required field `(?P<name>\w+)`")),
    (
        "found.claim_type",
        re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)` - at `\$\.(?P<name>[^`]+)`"),
    ),
    ("found.claim_value", re.compile(r"(?P<why>.*) - at `\$\.(?P<name>[^`]+)`")),
)
# "[ ]", as a blank before the parenthesis would read as the now() of SQL to the search for clocks.
_TIMES: Final = (
    ("found.expired", re.compile(r"at (?P<at>\d+), now[ ](?P<now>[\d.]+)")),
    ("found.early", re.compile(r"from (?P<at>\d+), now[ ](?P<now>[\d.]+)")),
)


def told(detail: str, say: Say) -> str:
    """The detail of a refusal for a reader; one that is not known here as the verifier says it.

    Nothing in it can move a cursor: what is not printable is replaced.
    """
    # What is wrong with the claims comes in quotation marks.
    bare = detail[1:-1] if detail[:1] == detail[-1:] and detail[:1] in {"'", '"'} else detail
    if bare in _PLAIN:
        return say(_PLAIN[bare])
    for key, pattern in _TIMES:
        if times := pattern.fullmatch(bare):
            at, now = float(times["at"]), float(times["now"])
            seconds = f"{abs(now - at):,.0f}"
            return say(key, at=output.instant(at), now=output.instant(now), seconds=seconds)
    for key, pattern in _WITH_VALUES:
        if found := pattern.fullmatch(bare):
            values = {name: output.one_line(value) for name, value in found.groupdict().items()}
            return say(key, **values)
    return output.one_line(detail)
