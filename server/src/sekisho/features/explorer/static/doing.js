// One act of the visitor at a time, and what is said of it.

import { $ } from "./dom.js";
import { marks } from "./marks.js";
import { begin } from "./player.js";
import { changed, record, settle } from "./record.js";
import { act } from "./stage.js";
import { say } from "./words.js";

/** Milliseconds that the record is waited for. */
const PATIENCE = 3000;

let working = false;
let number = 0;
let clearing = null;

/** Say one sentence at the foot of the page; whoever listens hears it too. */
export const tell = (text) => {
  $("said").textContent = text;
  clearTimeout(clearing);
  clearing = setTimeout(() => ($("said").textContent = ""), 7000);
};

/** Say it where the act was. */
export const judge = (id, text, good) => {
  const place = $(id);
  place.hidden = false;
  place.dataset.good = good;
  place.replaceChildren(...(Array.isArray(text) ? text : [text]));
};

/** Say what came of a login in each lane, where it was refused. */
export const judgeOutcome = (done) => {
  const refused = Object.values(done).find(({ status }) => status !== 200);
  if (refused) tell(refused.status ? say("act.refused", { code: refused.code }) : say("play.nobody"));
};

/** Do `work` as one act: what it makes happen is shown together. A second one does not begin before it ends. */
export const perform = async (work) => {
  if (working) return undefined;
  working = true;
  document.body.dataset.busy = "";
  number += 1;
  marks.answered = 0;
  marks.act = `a${Date.now().toString(36)}${number}`;
  settle();
  begin(marks.act);
  try {
    const done = await work(marks.act);
    await recorded();
    return done;
  } catch (error) {
    tell(error.code ? say("act.refused", { code: error.code }) : say(error instanceof TypeError ? "act.gone" : "act.refused", { code: error.message }));
    return undefined;
  } finally {
    working = false;
    delete document.body.dataset.busy;
    changed();
  }
};

/** Do something to the stage, as part of the act. */
export const onStage = (name, body = {}) => act(name, { ...body, act: marks.act });

const told = () =>
  record.events.filter(({ kind, to, act: of }) => kind === "http.response" && to === "browser" && of === marks.act).length;

/** The record is some tens of milliseconds behind what it records: wait until all that was answered is in it. */
export const recorded = async () => {
  const late = performance.now() + PATIENCE;
  while (told() < marks.answered && performance.now() < late) await wait(10);
};

/** Wait, for things that are measured: how soon is it refused? */
export const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
