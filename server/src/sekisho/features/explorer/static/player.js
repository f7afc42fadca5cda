// Plays what happened: one act of the visitor at a time, as diagrams and as a list of the same steps.

import { $, all, copy, h, still } from "./dom.js";
import { ARROW, Diagram } from "./diagram.js";
import { mermaid } from "./mermaid.js";
import { record } from "./record.js";
import { stepOf } from "./steps.js";
import { say } from "./words.js";

/** Milliseconds that a whole act may take to be drawn, however many arrows it has. */
const WHOLE = 4500;

const shown = Object.assign(new EventTarget(), { act: null, steps: [], head: 0, playing: false, unfolded: false });
export const player = shown;

let mode = "jwt";
let diagrams = [];
let lists = [];
let timer = null;
let framed = false;

/** What a lane is called: as on the switch. */
export const laneName = (lane) => document.querySelector(`#modes [value=${lane}] + span`).textContent;

const lanes = () => (mode === "compare" ? ["session", "jwt"] : [mode]);
const belongs = (step, lane) => mode !== "compare" || step.lane === lane || !step.lane;
const steps = () => shown.steps.filter((step) => shown.unfolded || !step.folded);
const folded = () => shown.steps.filter((step) => step.folded).length;

const build = () => {
  const narrow = mode === "compare";
  const blocks = lanes().map((lane) => h("div", { class: "diagram", "data-lane": lane }));
  $("diagrams").classList.toggle("two", narrow);
  $("diagrams").replaceChildren(
    ...blocks.map((block, at) =>
      h("div", { class: "lane" }, narrow && h("p", { class: "lane-name" }, laneName(lanes()[at])), block),
    ),
  );
  diagrams = blocks.map((block, at) => ({ lane: lanes()[at], diagram: new Diagram(block, { narrow }) }));
  lists = lanes().map((lane) => ({ lane, seqs: [], list: h("ol", {}), empty: h("p", { class: "empty" }, say("play.empty")) }));
  $("lists").replaceChildren(
    ...lists.map((block) => h("div", { "data-lane": block.lane }, narrow && h("h4", {}, laneName(block.lane)), block.list, block.empty)),
  );
};

const draw = () => {
  framed = false;
  const all = steps();
  const rows = new Map(all.map((step, index) => [step.seq, index]));
  for (const { lane, diagram } of diagrams) {
    diagram.draw(all.filter((step) => belongs(step, lane)), (step) => rows.get(step.seq), all.length);
  }
  list();
  show();
};

const redraw = () => {
  if (framed) return;
  framed = true;
  requestAnimationFrame(draw);
};

const item = (step) =>
  h(
    "li",
    { "data-seq": step.seq, "data-label": step.label, class: step.tone },
    h("button", { type: "button", class: "step", onclick: () => go(steps().indexOf(step) + 1) }, step.text),
    step.aside && h("span", { class: "aside" }, step.aside),
    h("span", { class: "said" }, step.caption),
  );

/** The list of each lane; what stands already stays. */
const list = () => {
  for (const block of lists) {
    const mine = steps().filter((step) => belongs(step, block.lane));
    if (!block.seqs.every((seq, index) => mine[index]?.seq === seq)) {
      block.seqs = [];
      block.list.replaceChildren();
    }
    const fresh = mine.slice(block.seqs.length);
    block.list.append(...fresh.map(item));
    block.seqs.push(...fresh.map((step) => step.seq));
    block.empty.hidden = mine.length > 0;
    block.list.hidden = mine.length === 0;
  }
};

/** Beside the diagram nobody sees the list, so nothing in it is on the way of Tab. */
const listed = () => $("diagrams").offsetParent === null;

/** Everything that says where we are. */
const show = () => {
  const all = steps();
  const tabindex = listed() ? 0 : -1;
  shown.head = Math.min(shown.head, all.length);
  const here = all[shown.head - 1];
  for (const { diagram } of diagrams) diagram.reveal(here?.seq ?? 0);
  for (const each of $("lists").querySelectorAll("li")) {
    const seq = Number(each.dataset.seq);
    each.firstChild.tabIndex = tabindex;
    each.classList.toggle("later", seq > (here?.seq ?? 0));
    if (each.classList.toggle("here", seq === here?.seq)) each.firstChild.setAttribute("aria-current", "step");
    else each.firstChild.removeAttribute("aria-current");
  }
  $("place").max = all.length;
  $("place").value = shown.head;
  $("count").textContent = `${shown.head} / ${all.length}`;
  if (here) $("caption").textContent = here.caption;
  scroll(here);
  tellFolded();
  shown.dispatchEvent(new CustomEvent("step", { detail: here ?? null }));
};

