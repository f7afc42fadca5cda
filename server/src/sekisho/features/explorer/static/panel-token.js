// The inspector's second tab: a token, what anybody can read of it, and what the server made of it.

import { $, h } from "./dom.js";
import { player } from "./player.js";
import { json, parse, record } from "./record.js";
import { TOKEN, claims, coloured, countdown, decode, left, legend, partName } from "./token-text.js";
import { say } from "./words.js";

let shown = null;
let ticking = null;

const TIMES = new Set(["exp", "iat", "nbf", "auth_time"]);
const CLOCK = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
const SIGNS = { passed: "✓", refused: "✗", not_reached: "–", not_asked: "–" };

const value = (name, given) => {
  const text = h("code", {}, typeof given === "string" ? given : JSON.stringify(given));
  return TIMES.has(name) ? [text, h("span", { class: "aside" }, CLOCK.format(given * 1000))] : [text];
};

const meanings = (text, part) => {
  const members = json(text);
  // A null is JSON too, and can be written in the editor.
  if (typeof members !== "object" || members === null)
    return h("p", { class: "empty" }, say("inspect.broken"), ": ", h("code", {}, (text ?? "").slice(0, 200)));
  const rows = Object.entries(members).map(([name, given]) => [
    h("dt", {}, h("code", { class: `t-${part}` }, name), h("span", { class: "aside" }, `claim.${name}` in known ? say(`claim.${name}`) : "")),
    h("dd", {}, value(name, given)),
  ]);
  return h("dl", { class: "facts claims" }, rows);
};

const NAMES = "iss sub aud exp iat nbf jti client_id sid auth_time amr scope roles groups entitlements rv alg typ kid";
const known = Object.fromEntries(NAMES.split(" ").map((name) => [`claim.${name}`, true]));

/** What a check looks for. */
export const checkName = (name) => say(`check.${name.replace(" ", "_")}`);

/** What the server said of a token, check by check, in its own order. */
export const verdict = (check) => {
  if (!check) return h("p", { class: "judgement", "data-good": "unknown" }, say("inspect.unjudged"));
  const refused = check.refs.checks?.find((each) => each.verdict === "refused");
  const code = check.refs.code ?? refused?.code;
  const checks = (check.refs.checks ?? []).map(({ name, verdict: result, detail }) =>
    h(
      "li",
      { class: result },
      h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[result]),
      h("span", {}, checkName(name), detail && result === "refused" ? h("span", { class: "aside" }, detail) : null),
      h("span", { class: "away" }, say(`inspect.${result}`)),
    ),
  );
  const head = code ? say("inspect.bad", { code }) : say("inspect.good");
  return h("div", { class: "judgement", "data-good": code ? "no" : "yes" }, h("h3", {}, head), h("ol", { class: "checks" }, checks));
};

/** The last time that a server judged this very token. */
const judged = (token) => record.events.findLast(({ kind, refs }) => kind === "token.check" && refs.token === token);

const tokenOf = (event) => {
  const headers = new Map(parse(event?.raw).headers.map(([name, given]) => [name.toLowerCase(), given]));
  return headers.get("authorization")?.replace(/^Bearer /i, "") ?? null;
};

/** The token of an event: what its request carries, or what the answer hands out. */
const ofEvent = (event) => {
  const exchange = record.exchanges.get(event.id ?? event.refs?.for);
  const carried = tokenOf(exchange?.request);
  if (carried) return carried;
  const handed = exchange?.response && parse(exchange.response.raw).body.match(TOKEN)?.[0];
  return handed ?? null;
};

const tick = () => {
  const place = $("token-left");
  if (!place || !shown) return;
  const seconds = left(shown);
  place.textContent = countdown(shown);
  place.dataset.over = String(seconds !== null && seconds <= 0);
};

/** The token of a step; of one that has none, such as a shop's own question for keys, that of the one before. */
const ofStep = (step) => {
  if (!step) return null;
  const upto = player.steps.filter(({ seq }) => seq <= step.seq);
  for (const { event } of upto.reverse()) {
    const token = ofEvent(event);
    if (token) return token;
  }
  return null;
};

export const showToken = (step) => {
  const token = ofStep(step) ?? shown ?? record.seen.access;
  if (!token) return;
  shown = token;
  const [header, payload, signature = ""] = token.split(".");
  $("token").replaceChildren(
    verdict(judged(token)),
    legend(),
    h("p", { class: "token-text" }, coloured(token)),
    claims(token)?.exp === undefined ? "" : h("p", { class: "left", id: "token-left" }),
    h("h3", { class: "t-header" }, partName("header")),
    meanings(decode(header), "header"),
    h("h3", { class: "t-payload" }, partName("payload")),
    meanings(decode(payload ?? ""), "payload"),
    h("h3", { class: "t-signature" }, partName("signature")),
    h("p", {}, h("code", { class: "wrap" }, signature), h("span", { class: "aside" }, `${Math.floor((signature.length * 3) / 4)} B`)),
  );
  tick();
  ticking ??= setInterval(tick, 1000);
};
