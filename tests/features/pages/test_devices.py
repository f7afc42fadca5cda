"""A User-Agent in words that its owner recognises."""

from __future__ import annotations

import pytest

from sekisho.features.pages.devices import Device, recognise

CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 {}Safari/537.36{}"
WINDOWS = "Windows NT 10.0; Win64; x64"
WEBKIT = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) {} Safari/605.1.15"


@pytest.mark.parametrize(
    ("user_agent", "program", "system"),
    [
        (CHROME.format(WINDOWS, "", ""), "Chrome", "Windows"),
        (CHROME.format(WINDOWS, "", " Edg/156.0"), "Edge", "Windows"),
        (CHROME.format("X11; Linux x86_64", "", " OPR/120.0"), "Opera", "Linux"),
        (CHROME.format("X11; CrOS x86_64 14541.0.0", "", ""), "Chrome", "ChromeOS"),
        (CHROME.format("Linux; Android 10; K", "Mobile ", ""), "Chrome", "Android"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "Linux"),
        (WEBKIT.format("Macintosh; Intel Mac OS X 10_15_7", "Version/26.0"), "Safari", "macOS"),
        (WEBKIT.format("iPhone; CPU iPhone OS 18_0 like Mac OS X", "CriOS/156.0"), "Chrome", "iPhone"),
        ("curl/8.5.0", "curl", ""),
        ("python-httpx/0.28.1", "python-httpx", ""),
        ("MyApp/1.0 (iPad; iOS 18.0)", "MyApp", "iPad"),
        ("Mozilla/5.0", "", ""),
        ("", "", ""),
        ("<script>alert(1)</script>", "", ""),
    ],
)
def test_a_device_is_recognised(user_agent: str, program: str, system: str) -> None:
    """By what it is and not by what it also claims to be; by nothing where it does not say."""
    assert recognise(user_agent) == Device(program, system)
