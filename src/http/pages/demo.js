// The demo shop: shows what is free, and starts a checkout by the public API, as any shop's page would.
import { ask, date, day, differs, either, elsewhere, explain, length, money, record, span, time, weekday, zone }
  from "/checkout/words.js";
import { choice, dayName, daysAfter, drawSlots, element, heading, midnight, range } from "./draw.js";

const at = (id) => document.getElementById(id);
const form = at("booking");
// How far ahead the next free time is looked for; what the service lists at once.
const REACH = 62;
const MOST = 50;

let eventTypes = [];
// What is on show: whose slots, how, around which day. In the page's address too, so that it can be come back to.
const shown = { type: undefined, view: "day", day: midnight(Date.now()), slots: [], timezone: "UTC" };
const wish = { slot: undefined, quantity: 1, host: "" };
// The last request, so that a repeat of it carries the same key and cannot hold a slot twice.
let last = { body: "", key: "" };
// Counts the times the slots were asked for: an answer that another has overtaken is not shown.
let asked = 0;

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const capacities = (type) => type.segments.map(({ resources }) => resources.map(({ capacity }) => capacity));
// How many bookings a slot takes, and the largest one of them.
const places = (type) => Math.min(...capacities(type).map(sum));
const largest = (type) => Math.min(MOST, ...capacities(type).map((each) => Math.max(...each)));
const hosts = (type) => type.segments[0].resources;
const host = () => hosts(shown.type).find(({ id }) => id === wish.host);
const days = () => range(shown.view, shown.day);
const dayOf = (slot) => midnight(slot.starts_at);
const isShown = (slot) => slot && days().from <= dayOf(slot) && dayOf(slot) < days().to;

function readAddress() {
  const [id, view, name] = location.hash.slice(1).split("/");
  shown.type = eventTypes.find((type) => type.id === id) ?? eventTypes[0];
  const fallback = matchMedia("(min-width: 58rem)").matches ? "week" : "day";
  shown.view = ["day", "week"].includes(view) ? view : fallback;
  const start = new Date(`${name}T00:00`);
  shown.day = Number.isNaN(start.getTime()) ? midnight(Date.now()) : start;
  return !name;
}

const writeAddress = () =>
  history.replaceState(null, "", `#${shown.type.id}/${shown.view}/${dayName(shown.day)}`);

function showWishes() {
  const { type } = shown;
  at("offers").replaceChildren(...eventTypes.map((one) => {
    const price = `${money(one.amount, one.currency)} · ${length(one.duration_minutes)}`;
    return choice("event_type", one.id, [one.name, price], one === type);
  }));
  at("places").hidden = largest(type) < 2;
  Object.assign(at("quantity"), { value: wish.quantity, max: largest(type) });
  at("fewer").disabled = wish.quantity <= 1;
  at("more").disabled = wish.quantity >= largest(type);
  at("with").hidden = hosts(type).length < 2;
  const anyone = { id: "", name: "Anyone" };
  at("hosts").replaceChildren(...[anyone, ...hosts(type)].map(({ id, name }) =>
    choice("host", id, [name], id === wish.host)));
  at("hint").textContent = host()
    ? `The calendar shows when anyone is free. Whether ${host().name} is, you learn when you book.` : "";
}

function showZone() {
  const { from, to } = days();
  const other = [from, to].some((instant) => differs(instant, shown.timezone));
  const shops = other ? ` The shop is in ${zone(from, shown.timezone)}.` : "";
  at("zone").textContent = `Times are in your zone, ${zone(from)}.${shops}`;
}

function showCalendar() {
  const { view, slots, type } = shown;
  const { from, to } = days();
  for (const input of form.elements.view) input.checked = input.value === view;
  at("range").textContent = heading(view, { from, to });
  at("previous").setAttribute("aria-label", `Previous ${view}`);
  at("next").setAttribute("aria-label", `Next ${view}`);
  at("previous").disabled = from <= midnight(Date.now());
  const facts = { from, places: places(type), chosen: wish.slot?.starts_at };
  at("slots").dataset.view = view;
  at("slots").replaceChildren(...slots.length ? drawSlots(view, slots, facts) : []);
  const isFree = slots.some((slot) => slot.status === "free");
  const nothing = slots.length ? `There is nothing free this ${view}.` : `Nothing is on offer this ${view}.`;
  at("notice").textContent = isFree ? "" : nothing;
  at("next-free").hidden = isFree;
  showZone();
}

/** Who serves which part of a slot, where it has several. */
function parts({ segments }, slot) {
  const later = (minutes) => new Date(new Date(slot.starts_at).getTime() + minutes * 60_000);
  return segments.map(({ offset_minutes: begin, duration_minutes: takes, resources }, n) => {
    const who = n === 0 && host() ? host().name : either(resources.map(({ name }) => name));
    const when = span({ starts_at: later(begin), ends_at: later(begin + takes) });
    return element("li", {}, element("span", { textContent: when }), " ", who);
  });
}

