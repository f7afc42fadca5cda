"""The words of tables and plots, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = ("en", "ja")

#: By what the results call it; what is not here is called the same everywhere.
_WORDS: Mapping[str, tuple[str, str]] = {
    # who
    "sekisho, refresh": ("sekisho", "sekisho"),
    "sekisho, refresh, ES256": ("sekisho", "sekisho"),
    "sekisho, cookie": ("sekisho", "sekisho"),
    "sekisho, guard": ("sekisho", "sekisho"),
    "sekisho, default hash": (
        "sekisho (Argon2id, 19 MiB, 2 passes)",
        "sekisho(Argon2id、19 MiB、2 回)",
    ),
    "fastapi-users, default hash": (
        "fastapi-users (Argon2id, 64 MiB, 3 passes)",
        "fastapi-users(Argon2id、64 MiB、3 回)",
    ),
    "Flask-Security, default hash": (
        "Flask-Security (Argon2id, 64 MiB, 3 passes)",
        "Flask-Security(Argon2id、64 MiB、3 回)",
    ),
    "Django, default hash": (
        "Django (PBKDF2 with SHA-256, 1,000,000 rounds)",
        "Django(PBKDF2、SHA-256、1,000,000 回)",
    ),
    "sekisho, asking each time": ("sekisho, asking each time", "sekisho(毎回問い合わせ)"),
    "sekisho, seen before": ("sekisho, seen before", "sekisho(既に見たトークン)"),
    "sekisho, guard in FastAPI": ("sekisho, in FastAPI", "sekisho(FastAPI の中)"),
    "floor": ("bare application", "素のアプリケーション"),
    "floor, cookie": ("bare application", "素のアプリケーション"),
    "floor, refresh": ("bare application", "素のアプリケーション"),
    "floor, bearer": ("bare application", "素のアプリケーション"),
    "fastapi-users, JWT": ("fastapi-users", "fastapi-users"),
    "Flask-Security, tokens": ("Flask-Security", "Flask-Security"),
    "fast-jwt, seen before (Node)": ("fast-jwt, seen before (Node)", "fast-jwt(既に見たトークン、Node)"),
    "the parts": ("the bare primitives", "素の暗号関数"),
    # what
    "refresh": ("refresh, 8 at once", "リフレッシュ(8 件同時)"),
    "refresh, one at a time": ("refresh, one at a time", "リフレッシュ(1 件ずつ)"),
    "refresh, ES256": ("refresh, ES256, 8 at once", "リフレッシュ(ES256、8 件同時)"),
    "refresh, ES256, one at a time": ("refresh, ES256, one at a time", "リフレッシュ(ES256、1 件ずつ)"),
    "session check": ("session check", "セッションの確認"),
    "session check, as served": (
        "session check, as served, from memory",
        "セッションの確認(通常、メモリから)",
    ),
    "session check, sekisho, asking each time": (
        "session check, all ask each time",
        "セッションの確認(すべて毎回問い合わせ)",
    ),
    "bearer check, raw": (
        "bearer GET, token seen before, ours in raw ASGI",
        "Bearer トークンの GET(既に見たトークン、sekisho は素の ASGI)",
    ),
    "bearer check, sekisho, guard in FastAPI": (
        "bearer GET, token seen before, ours in FastAPI",
        "Bearer トークンの GET(既に見たトークン、sekisho は FastAPI の中)",
    ),
    "bearer check": ("bearer GET, token seen before", "Bearer トークンの GET(既に見たトークン)"),
    "login": ("login, the same cheap hash", "ログイン(同じ安価なハッシュ)"),
    "login, default hash": ("login, each one's default hash", "ログイン(各製品の既定のハッシュ)"),
    "logout by cookie": ("logout by cookie", "Cookie でのログアウト"),
    "logout by refresh token": ("logout by refresh token", "リフレッシュトークンでのログアウト"),
    "verify": ("check a token", "トークンの検証"),
    "sign": ("sign a token", "トークンの署名"),
    "PostgreSQL and Redis": ("Redis", "Redis"),
    # races
    "both got the same successor, which lives": (
        "both got the same successor, which lives",
        "両方が同じ後継トークンを受け取り、有効",
    ),
    "both got a successor of their own, and both live": (
        "each got a successor of its own, and both live",
        "別々の後継トークンが発行され、両方とも有効",
    ),
    "one was refused, the other's successor lives": (
        "one was refused, the other's successor lives",
        "片方は拒否、もう片方の後継トークンは有効",
    ),
    "nobody is logged in any more": ("nobody is logged in any more", "どちらもログアウト"),
    # headings and columns
    "title": ("Results", "結果"),
    "made": (
        "Written by `make bench` ({kind}, {minutes:.0f} minutes) on {date}.",
        "`make bench` ({kind}、{minutes:.0f} 分)が {date} に書き出したものです。",
    ),
    "how": (
        "How to read it: [the benchmarks page](../../docs/en/benchmarks.md).",
        "読み方は[ベンチマークのページ](../../docs/ja/benchmarks.md)にあります。",
    ),
    "whole": ("the whole matrix", "全項目"),
    "quick": ("the quick one", "短縮版"),
    "skipped": ("Not measured: {what}.", "計測していないもの: {what}。"),
    "ratios": (
        "Times the server CPU of sekisho",
        "サーバー CPU 時間、sekisho の何倍か",
    ),
    "ratios note": (
        "Median of the ratios within each round (lower and upper quartile). Below 1 is less than ours.",
        "各巡の中で取った比の中央値(括弧内は四分位)です。1 未満は sekisho より少ないことを示します。",
    ),
    "targets": ("What was aimed at", "目標"),
    "target": ("target", "目標"),
    "wanted": ("wanted", "目標値"),
    "found": ("found", "計測値"),
    "holds": ("holds", "達成"),
    "missed": ("MISSED", "未達"),
    "by the median": ("yes, by the median alone", "はい(中央値のみ)"),
    "yes": ("yes", "はい"),
    "no": ("no", "いいえ"),
    "act": ("", ""),
    "server": ("server CPU, us", "サーバー CPU、us"),
    "database": ("database CPU, us", "データベース CPU、us"),
    "times": ("times ours", "sekisho 比"),
    "per_second": ("a second", "毎秒"),
    "p50": ("p50, ms", "p50、ms"),
    "p99": ("p99, ms", "p99、ms"),
    "requests": ("requests", "リクエスト数"),
    "memory": ("memory then, MiB", "その時点のメモリ、MiB"),
    "tokens": ("Tokens in process, microseconds of CPU", "プロセス内でのトークン処理、CPU 時間(マイクロ秒)"),
    "servers": ("Every act", "操作ごとの結果"),
    "servers note": (
        "SQL statements a request are counted in PostgreSQL's own log; those that begin or end go apart.",
        "1 リクエストあたりの SQL 文を PostgreSQL 自身のログで数えました。開始と終了は別に示します。",
    ),
    "hashes note": (
        "Each hash at its default cost: what differs is the work that it asks of a thief. No merit of ours.",
        "各製品の既定のハッシュです。比べているのは攻撃者に課す計算量であり、sekisho の優劣ではありません。",
    ),
    "statements": ("SQL statements + BEGIN, COMMIT", "SQL 文 + BEGIN、COMMIT"),
    "starts note": (
        "In pairs: ours and a peer right after each other, {rounds} times; a ratio is taken within a pair.",
        "sekisho と他の製品を続けて起動し、製品ごとに {rounds} 組計測します。比は組の中で取ります。",
    ),
    "parts": ("How long each part took", "各部の所要時間"),
    "part": ("part", "部"),
    "minutes": ("minutes", "分"),
    "part servers": ("servers", "サーバー"),
    "part tokens": ("tokens", "トークン"),
    "part starts": ("starts", "起動"),
    "part races": ("races", "競合"),
    "part scale": ("scale, filling included", "規模(投入を含む)"),
    "part growth": ("growth", "表の大きさの変化"),
    "part revocation": ("revocation", "失効"),
    "starts": ("Second start and memory, SQLite", "2 回目の起動とメモリ、SQLite"),
    "seconds": ("start, s", "起動、秒"),
    "cpu_seconds": ("start, s of CPU", "起動の CPU、秒"),
    "idle_mib": ("idle, MiB resident", "待機時の常駐メモリ、MiB"),
    "own_mib": ("of it anonymous, MiB", "うち無名メモリ、MiB"),
    "races": ("Two refreshes with one token at once", "1 つのトークンで同時に 2 回リフレッシュすると"),
    "outcome": ("outcome, of {races}", "結果({races} 回中)"),
    "spent": ("a token spent before is refused", "使用済みトークンを拒否"),
    "ended": ("and its family is ended", "さらに系列を失効"),
    "scale": ("Scale", "規模"),
    "sessions": ("sessions", "セッション数"),
    "bytes": ("table and indexes, MB", "表と索引、MB"),
    "filled": ("filled in, s", "投入時間、秒"),
    "scale note": (
        "Tokens and cookies are taken from all over the table, and the process remembers none of them.",
        "トークンと Cookie は表の全体から選びます。プロセスは何も記憶しません。",
    ),
    "refreshes": ("refreshes", "リフレッシュの回数"),
    "grown": (
        "Half of {sessions:,} sessions, {refreshes:,} refreshes: {before:.2f} MB before, {after:.2f} after.",
        "{sessions:,} セッションの半数を計 {refreshes:,} 回更新: 前 {before:.2f} MB、後 {after:.2f} MB。",
    ),
    "grown how": (
        "By the storage adapter in process, not by HTTP, in {seconds:.0f} s; {hot_share:.1%} touch no index.",
        "HTTP ではなくプロセス内のストレージ層で {seconds:.0f} 秒。{hot_share:.1%} は索引に触れません。",
    ),
    "theirs": (
        "simplejwt's tables grow by {bytes:.0f} bytes at each refresh.",
        "simplejwt の表はリフレッシュごとに {bytes:.0f} バイト増えます。",
    ),
    "workers": ("workers", "ワーカー数"),
    "revocation": ("How soon a revocation is known", "失効が届くまで"),
    "revocation note": (
        "From the commit of a logout, by the database's own record, until a verifier refuses its token.",
        "ログアウトのコミット(データベース自身の記録)から、ベリファイアがそのトークンを拒否するまで。",
    ),
    "revocation pairs": (
        "{verifiers} verifiers, 2 servers, 50 logouts/s: {pairs:,} pairs, missed {missed}, false {false}.",
        "ベリファイア {verifiers}、サーバー 2、毎秒 50 件: {pairs:,} 組、見逃し {missed}、誤拒否 {false}。",
    ),
    "commit to refused": ("commit to refused, ms", "コミットから拒否まで、ms"),
    "logouts": ("logouts", "ログアウト"),
    "most": ("max", "最大"),
    "p99 at most": ("p99 at most", "p99 の上限"),
    "all is well": ("all is well", "平常時"),
    "committed around the death of a node": (
        "committed around the death of a node",
        "サーバー 1 台の停止前後にコミット",
    ),
    "it is gone, and comes back": ("it is gone, and comes back", "停止中から復帰まで"),
    "tried while the database stood still": (
        "tried while the database stood still",
        "データベース停止中に要求",
    ),
    "after that": ("after that", "その後"),
    "short": ("server CPU", "サーバー CPU"),
    "short beside": ("times ours, by whom", "sekisho の何倍か"),
    "short memory": ("memory at work (session checks, PostgreSQL), MiB", "動作中のメモリ(PostgreSQL)、MiB"),
    "short scale": (
        "{act}, us of server + database, by sessions",
        "{act}、us(サーバー + データベース、セッション数ごと)",
    ),
    "short heard": (
        "commit of a logout until each of {verifiers} verifiers refuses, ms",
        "ログアウトのコミットから {verifiers} の検証側それぞれが拒否するまで、ms",
    ),
    "short delays": ("p50 {}, p99 {}, at most {}", "p50 {}、p99 {}、最大 {}"),
    "start CPU, beside the best of Python's": (
        "start, CPU, by {peer}'s, the best peer",
        "起動の CPU(最良の {peer} 比)",
    ),
    "idle memory, beside the best of Python's": (
        "idle memory, resident, by {peer}'s, the best peer",
        "待機時の常駐メモリ(最良の {peer} 比)",
    ),
    "own memory, beside the best of Python's": (
        "idle memory, anonymous, by {peer}'s, the best peer",
        "待機時の無名メモリ(最良の {peer} 比)",
    ),
    "refresh, beside simplejwt": (
        "refresh, 8 at once, times less than simplejwt",
        "リフレッシュ(8 件同時)、simplejwt の何分の 1 か",
    ),
    "refresh, beside oidc-provider": (
        "refresh, 8 at once, times less than oidc-provider",
        "リフレッシュ(8 件同時)、oidc-provider の何分の 1 か",
    ),
    "session check, beside fastapi-users": (
        "session check, as served, times less than fastapi-users",
        "セッションの確認(通常)、fastapi-users の何分の 1 か",
    ),
    "bearer check, beside fastapi-users": (
        "bearer GET, token seen before, times less than fastapi-users",
        "Bearer トークンの GET(既に見たトークン)、fastapi-users の何分の 1 か",
    ),
    "scale plot": (
        "CPU, microseconds, by sessions in the table",
        "表のセッション数ごとの CPU 時間(マイクロ秒)",
    ),
    "tokens plot": ("Check a token: times the CPU of sekisho", "トークンの検証: CPU 時間、sekisho の何倍か"),
}


def said(name: str, language: Language, **values: object) -> str:
    """What something is called in a language."""
    found = _WORDS.get(name)
    text = name if found is None else found[LANGUAGES.index(language)]
    return text.format(**values) if values else text
