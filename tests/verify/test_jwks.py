"""Keys are fetched from a real server on this machine: bounded, https off loopback, no redirect."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sekisho_verify import ConfigurationError, KeySetUnavailable, fetch_key_set
from sekisho_verify.jwks import MAX_BODY, METADATA_PATH
from tests.verify.issuers import Issuer, running_issuer
from tests.verify.tokens import EC, HMAC, signer, token, verifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RSA = signer("RS256")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A running issuer with one key."""
    with running_issuer() as server:
        yield server


def test_an_issuers_keys_are_found_by_its_name(issuer: Issuer) -> None:
    """From the issuer's URL to its metadata, to its set, to a verifier that takes its tokens."""
    found = fetch_key_set(issuer.url)
    assert issuer.asked == [METADATA_PATH, "/keys"]
    assert found.skipped == ()
    using = verifier(*found.keys, issuer=issuer.url)
    assert using.verify(token(EC, iss=issuer.url)).sub


def test_an_issuer_may_have_a_path(issuer: Issuer) -> None:
    """A server mounted under a path has its metadata beneath it, with or without a slash at the end."""
    for name in (f"{issuer.url}/auth", f"{issuer.url}/auth/"):
        metadata = {"issuer": name, "jwks_uri": f"{issuer.url}/keys?v=1"}
        issuer.publish(f"/auth{METADATA_PATH}", metadata)
        issuer.publish("/keys?v=1", {"keys": [RSA.public.to_jwk()]})  # type: ignore[union-attr]  # a pair
        assert [key.alg for key in fetch_key_set(name).keys] == ["RS256"]


@pytest.mark.requirement("J13")
def test_a_bad_key_is_left_out_and_logged(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    """One entry that cannot be used does not take the others with it."""
    issuer.publish("/keys", {"keys": [{"kty": "EC", "crv": "P-521"}, EC.public.to_jwk()]})
    found = fetch_key_set(issuer.url)
    assert [key.kid for key in found.keys] == [EC.kid]
    assert f"skipped a key of {issuer.url}: entry 0" in caplog.text


@pytest.mark.requirement("C3")
@pytest.mark.parametrize("change", ["/", "x", "", None, 1])
def test_metadata_must_be_of_this_very_issuer(issuer: Issuer, change: object) -> None:
    """Another issuer's metadata, however alike, is refused (RFC 8414 section 3.3)."""
    name = issuer.url + change if isinstance(change, str) and change else change
    issuer.publish(METADATA_PATH, {"issuer": name, "jwks_uri": f"{issuer.url}/keys"})
    with pytest.raises(KeySetUnavailable, match="the metadata is of issuer"):
        fetch_key_set(issuer.url)
    assert issuer.asked == [METADATA_PATH]


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_slash_at_the_end_of_an_issuer_counts_and_the_refusal_says_so(issuer: Issuer, slash: str) -> None:
    """Both spellings exist among issuers; whoever has the wrong one is told the right one."""
    right, wrong = (issuer.url + end for end in (slash, "" if slash else "/"))
    issuer.publish(METADATA_PATH, {"issuer": right, "jwks_uri": f"{issuer.url}/keys"})
    assert [key.kid for key in fetch_key_set(right).keys] == [EC.kid]
    with pytest.raises(KeySetUnavailable) as refused:
        fetch_key_set(wrong)
    assert str(refused.value) == (
        f"the metadata is of issuer '{right}', not '{wrong}'; "
        f"the slash at the end counts: give issuer='{right}'"
    )


@pytest.mark.requirement("C3")
def test_the_name_of_quite_another_issuer_is_not_recommended(issuer: Issuer) -> None:
    """What the metadata say is evidence against them, unless only the slash differs."""
    issuer.publish(METADATA_PATH, {"issuer": "https://evil.example.com", "jwks_uri": f"{issuer.url}/keys"})
    with pytest.raises(KeySetUnavailable) as refused:
        fetch_key_set(issuer.url)
    assert str(refused.value) == f"the metadata is of issuer 'https://evil.example.com', not '{issuer.url}'"


@pytest.mark.requirement("J13")
@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (METADATA_PATH, b"", "not strict JSON"),
        (METADATA_PATH, b"[]", "not an object"),
        (METADATA_PATH, b'{"issuer":"a","issuer":"b"}', "twice"),
        (METADATA_PATH, b"x" * (MAX_BODY + 1), f"more than {MAX_BODY} bytes"),
        ("/keys", b"x" * (MAX_BODY + 1), f"more than {MAX_BODY} bytes"),
        ("/keys", b'{"keys":' + b"[" * 200_000, "deeper"),
        ("/keys", {"keys": []}, "no usable key"),
        ("/keys", {"keys": [EC.to_private_jwk()]}, "private key in a published set"),
        ("/keys", {"keys": [HMAC.to_private_jwk()]}, "publishes a shared secret"),
        ("/keys", {"keys": [EC.public.to_jwk(), HMAC.to_private_jwk()]}, "shared secrets and public keys"),
        ("/keys", {"keys": [EC.public.to_jwk()] * 2}, "same kid"),
    ],
)
def test_a_bad_answer_is_refused(issuer: Issuer, path: str, body: Any, reason: str) -> None:  # noqa: ANN401 -- JSON
    """Answers that are too long, not strict JSON, or no usable public keys are refused with the reason."""
    issuer.publish(path, body)
    with pytest.raises(KeySetUnavailable, match=reason):
        fetch_key_set(issuer.url)


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 308, 401, 404, 500])
def test_only_200_is_an_answer(issuer: Issuer, status: int) -> None:
    """Any other status is refused, and no redirect is followed (CVE-2026-102267)."""
    issuer.publish("/elsewhere", {"keys": [RSA.public.to_jwk()]})  # type: ignore[union-attr]  # a pair
    issuer.publish("/keys", {"keys": [EC.public.to_jwk()]}, status, Location=f"{issuer.url}/elsewhere")
    with pytest.raises(KeySetUnavailable, match=f"answered {status}"):
        fetch_key_set(issuer.url)
    assert issuer.asked == [METADATA_PATH, "/keys"]


