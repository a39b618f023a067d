// The demo shop: shows free slots, and starts a checkout through the public API, as the page of any shop would.
import { bookingRecord, callApi, explainFailure } from "/checkout/api.js";
import {
  formatAlternatives, formatDate, formatDay, formatInZone, formatMinutes, formatMoney, formatTime, formatTimeRange,
  formatWeekday, formatZone, isOtherClock,
} from "/checkout/format.js";
import {
  addDays, createChoice, createElement, drawSlots, findRange, formatDayKey, formatHeading, startOfDay,
} from "./calendar.js";

const byId = (id) => document.getElementById(id);
const form = byId("booking");
// The longest period that the API lists in one request; also how far ahead to look for the next free time.
const MAX_PERIOD_DAYS = 62;
const MAX_QUANTITY = 50;

let eventTypes = [];
// What the page shows: the event type, the view and a day in it. The address has them too, so that a guest can return.
const shown = { type: undefined, view: "day", day: startOfDay(Date.now()), slots: [], timezone: "UTC" };
// What the guest has chosen.
const chosen = { slot: undefined, quantity: 1, host: "" };
// The last request. A repeat of it has the same idempotency key, so that it cannot hold a second slot.
let lastRequest = { body: "", key: "" };
// Counts the loads of slots. The result of a load is dropped if another has started since.
let loadCount = 0;

const addUp = (numbers) => numbers.reduce((total, number) => total + number, 0);
const capacitiesOf = (type) => type.segments.map(({ resources }) => resources.map(({ capacity }) => capacity));
// The number of places of a slot, if nobody has booked.
const placesOf = (type) => Math.min(...capacitiesOf(type).map(addUp));
// The most places of one booking: a booking's places are all on one resource.
const largestQuantity = (type) => Math.min(MAX_QUANTITY, ...capacitiesOf(type).map((each) => Math.max(...each)));
const hostsOf = (type) => type.segments[0].resources;
const chosenHost = () => hostsOf(shown.type).find(({ id }) => id === chosen.host);
const shownDays = () => findRange(shown.view, shown.day);
const dayOf = (slot) => startOfDay(slot.starts_at);
const isShown = (slot) => slot && shownDays().from <= dayOf(slot) && dayOf(slot) < shownDays().to;

function parseAddress() {
  const [id, view, name] = location.hash.slice(1).split("/");
  shown.type = eventTypes.find((type) => type.id === id) ?? eventTypes[0];
  const fallback = matchMedia("(min-width: 58rem)").matches ? "week" : "day";
  shown.view = ["day", "week"].includes(view) ? view : fallback;
  const start = new Date(`${name}T00:00`);
  shown.day = Number.isNaN(start.getTime()) ? startOfDay(Date.now()) : start;
  return !name;
}

const writeAddress = () =>
  history.replaceState(null, "", `#${shown.type.id}/${shown.view}/${formatDayKey(shown.day)}`);

function showOptions() {
  const { type } = shown;
  byId("offers").replaceChildren(...eventTypes.map((one) => {
    const price = `${formatMoney(one.amount, one.currency)} · ${formatMinutes(one.duration_minutes)}`;
    return createChoice("event_type", one.id, [one.name, price], one === type);
  }));
  byId("places").hidden = largestQuantity(type) < 2;
  Object.assign(byId("quantity"), { value: chosen.quantity, max: largestQuantity(type) });
  byId("fewer").disabled = chosen.quantity <= 1;
  byId("more").disabled = chosen.quantity >= largestQuantity(type);
  byId("with").hidden = hostsOf(type).length < 2;
  const anyone = { id: "", name: "Anyone" };
  byId("hosts").replaceChildren(...[anyone, ...hostsOf(type)].map(({ id, name }) =>
    createChoice("host", id, [name], id === chosen.host)));
  byId("hint").textContent = chosenHost()
    ? `The calendar shows when anyone is free. Whether ${chosenHost().name} is free, you see when you book.` : "";
}

function showZone() {
  const { from, to } = shownDays();
  const other = [from, to].some((instant) => isOtherClock(instant, shown.timezone));
  const shops = other ? ` The shop is in ${formatZone(from, shown.timezone)}.` : "";
  byId("zone").textContent = `Times are in your zone, ${formatZone(from)}.${shops}`;
}