const scroll = (here) => {
  if (!here) return;
  const stage = $("stage");
  const row = stage.querySelector(`[data-seq="${here.seq}"]:not(.hidden)`);
  const visible = [...stage.querySelectorAll(`[data-seq="${here.seq}"]`)].find((each) => each.getClientRects().length) ?? row;
  if (!visible) return;
  const [outer, inner] = [stage.getBoundingClientRect(), visible.getBoundingClientRect()];
  if (inner.bottom > outer.bottom - 12) stage.scrollTop += inner.bottom - outer.bottom + 24;
  else if (inner.top < outer.top + 40) stage.scrollTop -= outer.top + 48 - inner.top;
};

const tellFolded = () => {
  const many = folded();
  $("folded").hidden = many === 0;
  const label = say(shown.unfolded ? "play.fold" : "play.unfold");
  const button = h("button", { type: "button", class: "link", onclick: unfold }, label);
  $("folded").replaceChildren(say("play.folded", { count: many }), " ", button);
};

const unfold = () => {
  shown.unfolded = !shown.unfolded;
  shown.head = steps().length;
  draw();
  $("folded").querySelector("button").focus();
};

const pace = () => {
  const chosen = Number($("speed").value);
  // A list has nothing that could run.
  if (!chosen || still.matches || listed()) return 0;
  return Math.min(ARROW, WHOLE / Math.max(steps().length, 1)) / chosen;
};

/** A machine that cannot keep the pace three times in a row is spared the motion. */
const pressed = { at: 0, due: 0, late: 0 };
const exhausted = () => {
  const waited = performance.now() - pressed.at;
  pressed.late = pressed.due && waited > 2 * pressed.due + 50 ? pressed.late + 1 : 0;
  return pressed.late >= 3;
};

const forward = () => {
  clearTimeout(timer);
  const all = steps();
  if (shown.head >= all.length) {
    shown.playing = false;
    $("caption").setAttribute("aria-live", "polite");
    pressed.due = 0;
    return;
  }
  const duration = exhausted() ? 0 : pace();
  Object.assign(pressed, { at: performance.now(), due: duration });
  shown.head = duration ? shown.head + 1 : all.length;
  show();
  const here = all[shown.head - 1];
  for (const { diagram } of diagrams) diagram.run(here.seq, duration);
  timer = setTimeout(forward, duration);
};

const play = () => {
  if (shown.playing) return;
  shown.playing = true;
  $("caption").setAttribute("aria-live", "off");
  // After the frame in which the rows are drawn.
  requestAnimationFrame(() => requestAnimationFrame(forward));
};

/** Go to a step by hand: 0 is before the first. */
export const go = (head) => {
  clearTimeout(timer);
  shown.playing = false;
  $("caption").setAttribute("aria-live", "polite");
  shown.head = Math.max(0, Math.min(head, steps().length));
  show();
};

/** From now on this act is shown. */
export const begin = (act) => {
  clearTimeout(timer);
  // What was said of the act before would stand above an empty diagram.
  if (shown.steps.length) $("caption").textContent = "";
  Object.assign(shown, { act, steps: [], head: 0, playing: false });
  draw();
};

/** Show the steps of a mode: one lane, or two beside each other. */
export const setMode = (next) => {
  mode = next;
  build();
  draw();
};

const add = (event) => {
  if (!event || (event.act !== null && event.act !== undefined && event.act !== shown.act)) return;
  const step = stepOf(event);
  if (!step || !shown.act) return;
  if (!shown.steps.length) reveal();
  shown.steps.push(step);
  redraw();
  play();
};

/** Something happens: let it be seen. */
const reveal = () => {
  $("player").removeAttribute("data-empty");
  $("player").scrollIntoView({ block: "nearest", behavior: still.matches ? "instant" : "smooth" });
};

/** Listen to the stream and to the transport bar. */
export const start = (tell) => {
  record.addEventListener("event", ({ detail }) => add(detail));
  $("back").onclick = () => go(shown.head - 1);
  $("next").onclick = () => go(shown.head + 1);
  $("again").onclick = () => {
    go(0);
    play();
  };
  $("place").oninput = () => go(Number($("place").value));
  $("stage").onkeydown = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.target !== $("stage")) return;
    event.preventDefault();
    go(shown.head + by);
  };
  $("mermaid").onclick = () => copy(mermaid(steps()), say("play.copied"), tell);
  const chooseView = () => {
    $("player").dataset.view = all("input[name=view]").find((each) => each.checked).value;
    redraw();
  };
  all("input[name=view]").forEach((each) => each.addEventListener("change", chooseView));
  chooseView();
  new ResizeObserver(redraw).observe($("diagrams"));
};
