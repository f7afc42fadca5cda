// What scripts say, in the language of the page.

const { default: texts } = await import(`./words.${document.documentElement.lang}.js`);

/** The sentence of `key`, with values in the place of `{names}`. */
export const say = (key, values = {}) => {
  if (!(key in texts)) console.error(`no words for ${key}`);
  const text = texts[key] ?? key;
  const form = typeof text === "string" ? text : text[values.count === 1 ? "one" : "other"];
  return form.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
};

const NUMBERS = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });
const SMALL = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 2 });

/** A number as people read it: 312, 48.2, 0.14. */
export const number = (value) => (Math.abs(value) < 10 ? SMALL : NUMBERS).format(value);
