"""Where a login may lead: a path on our own origin, as any browser would read it."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sekisho.features.pages.returning import own_path

ORIGIN = "https://id.example.com"


@pytest.mark.requirement("A14", "X23")
@given(st.text(st.sampled_from("/\\:@?#.%2fea\t\n\r \x00あx-"), max_size=14))
@example("//evil.example")
@example("///evil.example")
@example("/\\evil.example")
@example("/\t/evil.example")
@example("https:evil.example")
@example("/%2f/evil.example")
@example("/..//evil.example")
def test_what_passes_stays_on_our_origin(text: str) -> None:
    """Joined as RFC 3986 says, after the tabs, line ends and backslashes that browsers forgive."""
    path = own_path(text)
    assert path in {None, text}
    if path is not None:
        forgiven = path.strip().replace("\t", "").replace("\r", "").replace("\n", "").replace("\\", "/")
        assert forgiven == path
        parts = urlsplit(urljoin(f"{ORIGIN}/login", forgiven))
        assert f"{parts.scheme}://{parts.netloc}" == ORIGIN
        assert path.isascii()
        # `///host` is a path to RFC 3986, and a host to browsers (URL Standard, section 4.4).
        assert not path.startswith("//")


@pytest.mark.parametrize(
    "path", ["/", "/account", "/a/b?c=d&e=%2F#f", "/%E9%96%A2", "/a:b@c", "/?next=https://x"]
)
def test_ordinary_paths_pass(path: str) -> None:
    """Query and fragment included, unchanged."""
    assert own_path(path) == path