@pytest.mark.parametrize(
    "uri",
    [
        *(None, 1, "", "/keys", "keys", "http://keys.example.com/", "file:///etc/passwd", "ftp://127.0.0.1/"),
        *(
            "data:application/json,{}",
            "https://user:pass@127.0.0.1/",
            "https:///keys",
            "https://127.0.0.1/#x",
        ),
        *(
            "https://127.0.0.1:99999/",
            "https://127.0.0.1:x/",
            "https://[::1/",
            "https://a b/",
            "https://鍵.example/",
        ),
        *("http://127.0.0.1\r\nHost: x/", "HTTP://10.0.0.1/", "http://127.0.0.1.example.com/", "http://0/"),
    ],
)
def test_keys_come_from_an_acceptable_place(issuer: Issuer, uri: object) -> None:
    """Other schemes (CVE-2026-48522), plain http off this machine and crooked URLs are not even tried."""
    issuer.publish(METADATA_PATH, {"issuer": issuer.url, "jwks_uri": uri})
    with pytest.raises(KeySetUnavailable, match="jwks_uri"):
        fetch_key_set(issuer.url)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "id.example.com",
        "http://id.example.com",
        "file:///etc",
        "http://user@localhost",
        "http://localhost/ x",
        "//x",
    ],
)
def test_an_issuer_is_an_acceptable_place(name: str) -> None:
    """An issuer that could not be asked safely is a configuration error."""
    with pytest.raises(ConfigurationError, match="issuer"):
        fetch_key_set(name)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_above_zero(timeout: float) -> None:
    """Waiting for nothing, or for ever, is a configuration error."""
    with pytest.raises(ConfigurationError, match="timeout"):
        fetch_key_set("http://localhost", timeout=timeout)


def test_nobody_there_is_said() -> None:
    """A refused connection is reported, not raised as it comes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(KeySetUnavailable, match="ConnectionRefusedError"):
        fetch_key_set(f"http://127.0.0.1:{port}")


def certified(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for this machine by nobody's authority, and a server's side of it."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = dt.datetime.now(dt.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path, private = folder / "certificate.pem", folder / "private.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, private)
    return path, context


@pytest.mark.requirement("J21")
def test_the_certificate_of_the_issuer_must_hold(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By https keys come from a server that an authority of this machine vouches for, by its name, or not."""
    authority, context = certified(tmp_path)
    issuer.socket = context.wrap_socket(issuer.socket, server_side=True)
    issuer.url = f"https://localhost:{issuer.server_port}"
    issuer.publish(METADATA_PATH, {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"})
    # What a program may have done to silence another library's complaint.
    monkeypatch.setattr(ssl, "_create_default_https_context", ssl._create_unverified_context)
    with pytest.raises(KeySetUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        fetch_key_set(issuer.url)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    assert [key.kid for key in fetch_key_set(issuer.url).keys] == [EC.kid]
    with pytest.raises(KeySetUnavailable, match=r"CERTIFICATE_VERIFY_FAILED.*127"):
        fetch_key_set(f"https://127.0.0.1:{issuer.server_port}")


@contextmanager
def drip(answer: bytes, pause: float) -> Iterator[str]:
    """A server that sends one byte at a time, each well within any socket's timeout."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                for byte in answer:
                    if stop.wait(pause):
                        return
                    try:
                        connection.sendall(bytes([byte]))
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000, b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 1000, b"H" * 1000]
)
def test_the_whole_exchange_is_bounded(answer: bytes) -> None:
    """A server that drips bytes, in headers or body, is left after the timeout, and the thread ends."""
    with drip(answer, 0.02) as url:
        begin = time.monotonic()
        with pytest.raises(KeySetUnavailable, match="no key set within"):
            fetch_key_set(url, timeout=0.3)
        assert time.monotonic() - begin < 2
        # The server drips on for many seconds; whoever still read from it would not end here.
        left = [thread for thread in threading.enumerate() if thread.name == "sekisho-key-set"]
        for thread in left:
            thread.join(5)
        assert not any(thread.is_alive() for thread in left)


@pytest.mark.requirement("J11")
@pytest.mark.requirement("V08")
@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:{other}/keys",
        "http://localhost:{port}/keys",
        "http://[::1]:{port}/keys",
        "https://127.0.0.1:{port}/keys",
        "https://127.0.0.1/keys",
        "https://keys.example.com/",
        "https://169.254.169.254/latest/meta-data/",
    ],
)
def test_keys_come_from_the_issuers_own_origin(issuer: Issuer, uri: str) -> None:
    """Metadata cannot make us knock at any other door: another scheme, host or port is not even tried."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        uri = uri.format(port=issuer.server_port, other=other.getsockname()[1])
        issuer.publish(METADATA_PATH, {"issuer": issuer.url, "jwks_uri": uri})
        with pytest.raises(KeySetUnavailable, match="not of the issuer's own origin"):
            fetch_key_set(issuer.url)
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
    assert issuer.asked == [METADATA_PATH]
