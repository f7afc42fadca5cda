"""Settings: what is read, what wins, what is refused and with which words."""

from __future__ import annotations

import contextlib
import ipaddress
import string
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sekisho.setting_urls import issuer_at
from sekisho.setting_values import spell
from sekisho.settings import (
    SETTINGS,
    Settings,
    SettingsRefused,
    commented_file,
    data_directory,
    read_settings,
)

CANARY = "correct-horse-canary"


def faults(environ: dict[str, str], file_text: str | None = None) -> dict[str, str]:
    """What is refused: the English words of each fault by its name."""
    with pytest.raises(SettingsRefused) as refused:
        read_settings(environ, file_text=file_text)
    return {fault.name: f"{fault.problem.en}; {fault.fix.en}" for fault in refused.value.faults}


def test_nothing_given_is_a_laptop() -> None:
    """With no setting at all the server is a development server on SQLite with the documented defaults."""
    settings = read_settings({})
    assert settings.issuer == settings.origin == "http://localhost:8400"
    assert settings.loopback
    assert settings.audience == "api"
    assert settings.sqlite_path == Path("sekisho-data/sekisho.db")
    assert (settings.access_ttl, settings.refresh_ttl, settings.refresh_grace) == (900.0, 604_800.0, 10.0)
    assert (settings.session_idle, settings.session_max) == (604_800.0, 2_592_000.0)
    assert (settings.signing_alg, settings.password_hash, settings.signup) == ("ES256", "argon2id", "open")
    assert (settings.signing_key, settings.root_secret, settings.feed_token) == (None, None, None)
    assert (settings.allowed_origins, settings.trusted_proxies) == ((), ())
    assert set(settings.sources.values()) == {"default"}


def test_every_row_is_a_field() -> None:
    """The table and the typed settings have the same names, in the same order, and no name twice."""
    names = [field for field in Settings.__struct_fields__ if field != "sources"]
    assert sorted(setting.key for setting in SETTINGS) == sorted(names)
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_row_is_explained(setting: object) -> None:
    """Each setting says what it means in both languages, and what holds where nothing is given."""
    assert isinstance(setting, type(SETTINGS[0]))
    assert setting.meaning.en.isascii()
    assert not setting.meaning.ja.isascii()
    assert setting.default is not None or setting.absent is not None


def test_environment_wins_over_file() -> None:
    """A value in the environment beats the file's, which beats the default; each says where it is from."""
    settings = read_settings(
        {"SEKISHO_AUDIENCE": "from-environment"}, file_text='audience = "from-file"\naccess_ttl = "5m"\n'
    )
    assert (settings.audience, settings.access_ttl) == ("from-environment", 300.0)
    assert settings.sources["SEKISHO_AUDIENCE"] == "environment"
    assert settings.sources["SEKISHO_ACCESS_TTL"] == "sekisho.toml"
    assert settings.sources["SEKISHO_REFRESH_TTL"] == "default"


def test_file_takes_numbers_and_lists() -> None:
    """In the file a number is seconds or a count, and a list needs no commas inside."""
    settings = read_settings(
        {},
        file_text='access_ttl = 60\npassword_minimum = 15\nallowed_origins = ["https://a.example", "https://b.example"]\n',
    )
    assert (settings.access_ttl, settings.password_minimum) == (60.0, 15)
    assert settings.allowed_origins == ("https://a.example", "https://b.example")


def test_data_directory_decides_the_database() -> None:
    """The SQLite file lives in the data directory unless it is put elsewhere."""
    assert read_settings({"SEKISHO_DATA": "/srv/sekisho"}).sqlite_path == Path("/srv/sekisho/sekisho.db")
    assert data_directory({"SEKISHO_DATA": "/srv/sekisho"}) == Path("/srv/sekisho")
    moved = {"SEKISHO_DATA": "/srv/sekisho", "SEKISHO_DATABASE_URL": "sqlite:///elsewhere.db"}
    assert read_settings(moved).sqlite_path == Path("elsewhere.db")


def test_all_faults_at_once() -> None:
    """Whoever has three things wrong hears of all three, each with its fix."""
    found = faults(
        {"SEKISHO_ISSUER": "http://id.example.com", "SEKISHO_ACESS_TTL": "5m", "SEKISHO_SIGNUP": "anyone"},
        'refresh_grace = "2m"\n',
    )
    assert set(found) == {"SEKISHO_ISSUER", "SEKISHO_ACESS_TTL", "SEKISHO_SIGNUP", "SEKISHO_REFRESH_GRACE"}
    assert "use https" in found["SEKISHO_ISSUER"]
    assert "did you mean SEKISHO_ACCESS_TTL?" in found["SEKISHO_ACESS_TTL"]
    assert "open, invite, closed" in found["SEKISHO_SIGNUP"]
    assert "use 0s to 1m" in found["SEKISHO_REFRESH_GRACE"]


