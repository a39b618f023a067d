// The demo shop: shows what is free, and starts a checkout by the public API, as any shop's page would.
import { ask, date, day, explain, money, record, span, time, weekday, zone } from "/checkout/words.js";

const at = (id) => document.getElementById(id);
const form = at("booking");
let eventTypes = [];
// The last request, so that a repeat of it carries the same key and cannot hold a slot twice.
let last = { body: "", key: "" };

const chosen = (name) => form.elements[name]?.value ?? "";
const offered = () => eventTypes.find((type) => type.id === chosen("event_type"));
const dayOf = (slot) => new Date(slot.starts_at).toDateString();
const slotsOfDay = () => offered()?.slots.filter((slot) => dayOf(slot) === chosen("day")) ?? [];
const chosenSlot = () => slotsOfDay().find((slot) => slot.starts_at === chosen("starts_at") && slot.state === "free");

/** A radio button that looks like its label. `lines` are shown one under the other. */
function choice(name, value, lines, isChosen) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "radio", name, value, checked: isChosen });
  label.append(input);
  for (const line of lines) {
    const span = document.createElement("span");
    span.textContent = line;
    label.append(span);
  }
  return label;
}

function showOffers() {
  const now = chosen("event_type") || eventTypes[0]?.id;
  at("offers").replaceChildren(...eventTypes.map((type) => {
    const price = `${money(type.amount, type.currency)} · ${type.duration_minutes} minutes`;
    return choice("event_type", type.id, [type.name, price], type.id === now);
  }));
}

function showDays() {
  const slots = offered()?.slots ?? [];
  const firstOfDay = new Map();
  for (const slot of slots) if (!firstOfDay.has(dayOf(slot))) firstOfDay.set(dayOf(slot), slot);
  const firstFree = slots.find((slot) => slot.state === "free");
  const before = chosen("day");
  const now = firstOfDay.has(before) ? before : dayOf(firstFree ?? slots[0] ?? {});
  at("days").replaceChildren(...[...firstOfDay].map(([key, slot]) =>
    choice("day", key, [weekday(slot.starts_at), date(slot.starts_at)], key === now)));
}

function showSlots() {
  const before = chosen("starts_at");
  const slots = slotsOfDay();
  at("slots").replaceChildren(...slots.map((slot) => {
    const label = choice("starts_at", slot.starts_at, [time(slot.starts_at), slot.state], false);
    const input = label.querySelector("input");
    input.disabled = slot.state !== "free";
    input.checked = !input.disabled && slot.starts_at === before;
    label.dataset.state = slot.state;
    label.dataset.start = slot.starts_at;
    return label;
  }));
  at("notice").textContent = slots.length ? "" : "There is nothing on offer here.";
}

function showChoice() {
  const [type, slot] = [offered(), chosenSlot()];
  at("choice").textContent = slot
    ? `${type.name}, ${day(slot.starts_at)}, ${span(slot)}`
    : "Choose a time first.";
  at("start").textContent = slot ? `Hold the slot and pay ${money(type.amount, type.currency)}` : "Hold the slot and pay";
}

function showAll() {
  showOffers();
  showDays();
  showSlots();
  showChoice();
}

async function refresh() {
  const { answer, problem } = await ask("/demo/slots");
  if (!answer) {
    at("notice").textContent = explain(problem);
    at("slots").dataset.state = "unavailable";
    return;
  }
  // Whoever is at a radio button stays there: the list is made anew under their hands.
  const focused = document.activeElement;
  const place = focused?.type === "radio" ? { name: focused.name, value: focused.value } : undefined;
  eventTypes = answer.event_types;
  showAll();
  at("slots").dataset.state = "ready";
  if (place) [...form.elements[place.name] ?? []].find((input) => input.value === place.value)?.focus();
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function order(slot) {
  const guest = { email: at("email").value.trim(), name: at("name").value.trim() || undefined };
  const body = JSON.stringify({
    event_type: offered().id, starts_at: slot.starts_at, guest,
    // Back to this very origin, where the token is kept; the service's own idea of it may be another name.
    success_url: `${location.origin}/checkout/done?hold={HOLD_ID}`,
    cancel_url: `${location.origin}/checkout/cancelled?hold={HOLD_ID}`,
  });
  if (body !== last.body) last = { body, key: newKey() };
  return { method: "POST", headers: { "Content-Type": "application/json", "Idempotency-Key": last.key }, body };
}

async function start(event) {
  event.preventDefault();
  const slot = chosenSlot();
  at("problem").textContent = slot ? "" : "Please choose a time first.";
  if (!slot || at("start").disabled) return;
  at("start").disabled = true;
  const { answer, problem } = await ask("/v1/holds", order(slot));
  if (answer?.checkout_url) {
    record.keep(answer.id, { token: answer.token, name: offered().name, paymentPage: answer.checkout_url });
    location.assign(answer.checkout_url);
    return;
  }
  at("start").disabled = false;
  at("problem").textContent = explain(problem);
  if (problem?.code === "slot_taken") await refresh();
}

form.addEventListener("submit", start);
form.addEventListener("change", (event) => {
  at("problem").textContent = "";
  if (event.target.name === "event_type") { showDays(); showSlots(); }
  if (event.target.name === "day") showSlots();
  showChoice();
});
// Back from the payment page, or from another tab: what was shown is old.
addEventListener("pageshow", (event) => {
  if (event.persisted) { at("start").disabled = false; refresh(); }
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
at("zone").textContent = `in ${zone()}`;
refresh();
