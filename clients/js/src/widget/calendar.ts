// Draws the slots of a day or a week. Makes elements only; it calls nothing.
import type { Slot } from "../client.js";
import type { Texts } from "../languages/index.js";
import { addDays, dayKey, today, type View } from "./days.js";
import { create } from "./dom.js";
import type { Format } from "./format.js";

/** A slot to show. `left` is how many single places it has left, whatever the chosen quantity. */
export type ShownSlot = Slot & { left: number };

export interface Calendar {
  view: View;
  from: Date;
  slots: ShownSlot[];
  /** The start of the chosen slot. */
  chosen: string | undefined;
  texts: Texts;
  format: Format;
}

/** Creates a radio button that looks like its label. Each of `lines` has a line of its own. */
export function createChoice(name: string, value: string, lines: string[], isChosen: boolean): HTMLLabelElement {
  const input = create("input", { type: "radio", name, value });
  input.checked = isChosen;
  return create("label", { part: "choice" }, input, ...lines.map((line) => create("span", {}, line)));
}

function createSlot(slot: ShownSlot, { chosen, texts, format, slots }: Calendar): HTMLElement {
  const isFree = slot.status === "free";
  const label = createChoice("starts_at", slot.starts_at, [format.time(slot.starts_at)], false);
  const input = label.querySelector("input");
  if (input) {
    input.disabled = !isFree;
    input.checked = isFree && slot.starts_at === chosen;
  }
  label.dataset.state = slot.status;
  label.dataset.start = slot.starts_at;
  const status = create("span", { class: "status" }, create("span", { class: "word" }, texts[slot.status]));
  // A number only where slots take several bookings.
  if (isFree && slots.some(({ left }) => left > 1)) {
    status.append(create("span", { class: "left" }, texts.left(slot.left)));
  }
  label.append(status);
  return label;
}

/** Creates a group of slots. Screen readers read its heading as its name. */
function createGroup(id: string, heading: Node | string, slots: ShownSlot[], calendar: Calendar): HTMLElement {
  const times = create("div", { class: "times" }, ...slots.map((slot) => createSlot(slot, calendar)));
  return create("section", { role: "group", "aria-labelledby": id }, create("h3", { id }, heading), times);
}

function drawDay(calendar: Calendar): HTMLElement[] {
  const { texts, from, slots } = calendar;
  const parts: [string, string, number, number][] = [
    ["morning", texts.morning, 0, 12], ["afternoon", texts.afternoon, 12, 17], ["evening", texts.evening, 17, 24],
  ];
  const ofDay = slots.filter(({ starts_at }) => dayKey(new Date(starts_at)) === dayKey(from));
  const between = (begin: number, end: number) => ofDay.filter(({ starts_at }) => {
    const hour = new Date(starts_at).getHours();
    return begin <= hour && hour < end;
  });
  return parts.flatMap(([id, title, begin, end]) => {
    const slotsOfPart = between(begin, end);
    return slotsOfPart.length ? [createGroup(`part-${id}`, title, slotsOfPart, calendar)] : [];
  });
}

function drawWeek(calendar: Calendar): HTMLElement[] {
  const { texts, format, from, slots } = calendar;
  return Array.from({ length: 7 }, (_, number) => {
    const start = addDays(from, number);
    const key = dayKey(start);
    const ofDay = slots.filter(({ starts_at }) => dayKey(new Date(starts_at)) === key);
    const heading = create(
      "button", { type: "button", part: "small-button", title: texts.onlyDay(format.day(start)), "data-day": key },
      create("span", {}, format.weekday(start)), " ", create("span", {}, format.date(start)),
    );
    const group = createGroup(`day-${key}`, heading, ofDay, calendar);
    group.classList.toggle("today", key === dayKey(today()));
    if (!ofDay.length) group.querySelector(".times")?.append(create("p", { class: "quiet" }, texts.nothing));
    return group;
  });
}

export function drawSlots(calendar: Calendar): HTMLElement[] {
  return calendar.view === "week" ? drawWeek(calendar) : drawDay(calendar);
}
