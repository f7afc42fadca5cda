// Chapter 8: five questions, a recommendation with its reasons, and a configuration that starts a server.

import { $, all, copy } from "./dom.js";
import { perform, tell } from "./doing.js";
import { act } from "./stage.js";
import { say } from "./words.js";

const decide = () =>
  perform(async () => {
    const answers = Object.fromEntries(new FormData($("questions")));
    const { choose, reasons, toml, command, python } = await act("decide", { answers });
    for (const each of all("[data-choose]")) each.hidden = each.dataset.choose !== choose;
    for (const each of all("[data-reason]")) each.hidden = !reasons.includes(each.dataset.reason);
    $("toml").textContent = toml;
    $("paste").textContent = command;
    $("python").textContent = python;
    $("advice").hidden = false;
    document.dispatchEvent(new CustomEvent("decided"));
  });

export const startDeciding = () => {
  $("questions").onsubmit = (event) => {
    event.preventDefault();
    decide();
  };
  $("copy-toml").onclick = () => copy($("toml").textContent, say("play.copied"), tell);
};