def test_unknown_key_of_the_file() -> None:
    """An unknown key of the file is refused with the nearest one; the data directory cannot be set in it."""
    assert "did you mean issuer?" in faults({}, 'isuer = "https://a.example"')["sekisho.toml: 'isuer'"]
    assert "is no setting" in faults({}, 'data = "/srv"')["sekisho.toml: 'data'"]


def test_broken_file() -> None:
    """A file that is not TOML, or has a value of another type, is refused by name."""
    assert "line 2" in faults({}, 'issuer = "https://a.example"\nthis is not toml')["sekisho.toml"]
    assert "wrong type" in faults({}, "issuer = true")["sekisho.toml: issuer"]
    assert "wrong type" in faults({}, "allowed_origins = [1]")["sekisho.toml: allowed_origins"]


@pytest.mark.requirement("X19")
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_empty_is_refused(setting: object) -> None:
    """An empty value is a template that nobody filled in: refused, never the default."""
    assert isinstance(setting, type(SETTINGS[0]))
    assert "is empty" in faults({setting.name: " "})[setting.name]


def test_a_referred_variable_is_no_stray_setting() -> None:
    """A secret may live in a variable of our prefix when a reference names it."""
    environ = {"SEKISHO_SIGNING_KEY": "env:SEKISHO_SHARED_SECRET", "SEKISHO_SHARED_SECRET": CANARY}
    assert read_settings(environ).signing_key == "env:SEKISHO_SHARED_SECRET"
    assert "is no setting" in faults({"SEKISHO_SHARED_SECRET": CANARY})["SEKISHO_SHARED_SECRET"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10.0), ("15m", 900.0), ("1h30m", 5400.0), ("900", 900.0), ("1d", 86_400.0), ("0h10s", 10.0)],
)
def test_durations(text: str, seconds: float) -> None:
    """Durations are written with units, largest first, or in plain seconds."""
    assert read_settings({"SEKISHO_ACCESS_TTL": text}).access_ttl == seconds


@pytest.mark.parametrize(
    "text",
    ["m", "15min", "-15m", "1.5h", "30m1h", "1h 30m", "15M", "\uff11\uff15m", "9s", "25h", "1e3"],
)
def test_bad_durations(text: str) -> None:
    """Another spelling, or a time outside 10 s to 24 h, is refused."""
    assert set(faults({"SEKISHO_ACCESS_TTL": text})) == {"SEKISHO_ACCESS_TTL"}


@given(st.integers(min_value=10, max_value=86_400))
def test_durations_print_as_they_are_read(duration: int) -> None:
    """What `config show` prints of a duration reads back as the same one."""
    assert read_settings({"SEKISHO_ACCESS_TTL": spell(duration)}).access_ttl == duration


@pytest.mark.requirement("A11", "X19")
@pytest.mark.parametrize(
    "issuer",
    [
        "https://id.example.com",
        "https://id.example.com:8443",
        "https://example.com/auth/id",
        "http://localhost:8400",
        "http://127.0.0.1",
        "http://[::1]:8400",
        "https://[2001:db8::1]",
        "https://xn--eckwd4c7c.example",
    ],
)
def test_issuers(issuer: str) -> None:
    """An issuer is https, or http on loopback, and is kept byte for byte."""
    settings = read_settings({"SEKISHO_ISSUER": issuer})
    assert settings.issuer == issuer
    assert settings.loopback == issuer.startswith("http:")


@pytest.mark.requirement("A11", "X19")
@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.nip.io",
        "http://127.0.0.2",
        "http://0.0.0.0:8400",
        "https://id.example.com/",
        "https://id.example.com/auth/",
        "https://id.example.com?x=1",
        "https://id.example.com?",
        "https://id.example.com#",
        "https://user@id.example.com",
        "https://@id.example.com",
        "https://ID.example.com",
        "HTTPS://id.example.com",
        "https://id.example.com:443",
        "https://id.example.com:08443",
        "https://id.example.com:",
        "https://id.example.com:99999",
        "https://id.example.com//auth",
        "https://id.example.com/../auth",
        "https://id.example.com/a%2fb",
        "https://id..example.com",
        "https://id.example.com\\@evil.example",
        "https://id.exa\nmple.com",
        "https://例え.example",
        "https://[::1%25lo]",
        "https://[0:0:0:0:0:0:0:1]",
        "https://[::1",
        "https://",
        "id.example.com",
        "ftp://id.example.com",
        "javascript:alert(1)",
    ],
)
def test_bad_issuers(issuer: str) -> None:
    """Whatever could be spelled in two ways, or is not https off loopback, is no issuer."""
    assert set(faults({"SEKISHO_ISSUER": issuer})) == {"SEKISHO_ISSUER"}