function showChoice() {
  const { slot, quantity } = wish;
  const { type, timezone } = shown;
  const price = money(type.amount * quantity, type.currency);
  const what = slot ? `Hold the slot and pay ${price}` : "Hold the slot and pay";
  if (at("start").textContent !== what) at("start").textContent = what;
  at("proceed").hidden = !slot;
  if (!slot) {
    at("choice").replaceChildren(element("p", { textContent: "Choose a time first." }));
    return;
  }
  at("proceed").textContent = `${weekday(slot.starts_at)} ${time(slot.starts_at)} · ${price}`;
  const many = quantity > 1 ? `, ${quantity} places` : "";
  const whom = host() && type.segments.length === 1 ? ` with ${host().name}` : "";
  const lines = [
    element("p", {}, element("strong", { textContent: `${type.name}${whom}${many}` })),
    element("p", { textContent: `${day(slot.starts_at)}, ${span(slot)}` }),
  ];
  if (differs(slot.starts_at, timezone)) {
    const text = `In ${zone(slot.starts_at, timezone)}: ${elsewhere(slot, timezone)}`;
    lines.push(element("p", { className: "quiet small", textContent: text }));
  }
  if (type.segments.length > 1) lines.push(element("ul", { className: "parts small" }, ...parts(type, slot)));
  at("choice").replaceChildren(...lines);
}

function showAll() {
  // Whoever is at a radio button stays there: the list is made anew under their hands.
  const focused = document.activeElement;
  const place = focused?.type === "radio" ? { name: focused.name, value: focused.value } : undefined;
  showWishes();
  showCalendar();
  showChoice();
  if (place) [...form.querySelectorAll(`input[name="${place.name}"]`)].find(({ value }) => value === place.value)?.focus();
}

function askSlots(from, to, quantity) {
  const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString(), quantity });
  return ask(`/v1/event-types/${encodeURIComponent(shown.type.id)}/slots?${query}`);
}

/** The slots on show, each with how many places are left, whatever the number wanted. */
async function readSlots() {
  const { from, to } = days();
  const [wanted, single] = await Promise.all([askSlots(from, to, wish.quantity), askSlots(from, to, 1)]);
  if (!wanted.answer || !single.answer) return { failure: wanted.answer ? single : wanted };
  const left = new Map(single.answer.slots.map((slot) => [slot.starts_at, slot.available]));
  const slots = wanted.answer.slots.map((slot) => ({ ...slot, left: left.get(slot.starts_at) ?? 0 }));
  return { slots, timezone: wanted.answer.timezone };
}

async function load() {
  const mine = ++asked;
  writeAddress();
  at("slots").dataset.state = "loading";
  const { slots = [], timezone = shown.timezone, failure } = await readSlots();
  if (mine !== asked) return;
  Object.assign(shown, { slots, timezone });
  const now = slots.find((slot) => slot.starts_at === wish.slot?.starts_at);
  if (!failure && isShown(wish.slot) && now?.status !== "free") wish.slot = undefined;
  showAll();
  at("slots").dataset.state = failure ? "unavailable" : "ready";
  if (failure) {
    at("notice").textContent = explain(failure);
    at("next-free").hidden = true;
  }
}

