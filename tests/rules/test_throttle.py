"""Failed attempts and waiting times."""

import pytest

from sekisho.rules.revocation import Entry, horizon
from sekisho.rules.throttle import POLICIES, Bucket, Policy, login_buckets, network
from sekisho_verify.revocations.entries import write_rv

POLICY = Policy(free=3, base=2.0, cap=60.0)


@pytest.mark.requirement("W5")
def test_the_wait_doubles_up_to_its_cap() -> None:
    """The free attempts cost nothing, then the wait doubles, and it is never longer than the cap."""
    assert [POLICY.wait(n) for n in range(1, 10)] == [0.0, 0.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert POLICY.wait(10**6) == 60.0


@pytest.mark.requirement("W5")
@pytest.mark.parametrize("subject", sorted(POLICIES.keys() - {"signup"}))
def test_no_lock_is_permanent(subject: str) -> None:
    """Whatever an attacker does, the wait ends within a quarter of an hour; and a day allows few guesses."""
    policy = POLICIES[subject]  # type: ignore[index]  # the keys are the Literal's members
    assert policy.wait(10**9) <= 900.0
    assert policy.free + 86_400 / policy.cap <= 200


@pytest.mark.requirement("W5")
def test_a_known_device_counts_for_itself_alone() -> None:
    """Strangers who burn the account's attempts do not stand in the way of the owner's own device."""
    unknown = login_buckets(email="a@example.com", ip="192.0.2.1", known_device=None)
    known = login_buckets(email="a@example.com", ip="192.0.2.1", known_device=b"d")
    assert [bucket.subject for bucket in unknown] == ["account", "network"]
    assert [bucket.subject for bucket in known] == ["device"]
    assert not {bucket.key for bucket in unknown} & {bucket.key for bucket in known}


@pytest.mark.parametrize(
    ("ip", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("testclient", "unknown"),
        ("1.2.3.4.5", "unknown"),
    ],
)
def test_what_an_address_counts_for(ip: str, counted: str) -> None:
    """An IPv6 household has 2^64 addresses and one count."""
    assert network(ip) == counted


@pytest.mark.requirement("X20")
def test_keys_hold_no_address() -> None:
    """The row's key is a digest, and subjects do not collide."""
    assert len(Bucket("account", "x").key) == 16
    assert Bucket("account", "x").key != Bucket("network", "x").key


@pytest.mark.requirement("X20")
def test_revocation_keys_are_digests() -> None:
    """SHA-256('session|0'), its first 8 bytes; another kind or id is another key."""
    assert Entry("session", "0", "revoked").key.hex() == "12140eec3164bc21"
    assert Entry("user", "0", "revoked").key != Entry("session", "0", "revoked").key
    assert Entry("session", "0", "stale").key == Entry("session", "0", "revoked").key


def test_an_entry_outlives_every_token_it_can_hit() -> None:
    """Lifetime, grace and the leeway of verifiers, and not a constant."""
    assert horizon(token_ttl=900, grace=10) == 970
    assert write_rv(3, 41) == "3.41"
