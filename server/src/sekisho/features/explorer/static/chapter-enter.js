// Chapters 0 and 1: who there is, and how they log in.

import { logInAtAws } from "./aws.js";
import { $, all } from "./dom.js";
import { judgeOutcome, perform, tell } from "./doing.js";
import { keeping } from "./lanes.js";
import { table } from "./panel-tables.js";
import { openTab } from "./inspector.js";
import { enter, passwords, short } from "./people.js";
import { record } from "./record.js";
import { people, servers } from "./stage.js";
import { say } from "./words.js";

const showUsers = () => {
  const users = record.tables.find((each) => each.name === "users");
  if (users) $("start-table").replaceChildren(table(users));
};

const register = (email, password) =>
  perform(async () => {
    const body = JSON.stringify({ email, password });
    const answer = await fetch(`${servers.auth}/v1/accounts`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (!answer.ok) return tell(say("act.refused", { code: (await answer.json()).code }));
    passwords.set(email, password);
    if (![...$("who").options].some((each) => each.value === email)) $("who").add(new Option(email));
    openTab("tables");
    return tell(say("act.registered", { who: short(email) }));
  });

const atAws = () => document.body.dataset.mode === "jwt" && all("input[name=key]").find((each) => each.checked).value === "aws";

const logIn = (password) =>
  perform(async () => (atAws() ? logInAtAws($("who").value, password, "key-verdict") : judgeOutcome(await enter($("who").value, password))));

const showKey = () => {
  $("key-what").hidden = !atAws();
  if (!atAws()) $("key-verdict").hidden = true;
};

export const startEntering = () => {
  record.addEventListener("event", ({ detail }) => (!detail || detail.kind === "rows") && showUsers());
  $("register").onsubmit = (event) => {
    event.preventDefault();
    register($("new-email").value, $("new-password").value);
  };
  $("who").onchange = () => ($("password").value = passwords.get($("who").value) ?? "");
  $("password").value = people[0].password;
  $("login-form").onsubmit = (event) => {
    event.preventDefault();
    logIn($("password").value);
  };
  $("wrong").onclick = () => logIn(`not ${$("password").value}`);
  for (const each of all("input[name=key]")) each.addEventListener("change", showKey);
  document.addEventListener("chosen", showKey);
  for (const each of all("input[name=keep]")) {
    each.addEventListener("change", () => (keeping.jwt = each.value));
  }
};
