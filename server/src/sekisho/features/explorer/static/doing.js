// One act of the visitor at a time, and what is said of it.

import { $ } from "./dom.js";
import { marks } from "./marks.js";
import { begin } from "./player.js";
import { changed, record, settle, until } from "./record.js";
import { act, run, up } from "./stage.js";
import { say } from "./words.js";

/** Seconds after which an answer that is not in the record never will be: its server was killed before it told. */
const PATIENCE = 30;

let working = false;
let number = 0;
let clearing = null;

/** Say one sentence at the foot of the page; whoever listens hears it too. */
export const tell = (text) => {
  $("said").textContent = text;
  clearTimeout(clearing);
  clearing = setTimeout(() => ($("said").textContent = ""), 7000);
};

/** Say why it came to nothing. Whoever stopped the auth server may be in another chapter by now. */
export const tellRefused = ({ status, code }) => tell(status ? say("act.refused", { code }) : say(run.stopped ? "play.stopped" : "play.nobody"));

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
  if (refused) tellRefused(refused);
};

/** Do `work` as one act: what it makes happen is shown together. A second one does not begin before it ends. */
export const perform = async (work) => {
  if (working) return undefined;
  working = true;
  $("said").textContent = "";
  document.body.dataset.busy = "";
  number += 1;
  marks.answered = 0;
  marks.aws = false;
  try {
    await up;
    marks.act = `a${Date.now().toString(36)}${number}`;
    settle();
    begin(marks.act);
    const done = await work(marks.act);
    await recorded();
    return done;
  } catch (error) {
    if (run.stopped && error.code === "unavailable") error.status = 0;
    if (error.code) tellRefused(error);
    else tell(say(error instanceof TypeError ? "act.gone" : "act.refused", { code: error.message }));
    return undefined;
  } finally {
    working = false;
    delete document.body.dataset.busy;
    changed();
  }
};

/** What is done to the stage and told as one event; the thief's tries are told each. */
const TOLD = new Set(["clock", "operate", "server", "thief"]);
const BANDS = new Set(["clock", "operator", "server"]);

/** Do something to the stage, as part of the act. */
export const onStage = async (name, body = {}) => {
  const done = await act(name, { ...body, act: marks.act });
  if (TOLD.has(name)) marks.answered += done.tries ?? 1;
  return done;
};

const told = () =>
  record.events.filter(
    ({ kind, to, act: of }) => of === marks.act && (BANDS.has(kind) || (kind === "http.response" && (to === "browser" || to === "thief"))),
  ).length;

/** The record is some tens of milliseconds behind what it records: wait until all that was answered is in it. */
export const recorded = () => until(() => told() >= marks.answered || !record.live, PATIENCE).catch(() => null);

/** Wait, for things that are measured: how soon is it refused? */
export const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
