// Chapter 7: what one server knows, and another does not; what goes on when the auth server is gone.

import { $, all } from "./dom.js";
import { judge, onStage, perform, wait } from "./doing.js";
import { byCookie, get, inLanes, lanes } from "./lanes.js";
import { be } from "./people.js";
import { laneName } from "./player.js";
import { people, state } from "./stage.js";
import { actor } from "./steps.js";
import { number, say } from "./words.js";

const line = (name, { status, code }) => `${name}: ${status ? `${status} ${code}`.trim() : say("play.nobody")}`;

const ask = (server) =>
  perform(async () => {
    if (!(await be())) return;
    if (server === "alone") {
      await onStage("summon", { set: "alone" });
      const answer = await byCookie("b_alone", "/products");
      judge("two-verdict", line(actor("b_alone"), answer), answer.status < 400 ? "yes" : "no");
      return;
    }
    const answers = await inLanes((it) => get(it, server, "/products"));
    const text = lanes().map((lane) => line(`${laneName(lane)}, ${actor(server)}`, answers[lane]));
    judge("two-verdict", text.join(" · "), Object.values(answers).every(({ status }) => status === 200) ? "yes" : "no");
  });

const showAuth = (up) => {
  const button = $("stop-auth");
  button.setAttribute("aria-pressed", !up);
  button.textContent = up ? button.dataset.stop : button.dataset.start;
};

const turnAuth = () =>
  perform(async () => {
    const up = $("stop-auth").getAttribute("aria-pressed") === "true";
    if (!up && !(await be())) return;
    await onStage("server", { name: "auth", up });
    showAuth(up);
    judge("two-verdict", say(up ? "act.started" : "act.stopped"), up ? "yes" : "no");
  });

/** What comes of the next call; of one that has to end, until it does. */
const afterwards = async (it, ends) => {
  let answer = await get(it, "a", "/products");
  for (let tries = 0; ends && answer.status === 200 && tries < 60; tries += 1) {
    await wait(50);
    answer = await get(it, "a", "/products");
  }
  return answer;
};

const operate = (what) =>
  perform(async () => {
    const aya = people[0].email;
    const told = what !== "enable" && (await be(aya));
    const { command } = await onStage("operate", what === "rotate-key" ? { what } : { what, email: aya });
    const began = performance.now();
    const answers = told ? await inLanes((it) => afterwards(it, what === "disable")) : {};
    const seconds = (performance.now() - began) / 1000;
    const text = Object.entries(answers).map(([lane, answer]) => `${line(laneName(lane), answer)} (${say("note.seconds", { seconds: number(seconds) })})`);
    judge("two-verdict", [say("act.operator", { command }), ...text].join(" · "), "yes");
  });

export const startTwo = async () => {
  for (const button of all("[data-two]")) button.onclick = () => ask(button.dataset.two);
  for (const button of all("[data-operate]")) button.onclick = () => operate(button.dataset.operate);
  $("stop-auth").onclick = turnAuth;
  const { servers: found } = await state();
  showAuth(found.auth.up);
};
