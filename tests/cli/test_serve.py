"""`sekisho serve`, as a real process: what it makes, what it refuses, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import tomllib
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests.parts.serving import Server, ask, processes_of, run, until, wait_until_gone

#: What the kernel knows of a socket's queue, and of other processes' arguments.
needs_proc = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc, which is Linux")

ALICE = {"email": "alice@example.com", "password": "a gate at the sixth bell"}


def test_the_first_start_makes_everything_for_its_owner_alone(tmp_path: Path) -> None:
    """Directory 0700, every file 0600, keys and schema made, and all of it told with absolute paths."""
    with Server(tmp_path / "data") as server:
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
        files = [path for path in server.data.rglob("*") if path.is_file()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        (key,) = (server.data / "keys").iterdir()
        for path in (
            key,
            server.data / "root-secret",
            server.data / "sekisho.db",
            server.data / "sekisho.toml",
        ):
            assert f"made   {path}  0600" in server.welcome
        shown = [word for word in server.welcome.split() if word.startswith(server.url)]
        targets = [url.removeprefix(server.url).partition("#")[0] for url in shown]
        assert len(targets) == 6
        targets.remove("/explore")  # it starts an explorer, and has a test of its own
        for target in targets:
            assert server.ask("GET", target).status == 200
        assert f"listening on  {urlsplit(server.url).netloc}\n" in server.welcome
        assert "127.0.0.1" not in server.welcome
        assert server.stop() == 0


def test_the_second_start_finds_what_there_is(tmp_path: Path) -> None:
    """Same key, same accounts; nothing is made again, and Alembic is not even imported."""
    server = Server(tmp_path / "data")
    with server:
        jwks = server.ask("GET", "/.well-known/jwks.json").json
        assert server.ask("POST", "/v1/accounts", ALICE).status == 201
        server.stop()
    with server:
        assert "made " not in server.welcome
        assert f"found  {server.data / 'root-secret'}  0600" in server.welcome
        assert server.ask("GET", "/.well-known/jwks.json").json == jwks
        assert server.ask("POST", "/v1/login", {**ALICE, "mode": "token"}).status == 200
        maps = Path(f"/proc/{server.pid}/maps")
        if maps.exists():
            assert "sqlalchemy" not in maps.read_text()


def test_the_first_settings_file_says_everything_and_sets_nothing(tmp_path: Path) -> None:
    """Every setting is in it as a comment, so the next start has the same defaults; it is not overwritten."""
    with Server(tmp_path / "data") as server:
        server.stop()
    file = server.data / "sekisho.toml"
    assert tomllib.loads(file.read_text()) == {}
    assert "# access_ttl = " in file.read_text()
    file.write_text('audience = "mine"\n')
    with server:
        server.stop()
    assert file.read_text() == 'audience = "mine"\n'


def test_localhost_is_both_loopback_addresses(tmp_path: Path) -> None:
    """Browsers try ::1 first for localhost, other programs 127.0.0.1: both find the server on one port."""
    with Server(tmp_path / "data", port=0) as server:
        port = urlsplit(server.url).port
        assert ask(f"http://127.0.0.1:{port}", "GET", "/healthz").status == 200
        if Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text():
            assert ask(f"http://[::1]:{port}", "GET", "/healthz").status == 200


def test_an_issuer_that_nobody_chose_is_where_the_server_is(tmp_path: Path) -> None:
    """On another port metadata and tokens name that port; a chosen issuer stays, and the port is told."""
    with Server(tmp_path / "data") as server:
        metadata = "/.well-known/oauth-authorization-server"
        assert server.ask("GET", metadata).json["issuer"] == server.url
    chosen = {"SEKISHO_ISSUER": "http://localhost:1"}
    with Server(tmp_path / "other", settings=chosen) as server:
        assert server.url == chosen["SEKISHO_ISSUER"]
        said = re.search(r"listening on +localhost:(\d+)\n", server.welcome)
        assert said is not None
        assert ask(f"http://localhost:{said[1]}", "GET", "/readyz").status == 200


def test_a_taken_port_is_said_with_its_fix_and_costs_no_file(tmp_path: Path) -> None:
    """Exit code 1, two lines, and no data directory."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port), "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error[port_busy]: port {port} is taken",
        "fix: --port 0 picks a free one",
    ]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["root-secret", "keys/*", "."])
def test_what_others_could_read_is_refused_with_the_chmod(name: str, tmp_path: Path) -> None:
    """A secret, a key or the directory that is open to others stops the start, and the fix is exact."""
    with Server(tmp_path / "data") as server:
        server.stop()
    (path,) = server.data.glob(name) if name != "." else [server.data]
    wanted = stat.S_IMODE(path.stat().st_mode)
    path.chmod(wanted | 0o040)
    done = run("serve", "--port", "0", "--data", str(server.data))
    assert done.returncode == 1
    assert done.stderr.startswith("error[setting_invalid]: ")
    assert done.stderr.rstrip().endswith(f"chmod {wanted:o} {path}")


