"""What others need to know about us: keys, metadata, and the API itself."""

from __future__ import annotations

from typing import Any, Final

from sekisho.rules.keyring import JWKS_MAX_AGE
from sekisho.web.bodies import ServerMetadata
from sekisho.web.conditional import matches, tag_of
from sekisho.web.endpoint import Answer, Call, Content, Endpoint, Site
from sekisho.web.wire import encode

_PUBLIC: Final = "public, max-age=300"
#: A new key is published for longer than this, and the time of a verifier beside it, before it signs.
JWKS_CACHE: Final = f"public, max-age={JWKS_MAX_AGE}"


async def jwks(site: Site, call: Call[None]) -> Content | Answer:
    """GET /.well-known/jwks.json."""
    body = encode(site.acts.jwks())
    tag = tag_of(body)
    if matches(call.headers.get(b"if-none-match", b""), tag):
        return Answer(None, ((b"etag", tag),), status=304)
    return Content(body, "application/json", ((b"etag", tag),))


async def server_metadata(site: Site, _: Call[None]) -> ServerMetadata:
    """GET /.well-known/oauth-authorization-server."""
    # The issuer goes out byte for byte as configured: verifiers compare it so (RFC 8414 section 3.3).
    base = site.issuer.rstrip("/")
    return ServerMetadata(
        issuer=site.issuer,
        jwks_uri=f"{base}/.well-known/jwks.json",
        sekisho_revocations_uri=f"{base}/v1/revocations",
    )


async def openapi(site: Site, _: Call[None]) -> Content:
    """GET /openapi.json."""
    return Content(site.document(), "application/json")


METADATA_PATH: Final = "/.well-known/oauth-authorization-server"

ENDPOINTS: Final[tuple[Endpoint[Any], ...]] = (
    Endpoint(
        method="GET",
        path="/.well-known/jwks.json",
        handler=jwks,
        summary="The public signing keys (RFC 7517); none where tokens are signed with a shared secret",
        tag="discovery",
        answer="application/json",
        conditional=True,
        cache=JWKS_CACHE,
    ),
    Endpoint(
        method="GET",
        path=METADATA_PATH,
        handler=server_metadata,
        summary="Authorization server metadata (RFC 8414)",
        tag="discovery",
        answer=ServerMetadata,
        cache=_PUBLIC,
    ),
    Endpoint(
        method="GET",
        path="/openapi.json",
        handler=openapi,
        summary="This document",
        tag="discovery",
        answer="application/json",
        cache=_PUBLIC,
    ),
)