/** Goes to the first day from then on that has something free, if there is one. */
async function goToFree(from) {
  const mine = ++asked;
  at("slots").dataset.state = "loading";
  const found = await askSlots(from, daysAfter(from, REACH - 1), wish.quantity);
  if (mine !== asked) return;
  const free = found.answer?.slots.find((slot) => slot.status === "free");
  if (free) shown.day = dayOf(free);
  await load();
  if (found.answer && !free) at("notice").textContent = "Nothing is free in the next two months.";
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function order({ slot, quantity }) {
  const guest = { email: at("email").value.trim(), name: at("name").value.trim() || undefined };
  const body = JSON.stringify({
    event_type: shown.type.id, starts_at: slot.starts_at, quantity, resource: wish.host || undefined, guest,
    // Back to this very origin, where the token is kept; the service's own idea of it may be another name.
    success_url: `${location.origin}/checkout/done?hold={HOLD_ID}`,
    cancel_url: `${location.origin}/checkout/cancelled?hold={HOLD_ID}`,
  });
  if (body !== last.body) last = { body, key: newKey() };
  return { method: "POST", headers: { "Content-Type": "application/json", "Idempotency-Key": last.key }, body };
}

function clearProblem() {
  at("problem").textContent = "";
  at("alternatives").replaceChildren();
}

/** A button that chooses another slot, or the same with another wish. */
function alternative(slot, label, change = () => {}) {
  const button = element("button", { type: "button", textContent: label });
  button.dataset.start = slot.starts_at;
  button.addEventListener("click", async () => {
    change();
    wish.slot = slot;
    shown.day = dayOf(slot);
    clearProblem();
    await load();
    at("start").focus();
  });
  return button;
}

/** The slot was gone: what can be had instead. */
async function showAlternatives(slot, found) {
  await load();
  const buttons = found.map((one) =>
    alternative(one, `${weekday(one.starts_at)} ${date(one.starts_at)}, ${time(one.starts_at)}`));
  const stillFree = shown.slots.find((one) => one.starts_at === slot.starts_at && one.status === "free");
  if (host() && stillFree) {
    at("problem").textContent = `${host().name} is not free then, but someone else is. Nothing was charged.`;
    buttons.unshift(alternative(stillFree, `${time(slot.starts_at)} with someone else`, () => { wish.host = ""; }));
  }
  at("alternatives").replaceChildren(...buttons);
}

async function start(event) {
  event.preventDefault();
  const { slot } = wish;
  clearProblem();
  if (!slot) at("problem").textContent = "Please choose a time first.";
  if (!slot || at("start").disabled) return;
  at("start").disabled = true;
  const response = await ask("/v1/holds", order(wish));
  const { answer, problem } = response;
  if (answer?.checkout_url) {
    const place = location.hash;
    record.keep(answer.id, { token: answer.token, name: shown.type.name, paymentPage: answer.checkout_url, place });
    location.assign(answer.checkout_url);
    return;
  }
  at("start").disabled = false;
  at("problem").textContent = explain(response);
  if (problem?.code === "slot_taken") await showAlternatives(slot, problem.alternatives ?? []);
}

function want(quantity) {
  const valid = Number.isInteger(quantity) ? quantity : 1;
  wish.quantity = Math.min(Math.max(valid, 1), largest(shown.type));
  clearProblem();
  load();
}

function turn(pages) {
  const { from, days: count } = days();
  shown.day = daysAfter(from, pages * count);
  load();
}

function view(name, start) {
  Object.assign(shown, { view: name, day: start });
  load();
}

/** The day to show of a week: the chosen slot's, else the first with something free. */
function dayOfWeek() {
  const slot = isShown(wish.slot) ? wish.slot : shown.slots.find(({ status }) => status === "free");
  return slot ? dayOf(slot) : shown.day;
}

const changes = {
  event_type: (id) => {
    Object.assign(shown, { type: eventTypes.find((type) => type.id === id), slots: [] });
    Object.assign(wish, { slot: undefined, quantity: 1, host: "" });
    goToFree(days().from);
  },
  host: (id) => { wish.host = id; showWishes(); at("hosts").querySelector(":checked").focus(); showChoice(); },
  quantity: (text) => want(Number(text)),
  view: (name) => view(name, name === "day" && shown.view === "week" ? dayOfWeek() : shown.day),
  starts_at: (start) => { wish.slot = shown.slots.find((slot) => slot.starts_at === start); showChoice(); },
};

async function open() {
  const { answer, ...failure } = await ask("/demo/event-types");
  if (!answer) {
    at("notice").textContent = explain(failure);
    at("slots").dataset.state = "unavailable";
    return;
  }
  eventTypes = answer.event_types;
  await (readAddress() ? goToFree(shown.day) : load());
}

form.addEventListener("submit", start);
form.addEventListener("change", ({ target }) => {
  clearProblem();
  changes[target.name || target.id]?.(target.value);
});
at("fewer").addEventListener("click", () => want(wish.quantity - 1));
at("more").addEventListener("click", () => want(wish.quantity + 1));
at("previous").addEventListener("click", () => turn(-1));
at("next").addEventListener("click", () => turn(1));
at("next-free").addEventListener("click", () => goToFree(days().to));
at("slots").addEventListener("click", ({ target }) => {
  const name = target.closest("button")?.dataset.day;
  if (name) view("day", new Date(`${name}T00:00`));
});
// On a small screen the card is far below the calendar.
at("proceed").addEventListener("click", () => at("card").scrollIntoView());
const arrive = ([{ isIntersecting }]) => at("proceed").classList.toggle("arrived", isIntersecting);
new IntersectionObserver(arrive, { threshold: 0.3 }).observe(at("card"));
addEventListener("hashchange", () => { if (eventTypes.length) { readAddress(); load(); } });
// Back from the payment page, or from another tab: what was shown is old.
addEventListener("pageshow", (event) => {
  if (event.persisted) { at("start").disabled = false; load(); }
});
document.addEventListener("visibilitychange", () => { if (!document.hidden && eventTypes.length) load(); });
open();