def test_http_is_for_this_machine(tmp_path: Path) -> None:
    """An address that others can reach, an http issuer and no proxy named: refused, with the reason."""
    everywhere = ("--host", "0.0.0.0")  # noqa: S104  # which is refused
    done = run("serve", *everywhere, "--port", "0", "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "error[http_off_loopback]" in done.stderr
    assert "SEKISHO_ISSUER=https://" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_host_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """An address of another machine: one line of what, one of fix."""
    https = {"SEKISHO_ISSUER": "https://id.example.com"}
    done = run("serve", "--host", "192.0.2.1", "--port", "0", "--data", str(tmp_path / "data"), **https)
    assert done.returncode == 1
    assert "error[host_unusable]: cannot listen on 192.0.2.1" in done.stderr


def test_sessions_that_nobody_stores_are_warned_of_at_every_start(tmp_path: Path) -> None:
    """SEKISHO_REFRESH_STORE=none prints what it costs: a stolen token is not noticed, nothing is listed."""
    with Server(tmp_path / "data", settings={"SEKISHO_REFRESH_STORE": "none"}) as server:
        assert "A stolen one works until it" in server.welcome
        assert "no device list" in server.welcome
        assert "can act as any user" not in server.welcome


@pytest.mark.parametrize("origin", ["made", "given"])
def test_a_secret_that_would_make_anybody_is_warned_of(origin: str, tmp_path: Path) -> None:
    """No session is looked up and a shared secret signs: its holder can be any user, and that is said."""
    settings = {"SEKISHO_REFRESH_STORE": "none", "SEKISHO_SIGNING_ALG": "HS256"}
    if origin == "given":
        secret = tmp_path / "secret"
        secret.touch(mode=0o600)
        secret.write_text("a test's own shared secret, of more than 32 bytes")
        settings["SEKISHO_SIGNING_KEY"] = f"file:{secret}"
    with Server(tmp_path / "data", settings=settings) as server:
        assert "every API included, can act as any user" in server.welcome
        assert server.stop() == 0


def test_the_log_is_lines_without_secrets(tmp_path: Path) -> None:
    """Stderr has one JSON line a request; neither passwords nor tokens are in it, nor in the welcome."""
    with Server(tmp_path / "data") as server:
        server.ask("POST", "/v1/accounts", ALICE)
        said = server.ask("POST", "/v1/login", {**ALICE, "mode": "token"}).json
        server.ask("GET", "/v1/me", bearer=said["access_token"])
        server.stop()
    lines = server.log.read_text().splitlines()
    assert [line.count('"event":"request"') for line in lines] == [1, 1, 1]
    for secret in (ALICE["password"], said["access_token"], said["refresh_token"], said["device_token"]):
        assert secret not in server.log.read_text() + server.welcome


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stop_finishes_what_is_in_flight(how: signal.Signals, workers: str, tmp_path: Path) -> None:
    """A request whose body is still coming when the stop is asked for is answered; the exit code is 0."""
    with Server(tmp_path / "data", ("--workers", workers)) as server:
        at = urlsplit(server.url)
        body = b'{"email": "alice@example.com", "password": "a gate at the sixth bell"}'
        head = (
            f"POST /v1/accounts HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection((at.hostname or "", at.port or 0), timeout=30) as client:
            client.sendall(head.encode() + body[:10])
            # It is in flight once the server has read from it: what another connection then asks is answered
            # after, and that connection proves it is being served.
            assert server.ask("GET", "/healthz").status == 200
            until(lambda: has_read(client), "the server reads the first part")
            os.kill(server.pid, how)
            until(lambda: refuses(server.url), "the port is closed")
            client.sendall(body[10:])
            answer = b""
            while part := client.recv(65536):
                answer += part
        assert answer.startswith(b"HTTP/1.1 201 ")
        group = server.pid
        assert server.reap() == 0
        wait_until_gone(group)


def has_read(client: socket.socket) -> bool:
    """Whether the kernel has handed everything that was sent on to the server: its end's queue is empty."""
    ends = (client.getpeername()[1], client.getsockname()[1])
    name = "tcp6" if client.family == socket.AF_INET6 else "tcp"
    for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(each.rpartition(":")[2], 16) for each in fields[1:3])
        if (local, remote) == ends:
            return int(fields[4].partition(":")[2], 16) == 0
    return False


def refuses(url: str) -> bool:
    """Whether nobody accepts connections there any more."""
    try:
        socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=30).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize(("how", "workers"), [(signal.SIGTERM, "1"), (signal.SIGINT, "2")])
