"""Typed settings, read once: the environment, then `sekisho.toml` of the data directory, then the default.

Nothing here opens a file: the caller hands in its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, cast

from sekisho import setting_urls as urls
from sekisho import setting_values as values
from sekisho.frozen import Frozen, Hidden
from sekisho.setting_table import PREFIX, SETTINGS, Setting
from sekisho.setting_values import Network, Unfit
from sekisho.setting_words import Words

__all__ = [
    "SETTINGS",
    "Fault",
    "Setting",
    "Settings",
    "SettingsRefused",
    "commented_file",
    "data_directory",
    "read_settings",
    "refused",
]

FILE: Final = "sekisho.toml"

Source = Literal["environment", "sekisho.toml", "default"]
Alg = Literal["HS256", "HS384", "HS512", "ES256", "EdDSA", "RS256", "PS256"]
SignUp = Literal["open", "invite", "closed"]


class Fault(Frozen):
    """One thing wrong with the configuration: where, what, and what to do. Never a secret's value."""

    name: str
    problem: Words
    fix: Words

    def __str__(self) -> str:
        return f"{self.name}: {self.problem.en}; {self.fix.en}"


class SettingsRefused(Exception):
    """The configuration, or a secret or directory that it names, cannot be used; every fault at once."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def refused(name: str, problem: Words, fix: Words) -> SettingsRefused:
    """A refusal for one fault."""
    return SettingsRefused((Fault(name, problem, fix),))


class Settings(Frozen, kw_only=True):
    """Everything that can be chosen. Durations in seconds; secrets only as references."""

    data: Path
    issuer: str
    audience: str
    database_url: Hidden[str]
    session_store_url: Hidden[str | None]
    signing_key: Hidden[str | None]
    root_secret: Hidden[str | None]
    root_secret_previous: Hidden[tuple[str, ...]]
    refresh_store: Literal["database", "none"]
    allowed_origins: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    signing_alg: Alg
    #: 0: no age.
    signing_key_age: float
    access_ttl: float
    refresh_ttl: float
    refresh_grace: float
    session_idle: float
    session_max: float
    password_hash: Literal["argon2id", "bcrypt"]
    password_profile: str
    password_minimum: int
    signup: SignUp
    feed_token: Hidden[str | None]
    admin_email: str | None
    admin_password: Hidden[str | None]
    brand_name: str | None
    brand_logo: Path | None
    brand_accent: str | None
    lang: Literal["en", "ja"] | None
    log_format: Literal["auto", "json", "console"]
    #: Where each setting came from, by its name.
    sources: Hidden[Mapping[str, Source]]

    @property
    def origin(self) -> str:
        """The issuer's own origin: what a browser on our pages sends as `Origin`."""
        return urls.origin_of(self.issuer)

    @property
    def loopback(self) -> bool:
        """Whether the issuer is this machine only: development, no certificate needed."""
        return urls.is_loopback(self.issuer)

    @property
    def sqlite_path(self) -> Path | None:
        """The database file, or none where the database is PostgreSQL."""
        path = self.database_url.removeprefix("sqlite:///")
        return None if path == self.database_url else Path(path)


def read_settings(environ: Mapping[str, str], *, file_text: str | None = None) -> Settings:
    """The settings that `environ` and the text of `sekisho.toml` (none: there is no such file) add up to.

    Raises:
        SettingsRefused: with every fault at once; values of secrets are not in it.
    """
    faults: list[Fault] = []
    from_file = dict(_file_texts(file_text or "", faults))
    parsed: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for setting in SETTINGS:
        text, source = _pick(setting, environ, from_file)
        sources[setting.name] = source
        try:
            parsed[setting.key] = None if text is None else _parse(setting, text, source)
        except Unfit as unfit:
            faults.append(Fault(setting.name, unfit.problem, unfit.fix))
    faults += _unknown_names(environ)
    if not faults:
        _fill(parsed)
        faults += _contradictions(parsed)
    if faults:
        raise SettingsRefused(tuple(faults))
    return Settings(**parsed, sources=sources)


def data_directory(environ: Mapping[str, str]) -> Path:
    """Where `sekisho.toml` is to be looked for, before the settings can be read as a whole."""
    setting = SETTINGS[0]
    return Path(environ.get(setting.name) or cast("str", setting.default))


def _pick(
    setting: Setting, environ: Mapping[str, str], from_file: Mapping[str, str]
) -> tuple[str | None, Source]:
    if setting.name in environ:
        return environ[setting.name], "environment"
    if setting.key in from_file:
        return from_file[setting.key], "sekisho.toml"
    return setting.default, "default"


def _parse(setting: Setting, text: str, source: Source) -> object:
    # An empty value is a template that was not filled in, not a wish for the default.
    if not text.strip():
        raise Unfit(
            Words("is empty", "値が空です"),
            Words("give it a value, or leave it out", "値を書くか、指定をやめてください"),
        )
    if text != text.strip():
        raise Unfit(
            Words(f"begins or ends with white space (from the {source})", f"前後に空白があります ({source})"),
            Words("remove it", "空白を取ってください"),
        )
    return setting.parse(text)