function showCalendar() {
  const { view, slots, type } = shown;
  const { from, to } = shownDays();
  for (const input of form.elements.view) input.checked = input.value === view;
  byId("range").textContent = formatHeading(view, { from, to });
  byId("previous").setAttribute("aria-label", `Previous ${view}`);
  byId("next").setAttribute("aria-label", `Next ${view}`);
  byId("previous").disabled = from <= startOfDay(Date.now());
  const facts = { from, places: placesOf(type), chosen: chosen.slot?.starts_at };
  byId("slots").dataset.view = view;
  byId("slots").replaceChildren(...slots.length ? drawSlots(view, slots, facts) : []);
  const isFree = slots.some((slot) => slot.status === "free");
  const nothing = slots.length ? `There is nothing free this ${view}.` : `Nothing is on offer this ${view}.`;
  byId("notice").textContent = isFree ? "" : nothing;
  byId("next-free").hidden = isFree;
  showZone();
}

/** Creates a list of a slot's segments: when each is, and who serves it. */
function createParts({ segments }, slot) {
  const later = (minutes) => new Date(new Date(slot.starts_at).getTime() + minutes * 60_000);
  return segments.map(({ offset_minutes: begin, duration_minutes: takes, resources }, n) => {
    const who = n === 0 && chosenHost() ? chosenHost().name : formatAlternatives(resources.map(({ name }) => name));
    const when = formatTimeRange({ starts_at: later(begin), ends_at: later(begin + takes) });
    return createElement("li", {}, createElement("span", { textContent: when }), " ", who);
  });
}

function showChoice() {
  const { slot, quantity } = chosen;
  const { type, timezone } = shown;
  const price = formatMoney(type.amount * quantity, type.currency);
  const what = slot ? `Hold the slot and pay ${price}` : "Hold the slot and pay";
  if (byId("start").textContent !== what) byId("start").textContent = what;
  byId("proceed").hidden = !slot;
  if (!slot) {
    byId("choice").replaceChildren(createElement("p", { textContent: "Choose a time first." }));
    return;
  }
  byId("proceed").textContent = `${formatWeekday(slot.starts_at)} ${formatTime(slot.starts_at)} · ${price}`;
  const many = quantity > 1 ? `, ${quantity} places` : "";
  const whom = chosenHost() && type.segments.length === 1 ? ` with ${chosenHost().name}` : "";
  const lines = [
    createElement("p", {}, createElement("strong", { textContent: `${type.name}${whom}${many}` })),
    createElement("p", { textContent: `${formatDay(slot.starts_at)}, ${formatTimeRange(slot)}` }),
  ];
  if (isOtherClock(slot.starts_at, timezone)) {
    const text = `In ${formatZone(slot.starts_at, timezone)}: ${formatInZone(slot, timezone)}`;
    lines.push(createElement("p", { className: "quiet small", textContent: text }));
  }
  if (type.segments.length > 1) {
    lines.push(createElement("ul", { className: "parts small" }, ...createParts(type, slot)));
  }
  byId("choice").replaceChildren(...lines);
}

function showAll() {
  // The lists are created again, so the focus must return to the radio button that had it.
  const focused = document.activeElement;
  const place = focused?.type === "radio" ? { name: focused.name, value: focused.value } : undefined;
  showOptions();
  showCalendar();
  showChoice();
  if (!place) return;
  const radios = [...form.querySelectorAll(`input[name="${place.name}"]`)];
  radios.find(({ value }) => value === place.value)?.focus();
}

function fetchSlots(from, to, quantity) {
  const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString(), quantity });
  return callApi(`/v1/event-types/${encodeURIComponent(shown.type.id)}/slots?${query}`);
}

/** Fetches the slots to show. `left` is how many single places a slot has left, whatever the chosen quantity. */
async function fetchShownSlots() {
  const { from, to } = shownDays();
  const [wanted, single] = await Promise.all([fetchSlots(from, to, chosen.quantity), fetchSlots(from, to, 1)]);
  if (!wanted.answer || !single.answer) return { failure: wanted.answer ? single : wanted };
  const left = new Map(single.answer.slots.map((slot) => [slot.starts_at, slot.available]));
  const slots = wanted.answer.slots.map((slot) => ({ ...slot, left: left.get(slot.starts_at) ?? 0 }));
  return { slots, timezone: wanted.answer.timezone };
}

