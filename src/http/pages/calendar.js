// Draws the demo shop: choices, and a calendar by day or by week. Knows nothing of the service; whoever draws asks it.
import { date, day, locale, time, weekday } from "/checkout/words.js";

/** The first instant of a day, on the visitor's clock. */
export function midnight(instant) {
  const start = new Date(instant);
  start.setHours(0, 0, 0, 0);
  return start;
}

/** As many days later, also where one of them has 23 or 25 hours. */
export function daysAfter(start, days) {
  const later = new Date(start);
  later.setDate(later.getDate() + days);
  return later;
}

/** A day as text for addresses, such as 2026-11-24. */
export function dayName(start) {
  const digits = (number) => String(number).padStart(2, "0");
  return `${start.getFullYear()}-${digits(start.getMonth() + 1)}-${digits(start.getDate())}`;
}

// Where weeks begin with Monday: 1, with Sunday: 7. Not every browser knows.
const FIRST_WEEKDAY = new Intl.Locale(locale).getWeekInfo?.().firstDay ?? 1;

/** The days that a view shows around a day: from the first of them until before the last's end. */
export function range(view, start) {
  if (view === "day") return { from: start, to: daysAfter(start, 1), days: 1 };
  const from = daysAfter(start, -((start.getDay() - FIRST_WEEKDAY + 7) % 7));
  return { from, to: daysAfter(from, 7), days: 7 };
}

/** What a view is headed by, such as "Tuesday 24 November" or "23 – 29 Nov 2026". */
export function heading(view, { from, to }) {
  if (view === "day") return day(from);
  const format = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
  return format.formatRange(from, daysAfter(to, -1));
}

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A radio button that looks like its label. `lines` are shown one under the other. */
export function choice(name, value, lines, isChosen) {
  const input = element("input", { type: "radio", name, value, checked: isChosen });
  return element("label", {}, input, ...lines.map((textContent) => element("span", { textContent })));
}

/** The state in a word, and what is left where it takes several bookings. */
function standing(slot, places) {
  const word = element("span", { className: "word", textContent: slot.status });
  if (places < 2 || slot.left === 0) return [word];
  if (slot.status !== "free") return [element("span", { textContent: `only ${slot.left} left` })];
  return [word, element("span", { className: "left", textContent: `${slot.left} left` })];
}

function slotChoice(slot, { chosen, places }) {
  const label = choice("starts_at", slot.starts_at, [time(slot.starts_at)], false);
  const input = label.querySelector("input");
  input.disabled = slot.status !== "free";
  input.checked = !input.disabled && slot.starts_at === chosen;
  label.dataset.state = slot.status;
  label.dataset.start = slot.starts_at;
  label.append(element("span", { className: "standing" }, ...standing(slot, places)));
  return label;
}

/** Slots under a heading, which names them for those who hear it. */
function group(id, title, slots, facts) {
  const times = element("div", { className: "times" }, ...slots.map((slot) => slotChoice(slot, facts)));
  const made = element("section", {}, element("h3", { id }, title), times);
  made.setAttribute("role", "group");
  made.setAttribute("aria-labelledby", id);
  return made;
}

const PARTS = [["Morning", 0, 12], ["Afternoon", 12, 17], ["Evening", 17, 24]];

function drawDay(slots, facts) {
  const hour = (slot) => new Date(slot.starts_at).getHours();
  const within = (begin, end) => slots.filter((slot) => begin <= hour(slot) && hour(slot) < end);
  const parts = PARTS.map(([title, begin, end]) => [title, within(begin, end)]).filter(([, those]) => those.length);
  return parts.map(([title, those]) => group(`part-${title.toLowerCase()}`, title, those, facts));
}

function drawWeek(slots, facts) {
  const days = Array.from({ length: 7 }, (_, n) => daysAfter(facts.from, n));
  return days.map((start) => {
    const name = dayName(start);
    const those = slots.filter((slot) => dayName(new Date(slot.starts_at)) === name);
    const title = element("button", { type: "button", title: `Show ${day(start)} alone` },
      element("span", { textContent: weekday(start) }), " ", element("span", { textContent: date(start) }));
    title.dataset.day = name;
    const made = group(`day-${name}`, title, those, facts);
    made.classList.toggle("today", name === dayName(new Date()));
    if (!those.length) made.querySelector(".times").append(element("p", { className: "quiet", textContent: "nothing" }));
    return made;
  });
}

/**
 * The slots of a day or a week. `facts`: `from`, the first day; `chosen`, the start of the slot that is chosen;
 * `places`, how many bookings one slot takes when nobody has booked.
 */
export function drawSlots(view, slots, facts) {
  return view === "week" ? drawWeek(slots, facts) : drawDay(slots, facts);
}
