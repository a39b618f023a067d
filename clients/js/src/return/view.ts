// What the return pages show of a hold: its status, its facts, and the time that is left to pay.
import type { Hold, Slot } from "../client.js";
import { now } from "../widget/clock.js";
import { setText } from "../widget/dom.js";
import { fill, format, texts } from "./language.js";

export const page = document.querySelector("main") as HTMLElement;
export const byId = <Element extends HTMLElement = HTMLElement>(id: string) => document.getElementById(id) as Element;

/** A title and a detail. */
export type Words = readonly string[];
type State = keyof typeof texts.labels;

// Both return pages are this one page; the path says which one it is.
const turnedBack = location.pathname.endsWith("/cancelled");
page.dataset.page = turnedBack ? "cancelled" : "done";

const millisecondsLeft = (hold: Hold) => Date.parse(hold.expires_at) - now();

/** Formats the day and the time of a slot, such as "Tuesday, 8 December, 09:00 – 09:30". */
export const formatSlot = (slot: Slot | Hold) => `${format.day(slot.starts_at)}, ${format.times(slot)}`;

function describeHeld(hold: Hold, isOpen: boolean): Words {
  const { checking, turned_back: back, unpaid, waiting } = texts.held;
  const until = format.time(hold.expires_at);
  const chosen = millisecondsLeft(hold) <= 0 ? checking : turnedBack ? back : isOpen ? unpaid : waiting;
  return chosen.map((text) => fill(text, { until }));
}

/** Describes a hold; `isOpen` tells whether Stripe says that the guest can still pay. */
function describe(hold: Hold, isOpen: boolean): Words {
  if (hold.status === "held") return describeHeld(hold, isOpen);
  if (hold.status === "processing" || hold.status === "confirmed") return texts[hold.status];
  const words: Record<string, string> = texts[hold.status];
  return [words.title ?? "", words[hold.reason ?? ""] ?? ""];
}

/** Shows a state. The focus goes to the title if the guest must learn of it: if the state or the title is another one. */
export function showState(state: State, [title = "", detail = ""]: Words): void {
  const isChanged = page.dataset.state !== state || byId("title").textContent !== title;
  if (isChanged) {
    byId("title").textContent = title;
    announce("");
  }
  setText(byId("detail"), detail);
  byId("label").textContent = texts.labels[state];
  page.dataset.state = state;
  document.title = title;
  if (isChanged) byId("title").focus();
}

/** Says something beside the title. A screen reader reads it when it can. */
export function announce(text: string): void {
  setText(byId("notice"), text);
}

function showFact(id: string, text: string): void {
  byId(id).textContent = text;
  const row = byId(id).closest<HTMLElement>("dl > div");
  if (row) row.hidden = !text;
}

function showFacts(hold: Hold): void {
  const { starts_at: start, timezone } = hold;
  showFact("what", hold.name ?? hold.event_type);
  showFact("when", formatSlot(hold));
  showFact("zone", format.zone(start));
  byId("shop-time").textContent = timezone && format.isOtherClock(start, timezone)
    ? fill(texts.in_zone, { when: format.timesIn(hold, timezone), zone: format.zone(start, timezone) }) : "";
  showFact("with", hold.resource_name ?? "");
  showFact("quantity", hold.quantity > 1 ? String(hold.quantity) : "");
  showFact("price", format.money(hold.amount, hold.currency));
  // In groups, because a guest reads it out.
  showFact("reference", hold.reference.match(/.{4}/g)?.join(" ") ?? hold.reference);
  byId("facts").hidden = false;
}

let timer: ReturnType<typeof setInterval> | undefined;

/** Counts down the time to pay. A screen reader is not disturbed each second: only the last minute is announced. */
function countDown(hold: Hold): void {
  clearInterval(timer);
  const show = () => {
    const left = hold.status === "held" ? Math.ceil(millisecondsLeft(hold) / 1000) : 0;
    byId("countdown").hidden = left <= 0;
    if (left <= 0) {
      clearInterval(timer);
      return;
    }
    const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    byId("countdown").textContent = fill(texts.held.left, { time });
    if (left <= 60) announce(texts.held.last_minute);
  };
  timer = setInterval(show, 1000);
  show();
}

/** Shows a hold. `words` are a title and a detail in place of those of its status. */
export function showHold(hold: Hold, { isOpen = false, words }: { isOpen?: boolean; words?: Words | undefined } = {}): void {
  showFacts(hold);
  countDown(hold);
  showState(hold.status, words ?? describe(hold, isOpen));
}