async function loadSlots() {
  const thisLoad = ++loadCount;
  writeAddress();
  byId("slots").dataset.state = "loading";
  const { slots = [], timezone = shown.timezone, failure } = await fetchShownSlots();
  if (thisLoad !== loadCount) return;
  Object.assign(shown, { slots, timezone });
  const now = slots.find((slot) => slot.starts_at === chosen.slot?.starts_at);
  if (!failure && isShown(chosen.slot) && now?.status !== "free") chosen.slot = undefined;
  showAll();
  byId("slots").dataset.state = failure ? "unavailable" : "ready";
  if (failure) {
    byId("notice").textContent = explainFailure(failure);
    byId("next-free").hidden = true;
  }
}

/** Shows the first day from `from` on that has a free slot, if there is one. */
async function goToNextFree(from) {
  const thisLoad = ++loadCount;
  byId("slots").dataset.state = "loading";
  const found = await fetchSlots(from, addDays(from, MAX_PERIOD_DAYS - 1), chosen.quantity);
  if (thisLoad !== loadCount) return;
  const free = found.answer?.slots.find((slot) => slot.status === "free");
  if (free) shown.day = dayOf(free);
  await loadSlots();
  if (found.answer && !free) byId("notice").textContent = "Nothing is free in the next two months.";
}

function createIdempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function buildRequest({ slot, quantity }) {
  const guest = { email: byId("email").value.trim(), name: byId("name").value.trim() || undefined };
  const body = JSON.stringify({
    event_type: shown.type.id, starts_at: slot.starts_at, quantity, resource: chosen.host || undefined, guest,
    // A guest who came back from the payment changes their mind, and does not keep two slots.
    replaces: bookingRecord.loadUnpaid(),
    // Must be this origin, because the tab stores the token for it. The service may know itself by another name.
    success_url: `${location.origin}/checkout/done?hold={HOLD_ID}`,
    cancel_url: `${location.origin}/checkout/cancelled?hold={HOLD_ID}`,
  });
  if (body !== lastRequest.body) lastRequest = { body, key: createIdempotencyKey() };
  return { method: "POST", headers: { "Content-Type": "application/json", "Idempotency-Key": lastRequest.key }, body };
}

function clearProblem() {
  byId("problem").textContent = "";
  byId("alternatives").replaceChildren();
}

/** Creates a button that chooses this slot, after `change` has changed the other choices. */
function createAlternative(slot, label, change = () => {}) {
  const button = createElement("button", { type: "button", textContent: label });
  button.dataset.start = slot.starts_at;
  button.addEventListener("click", async () => {
    change();
    chosen.slot = slot;
    shown.day = dayOf(slot);
    clearProblem();
    await loadSlots();
    byId("start").focus();
  });
  return button;
}

/** Offers other slots, after the chosen one was taken. */
async function showAlternatives(slot, found) {
  await loadSlots();
  const buttons = found.map((one) => {
    const day = `${formatWeekday(one.starts_at)} ${formatDate(one.starts_at)}`;
    return createAlternative(one, `${day}, ${formatTime(one.starts_at)}`);
  });
  const stillFree = shown.slots.find((one) => one.starts_at === slot.starts_at && one.status === "free");
  if (chosenHost() && stillFree) {
    byId("problem").textContent = `${chosenHost().name} is not free then, but someone else is. Nothing was charged.`;
    const label = `${formatTime(slot.starts_at)} with someone else`;
    buttons.unshift(createAlternative(stillFree, label, () => { chosen.host = ""; }));
  }
  byId("alternatives").replaceChildren(...buttons);
}

