// Further servers, where this machine has what they take; where it has not, that is said, and what brings it.

import { judge, onStage } from "./doing.js";
import { marks } from "./marks.js";
import { state } from "./stage.js";
import { say } from "./words.js";

/** Have a set on the stage, as part of an act; false, and said at `place`, where the machine lacks something. */
export const have = async (set, place) => {
  marks.aws = set === "aws";
  const { sets, lacking } = await state();
  if (sets.includes(set)) return true;
  const command = lacking[set];
  if (command) judge(place, say("act.lacking", { command }), "no");
  else await onStage("summon", { set });
  return !command;
};
