// A front end without a framework: set up, log in, ask a shop on another origin, mind one's devices, log out.

import { language, say, speak, words } from "./words.js";

const ISSUER = "http://localhost:8400";
const SHOP = "http://localhost:8001";

/** The code stands behind the # of the link, which no browser sends anywhere: from here it goes into the form alone. */
let code = "";
const takeCode = () => {
  if (!location.hash) return;
  code = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
};
// Before anybody is asked anything: an answer may take its time, and an address is looked at, and shared.
takeCode();
addEventListener("hashchange", takeCode);

/** The client is the auth server's: wait until that is there. */
const client = async () => {
  while (!(await fetch(`${ISSUER}/healthz`, { mode: "no-cors" }).catch(() => null))) {
    await new Promise((go) => setTimeout(go, 1000));
  }
  return import(`${ISSUER}/static/sekisho.js`);
};

const { createAuth, SekishoError } = await client();
const auth = createAuth({ issuer: ISSUER, mode: "browser", apis: [SHOP] });
const $ = (id) => document.getElementById(id);

/** What a User-Agent says of itself: the first that fits, since each also claims to be some of those below it. */
const PROGRAMS = { Edge: /\bEdg/, Firefox: /\b(Firefox|FxiOS)/, Chrome: /(Chrome|CriOS)\//, Safari: /\bSafari/ };
const SYSTEMS = {
  iPhone: /iPhone/,
  iPad: /iPad/,
  Android: /Android/,
  Windows: /Windows/,
  macOS: /Macintosh/,
  Linux: /Linux/,
};

const first = (patterns, text) => Object.keys(patterns).find((name) => patterns[name].test(text));

const made = (tag, ...content) => {
  const element = document.createElement(tag);
  element.append(...content);
  return element;
};

const tell = (text = "", refused = false) => {
  $("status").textContent = text;
  $("status").classList.toggle("refused", refused);
};

/** A refusal in the words of the page; of a code that it does not know, in those of the server. */
const refusal = ({ code, detail, errors, retryAfter }) =>
  errors
    ?.map((each) =>
      words("fault", {
        label: words(each.pointer.slice(1)) ?? each.pointer,
        fault: words(`fault.${each.code}`) ?? each.detail,
      }),
    )
    .join(" ") ??
  words(`refused.${code}`, { seconds: retryAfter }) ??
  detail;

/** Do what somebody asked for, and say what came of it. */
const attempt = async (act, done) => {
  const before = auth.user;
  tell();
  try {
    await act();
    if (done) tell(words(done));
  } catch (error) {
    if (before && !auth.user) return; // the session has ended, and whoever subscribed says so
    const known = error instanceof SekishoError;
    tell(known ? refusal(error) : words("broken"), true);
    if (!known) throw error;
  }
};

/** Show one of the four pages that this is. */
const view = (name) => {
  for (const main of document.querySelectorAll("main")) main.hidden = main.id !== name;
};

/** Let a form do something with its fields, which are empty again once it is done; a second click is none. */
const submits = (form, done, act) => {
  let underWay = false;
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (underWay) return;
    underWay = true;
    const fields = Object.fromEntries(new FormData(form));
    await attempt(async () => {
      await act(fields);
      form.reset();
    }, done).finally(() => (underWay = false));
  };
};

const showDevices = async () => {
  const { sessions } = await auth.call("GET", "/v1/sessions");
  $("devices").replaceChildren(...sessions.map(device));
};

const device = ({ id, user_agent, last_used_at, current }) => {
  const [program, system] = [first(PROGRAMS, user_agent), first(SYSTEMS, user_agent)];
  const name = say(made("b"), program && system ? "devices.on" : "devices.unknown", { program, system });
  const line = made("li", name, say(made("span"), "devices.used", { time: last_used_at }));
  if (current) {
    line.append(say(made("em"), "devices.this"));
    return line;
  }
  const end = say(made("button"), "devices.end");
  name.id = `device-${id}`;
  end.setAttribute("aria-describedby", name.id);
  end.onclick = () =>
    attempt(async () => {
      await auth.call("DELETE", `/v1/sessions/${id}`);
      await showDevices();
    }, "devices.done");
  line.append(end);
  return line;
};

/** Show what the shop has under a path; it checks the access token by itself. */
const showGoods = async (path) => {
  const answer = await auth.fetch(SHOP + path);
  const said = await answer.json();
  if (!answer.ok) throw new SekishoError(said);
  $("goods").replaceChildren(...said[path.slice(1)].map(({ name }) => made("li", name)));
};

/** Show the page that is for whoever is logged in, or for nobody. */
const show = async (user) => {
  view(user ? "account" : "login");
  $("goods").replaceChildren();
  $("devices").replaceChildren();
  if (!user) return;
  say($("who"), "who", { email: user.email });
  $("whose").defaultValue = user.email; // a default, which the form keeps when it is emptied
  await showDevices();
};

const showSetup = () => {
  if (!code) return;
  view("setup");
  $("setup").querySelector("[name=code]").value = code;
  code = "";
  $("setup").querySelector("[name=email]").focus();
};

const enter = async (path, account) => {
  await auth.call("POST", path, { ...account, locale: language });
  await auth.login(account);
};

submits($("setup").querySelector("form"), "setup.done", (fields) => enter("/v1/setup", fields));
submits($("signup").querySelector("form"), "signup.done", (fields) => enter("/v1/accounts", fields));
submits($("login").querySelector("form"), undefined, (fields) => auth.login(fields));
submits($("password"), "password.done", async (fields) => {
  await auth.call("POST", "/v1/password", fields);
  await showDevices();
});

$("products").onclick = () => attempt(() => showGoods("/products"));
$("customers").onclick = () => attempt(() => showGoods("/customers"));
$("leave").onclick = () => attempt(() => auth.logout());
$("leave-all").onclick = () => attempt(() => auth.logout({ scope: "all" }));

for (const button of document.querySelectorAll("[data-view]")) {
  button.onclick = () => {
    tell();
    view(auth.user ? "account" : button.dataset.view);
    document.querySelector("main:not([hidden]) input:not([hidden])").focus();
  };
}

const choose = (chosen) => {
  speak(chosen);
  tell(); // it was said in the other language
  for (const button of $("languages").children) button.ariaPressed = String(button.value === chosen);
};
for (const button of $("languages").children) button.onclick = () => choose(button.value);
choose(language);

// Whoever logs in or out, in this tab or another one: every tab shows it.
auth.subscribe((user, why) =>
  attempt(async () => {
    await show(user);
    if (!user) tell(words(`ended.${why}`) ?? words("ended"));
  }),
);
await attempt(async () => (await auth.restore()) ?? show(null));
addEventListener("hashchange", showSetup);
showSetup();
