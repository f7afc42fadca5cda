// Times where the reader is. Without this script they are in UTC, and say so.
const { lang } = document.documentElement;
const clock = new Intl.DateTimeFormat(lang === "ja" ? "ja-JP" : "en-GB", {
  year: "numeric",
  month: lang === "ja" ? "long" : "short",
  day: "numeric",
  weekday: lang === "ja" ? "short" : undefined,
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});
for (const each of document.querySelectorAll("[data-utc]")) {
  const { utc, at } = each.dataset;
  const told = (text) => text.replace(utc, clock.format(new Date(at)));
  if (each.ariaLabel) each.ariaLabel = told(each.ariaLabel);
  else {
    each.textContent = told(each.textContent);
    each.title = utc;
  }
}
