"""What an issuer says of itself: RFC 8414 metadata, found by its name, and the places that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sekisho_verify.encoding import json_object
from sekisho_verify.errors import ConfigurationError
from sekisho_verify.urls import safe_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sekisho_verify.http_get import Exchange
    from sekisho_verify.urls import Place

METADATA_PATH: Final = "/.well-known/oauth-authorization-server"
MAX_METADATA: Final = 256 * 1024
"""Bytes of the largest metadata that are read."""


def metadata_place(issuer: str) -> Place:
    """Where the metadata of an issuer are.

    Raises:
        ConfigurationError: it is not an acceptable URL.
    """
    try:
        return safe_place(issuer.rstrip("/") + METADATA_PATH)
    except ValueError as error:
        raise ConfigurationError(f"issuer: {error}; give it as https://id.example.com") from None


def read_metadata(exchange: Exchange, issuer: str) -> Mapping[str, Any]:
    """The metadata of this very issuer.

    Raises:
        HttpFailed: there is no answer.
        EncodingError: it is not strict JSON.
        ValueError: they are those of another issuer; the message says whose.
    """
    body = exchange.get(metadata_place(issuer), limit=MAX_METADATA).body
    metadata = json_object(body, unique_members=True)
    # Byte for byte: otherwise one issuer could stand in for another (RFC 8414 section 3.3).
    if metadata.get("issuer") != issuer:
        raise ValueError(_of_another(metadata.get("issuer"), issuer))
    return metadata


def own_place(metadata: Mapping[str, Any], name: str, *, issuer: str) -> Place:
    """The place that the metadata give by that name; it must be of the issuer's own origin.

    So nothing is asked but what the operator has named, whatever the metadata say, and the addresses behind
    the names need no check against request forgery (RFC 8725 section 3.10).

    Raises:
        ValueError: there is none, or it is elsewhere.
    """
    url = metadata.get(name)
    if not isinstance(url, str):
        raise ValueError(f"the metadata has no {name}")  # noqa: TRY004 -- the answer is wrong, no argument
    try:
        place = safe_place(url)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if place.origin != metadata_place(issuer).origin:
        raise ValueError(f"{name} is not of the issuer's own origin: {url!a}")
    return place


def _of_another(named: object, issuer: str) -> str:
    reason = f"the metadata is of issuer {named!a}, not {issuer!a}"
    # Not refused beforehand: an issuer may well be spelled with that slash (RFC 8414 section 3.1), and only
    # its metadata say which it is. No other name of theirs is recommended to the operator.
    if isinstance(named, str) and named.rstrip("/") == issuer.rstrip("/"):
        reason += f"; the slash at the end counts: give issuer={named!a}"
    return reason
