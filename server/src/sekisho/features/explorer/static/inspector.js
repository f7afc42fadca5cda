// The four tabs beside the diagram; only the one that is open is drawn.

import { all, $ } from "./dom.js";
import { showBrowser } from "./panel-browser.js";
import { showHttp } from "./panel-http.js";
import { showTables, startTables } from "./panel-tables.js";
import { showToken } from "./panel-token.js";
import { player } from "./player.js";
import { record } from "./record.js";

let step = null;
let asked = false;
let held = false;
let tell = () => {};

const tabs = () => all("[role=tab]");
const open = () => tabs().find((tab) => tab.getAttribute("aria-selected") === "true").id.slice("tab-".length);

const PANELS = {
  http: () => showHttp(step, tell),
  token: () => showToken(step),
  tables: showTables,
  browser: showBrowser,
};

/** Whether the visitor has marked something in the open tab, to copy it: drawn anew it would be lost. */
const marked = () => {
  const selection = getSelection();
  return !selection.isCollapsed && $(`panel-${open()}`).contains(selection.anchorNode);
};

/** Draw the open tab, once a frame at most; what is marked there is left until it is not any more. */
export const refresh = () => {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    held = marked();
    if (!held) PANELS[open()]();
  });
};

/** Open a tab: `http`, `token`, `tables` or `browser`. */
export const openTab = (name) => {
  for (const tab of tabs()) {
    const chosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
  refresh();
};

const move = (event) => {
  const all = tabs();
  const at = all.indexOf(event.target);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const next = all.at(to % all.length);
  openTab(next.id.slice("tab-".length));
  next.focus();
};

export const startInspector = (say) => {
  tell = say;
  for (const tab of tabs()) {
    tab.addEventListener("click", () => openTab(tab.id.slice("tab-".length)));
    tab.addEventListener("keydown", move);
  }
  startTables();
  player.addEventListener("step", ({ detail }) => {
    step = detail;
    if (!step && marked()) getSelection().empty(); // a new act
    refresh();
  });
  document.addEventListener("selectionchange", () => held && refresh());
  record.addEventListener("event", () => open() !== "http" && refresh());
};