async function startCheckout(event) {
  event.preventDefault();
  const { slot } = chosen;
  clearProblem();
  if (!slot) byId("problem").textContent = "Please choose a time first.";
  if (!slot || byId("start").disabled) return;
  byId("start").disabled = true;
  let response = await callApi("/v1/holds", buildRequest(chosen));
  if (["already_paid", "unauthorized"].includes(response.problem?.code)) {
    // The earlier booking is paid, so this one is another.
    bookingRecord.forgetUnpaid(bookingRecord.loadUnpaid()?.id);
    response = await callApi("/v1/holds", buildRequest(chosen));
  }
  const { answer, problem } = response;
  if (answer?.checkout_url) {
    const place = location.hash;
    const { token, checkout_url: paymentPage } = answer;
    bookingRecord.save(answer.id, { token, name: shown.type.name, paymentPage, place });
    location.assign(answer.checkout_url);
    return;
  }
  byId("start").disabled = false;
  byId("problem").textContent = explainFailure(response);
  if (problem?.code === "slot_taken") await showAlternatives(slot, problem.alternatives ?? []);
}

function setQuantity(quantity) {
  const valid = Number.isInteger(quantity) ? quantity : 1;
  chosen.quantity = Math.min(Math.max(valid, 1), largestQuantity(shown.type));
  clearProblem();
  loadSlots();
}

function turnPage(pages) {
  const { from, days: count } = shownDays();
  shown.day = addDays(from, pages * count);
  loadSlots();
}

function showView(name, start) {
  Object.assign(shown, { view: name, day: start });
  loadSlots();
}

/** Finds the day of a week to show: the chosen slot's, else the first with a free slot. */
function findDayOfWeek() {
  const slot = isShown(chosen.slot) ? chosen.slot : shown.slots.find(({ status }) => status === "free");
  return slot ? dayOf(slot) : shown.day;
}

const changeHandlers = {
  event_type: (id) => {
    Object.assign(shown, { type: eventTypes.find((type) => type.id === id), slots: [] });
    Object.assign(chosen, { slot: undefined, quantity: 1, host: "" });
    goToNextFree(shownDays().from);
  },
  host: (id) => { chosen.host = id; showOptions(); byId("hosts").querySelector(":checked").focus(); showChoice(); },
  quantity: (text) => setQuantity(Number(text)),
  view: (name) => showView(name, name === "day" && shown.view === "week" ? findDayOfWeek() : shown.day),
  starts_at: (start) => { chosen.slot = shown.slots.find((slot) => slot.starts_at === start); showChoice(); },
};

async function openShop() {
  const { answer, ...failure } = await callApi("/demo/event-types");
  if (!answer) {
    byId("notice").textContent = explainFailure(failure);
    byId("slots").dataset.state = "unavailable";
    return;
  }
  eventTypes = answer.event_types;
  await (parseAddress() ? goToNextFree(shown.day) : loadSlots());
}

form.addEventListener("submit", startCheckout);
form.addEventListener("change", ({ target }) => {
  clearProblem();
  changeHandlers[target.name || target.id]?.(target.value);
});
byId("fewer").addEventListener("click", () => setQuantity(chosen.quantity - 1));
byId("more").addEventListener("click", () => setQuantity(chosen.quantity + 1));
byId("previous").addEventListener("click", () => turnPage(-1));
byId("next").addEventListener("click", () => turnPage(1));
byId("next-free").addEventListener("click", () => goToNextFree(shownDays().to));
byId("slots").addEventListener("click", ({ target }) => {
  const name = target.closest("button")?.dataset.day;
  if (name) showView("day", new Date(`${name}T00:00`));
});
// On a small screen, the card is far below the calendar.
byId("proceed").addEventListener("click", () => byId("card").scrollIntoView());
const onCardVisible = ([{ isIntersecting }]) => byId("proceed").classList.toggle("arrived", isIntersecting);
new IntersectionObserver(onCardVisible, { threshold: 0.3 }).observe(byId("card"));
addEventListener("hashchange", () => { if (eventTypes.length) { parseAddress(); loadSlots(); } });
// The guest comes back from the payment page or another tab: the slots may have changed.
addEventListener("pageshow", (event) => {
  if (event.persisted) { byId("start").disabled = false; loadSlots(); }
});
document.addEventListener("visibilitychange", () => { if (!document.hidden && eventTypes.length) loadSlots(); });
openShop();
