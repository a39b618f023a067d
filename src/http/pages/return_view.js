// What the return pages show of a hold: its status, its facts, and the time that is left to pay.
import { formatDay, formatInZone, formatMoney, formatTime, formatTimeRange, formatZone, isOtherClock } from "./format.js";
import { fill, texts } from "./language.js";

export const page = document.querySelector("main");
export const byId = (id) => document.getElementById(id);

// Both return pages are this one page; the path says which one it is.
const turnedBack = location.pathname.endsWith("/cancelled");
page.dataset.page = turnedBack ? "cancelled" : "done";

// How far the server's clock is ahead of the browser's.
let ahead = 0;

/** Keeps what the server's clock shows, because the time to pay ends by that. */
export function setClock(serverTime) {
  if (serverTime) ahead = serverTime - Date.now();
}

const millisecondsLeft = (hold) => new Date(hold.expires_at) - Date.now() - ahead;

/** Formats the day and the time of a slot, such as "Tuesday, 8 December, 09:00 – 09:30". */
export const formatSlot = (slot) => `${formatDay(slot.starts_at)}, ${formatTimeRange(slot)}`;

function describeHeld(hold, isOpen) {
  const { checking, turned_back: back, unpaid, waiting } = texts.held;
  const until = formatTime(hold.expires_at);
  const chosen = millisecondsLeft(hold) <= 0 ? checking : turnedBack ? back : isOpen ? unpaid : waiting;
  return chosen.map((text) => fill(text, { until }));
}

/** Returns the title and the detail for a hold; `isOpen` tells whether Stripe says that the guest can still pay. */
function describe(hold, isOpen) {
  if (hold.status === "held") return describeHeld(hold, isOpen);
  const words = texts[hold.status];
  return Array.isArray(words) ? words : [words.title, words[hold.reason] ?? ""];
}

/** Shows a state. The focus goes to the title if the guest must learn of it: if the state or the title is another one. */
export function showState(state, [title, detail]) {
  const isChanged = page.dataset.state !== state || byId("title").textContent !== title;
  if (isChanged) {
    byId("title").textContent = title;
    announce("");
  }
  if (byId("detail").textContent !== detail) byId("detail").textContent = detail;
  byId("label").textContent = texts.labels[state];
  page.dataset.state = state;
  document.title = title;
  if (isChanged) byId("title").focus();
}

/** Says something beside the title. A screen reader reads it when it can. */
export function announce(text) {
  if (byId("notice").textContent !== text) byId("notice").textContent = text;
}

function showFact(id, text) {
  byId(id).textContent = text ?? "";
  byId(id).closest("dl > div").hidden = !text;
}

function showFacts(hold) {
  const { starts_at: start, timezone } = hold;
  showFact("what", hold.name ?? hold.event_type);
  showFact("when", formatSlot(hold));
  showFact("zone", formatZone(start));
  const isElsewhere = timezone && isOtherClock(start, timezone);
  byId("shop-time").textContent = isElsewhere
    ? fill(texts.in_zone, { when: formatInZone(hold, timezone), zone: formatZone(start, timezone) }) : "";
  showFact("with", hold.resource_name);
  showFact("quantity", hold.quantity > 1 ? String(hold.quantity) : "");
  showFact("price", formatMoney(hold.amount, hold.currency));
  // In groups, because a guest reads it out.
  showFact("reference", hold.reference.match(/.{4}/g).join(" "));
  byId("facts").hidden = false;
}

let timer;

/** Counts down the time to pay. A screen reader is not disturbed each second: only the last minute is announced. */
function countDown(hold) {
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
export function showHold(hold, { isOpen = false, words } = {}) {
  showFacts(hold);
  countDown(hold);
  showState(hold.status, words ?? describe(hold, isOpen));
}