def _file_texts(text: str, faults: list[Fault]) -> Iterator[tuple[str, str]]:
    if all(line.lstrip(" \t")[:1] in {"", "#"} for line in text.split("\n")):
        return
    import tomllib  # noqa: PLC0415 - a start does without it as long as the file has comments only

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        # The message of the parser quotes at most one character, never a line.
        reason = Words(f"is not TOML: {fault}", f"TOML として読めません: {fault}")
        faults.append(Fault(FILE, reason, Words("correct that line", "その行を直してください")))
        return
    keys = {setting.key: setting for setting in SETTINGS if setting.in_file}
    for key, value in table.items():
        if key not in keys:
            faults.append(_unknown(f"{FILE}: {values.quoted(key)}", key, list(keys)))
        elif isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            yield key, str(value)
        elif isinstance(value, list) and all(isinstance(item, str) for item in cast("list[object]", value)):
            yield key, ",".join(cast("list[str]", value))
        else:
            problem = Words("has a value of the wrong type", "値の型が違います")
            fix = Words(
                'write text in quotes, a whole number, or a list like ["a", "b"]',
                '引用符で囲んだ文字列、整数、["a", "b"] のような一覧のどれかにしてください',
            )
            faults.append(Fault(f"{FILE}: {key}", problem, fix))


def _unknown(where: str, name: str, known: list[str]) -> Fault:
    from difflib import get_close_matches  # noqa: PLC0415 - a start without a mistake does without it

    nearest = get_close_matches(name, known, n=1)
    if nearest:
        fix = Words(f"did you mean {nearest[0]}?", f"{nearest[0]} のことですか?")
    else:
        fix = Words(
            "remove it; sekisho config show lists what there is", "消してください。一覧は sekisho config show"
        )
    return Fault(where, Words("is no setting", "という設定はありません"), fix)


def _unknown_names(environ: Mapping[str, str]) -> Iterator[Fault]:
    known = [setting.name for setting in SETTINGS]
    # A secret may live in a variable of our prefix: what a reference points at is no stray setting.
    texts = [item.strip() for text in environ.values() for item in text.split(",")]
    referred = {text.removeprefix("env:") for text in texts if text.startswith("env:")}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known and name not in referred:
            yield _unknown(name, name, known)


def _fill(parsed: dict[str, Any]) -> None:
    """Put in what is derived from other settings where nothing was given."""
    if parsed["database_url"] is None:
        parsed["database_url"] = f"sqlite:///{parsed['data'] / 'sekisho.db'}"
    if parsed["signup"] is None:
        parsed["signup"] = "open" if urls.is_loopback(parsed["issuer"]) else "closed"
    for key in ("allowed_origins", "trusted_proxies", "root_secret_previous"):
        parsed[key] = parsed[key] or ()


def _contradictions(parsed: Mapping[str, Any]) -> Iterator[Fault]:
    if parsed["audience"] == parsed["issuer"]:
        # A stateless refresh token is addressed to the issuer; an API must not share that name.
        problem = Words("is the issuer itself", "発行者と同じです")
        yield Fault(
            "SEKISHO_AUDIENCE",
            problem,
            Words("name your APIs, e.g. api", "api のように API 側の名前にしてください"),
        )
    if parsed["database_url"].startswith("postgresql://") and parsed["root_secret"] is None:
        yield Fault(
            "SEKISHO_ROOT_SECRET",
            Words(
                "is required with PostgreSQL: every server must share it",
                "PostgreSQL では必須です。全サーバーで共有します",
            ),
            Words(
                "umask 077; openssl rand -base64 48 > FILE; then SEKISHO_ROOT_SECRET=file:FILE",
                "umask 077; openssl rand -base64 48 > FILE で作り、SEKISHO_ROOT_SECRET=file:FILE と指定",
            ),
        )
    if (parsed["admin_email"] is None) != (parsed["admin_password"] is None):
        given, lacking = "SEKISHO_ADMIN_EMAIL", "SEKISHO_ADMIN_PASSWORD"
        if parsed["admin_email"] is None:
            given, lacking = lacking, given
        yield Fault(
            given,
            Words(f"counts only together with {lacking}", f"{lacking} と組でなければ使えません"),
            Words("set both, or neither", "両方を設定するか、どちらも設定しないでください"),
        )
    for shorter, longer in (
        ("access_ttl", "refresh_ttl"),
        ("refresh_ttl", "session_max"),
        ("session_idle", "session_max"),
    ):
        if parsed[shorter] > parsed[longer]:
            bound = f"{PREFIX}{longer.upper()} ({values.spell(parsed[longer])})"
            yield Fault(
                f"{PREFIX}{shorter.upper()}",
                Words(
                    f"{values.spell(parsed[shorter])} is longer than {bound}",
                    f"{values.spell(parsed[shorter])} は {bound} より長くなっています",
                ),
                Words(
                    "shorten this one or lengthen the other", "こちらを短くするか、もう一方を長くしてください"
                ),
            )


def commented_file(lang: Literal["en", "ja"]) -> str:
    """The `sekisho.toml` of a first run: every setting with its meaning and default, all commented out."""
    lines = [
        "# sekisho.toml: SEKISHO_* of the environment wins over what is written here.",
        "",
    ]
    for setting in SETTINGS:
        if setting.in_file:
            absent = setting.absent or Words("", "")
            default = setting.default if setting.default is not None else getattr(absent, lang)
            lines += [f"# {getattr(setting.meaning, lang)} ({default})", f'# {setting.key} = ""', ""]
    return "\n".join(lines)
