// A run as a Mermaid sequence diagram: the notation that engineers paste into documents.

import { actor } from "./steps.js";

// A semicolon would end a statement, and a hash begin an entity.
const plain = (text) => text.replace(/[#;]/g, " ").replace(/\s+/g, " ").trim();

export const mermaid = (steps) => {
  const drawn = steps.filter((step) => step.shape !== "band");
  const names = [...new Set(drawn.flatMap((step) => [step.from, step.to]))];
  const lines = ["sequenceDiagram", ...names.map((name) => `  participant ${name} as ${plain(actor(name))}`)];
  for (const step of steps) {
    if (step.shape === "arrow") {
      const arrow = step.answer ? (step.tone === "bad" ? "--x" : "-->>") : "->>";
      lines.push(`  ${step.from}${arrow}${step.to}: ${plain(step.label)}`);
    } else if (step.shape === "note") lines.push(`  Note over ${step.from}: ${plain(step.label)}`);
    else if (names.length) lines.push(`  Note over ${names[0]},${names.at(-1)}: ${plain(step.label)}`);
  }
  return lines.join("\n");
};
