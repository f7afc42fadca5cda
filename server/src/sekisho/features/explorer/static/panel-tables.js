// The inspector's third tab: the rows of the auth server's own database, what changed in them, and by which SQL.

import { $, all, h } from "./dom.js";
import { player } from "./player.js";
import { record } from "./record.js";
import { say } from "./words.js";

const FIRST = ["users", "sessions", "redis", "secretsmanager", "feed", "group_permissions", "user_permissions"];
const cell = (value) => (value === null || value === undefined ? h("i", {}, "NULL") : String(value));

/** When Redis forgets a key, by its own clock, which nobody skips. */
const ttl = (at) => say("inspect.ttl", { at, seconds: Math.max(0, Math.ceil(at - Date.now() / 1000)) });
const until = (at) => h("span", { "data-until": at }, ttl(at));

/** One table, with what changed since the act began. */
export const table = ({ name, columns, rows }) => {
  if (!rows.length) return h("p", { class: "empty" }, say("inspect.rows_none"));
  const head = h("tr", {}, columns.map((column) => h("th", { scope: "col" }, column)));
  const body = rows.map(({ key, cells }) => {
    const news = record.fresh.get(`${name}|${key}`);
    const state = news?.change ?? null;
    const ended = Boolean(cells.revoked_at ?? cells.ended_at ?? cells.disabled_at);
    return h(
      "tr",
      { "data-change": state, class: ended ? "ended" : null },
      columns.map((column) => h("td", { class: news?.columns.includes(column) ? "changed" : null }, name === "redis" && column === "expires_at" ? until(cells[column]) : cell(cells[column]))),
    );
  });
  return h(
    "div",
    { class: "scroll", role: "group", "aria-label": name, tabindex: "0" },
    h("table", { class: "rows" }, h("thead", {}, head), h("tbody", {}, body)),
  );
};

/** Which are open. */
const unfolded = new Set(["users", "sessions", "redis", "secretsmanager"]);

const order = ({ name }) => (FIRST.indexOf(name) + 1 || FIRST.length + 1);

export const showTables = () => {
  const sorted = [...record.tables].sort((one, other) => order(one) - order(other));
  $("tables").replaceChildren(
    ...sorted.map((each) => {
      const changed = [...record.fresh.keys()].some((key) => key.startsWith(`${each.name}|`));
      const remember = ({ target }) => (target.open ? unfolded.add(each.name) : unfolded.delete(each.name));
      return h(
        "details",
        { open: unfolded.has(each.name) || changed, "data-table": each.name, ontoggle: remember },
        h("summary", {}, h("code", {}, each.name), h("span", { class: "badge" }, String(each.rows.length)), changed && h("span", { class: "news", "aria-hidden": "true" }, "●")),
        table(each),
      );
    }),
  );
  showSql();
};

const showSql = () => {
  $("sql").hidden = !$("show-sql").checked;
  const ran = record.events.filter((event) => event.act === player.act && event.act && /^db\./.test(event.kind));
  const lines = ran.map((event) => h("li", {}, h("pre", { class: "wire" }, event.refs.sql.trim())));
  $("sql").replaceChildren(lines.length ? h("ol", { class: "plainlist" }, lines) : h("p", { class: "empty" }, say("inspect.no_sql")));
};

export const startTables = () => {
  $("show-sql").addEventListener("change", showSql);
  setInterval(() => {
    for (const each of all("[data-until]")) each.textContent = ttl(Number(each.dataset.until));
  }, 1000);
};
