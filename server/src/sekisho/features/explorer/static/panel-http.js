// The inspector's first tab: what went over the wire for the step that is shown, HttpOnly cookies included.

import { $, copier, h } from "./dom.js";
import { verdict } from "./panel-token.js";
import { parse, record } from "./record.js";
import { TOKEN, coloured } from "./token-text.js";
import { say } from "./words.js";

const SECRET = /^(authorization|cookie|set-cookie|sekisho-csrf|www-authenticate)$/i;
/** What browsers say of themselves, and the two marks of this page: part of what was sent, and not of the story. */
const NOISE = /^(sec-|accept|user-agent|connection|sekisho-explorer|x-content|cross-origin|permissions|referrer-policy|server$|date$)/i;
const SKIPPED = /^(host|content-length|connection|accept-encoding)$/i;

const pretty = (body) => {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
};

const inColours = (text) => {
  const found = text.match(TOKEN);
  if (!found) return [text];
  return [text.slice(0, found.index), ...coloured(found[0]), ...inColours(text.slice(found.index + found[0].length))];
};

/** The same request as before, if there was one: what differs from it is worth a mark. */
const before = (event) => {
  const first = parse(event.raw).line;
  return record.events.findLast(
    (each) => each.kind === event.kind && each.seq < event.seq && each.from === event.from && each.to === event.to && parse(each.raw).line === first,
  );
};

const message = (event) => {
  const { line, headers, body } = parse(event.raw);
  const known = event.kind === "http.request" ? before(event) : null;
  const old = known ? new Map(parse(known.raw).headers) : null;
  const rows = headers.map(([name, value]) => {
    const changed = old && !NOISE.test(name) && old.get(name) !== value;
    const kind = `${SECRET.test(name) ? "secret" : NOISE.test(name) ? "noise" : "known"}${changed ? " changed" : ""}`;
    return h("span", { class: kind, title: changed ? say("inspect.changed") : null }, h("b", {}, name), ": ", ...inColours(value), "\n");
  });
  const text = pretty(body);
  return h("pre", { class: "wire" }, h("span", { class: "start" }, line, "\n"), rows, text && ["\n", ...inColours(text)]);
};

export const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A request as a command line. */
export const curl = (event) => {
  const { line, headers, body } = parse(event.raw);
  const [method, path] = line.split(" ");
  const host = new Map(headers).get("host");
  const kept = headers.filter(([name]) => !SKIPPED.test(name));
  const parts = [`curl -i -X ${method} ${quoted(`http://${host}${path}`)}`, ...kept.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`)];
  if (body) parts.push(`--data-raw ${quoted(body)}`);
  return parts.join(" \\\n  ");
};

const harHeaders = (headers) => headers.map(([name, value]) => ({ name, value }));

const har = ({ request, response }) => {
  const [asked, answered] = [parse(request.raw), parse(response?.raw)];
  const [method, path] = asked.line.split(" ");
  const entry = {
    time: response?.ms ?? -1,
    request: { method, url: `http://${new Map(asked.headers).get("host")}${path}`, headers: harHeaders(asked.headers), postData: { text: asked.body } },
    response: { status: response?.status ?? 0, headers: harHeaders(answered.headers), content: { text: answered.body } },
  };
  return JSON.stringify({ log: { version: "1.2", creator: { name: "sekisho explorer", version: "1" }, entries: [entry] } }, null, 2);
};

const exchanged = ({ request, response }, tell) => [
  h("h3", {}, say("inspect.request")),
  message(request),
  response && h("h3", {}, say("inspect.response"), response.ms ? h("span", { class: "aside" }, `${response.ms} ms`) : null),
  response && message(response),
  h(
    "p",
    { class: "actions" },
    copier(say("inspect.curl"), say("play.copied"), () => curl(request), tell),
    copier(say("inspect.har"), say("play.copied"), () => har({ request, response }), tell),
  ),
];

const facts = (event) => {
  const { kind, refs = {}, msg, ms } = event;
  if (kind === "token.check") return [verdict(event)];
  const rows = [];
  if (refs.sql) rows.push(h("h3", {}, say("inspect.statement")), h("pre", { class: "wire" }, refs.sql.trim()));
  if (refs.parameters && Object.keys(refs.parameters).length) {
    const shown = Object.entries(refs.parameters).map(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]);
    rows.push(h("h3", {}, say("inspect.parameters")), h("dl", { class: "facts" }, shown));
  }
  if (refs.entries) {
    const shown = refs.entries.map(({ seq, kind: what, effect }) => [h("dt", {}, `${seq} ${what}`), h("dd", {}, String(effect ?? ""))]);
    rows.push(h("h3", {}, say("note.feed_any")), h("dl", { class: "facts" }, shown));
  }
  if (refs.command) rows.push(h("h3", {}, say("inspect.command")), h("pre", { class: "wire" }, refs.command));
  const answer = refs.answer ?? refs.silent;
  if (answer) rows.push(h("h3", {}, say("inspect.answer"), ms ? h("span", { class: "aside" }, `${ms} ms`) : null), h("pre", { class: "wire" }, answer));
  if (!rows.length) {
    const values = Object.entries({ ...msg.values, ...(ms ? { ms } : {}) }).map(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]);
    rows.push(h("h3", {}, kind), h("dl", { class: "facts" }, values));
  }
  return rows;
};

export const showHttp = (step, tell) => {
  if (!step) return;
  const { event } = step;
  const exchange = record.exchanges.get(event.id);
  const shown = event.kind.startsWith("http.") && exchange ? exchanged(exchange, tell) : facts(event);
  $("http").replaceChildren(...[shown].flat(2).filter(Boolean));
};