@pytest.mark.requirement("H2", "X03")
@pytest.mark.parametrize(
    "origin", ["*", "null", "https://*.example.com", "https://a.example/app", "http://a.example"]
)
def test_bad_origins(origin: str) -> None:
    """An allowed origin is one exact origin: no wildcard, no path, no `null`, no http off loopback."""
    assert set(faults({"SEKISHO_ALLOWED_ORIGINS": f"https://ok.example,{origin}"})) == {
        "SEKISHO_ALLOWED_ORIGINS"
    }


def test_origins_in_order() -> None:
    """Several origins are separated by commas or spaces; one given twice counts once."""
    text = "https://app.example, http://localhost:5173 https://app.example"
    settings = read_settings({"SEKISHO_ALLOWED_ORIGINS": text})
    assert settings.allowed_origins == ("https://app.example", "http://localhost:5173")


@pytest.mark.requirement("H3", "X11")
def test_trusted_proxies() -> None:
    """Proxies are addresses and networks; a network of everybody, or a sloppy one, is refused."""
    settings = read_settings({"SEKISHO_TRUSTED_PROXIES": "10.0.0.7, fd00::/8"})
    assert settings.trusted_proxies == (ipaddress.ip_network("10.0.0.7/32"), ipaddress.ip_network("fd00::/8"))
    for text in ("0.0.0.0/0", "::/0"):
        assert "trusts everybody" in faults({"SEKISHO_TRUSTED_PROXIES": text})["SEKISHO_TRUSTED_PROXIES"]
    for text in ("10.0.0.7/8", "proxy.example", "10.0.0"):
        assert set(faults({"SEKISHO_TRUSTED_PROXIES": text})) == {"SEKISHO_TRUSTED_PROXIES"}


@pytest.mark.parametrize(
    ("port", "issuer"),
    [(80, "http://localhost"), (443, "http://localhost:443"), (8400, "http://localhost:8400")],
)
def test_the_issuer_of_a_port_is_one_that_could_have_been_chosen(port: int, issuer: str) -> None:
    """An issuer that nobody chose is spelled as a chosen one has to be: without http's default port."""
    assert issuer_at(port) == issuer
    assert read_settings({"SEKISHO_ISSUER": issuer_at(port)}).issuer == issuer


def test_sign_up_follows_the_issuer() -> None:
    """Sign-up is open on loopback and closed elsewhere unless it is chosen."""
    assert read_settings({"SEKISHO_ISSUER": "https://id.example.com"}).signup == "closed"
    chosen = read_settings({"SEKISHO_ISSUER": "https://id.example.com", "SEKISHO_SIGNUP": "open"})
    assert chosen.signup == "open"


def test_postgres_needs_a_root_secret() -> None:
    """With PostgreSQL the servers must share a root secret, so none may make its own."""
    url = {"SEKISHO_DATABASE_URL": "postgresql://sekisho@db.example/sekisho"}
    assert "openssl rand" in faults(url)["SEKISHO_ROOT_SECRET"]
    settings = read_settings({**url, "SEKISHO_ROOT_SECRET": "file:/run/secrets/root"})
    assert settings.sqlite_path is None


@pytest.mark.parametrize(
    "environ",
    [
        {"SEKISHO_ACCESS_TTL": "24h", "SEKISHO_REFRESH_TTL": "1h"},
        {"SEKISHO_REFRESH_TTL": "31d"},
        {"SEKISHO_SESSION_IDLE": "31d"},
    ],
)
def test_lifetimes_nest(environ: dict[str, str]) -> None:
    """An access token does not outlive its refresh token, nor any of them the session."""
    assert all("is longer than" in words for words in faults(environ).values())


