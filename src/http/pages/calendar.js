// Draws the demo shop's choices, and its calendar by day or by week. Makes elements only; it does not call the API.
import { formatDate, formatDay, formatTime, formatWeekday, locale } from "/checkout/format.js";

/** Returns the first instant of a day, in the visitor's time zone. */
export function startOfDay(instant) {
  const start = new Date(instant);
  start.setHours(0, 0, 0, 0);
  return start;
}

/** Adds days, also if one of them has 23 or 25 hours. */
export function addDays(start, days) {
  const later = new Date(start);
  later.setDate(later.getDate() + days);
  return later;
}

/** Formats a day for addresses, such as 2026-11-24. */
export function formatDayKey(start) {
  const digits = (number) => String(number).padStart(2, "0");
  return `${start.getFullYear()}-${digits(start.getMonth() + 1)}-${digits(start.getDate())}`;
}

// The first day of a week: 1 is Monday, 7 is Sunday. Not every browser knows it.
const FIRST_WEEKDAY = new Intl.Locale(locale).getWeekInfo?.().firstDay ?? 1;

/** Returns the days that a view shows around a day: `from` the first one until before `to`. */
export function findRange(view, start) {
  if (view === "day") return { from: start, to: addDays(start, 1), days: 1 };
  const from = addDays(start, -((start.getDay() - FIRST_WEEKDAY + 7) % 7));
  return { from, to: addDays(from, 7), days: 7 };
}

/** Formats the heading of a view, such as "Tuesday 24 November" or "23 – 29 Nov 2026". */
export function formatHeading(view, { from, to }) {
  if (view === "day") return formatDay(from);
  const format = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
  return format.formatRange(from, addDays(to, -1));
}

export function createElement(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** Creates a radio button that looks like its label. Each of `lines` has a line of its own. */
export function createChoice(name, value, lines, isChosen) {
  const input = createElement("input", { type: "radio", name, value, checked: isChosen });
  return createElement("label", {}, input, ...lines.map((textContent) => createElement("span", { textContent })));
}

/** Creates the status as a word, with the number of places left if a slot takes several bookings. */
function createStatus(slot, places) {
  const word = createElement("span", { className: "word", textContent: slot.status });
  if (places < 2 || slot.left === 0) return [word];
  if (slot.status !== "free") return [createElement("span", { textContent: `only ${slot.left} left` })];
  return [word, createElement("span", { className: "left", textContent: `${slot.left} left` })];
}

function createSlotChoice(slot, { chosen, places }) {
  const label = createChoice("starts_at", slot.starts_at, [formatTime(slot.starts_at)], false);
  const input = label.querySelector("input");
  input.disabled = slot.status !== "free";
  input.checked = !input.disabled && slot.starts_at === chosen;
  label.dataset.state = slot.status;
  label.dataset.start = slot.starts_at;
  label.append(createElement("span", { className: "status" }, ...createStatus(slot, places)));
  return label;
}

/** Creates a group of slots. Screen readers read its heading as its name. */
function createGroup(id, heading, slots, facts) {
  const times = createElement("div", { className: "times" }, ...slots.map((slot) => createSlotChoice(slot, facts)));
  const group = createElement("section", {}, createElement("h3", { id }, heading), times);
  group.setAttribute("role", "group");
  group.setAttribute("aria-labelledby", id);
  return group;
}

const PARTS_OF_DAY = [["Morning", 0, 12], ["Afternoon", 12, 17], ["Evening", 17, 24]];

function drawDay(slots, facts) {
  const hourOf = (slot) => new Date(slot.starts_at).getHours();
  const between = (begin, end) => slots.filter((slot) => begin <= hourOf(slot) && hourOf(slot) < end);
  const parts = PARTS_OF_DAY.map(([title, begin, end]) => [title, between(begin, end)]);
  return parts
    .filter(([, slotsOfPart]) => slotsOfPart.length)
    .map(([title, slotsOfPart]) => createGroup(`part-${title.toLowerCase()}`, title, slotsOfPart, facts));
}

function drawWeek(slots, facts) {
  const days = Array.from({ length: 7 }, (_, n) => addDays(facts.from, n));
  return days.map((start) => {
    const key = formatDayKey(start);
    const slotsOfDay = slots.filter((slot) => formatDayKey(new Date(slot.starts_at)) === key);
    const heading = createElement("button", { type: "button", title: `Show only ${formatDay(start)}` },
      createElement("span", { textContent: formatWeekday(start) }), " ",
      createElement("span", { textContent: formatDate(start) }));
    heading.dataset.day = key;
    const group = createGroup(`day-${key}`, heading, slotsOfDay, facts);
    group.classList.toggle("today", key === formatDayKey(new Date()));
    if (!slotsOfDay.length) {
      group.querySelector(".times").append(createElement("p", { className: "quiet", textContent: "nothing" }));
    }
    return group;
  });
}

/**
 * Draws the slots of a day or a week. `facts` are `from`, the first day; `chosen`, the start of the chosen slot; and
 * `places`, how many bookings a slot takes when nobody has booked.
 */
export function drawSlots(view, slots, facts) {
  return view === "week" ? drawWeek(slots, facts) : drawDay(slots, facts);
}
