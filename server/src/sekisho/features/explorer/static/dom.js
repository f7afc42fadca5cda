// Elements, made without a string of markup: the page's policy allows none (Trusted Types).

/** @type {(id: string) => any} The element; of which kind it is, the page says. */
export const $ = (id) => document.getElementById(id);
/** @type {(selector: string, root?: ParentNode) => any[]} */
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

const SVG = "http://www.w3.org/2000/svg";

const put = (element, attributes) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  return element;
};

/** An element with attributes (`onclick` and its like are listeners) and children. */
export const h = (tag, attributes = {}, ...children) => {
  const element = put(document.createElement(tag), attributes);
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
};

/** The same in SVG. */
export const s = (tag, attributes = {}, ...children) => {
  const element = put(document.createElementNS(SVG, tag), attributes);
  element.append(...children);
  return element;
};

/** A button that copies `text()`, and says so. */
export const copier = (label, done, text, tell) =>
  h("button", { type: "button", class: "quiet", onclick: () => copy(text(), done, tell) }, label);

export const copy = async (text, done, tell) => {
  await navigator.clipboard.writeText(text);
  tell(done);
};

/** Whether the visitor asked for things not to move. */
export const still = matchMedia("(prefers-reduced-motion: reduce)");
