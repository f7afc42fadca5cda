// One act of the visitor at a time, and what is said of it.

import { $ } from "./dom.js";
import { marks } from "./marks.js";
import { begin } from "./player.js";
import { settle } from "./record.js";
import { act } from "./stage.js";
import { say } from "./words.js";

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

export const busy = () => working;

/** Do `work` as one act: what it makes happen is shown together. A second one does not begin before it ends. */
export const perform = async (work) => {
  if (working) return undefined;
  working = true;
  document.body.dataset.busy = "";
  number += 1;
  marks.act = `a${Date.now().toString(36)}${number}`;
  settle();
  begin(marks.act);
  try {
    return await work(marks.act);
  } catch (error) {
    tell(error.code ? say("act.refused", { code: error.code }) : say(error instanceof TypeError ? "act.gone" : "act.refused", { code: error.message }));
    return undefined;
  } finally {
    working = false;
    delete document.body.dataset.busy;
  }
};

/** Do something to the stage, as part of the act. */
export const onStage = (name, body = {}) => act(name, { ...body, act: marks.act });

/** Milliseconds by which the record is behind what it records, and some more for a busy machine. */
export const BEHIND = 200;

/** Wait, for things that are measured: how soon is it refused? */
export const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
