// Times in the reader's zone, with UTC on hover; deadlines that count down. Evidence carries no data-local and stays UTC.
// What is left is counted by the portal's clock, for a device may be minutes off: the page says when it was made.
const made = Date.parse(document.documentElement.dataset.now ?? "");
const arrived = Date.now() - performance.now() + (performance.getEntriesByType("navigation")[0]?.responseStart ?? 0);
const ahead = Math.abs(arrived - made) > 5000 ? arrived - made : 0;
const portalNow = () => new Date(Date.now() - ahead);
const SHAPES = {
  minute: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  second: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" },
  date: { day: "numeric", month: "short", year: "numeric" },
  clock: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
};
const formats = Object.fromEntries(
  Object.entries(SHAPES).map(([name, shape]) => [name, new Intl.DateTimeFormat("en-GB", shape)]),
);
const UNITS = [["day", 86400], ["h", 3600], ["min", 60], ["s", 1]];
const SOON = 600;

// Two units at most, the same words the server writes.
export function span(seconds) {
  const at = UNITS.findIndex(([, size]) => seconds >= size);
  if (at < 0) return "0 s";
  const [unit, size] = UNITS[at];
  const count = Math.floor(seconds / size);
  const name = unit === "day" && count !== 1 ? "days" : unit;
  const next = UNITS[at + 1];
  const rest = next ? Math.floor((seconds % size) / next[1]) : 0;
  const small = rest && (unit === "day" || unit === "h") ? ` ${rest} ${next[0]}` : "";
  return `${count} ${name}${small}`;
}

function paintDeadline(element, now) {
  const left = Math.floor((new Date(element.dateTime) - now) / 1000);
  const host = element.closest(".deadline");
  element.textContent = left > 0 ? `${span(left)} left` : "expired";
  host?.classList.toggle("deadline--soon", left > 0 && left <= SOON);
  host?.classList.toggle("deadline--past", left <= 0);
}

function paint(root) {
  const now = portalNow();
  for (const element of root.querySelectorAll("time[data-local]")) {
    element.textContent = (formats[element.dataset.local] ?? formats.minute).format(new Date(element.dateTime));
  }
  for (const element of root.querySelectorAll("time[data-ago]")) {
    const passed = Math.floor((now - new Date(element.dateTime)) / 1000);
    element.textContent = passed < 5 ? "just now" : `${span(passed)} ago`;
  }
  for (const element of root.querySelectorAll("time[data-left]")) paintDeadline(element, now);
}

paint(document);
setInterval(() => paint(document), 15000);
// The last minutes are counted by the second.
setInterval(() => {
  for (const element of document.querySelectorAll(".deadline--soon time[data-left]")) paintDeadline(element, portalNow());
}, 1000);
document.addEventListener("htmx:afterSwap", () => paint(document));
