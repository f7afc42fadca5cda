"""URLs are read once and strictly, for keys and for the attack alike."""

from __future__ import annotations

import pytest

from sekisho_verify.urls import place, safe_place


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "ftp://localhost/", "file:///etc/hosts", "http://", "http:///x", "http://a b/"),
        *("http://u@localhost/", "http://u:p@localhost/", "http://localhost/#x", "http://löcal/"),
        *("http://localhost:99999/", "http://localhost:x/", "http://[::1/"),
        *("http://localhost:0/", "http://localhost/\x7f"),
    ],
)
def test_what_is_no_plain_url_is_refused_without_repeating_it(url: str) -> None:
    """A password in a URL, or a token given in its place, is not shown back."""
    with pytest.raises(ValueError, match=r"\bURL\b") as error:
        place(url)
    assert not url or url not in str(error.value)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost/", True),
        ("https://LOCALHOST:1/x", True),
        ("http://127.0.0.1", True),
        ("http://127.8.9.10/", False),
        ("http://[::1]:8001/", True),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://10.0.0.1/", False),
        ("http://0.0.0.0/", False),
    ],
)
def test_this_machine_has_three_names(url: str, local: bool) -> None:  # noqa: FBT001 -- a parameter of the table
    """Those that the server has for it; names that only begin like them are somebody else's."""
    assert place(url).local is local


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://id.example.com/a", "https://ID.example.com:443/b?c", True),
        ("http://localhost/", "http://localhost:80/", True),
        ("https://id.example.com/", "https://id.example.com:444/", False),
        ("https://localhost/", "http://localhost/", False),
        ("https://id.example.com/", "https://id.example.com./", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str, same: bool) -> None:  # noqa: FBT001 -- a parameter of the table
    """A port that is left out is the scheme's own (RFC 6454 section 4)."""
    assert (place(one).origin == place(other).origin) is same


def test_what_is_believed_comes_by_https_or_from_here() -> None:
    """Plain http is for this machine alone; what a request names is path and query."""
    assert safe_place("http://[::1]:8001/a?b=c").target == "/a?b=c"
    assert safe_place("https://id.example.com").target == "/"
    with pytest.raises(ValueError, match="https only, and http on this machine"):
        safe_place("http://id.example.com/")
