// A front end without a framework: log in, ask a shop on another origin, mind one's devices, log out.

import { createAuth, SekishoError } from "http://localhost:8400/static/sekisho.js";

const ISSUER = "http://localhost:8400";
const SHOP = "http://localhost:8001";

const auth = createAuth({ issuer: ISSUER, mode: "browser", apis: [SHOP] });
const $ = (id) => document.getElementById(id);

/** What is said when a session has ended, by the reason. */
const ENDED = {
  logout: "You are logged out.",
  session_revoked: "This device was logged out. Log in again.",
  refresh_reused: "Somebody may have a copy of this session, so it was ended. Log in again.",
};

const say = (text = "") => {
  $("status").textContent = text;
};

/** Do what a button asks for, and say what the server says where it refuses. */
const attempt = async (act) => {
  say();
  try {
    await act();
  } catch (error) {
    if (!(error instanceof SekishoError)) throw error;
    say(error.errors?.map((each) => each.detail).join(" ") || error.detail);
  }
};

const item = (text, ...more) => {
  const line = document.createElement("li");
  line.append(text, ...more);
  return line;
};

/** Show what the shop has under a path; it checks the access token by itself. */
const ask = async (path, name) => {
  const answer = await auth.fetch(SHOP + path);
  const said = await answer.json();
  if (answer.ok) $("goods").replaceChildren(...said[name].map((row) => item(row.name)));
  else say(said.detail);
};

const showDevices = async () => {
  const { sessions } = await auth.call("GET", "/v1/sessions");
  $("devices").replaceChildren(...sessions.map(device));
};

const device = ({ id, user_agent, last_used_at, current }) => {
  const since = new Date(last_used_at).toLocaleString();
  if (current) return item(`${user_agent}, ${since} (this device)`);
  const end = document.createElement("button");
  end.textContent = "Log out there";
  end.onclick = () =>
    attempt(async () => {
      await auth.call("DELETE", `/v1/sessions/${id}`);
      await showDevices();
    });
  return item(`${user_agent}, ${since} `, end);
};

/** Show the page that is for whoever is logged in, or for nobody. */
const show = async (user) => {
  $("stranger").hidden = Boolean(user);
  $("customer").hidden = !user;
  $("goods").replaceChildren();
  $("devices").replaceChildren();
  $("email").textContent = user?.email ?? "";
  if (user) await attempt(showDevices);
};

$("enter").onsubmit = (event) => {
  event.preventDefault();
  const form = event.target;
  attempt(async () => {
    const account = Object.fromEntries(new FormData(form));
    if (event.submitter?.value === "signup") await auth.call("POST", "/v1/accounts", account);
    await auth.login(account);
    form.reset();
  });
};

$("password").onsubmit = (event) => {
  event.preventDefault();
  const form = event.target;
  attempt(async () => {
    await auth.call("POST", "/v1/password", Object.fromEntries(new FormData(form)));
    form.reset();
    await showDevices();
    say("The password is changed, and every other device is logged out.");
  });
};

$("products").onclick = () => attempt(() => ask("/products", "products"));
$("customers").onclick = () => attempt(() => ask("/customers", "customers"));
$("leave").onclick = () => attempt(() => auth.logout());
$("leave-all").onclick = () => attempt(() => auth.logout({ scope: "all" }));

// Whoever logs in or out, in this tab or another one: every tab shows it.
auth.subscribe(async (user, why) => {
  await show(user);
  if (!user) say(ENDED[why] ?? "Log in again.");
});
await show(await auth.restore());
