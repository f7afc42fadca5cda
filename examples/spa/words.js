// What the page says, in two languages: the terms are those of the auth server's own pages.

export const WORDS = {
  en: {
    title: "The shop at the checkpoint",
    email: "E-mail address",
    password: "Password",
    code: "Setup code",
    current_password: "Current password",
    new_password: "New password",
    "setup.title": "Set up this server",
    "setup.what": "Make the account that looks after this server. It has the role admin.",
    "setup.submit": "Make the administrator",
    "setup.done": "The administrator's account was made, and you are logged in. The link does not work any more.",
    login: "Log in",
    "login.other": "No account yet?",
    signup: "Sign up",
    "signup.submit": "Sign up",
    "signup.other": "Have an account already?",
    "signup.done": "Your account was made, and you are logged in.",
    who: "Logged in as {email}",
    shop: "The shop",
    "shop.products": "Products",
    "shop.customers": "Customers",
    devices: "Where you are logged in",
    "devices.on": "{program} on {system}",
    "devices.unknown": "Unknown device",
    "devices.this": "This device",
    "devices.used": "Last used {time}",
    "devices.end": "Log out",
    "devices.done": "That device was logged out.",
    "password.title": "Change your password",
    "password.hint": "At least 8 characters. A few words that only you would put together are easy to keep in mind and hard to guess.",
    "password.others": "At least 8 characters. Every other device is logged out.",
    "password.submit": "Change password",
    "password.done": "Your password was changed. Every other device was logged out.",
    logout: "Log out",
    "logout.all": "Log out everywhere",
    "ended.logout": "You are logged out.",
    "ended.session_revoked": "The session on this device was ended. Log in again.",
    "ended.refresh_reused": "Somebody may have a copy of this session, so it was ended. Log in again.",
    ended: "Log in again.",
    "refused.setup_closed": "There is nothing to set up: there is an administrator already, or the link has expired.",
    "refused.setup_code_invalid": "This is not the setup code. Take the link that sekisho serve printed last.",
    "refused.signup_closed": "Accounts cannot be made here by oneself. Ask the operator for an account.",
    "refused.email_taken": "There is an account with this e-mail address.",
    "refused.invalid_credentials": "E-mail address or password is not right.",
    "refused.rate_limited": "Too many attempts. Wait {seconds} s, then try again.",
    "refused.insufficient_scope": "You may not see this. It needs the permission customers:read.",
    fault: "{label} {fault}.",
    "fault.invalid_email": "is not an e-mail address",
    "fault.password_common": "is a password that a guesser would try early; choose another",
    "fault.password_too_short": "is too short",
    "fault.password_too_long": "is too long",
    broken: "That did not work. Try again in a moment.",
  },
  ja: {
    title: "関所の店",
    email: "メールアドレス",
    password: "パスワード",
    code: "設定コード",
    current_password: "現在のパスワード",
    new_password: "新しいパスワード",
    "setup.title": "サーバーの初期設定",
    "setup.what": "このサーバーの管理者のアカウントを作ります。ロールは admin です。",
    "setup.submit": "管理者を作る",
    "setup.done": "管理者のアカウントを作り、ログインしました。リンクはもう使えません。",
    login: "ログイン",
    "login.other": "アカウントをお持ちでない方",
    signup: "新規登録",
    "signup.submit": "登録する",
    "signup.other": "アカウントをお持ちの方",
    "signup.done": "アカウントを作り、ログインしました。",
    who: "ログイン中: {email}",
    shop: "お店",
    "shop.products": "商品",
    "shop.customers": "顧客",
    devices: "ログイン中の端末",
    "devices.on": "{system} の {program}",
    "devices.unknown": "不明な端末",
    "devices.this": "この端末",
    "devices.used": "最後の利用 {time}",
    "devices.end": "ログアウトさせる",
    "devices.done": "その端末をログアウトさせました。",
    "password.title": "パスワードの変更",
    "password.hint": "8 文字以上です。自分だけが思い付く言葉をいくつかつなげると、覚えやすく、推測されにくくなります。",
    "password.others": "8 文字以上です。変更すると、他の端末はすべてログアウトになります。",
    "password.submit": "パスワードを変更",
    "password.done": "パスワードを変更しました。他の端末はすべてログアウトになりました。",
    logout: "ログアウト",
    "logout.all": "すべての端末でログアウト",
    "ended.logout": "ログアウトしました。",
    "ended.session_revoked": "この端末のセッションは終了しています。もう一度ログインしてください。",
    "ended.refresh_reused": "写しが他人の手に渡ったおそれがあるため、セッションを終了しました。もう一度ログインしてください。",
    ended: "もう一度ログインしてください。",
    "refused.setup_closed": "初期設定の必要はありません。すでに管理者がいるか、リンクの期限が切れています。",
    "refused.setup_code_invalid": "設定コードが違います。sekisho serve が最後に表示したリンクを使ってください。",
    "refused.signup_closed": "ここでは自分でアカウントを作れません。運用者に頼んでください。",
    "refused.email_taken": "このメールアドレスのアカウントはすでにあります。",
    "refused.invalid_credentials": "メールアドレスかパスワードが違います。",
    "refused.rate_limited": "試行回数が多すぎます。{seconds} 秒待ってからお試しください。",
    "refused.insufficient_scope": "見ることを許されていません。権限 customers:read が必要です。",
    fault: "{label}: {fault}。",
    "fault.invalid_email": "メールアドレスではありません",
    "fault.password_common": "推測されやすいパスワードです。別のものにしてください",
    "fault.password_too_short": "短すぎます",
    "fault.password_too_long": "長すぎます",
    broken: "うまくいきませんでした。少し待ってからお試しください。",
  },
};

/** The language that the page speaks: the one that was chosen here, else the first of the browser's that it knows. */
export let language =
  [localStorage.getItem("language"), ...navigator.languages.map((tag) => tag.split("-")[0])].find(
    (each) => each in WORDS,
  ) ?? "en";

/** An instant as the reader writes it: in English as in that of the browser, British or any other. */
const moment = (time) => {
  const region = navigator.languages.find((tag) => tag.startsWith(language)) ?? language;
  return new Date(time).toLocaleString(region, { dateStyle: "long", timeStyle: "short" });
};

/** The words of an id with its {values} filled in; undefined where there are none. */
export const words = (id, values) =>
  WORDS[language][id]?.replace(/\{(\w+)\}/g, (_, name) => (name === "time" ? moment(values.time) : values[name]));

const write = (element) => {
  element.textContent = words(element.dataset.say, element.dataset);
};

/** Let an element say something now, and in the other language once that is chosen. */
export const say = (element, id, values) => {
  Object.assign(element.dataset, values, { say: id });
  write(element);
  return element;
};

/** Speak another language from now on, in this browser. */
export const speak = (chosen) => {
  language = chosen;
  localStorage.setItem("language", chosen);
  document.documentElement.lang = chosen;
  document.querySelectorAll("[data-say]").forEach(write);
};
