"""The settings: what each may be on this machine, and should not be where others reach the server."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from sekisho import setting_urls as urls
from sekisho import setting_values as values
from sekisho.cli.checkup.findings import Finding, bad, good, warning
from sekisho.settings import Settings

#: Seconds. A token that lives longer makes everything that is not revoked by name take that long.
LONG_TOKEN = 3600.0
#: Addresses in one network. More than a private one has is nobody's list of proxies.
_MANY_PROXIES = 2**24


def look_at_settings(settings: Settings, *, shared_secret: bool) -> Iterator[Finding]:
    """`shared_secret`: whether access tokens are verified by the secret that signs them."""
    local = urls.is_loopback(settings.issuer)
    yield warning("https", issuer=settings.issuer) if local else good("https", issuer=settings.issuer)
    if settings.signup == "open" and not local:
        yield warning("signup")
    else:
        yield good("signup", signup=settings.signup)
    plain = [origin for origin in settings.allowed_origins if _is_plain(origin)]
    if plain and not local:
        yield bad("origins", origins=", ".join(plain))
    else:
        yield good("origins", count=len(settings.allowed_origins))
    wide = [network for network in settings.trusted_proxies if network.num_addresses > _MANY_PROXIES]
    if wide:
        yield bad("proxies", networks=", ".join(map(str, wide)))
    else:
        yield good("proxies", count=len(settings.trusted_proxies))
    if settings.refresh_store == "none":
        yield warning("refresh_store")
    else:
        yield good("refresh_store")
    if settings.access_ttl > LONG_TOKEN:
        yield warning("access_ttl", ttl=values.spell(settings.access_ttl))
    else:
        yield good("access_ttl", ttl=values.spell(settings.access_ttl))
    if shared_secret and not local:
        yield warning("shared_secret")
    else:
        yield good("shared_secret", "shared_secret.local" if shared_secret else "shared_secret.good")


def _is_plain(origin: str) -> bool:
    return urlsplit(origin).scheme == "http" and not urls.is_loopback(origin)
