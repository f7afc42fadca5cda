// One sequence diagram: lifelines, and a row for each step. Hidden from whoever listens: the list says the same.

import { s, still } from "./dom.js";
import { actor } from "./steps.js";

const ROW = 42;
const TOP = 14;
const HEAD = 34;
const ORDER = ["browser", "thief", "a", "shop_db", "b", "auth", "redis", "db", "aws", "operator"];
const USUAL = ["browser", "a", "auth", "db"];
/** Milliseconds for an arrow at the usual speed, and for a whole act at most. */
export const ARROW = 350;

const width = (text, size) => {
  let sum = 0;
  for (const letter of text) sum += letter.codePointAt(0) > 0x2e80 ? size : size * 0.58;
  return sum;
};

export class Diagram {
  /** `narrow`: two of them share the width. */
  constructor(host, { narrow }) {
    this.host = host;
    this.narrow = narrow;
    this.rows = new Map();
    this.threads = [];
    this.heads = s("svg", { class: "heads", height: HEAD });
    this.body = s("svg", { class: "rows" });
    host.replaceChildren(this.heads, this.body);
  }

  /** Draw these steps, `place` giving the row of each, of which there are `count`. What stands already stays. */
  draw(steps, place, count) {
    const present = new Set(steps.flatMap((step) => (step.shape === "band" ? [] : [step.from, step.to])));
    const lines = ORDER.filter((name) => present.has(name) || USUAL.includes(name));
    const across = Math.max(this.host.clientWidth, 240);
    const frame = `${across} ${lines}`;
    const kept = frame === this.frame && [...this.rows.keys()].every((seq, index) => steps[index]?.seq === seq);
    this.frame = frame;
    const edge = Math.max(this.narrow ? 38 : 62, across / lines.length / 2);
    const gap = (across - 2 * edge) / (lines.length - 1);
    this.across = across;
    this.at = Object.fromEntries(lines.map((name, index) => [name, Math.round(edge + gap * index)]));
    const room = (this.host.closest(".stage")?.clientHeight ?? 0) - HEAD - (this.narrow ? 28 : 0) - 4;
    const height = Math.max(count * ROW + TOP + 10, room, 150);
    for (const svg of [this.heads, this.body]) svg.setAttribute("width", across);
    this.body.setAttribute("height", height);
    if (!kept) {
      this.#head(lines, gap);
      this.rows = new Map();
      this.threads = lines.map((name) => s("line", { class: "thread", x1: this.at[name], x2: this.at[name], y1: 0 }));
      this.body.replaceChildren(...this.threads);
    }
    for (const thread of this.threads) thread.setAttribute("y2", height);
    for (const step of steps.slice(this.rows.size)) {
      const row = this.#row(step, place(step));
      this.rows.set(step.seq, row);
      this.body.append(row);
    }
  }

  #head(lines, gap) {
    const size = this.narrow ? 11 : 12.5;
    const wide = Math.min(gap - 6, 132);
    this.heads.replaceChildren(
      ...lines.map((name) => {
        const x = this.at[name];
        const words = actor(name);
        const fits = width(words, size) <= wide - 8;
        const text = s("text", { x, y: 21, "text-anchor": "middle", class: "head-text" });
        if (fits) text.append(words);
        else {
          const short = name === "a" || name === "b" ? name.toUpperCase() : words;
          text.append(short);
          if (width(short, size) > wide - 6) {
            text.setAttribute("textLength", wide - 8);
            text.setAttribute("lengthAdjust", "spacingAndGlyphs");
          }
        }
        return s("g", { "data-actor": name }, s("rect", { x: x - wide / 2, y: 2, width: wide, height: 28, rx: 6 }), text);
      }),
    );
  }

  #row(step, index) {
    const y = TOP + index * ROW;
    const group = s("g", { class: `row ${step.shape} ${step.tone}`, "data-seq": step.seq, "data-label": step.label });
    group.append(s("rect", { class: "ground", x: 0, y: y - 4, width: this.across, height: ROW }));
    if (step.shape === "arrow") this.#arrow(group, step, y);
    else if (step.shape === "note") this.#box(group, step, this.at[step.from] ?? this.across / 2, y + 4, 26);
    else this.#box(group, step, this.across / 2, y + 4, 26);
    return group;
  }

  #arrow(group, step, y) {
    const [x1, x2] = [this.at[step.from], this.at[step.to]];
    const turn = Math.sign(x2 - x1) || 1;
    const line = y + 26;
    const kind = `line${step.answer ? " answer" : ""}${step.thin ? " thin" : ""}`;
    const shaft = s("line", { class: kind, x1, x2: x2 - turn * 2, y1: line, y2: line });
    const tip = s("path", { class: "tip", d: `M${x2 - turn * 9} ${line - 4.5} L${x2 - turn} ${line} L${x2 - turn * 9} ${line + 4.5}` });
    group.append(shaft, tip, this.#text(step, (x1 + x2) / 2, y + 18));
    group.motion = { shaft, tip, x1, x2, line };
  }

  #text(step, middle, y) {
    const size = this.narrow ? 11 : 12.5;
    const half = (width(step.label, size) + (step.aside ? width(step.aside, size) + 10 : 0)) / 2 + 4;
    const x = Math.min(Math.max(middle, half), this.across - half);
    const text = s("text", { x, y, "text-anchor": "middle", class: "label" }, step.label);
    if (step.aside) text.append(s("tspan", { class: "aside", dx: 8 }, step.aside));
    return text;
  }

  #box(group, step, middle, y, tall) {
    const size = this.narrow ? 11 : 12.5;
    const wide = Math.min(width(step.label, size) + 24, this.across - 4);
    const x = Math.min(Math.max(middle - wide / 2, 2), this.across - wide - 2);
    group.append(s("rect", { class: "box", x, y, width: wide, height: tall, rx: step.shape === "band" ? 13 : 6 }));
    group.append(s("text", { x: x + wide / 2, y: y + 17.5, "text-anchor": "middle", class: "label" }, step.label));
  }

  /** Show the steps up to `seq`, and mark it. */
  reveal(seq) {
    for (const [each, row] of this.rows) {
      row.classList.toggle("hidden", each > seq);
      row.classList.toggle("here", each === seq);
    }
  }

  /** Let the arrow of a step run, for so many milliseconds. */
  run(seq, duration) {
    const row = this.rows.get(seq);
    if (!row || still.matches || duration < 30) return;
    const timing = { duration, easing: "cubic-bezier(.3,.1,.3,1)" };
    if (!row.motion) {
      row.animate([{ opacity: 0 }, { opacity: 1 }], timing);
      return;
    }
    const { shaft, tip, x1, x2, line } = row.motion;
    shaft.style.transformOrigin = `${x1}px ${line}px`;
    shaft.animate([{ transform: "scaleX(0)" }, { transform: "scaleX(1)" }], timing);
    tip.animate([{ opacity: 0 }, { opacity: 0, offset: 0.8 }, { opacity: 1 }], timing);
    const dot = s("circle", { class: "dot", cx: x1, cy: line, r: 4 });
    row.append(dot);
    const move = dot.animate([{ transform: "none" }, { transform: `translateX(${x2 - x1}px)` }], timing);
    move.onfinish = move.oncancel = () => dot.remove();
  }
}
