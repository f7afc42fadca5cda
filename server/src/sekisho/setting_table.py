"""The table of settings: name, what it takes, default and meaning, in both languages.

The reader, `sekisho config show`, the commented `sekisho.toml` of a first run and the test that compares code
with documentation all read this one table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sekisho import setting_urls as urls
from sekisho import setting_values as values
from sekisho.frozen import Frozen
from sekisho.setting_words import Words

PREFIX: Final = "SEKISHO_"


class Setting(Frozen):
    """One row. `default` is parsed like any other text; where it is none, `absent` says what holds.

    `spell` prints a value of this setting.
    """

    name: str
    parse: Callable[[str], object]
    default: str | None
    meaning: Words
    absent: Words | None = None
    #: In the file too; only the name of the directory that holds the file cannot be.
    in_file: bool = True
    spell: Callable[[Any], str] = str

    @property
    def key(self) -> str:
        """Its name in `sekisho.toml` and its attribute of `Settings`."""
        return self.name.removeprefix(PREFIX).lower()

    def show(self, settings: object) -> str | None:
        """The value in force as it may be printed: passwords in URLs are `***`; none where nothing is set."""
        value = getattr(settings, self.key)
        return None if value is None or value == () else self.spell(value)


def _join(items: tuple[object, ...]) -> str:
    return ", ".join(map(str, items))


_NONE: Final = Words("none", "なし")
_REDACTED: Final = urls.without_password

SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "SEKISHO_DATA",
        values.path,
        "./sekisho-data",
        Words(
            "directory of database, keys and sekisho.toml, mode 0700",
            "データベース、鍵、sekisho.toml を置くディレクトリ (モード 0700)",
        ),
        in_file=False,
    ),
    Setting(
        "SEKISHO_ISSUER",
        urls.issuer,
        "http://localhost:8400",
        Words(
            "public URL of the server and `iss` of every token; https off loopback",
            "サーバーの公開 URL。全トークンの `iss` になる。ループバック以外では https",
        ),
    ),
    Setting(
        "SEKISHO_AUDIENCE",
        values.word,
        "api",
        Words("`aud` of access tokens: the name of your APIs", "アクセストークンの `aud`。API 側の名前"),
    ),
    Setting(
        "SEKISHO_DATABASE_URL",
        urls.database_url,
        None,
        Words("sqlite:///path or postgresql://...", "sqlite:///パス または postgresql://..."),
        absent=Words("sqlite:///<data>/sekisho.db", "sqlite:///<data>/sekisho.db"),
        spell=_REDACTED,
    ),
    Setting(
        "SEKISHO_SESSION_STORE_URL",
        urls.session_store_url,
        None,
        Words(
            "where cookie sessions are looked up: redis://, rediss:// or redis+cluster://",
            "Cookie セッションを引く場所: redis://、rediss://、redis+cluster://",
        ),
        absent=Words("the database", "データベース"),
        spell=_REDACTED,
    ),
    Setting(
        "SEKISHO_SIGNING_KEY",
        values.reference,
        None,
        Words(
            "reference to the signing key: a secret of 32 bytes or more (HS256), PEM, JWK or JWK set",
            "署名鍵の参照。中身は 32 バイト以上の秘密 (HS256)、PEM、JWK、JWK セットのどれか",
        ),
        absent=Words("made on first run", "初回起動時に作る"),
    ),
    Setting(
        "SEKISHO_ROOT_SECRET",
        values.reference,
        None,
        Words(
            "reference to 32 random bytes or more, from which every other server key derives",
            "32 バイト以上の乱数の参照。サーバーの他の鍵はすべてここから導く",
        ),
        absent=Words(
            "made on first run (SQLite); required with PostgreSQL",
            "初回起動時に作る (SQLite)。PostgreSQL では必須",
        ),
    ),
    Setting(
        "SEKISHO_ROOT_SECRET_PREVIOUS",
        values.references,
        None,
        Words(
            "references to other root secrets, separated by commas, whose tokens and cookies still count",
            "他のルートシークレットの参照 (コンマ区切り)。それで作ったトークンと Cookie も引き続き有効",
        ),
        absent=_NONE,
        spell=_join,
    ),
    Setting(
        "SEKISHO_REFRESH_STORE",
        values.one_of("database", "none"),
        "database",
        Words(
            "`none`: signed refresh tokens that nobody stores; not rotated, not on the device list",
            "`none`: 保存しない署名付きリフレッシュトークン。ローテーションも端末一覧もない",
        ),
    ),
    Setting(
        "SEKISHO_ALLOWED_ORIGINS",
        values.listed(urls.origin),
        None,
        Words(
            "origins of browser applications, separated by commas (CORS and the cross-site gate)",
            "ブラウザーアプリのオリジン (コンマ区切り)。CORS とクロスサイト検査に使う",
        ),
        absent=_NONE,
        spell=_join,
    ),
    Setting(
        "SEKISHO_TRUSTED_PROXIES",
        values.networks,
        None,
        Words(
            "networks whose X-Forwarded-For counts, separated by commas",
            "X-Forwarded-For を信じるネットワーク (コンマ区切り)",
        ),
        absent=_NONE,
        spell=_join,
    ),
    Setting(
        "SEKISHO_SIGNING_ALG",
        values.one_of("HS256", "HS384", "HS512", "ES256", "EdDSA", "RS256", "PS256"),
        "ES256",
        Words(
            "algorithm of the keys that the server makes; HS384, HS512 and PS256 also choose for a given key",
            "サーバーが作る鍵のアルゴリズム。HS384、HS512、PS256 は与えた鍵にも効く",
        ),
    ),
    Setting(
        "SEKISHO_SIGNING_KEY_AGE",
        values.duration_or_off(3_600, 3_660 * 86_400),
        "90d",
        Words(
            "how long a key that the server made signs until the next does; `off`: until somebody rotates it",
            "サーバーが作った鍵が次の鍵に替わるまで署名する期間。`off` なら誰かが替えるまで",
        ),
        spell=values.spell_or_off,
    ),
    Setting(
        "SEKISHO_ACCESS_TTL",
        values.duration(10, 86_400),
        "15m",
        Words("life of an access token", "アクセストークンの寿命"),
        spell=values.spell,
    ),
    Setting(
        "SEKISHO_REFRESH_TTL",
        values.duration(60, 366 * 86_400),
        "7d",
        Words("life of an unused refresh token", "使われないリフレッシュトークンの寿命"),
        spell=values.spell,
    ),
    Setting(
        "SEKISHO_REFRESH_GRACE",
        values.duration(0, 60),
        "10s",
        Words(
            "how long the previous refresh token still yields the same successor",
            "直前のリフレッシュトークンが同じ後継を返す時間",
        ),
        spell=values.spell,
    ),
    Setting(
        "SEKISHO_SESSION_IDLE",
        values.duration(60, 366 * 86_400),
        "7d",
        Words("life of an unused cookie session", "使われない Cookie セッションの寿命"),
        spell=values.spell,
    ),
    Setting(
        "SEKISHO_SESSION_MAX",
        values.duration(60, 366 * 86_400),
        "30d",
        Words("when a session ends, however busy", "使い続けていてもセッションが終わる時間"),
        spell=values.spell,
    ),
    Setting(
        "SEKISHO_PASSWORD_HASH",
        values.one_of("argon2id", "bcrypt"),
        "argon2id",
        Words(
            "hash of new passwords; bcrypt has cost 12 and takes at most 72 bytes",
            "新しいパスワードのハッシュ。bcrypt はコスト 12 で 72 バイトまで",
        ),
    ),
    Setting(
        "SEKISHO_PASSWORD_PROFILE",
        values.one_of(
            "OWASP_46MIB_T1",
            "OWASP_19MIB_T2",
            "OWASP_12MIB_T3",
            "OWASP_9MIB_T4",
            "OWASP_7MIB_T5",
            "RFC_9106_LOW_MEMORY",
        ),
        "OWASP_19MIB_T2",
        Words("named Argon2id parameters", "Argon2id のパラメーター名"),
    ),
    Setting(
        "SEKISHO_PASSWORD_MINIMUM",
        values.whole_number(8, 64),
        "8",
        Words(
            "fewest characters of a password; 15 where it is the only factor (NIST SP 800-63B-4)",
            "パスワードの最小文字数。唯一の要素なら 15 (NIST SP 800-63B-4)",
        ),
    ),
    Setting(
        "SEKISHO_SIGNUP",
        values.one_of("open", "invite", "closed"),
        None,
        Words("who may make an account", "誰がアカウントを作れるか"),
        absent=Words("open on loopback, else closed", "ループバックでは open、それ以外は closed"),
    ),
    Setting(
        "SEKISHO_FEED_TOKEN",
        values.reference,
        None,
        Words(
            "reference to the token that verifiers present to read the revocation feed",
            "検証側が失効フィードを読むときに示すトークンの参照",
        ),
        absent=Words(
            "none on loopback; elsewhere `serve` makes one and prints it",
            "ループバックではなし。それ以外では `serve` が作って表示する",
        ),
    ),
    Setting(
        "SEKISHO_ADMIN_EMAIL",
        values.email,
        None,
        Words(
            "the first administrator, made by `serve` where there is none: no link and nobody to click it",
            "最初の管理者。管理者がいなければ `serve` が作る (リンクも操作もいらない)",
        ),
        absent=Words("none: a setup link is printed", "なし。設定用のリンクを表示する"),
    ),
    Setting(
        "SEKISHO_ADMIN_PASSWORD",
        values.reference,
        None,
        Words(
            "reference to the password of that administrator, read while there is none",
            "その管理者のパスワードの参照。管理者がいない間だけ読む",
        ),
        absent=_NONE,
    ),
    Setting(
        "SEKISHO_BRAND_NAME",
        values.brand_name,
        None,
        Words("what the pages call your service", "ページに出すサービスの名前"),
        absent=Words("sekisho", "sekisho"),
    ),
    Setting(
        "SEKISHO_BRAND_LOGO",
        values.path,
        None,
        Words(
            "SVG, PNG or WebP file of 64 KiB at most, shown before that name",
            "その名前の前に出す SVG、PNG、WebP のファイル (64 KiB まで)",
        ),
        absent=Words("a gate", "門の絵"),
    ),
    Setting(
        "SEKISHO_BRAND_ACCENT",
        values.colour,
        None,
        Words(
            "colour of links and buttons, like #1f5c36; made readable where it is not",
            "リンクとボタンの色 (#1f5c36 など)。読みにくければ読める色に直す",
        ),
        absent=Words("a red of our own", "独自の赤"),
    ),
    Setting(
        "SEKISHO_LANG",
        values.one_of("en", "ja"),
        None,
        Words("language of the command line and the log", "コマンドラインとログの言語"),
        absent=Words("ja if LANG begins with ja, else en", "LANG が ja で始まれば ja、それ以外は en"),
    ),
    Setting(
        "SEKISHO_LOG_FORMAT",
        values.one_of("auto", "json", "console"),
        "auto",
        Words(
            "log lines for machines or for people; auto: console on a terminal, else json",
            "ログの形式。auto: 端末なら console、それ以外は json",
        ),
    ),
)