def test_a_stop_ends_the_streams_that_are_open(how: signal.Signals, workers: str, tmp_path: Path) -> None:
    """Each in good order: a stream that was torn off would be an error to its reader. And it is exit 0."""
    with Server(tmp_path / "data", ("--workers", workers)) as server:
        url = f"{server.url}/v1/revocations/stream"
        streams = [urlopen(url) for _ in range(8)]  # noqa: S310 -- our own server
        for stream in streams:
            assert re.fullmatch(rb"id: \d+\.0\n", stream.readline())
        assert server.stop(how) == 0
        for stream in streams:
            assert stream.read().endswith(b"\n\n"), "whole events, and the end of the answer"
            stream.close()
    events = [json.loads(line)["event"] for line in server.log.read_text().splitlines()]
    assert set(events) == {"request"}, "nobody had to be waited for, or was cut off"


def test_the_token_of_the_feed_is_told_where_one_is_needed(tmp_path: Path) -> None:
    """On stderr, the same at each start; with it the feed is read, without it it is not."""
    server = Server(tmp_path / "data", settings={"SEKISHO_ISSUER": "https://id.example.com"})
    told = []
    for _ in range(2):
        with server:
            token = re.search(r"  (skf1_[A-Za-z0-9_-]+)$", server.log.read_text(), re.MULTILINE)
            assert token is not None
            told.append(token[1])
            listening = re.search(r"listening on  (\S+)", server.welcome)
            assert listening is not None
            url = f"http://{listening[1]}"
            assert "skf1_" not in server.welcome
            assert ask(url, "GET", "/v1/revocations").json["code"] == "feed_token_refused"
            assert ask(url, "HEAD", "/v1/revocations", bearer=told[-1]).status == 200
            assert server.stop() == 0
        server.log.unlink()
    assert told[0] == told[1]


def test_no_token_of_the_feed_is_told_where_none_is_needed(tmp_path: Path) -> None:
    """On loopback, or where an operator has chosen one."""
    with Server(tmp_path / "data") as server:
        assert ask(server.url, "HEAD", "/v1/revocations").status == 200
        server.stop()
    assert "skf1_" not in server.log.read_text()


def test_a_stop_before_the_server_is_up_is_clean_too(tmp_path: Path) -> None:
    """SIGTERM during the first start ends with 0 and a directory that the next start takes as it is."""
    server = Server(tmp_path / "data")
    process = server.begin()
    until(lambda: (tmp_path / "data").exists() or process.poll() is not None, "the server begins")
    assert server.stop() == 0
    with server:
        assert server.ask("GET", "/readyz").status == 200


@needs_proc
def test_workers_share_the_port_and_one_that_dies_is_replaced(tmp_path: Path) -> None:
    """Two workers answer on one port; after kill -9 of one there are two again, and nobody was refused."""
    with Server(tmp_path / "data", ("--workers", "2")) as server:
        before = workers_of(server)
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(set(workers_of(server)) - {before[0]}) == 2, "the worker is replaced")
        assert server.ask("POST", "/v1/accounts", ALICE).status == 201
        assert server.stop() == 0


def test_any_worker_tells_the_counts_of_all(tmp_path: Path) -> None:
    """What several workers answered adds up on each; they share it in private, and it goes with them."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with Server(tmp_path / "data", ("--workers", "2"), {"TMPDIR": str(temporary)}) as server:
        (shared,) = temporary.iterdir()
        assert stat.S_IMODE(shared.stat().st_mode) == 0o700
        asked = 0

        def both_have_answered() -> bool:  # from then on neither knows all of it by itself
            nonlocal asked
            assert server.ask("GET", "/healthz").status == 200
            asked += 1
            return len(list(shared.glob("*.json"))) == 2

        until(both_have_answered, "both workers share what they counted")
        line = f'sekisho_requests_total{{method="GET",route="/healthz",status="200"}} {asked}.0\n'
        until(lambda: line in metrics(server), "a worker tells the counts of both")
        assert server.stop() == 0
    assert list(temporary.iterdir()) == []


def metrics(server: Server) -> str:
    """The counts, by whichever worker answers."""
    with urlopen(f"{server.url}/metrics", timeout=30) as answer:  # noqa: S310  # our own server
        text: str = answer.read().decode()
    return text


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    """A parent that is killed outright leaves no worker behind, so its port is free again."""
    with Server(tmp_path / "data", ("--workers", "2")) as server:
        group, url = server.pid, server.url
        server.kill9()
        wait_until_gone(group)
        until(lambda: refuses(url), "the port is closed")


def test_a_fault_of_a_worker_is_told_once(tmp_path: Path) -> None:
    """What would fail in every worker fails before any is started."""
    with Server(tmp_path / "data") as server:
        server.stop()
    (server.data / "root-secret").chmod(0o640)
    done = run("serve", "--port", "0", "--workers", "3", "--data", str(server.data))
    assert done.returncode == 1
    assert done.stderr.count("error[") == 1


def workers_of(server: Server) -> list[int]:
    """The workers of a server: its processes that multiprocessing spawned to serve."""
    found: list[int] = []
    for pid in processes_of(server.pid):
        with suppress(FileNotFoundError):  # it has just ended
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found
