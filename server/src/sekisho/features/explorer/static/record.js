// What the servers recorded, as it arrives, and what follows from it: cookies, tokens, rows.

import { eventsUrl, run, tables } from "./stage.js";

/** Every event in its order; `changed` tells of each. */
export const record = Object.assign(new EventTarget(), {
  events: [],
  /** Requests by their id, each with its answer and what happened during it. */
  exchanges: new Map(),
  /** Cookies of this browser by their name, HttpOnly ones included: as the servers set them. */
  jar: new Map(),
  /** The last of each credential that was handed out, whether it still counts or not. */
  seen: { access: null, refresh: null, cookie: null },
  /** Tables of the auth server's database by their name. */
  tables: [],
  /** Marks of what changed last, `table|key|column`, so that it can be shown. */
  fresh: new Map(),
  /** What was recorded up to there was another browser's doing. */
  from: 0,
  /** Whether there is a stream at this moment. */
  live: false,
});

const tell = (name, detail) => record.dispatchEvent(new CustomEvent(name, { detail }));

/** Something besides the record is not as it was: who shows it looks again. */
export const changed = () => tell("event", null);

/** A message as it went over the wire, taken apart. */
export const parse = (raw) => {
  const [head, ...rest] = (raw ?? "").split("\r\n\r\n");
  const [line, ...fields] = head.split("\r\n");
  const headers = fields.map((field) => {
    const at = field.indexOf(":");
    return [field.slice(0, at).trim(), field.slice(at + 1).trim()];
  });
  return { line, headers, body: rest.join("\r\n\r\n") };
};

export const json = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const setCookie = (text) => {
  const [pair, ...attributes] = text.split(";").map((part) => part.trim());
  const at = pair.indexOf("=");
  const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
  if (attributes.some((each) => /^max-age=0$/i.test(each))) record.jar.delete(name);
  else record.jar.set(name, { value, attributes });
  if (value && name === "sekisho") record.seen.cookie = value;
  if (value && name === "sekisho-refresh") record.seen.refresh = value;
};

const take = (event) => {
  const { headers, body } = parse(event.raw);
  if (event.to === "browser") headers.filter(([name]) => name === "set-cookie").forEach(([, value]) => setCookie(value));
  const said = json(body);
  if (said?.access_token && event.to === "browser" && !event.refs?.server) record.seen.access = said.access_token;
  if (said?.refresh_token && event.to === "browser" && !event.refs?.server) record.seen.refresh = said.refresh_token;
};

const changeRows = ({ table, rows }) => {
  let found = record.tables.find((each) => each.name === table);
  if (!found) record.tables.push((found = { name: table, columns: Object.keys(rows[0]?.cells ?? {}), rows: [] }));
  if (!found.columns.length) found.columns = Object.keys(rows[0]?.cells ?? {});
  for (const { key, change, cells, changed = [] } of rows) {
    const at = found.rows.findIndex((row) => row.key === key);
    if (change === "removed") {
      if (at >= 0) found.rows.splice(at, 1);
      continue;
    }
    if (at >= 0) found.rows[at] = { key, cells };
    else found.rows.push({ key, cells });
    record.fresh.set(`${table}|${key}`, { change, columns: changed });
  }
};

/** Nothing that changed before counts as news from now on. */
export const settle = () => record.fresh.clear();

/** Events that are kept; of twice as many the older half goes. */
const KEPT = 1500;

const forget = () => {
  if (record.events.length < 2 * KEPT) return;
  for (const { id } of record.events.splice(0, KEPT)) record.exchanges.delete(id);
};

const add = (event) => {
  if (event.seq <= (record.events.at(-1)?.seq ?? record.from)) return;
  record.events.push(event);
  forget();
  if (event.kind === "http.request") record.exchanges.set(event.id, { request: event, inside: [] });
  else if (event.kind === "http.response") {
    const exchange = record.exchanges.get(event.id);
    if (exchange) exchange.response = event;
    take(event);
  } else if (event.refs?.for) record.exchanges.get(event.refs.for)?.inside.push(event);
  if (event.kind === "rows") changeRows(event.refs);
  if (event.kind === "clock" && event.refs?.now) run.offset = event.refs.now - Date.now() / 1000;
  tell("event", event);
};

/** Follow the stream; `live` tells whether there is one. It comes back by itself, and goes on where it was. */
export const follow = (from) => {
  record.from = from;
  const source = new EventSource(eventsUrl());
  const live = (on) => {
    record.live = on;
    tell("live", on);
    changed();
  };
  source.onopen = async () => {
    live(true);
    record.tables = await tables();
    changed();
  };
  source.onerror = () => live(false);
  source.onmessage = ({ data }) => add(JSON.parse(data));
};

/** When that is so: it is looked at now, and after every event; rejects after so many seconds. */
export const until = (holds, seconds) =>
  new Promise((done, fail) => {
    const late = setTimeout(() => stop(fail, new Error("late")), seconds * 1000);
    const look = () => holds() && stop(done, undefined);
    const stop = (how, value) => {
      clearTimeout(late);
      record.removeEventListener("event", look);
      how(value);
    };
    record.addEventListener("event", look);
    look();
  });
