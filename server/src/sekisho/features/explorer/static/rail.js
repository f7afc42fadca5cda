// Which chapter is shown, and which were seen to the end: by what the servers recorded, not by what was clicked.

import { $, all } from "./dom.js";
import { openTab } from "./inspector.js";
import { record } from "./record.js";

const names = all("[data-chapter]").map((each) => each.dataset.chapter);
const TAB = { start: "tables", login: "http", call: "http", expiry: "token", logout: "http", tamper: "token", stolen: "browser", two: "http", decide: "http" };

const answered = (id, status) => (event) =>
  event.kind === "http.response" && status(event.status) && record.exchanges.get(event.id)?.request.msg.id === id;

const CONDITIONS = {
  login: answered("ev.login", (status) => status === 200),
  call: (event) => ["ev.products", "ev.customers", "ev.secret"].some((id) => answered(id, (status) => status === 200)(event)),
  expiry: (event) => answered("ev.refresh", (status) => status === 200)(event) || event.code === "session_expired",
  logout: (event) => ["token_revoked", "session_revoked", "session_unknown"].includes(event.code),
  tamper: (event) => /^token_(signature_mismatch|alg_not_allowed|key_unknown|malformed|type_mismatch|audience_mismatch)$/.test(event.code ?? ""),
  stolen: (event) => event.from === "thief",
  two: (event) => ["server", "operator"].includes(event.kind) || ["b_alone", "b_redis"].includes(event.refs?.server),
};

const SEEN = "explorer seen";
const ticked = new Set(JSON.parse(sessionStorage.getItem(SEEN) ?? "[]"));

const tick = (name) => {
  ticked.add(name);
  sessionStorage.setItem(SEEN, JSON.stringify([...ticked]));
  const link = document.querySelector(`.rail [data-to=${name}]`);
  link.dataset.seen = "";
  link.querySelector("[data-done]").hidden = false;
};

const watch = ({ detail: event }) => {
  if (!event) return;
  for (const [name, met] of Object.entries(CONDITIONS)) if (document.body.dataset.at === name && met(event)) tick(name);
};

const current = () => (names.includes(location.hash.slice(1)) ? location.hash.slice(1) : names[0]);

/** Show the chapter of the address; `focus`: somebody went there. */
const show = (focus) => {
  const name = current();
  const at = names.indexOf(name);
  for (const section of all("[data-chapter]")) section.hidden = section.dataset.chapter !== name;
  for (const link of all(".rail [data-to]")) {
    if (link.dataset.to === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.querySelector(".rail [aria-current]").scrollIntoView({ block: "nearest", inline: "center" });
  $("before").hidden = at === 0;
  $("after").hidden = at === names.length - 1;
  $("before").href = `#${names[at - 1] ?? name}`;
  $("after").href = `#${names[at + 1] ?? name}`;
  $("language").href = `${$("language").getAttribute("href").split("#")[0]}#${name}`;
  document.body.dataset.at = name;
  openTab(TAB[name] === "token" && document.body.dataset.mode === "session" ? "http" : TAB[name]);
  if (!focus) return;
  $(`${name}-title`).focus({ preventScroll: true });
  scrollTo({ top: 0 });
};

export const startRail = () => {
  record.addEventListener("event", watch);
  document.addEventListener("decided", () => tick("decide"));
  document.addEventListener("chosen", () => tick("start"));
  ticked.forEach(tick);
  addEventListener("hashchange", () => show(true));
  show(false);
};