def test_audience_is_not_the_issuer() -> None:
    """The issuer's own name is the audience of stateless refresh tokens, so an API cannot have it."""
    environ = {"SEKISHO_AUDIENCE": "https://id.example.com", "SEKISHO_ISSUER": "https://id.example.com"}
    assert "is the issuer itself" in faults(environ)["SEKISHO_AUDIENCE"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SEKISHO_DATABASE_URL", f"mysql://root:{CANARY}@db.example/x"),
        ("SEKISHO_DATABASE_URL", f"postgres://u:{CANARY}@db.example/x"),
        ("SEKISHO_DATABASE_URL", "sqlite://"),
        ("SEKISHO_DATABASE_URL", "sqlite:///"),
        ("SEKISHO_DATABASE_URL", "sqlite:///:memory:"),
        ("SEKISHO_DATABASE_URL", f"sqlite:///a.db?key={CANARY}"),
        ("SEKISHO_SESSION_STORE_URL", f"memcached://:{CANARY}@cache.example"),
        ("SEKISHO_SESSION_STORE_URL", f"redis://:{CANARY}@"),
        ("SEKISHO_SIGNING_KEY", CANARY),
        ("SEKISHO_ROOT_SECRET", f"-----BEGIN {CANARY}"),
        ("SEKISHO_FEED_TOKEN", f"file:\n{CANARY}"),
    ],
)
@pytest.mark.requirement("H5")
def test_refused_secrets_are_not_shown(name: str, text: str) -> None:
    """A fault in a value that may be or hold a secret names the setting and never repeats the value."""
    with pytest.raises(SettingsRefused) as refused:
        read_settings({name: text})
    (fault,) = refused.value.faults
    assert fault.name == name
    everything = f"{refused.value!r}{refused.value}{fault.problem}{fault.fix}"
    assert CANARY not in everything


@pytest.mark.requirement("H5")
@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://sekisho:{CANARY}@db.example:5432/sekisho?sslmode=verify-full",
        f"postgresql://sekisho@db.example:5432/sekisho?password={CANARY}&sslmode=verify-full",
    ],
)
def test_shown_settings_hold_no_password(url: str) -> None:
    """`config show` prints where the database is, and three stars in the place of its password."""
    settings = read_settings({"SEKISHO_DATABASE_URL": url, "SEKISHO_ROOT_SECRET": "file:/run/secrets/root"})
    shown = {setting.name: setting.show(settings) for setting in SETTINGS}
    assert "db.example:5432/sekisho" in str(shown["SEKISHO_DATABASE_URL"])
    assert "***" in str(shown["SEKISHO_DATABASE_URL"])
    assert CANARY not in f"{shown}{settings!r}"
    assert settings.database_url == url


@pytest.mark.requirement("H5")
@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("SEKISHO_DATABASE_URL", "postgresql"),
        ("SEKISHO_SESSION_STORE_URL", "redis"),
        ("SEKISHO_SESSION_STORE_URL", "redis+cluster"),
    ],
)
@pytest.mark.parametrize(
    "torn", [f"12/{CANARY}", f"12?{CANARY}", f"12#{CANARY}", f"12@{CANARY}", f"{CANARY}/1"]
)
def test_a_password_that_tears_its_url_is_refused(name: str, scheme: str, torn: str) -> None:
    """With `/ ? # @` in it as they are, its rest would be a port or a path, and be shown: encode them."""
    environ = {name: f"{scheme}://sekisho:{torn}@db.example:1/0", "SEKISHO_ROOT_SECRET": "file:/run/root"}
    with pytest.raises(SettingsRefused, match=r"write / \? # @ : % in a password as %2F") as refused:
        read_settings(environ)
    assert CANARY not in str(refused.value)
    assert "12" not in str(refused.value)


def test_a_url_may_name_several_hosts_and_encode_its_password() -> None:
    """Hosts with and without port, IPv6, a socket's directory and encoded passwords go through to libpq."""
    for rest in (
        "a:1,b,[::1]:5432/x",
        "u:a%2Fb%40c@h/x",
        "/x?host=/run/postgresql",
        "%2Frun%2Fpg/x",
        "u@h:/x",
    ):
        environ = {"SEKISHO_DATABASE_URL": f"postgresql://{rest}", "SEKISHO_ROOT_SECRET": "file:/run/root"}
        assert read_settings(environ).database_url == f"postgresql://{rest}"


def test_shown_settings_read_back() -> None:
    """What is shown of a setting can be written into the environment again."""
    settings = read_settings({"SEKISHO_TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8", "SEKISHO_ACCESS_TTL": "90m"})
    shown = {setting.name: setting.show(settings) for setting in SETTINGS}
    again = read_settings({name: text for name, text in shown.items() if text is not None})
    assert replace(again, sources=settings.sources) == settings
    assert shown["SEKISHO_DATABASE_URL"] == "sqlite:///sekisho-data/sekisho.db"


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_commented_file_changes_nothing(lang: str) -> None:
    """The file of a first run names every setting and, being commented out, sets none."""
    text = commented_file("ja" if lang == "ja" else "en")
    assert tomllib.loads(text) == {}
    assert all(f"# {setting.key} = " in text for setting in SETTINGS if setting.in_file)
    assert read_settings({}, file_text=text) == read_settings({})


@given(
    st.sampled_from([setting.name for setting in SETTINGS]),
    st.one_of(st.text(), st.text(string.printable)),
)
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    """No text, however strange, is answered with anything but settings or their refusal."""
    with contextlib.suppress(SettingsRefused):
        assert read_settings({name: text}).sources[name] == "environment"
