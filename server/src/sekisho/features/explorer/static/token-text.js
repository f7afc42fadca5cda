// A token as it is shown everywhere: three parts, three colours, three kinds of underline, and read without a key.

import { h } from "./dom.js";
import { now } from "./stage.js";
import { number, say } from "./words.js";

const PARTS = ["header", "payload", "signature"];

export const decode = (text) => {
  try {
    const bytes = Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  } catch {
    return null;
  }
};

export const encode = (text) => {
  const bytes = new TextEncoder().encode(text);
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};

/** The claims of a token, as anybody can read them; nothing where it is none. */
export const claims = (token) => {
  try {
    return JSON.parse(decode(token.split(".")[1]));
  } catch {
    return null;
  }
};

/** Seconds that a token has left on the clock of the servers. */
export const left = (token) => {
  const { exp } = claims(token) ?? {};
  return exp === undefined ? null : exp - now();
};

/** Its text, in colours; more than three parts have the colour of the last. */
export const coloured = (token) => {
  const pieces = token.split(".").map((part, at) => h("span", { class: `t-${PARTS[Math.min(at, 2)]}` }, part));
  return pieces.flatMap((piece, at) => (at ? [h("span", { class: "t-dot" }, "."), piece] : [piece]));
};

/** What a part is called: as in the editor. */
export const partName = (part) => document.querySelector(`label[for=edit-${part}]`).textContent;

export const legend = () =>
  h("p", { class: "legend" }, PARTS.map((part) => h("span", { class: `t-${part}` }, partName(part))));

/** How long it lives, in words. */
export const countdown = (token) => {
  const seconds = left(token);
  if (seconds === null) return "";
  const whole = Math.floor(Math.abs(seconds));
  return say(seconds > 0 ? "inspect.left" : "inspect.over", { seconds: number(whole) });
};

/** Where a token stands in a line of HTTP. */
export const TOKEN = /[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/;
