// The inspector's fourth tab: what this browser holds, and what a script in the page can read of it.

import { $, h } from "./dom.js";
import { clientOf, lanes } from "./lanes.js";
import { record } from "./record.js";
import { coloured, TOKEN } from "./token-text.js";
import { say } from "./words.js";

const OURS = /^(tokens|who|sekisho )/;

const mark = (readable) =>
  h("span", { class: `sight ${readable ? "open" : "shut"}` }, h("span", { class: "icon", "aria-hidden": "true" }), say(readable ? "inspect.readable" : "inspect.hidden"));

const text = (value) => h("code", { class: "wrap" }, TOKEN.test(value) && value.split(".").length === 3 ? coloured(value) : value);

const cookie = ([name, { value, attributes }]) => {
  const hidden = attributes.some((each) => /^httponly$/i.test(each));
  return h("li", {}, h("b", {}, name), mark(!hidden), text(value), h("span", { class: "flags" }, attributes.map((each) => h("span", {}, each))));
};

const stored = () =>
  Object.entries({ ...localStorage })
    .filter(([name]) => OURS.test(name))
    .map(([name, value]) => h("li", {}, h("b", {}, name), mark(true), text(value)));

const inMemory = () => {
  const held = lanes().includes("jwt") && clientOf("jwt").user && record.seen.access;
  if (!held || localStorage.getItem("tokens")) return h("p", { class: "empty" }, say("inspect.no_memory"));
  return h("ul", { class: "held" }, h("li", {}, h("b", {}, "access_token"), mark(false), text(record.seen.access), h("span", { class: "hint" }, say("inspect.memory_token"))));
};

const listed = (items, empty) => (items.length ? h("ul", { class: "held" }, items) : h("p", { class: "empty" }, say(empty)));

export const showBrowser = () => {
  $("insides").replaceChildren(
    h("h3", {}, say("inspect.cookies")),
    listed([...record.jar].map(cookie), "inspect.no_cookies"),
    h("p", { class: "says" }, h("span", { class: "hint" }, say("inspect.says")), " ", h("code", { id: "document-cookie" }, document.cookie || say("inspect.nothing"))),
    h("h3", {}, "localStorage"),
    listed(stored(), "inspect.no_storage"),
    h("h3", {}, say("inspect.memory")),
    inMemory(),
  );
};
