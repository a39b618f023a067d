// The demo shop: lets a guest choose what to book, and leaves the rest to the widget, as the page of any shop would.
import { callApi, explainFailure } from "/checkout/api.js";
import { formatMinutes, formatMoney } from "/checkout/format.js";

const german = {
  badge: "Demo: kein echtes Geld", title: "Termin buchen", what: "Was",
  intro: "Wählen Sie eine Zeit, bezahlen Sie auf der nachgebildeten Zahlungsseite, und sehen Sie Ihre Buchung. Öffnen " +
    "Sie diese Seite zweimal, und versuchen Sie, eine Zeit an zwei Personen zu verkaufen.",
};
const byId = (id) => document.getElementById(id);
const widget = document.querySelector("holdfast-booking");
let offers = [];

/** Reads the address: the event type, the view and the day, so that a guest can return to where they were. */
function parseAddress() {
  const [id, view, day] = location.hash.slice(1).split("/");
  return { offer: offers.find((offer) => offer.id === id) ?? offers[0], view, day };
}

function setAttribute(name, value) {
  if (value) widget.setAttribute(name, value);
  else widget.removeAttribute(name);
}

/** Shows an event type: its slots on the day of the address, else the first free ones. */
function showOffer({ offer, view, day }) {
  byId("offers").querySelector(`[value="${offer.id}"]`).checked = true;
  widget.offer = offer;
  setAttribute("view", view);
  setAttribute("day", day);
  widget.setAttribute("event-type", offer.id);
}

/** Creates a radio button that looks like its label. */
function createChoice({ id, name, amount, currency, segments }) {
  const minutes = Math.max(...segments.map((segment) => segment.offset_minutes + segment.duration_minutes));
  const lines = [name, `${formatMoney(amount, currency)} · ${formatMinutes(minutes)}`];
  const input = Object.assign(document.createElement("input"), { type: "radio", name: "event_type", value: id });
  const label = document.createElement("label");
  label.append(input, ...lines.map((textContent) => Object.assign(document.createElement("span"), { textContent })));
  return label;
}

async function openShop() {
  if (navigator.language.startsWith("de")) {
    document.documentElement.lang = "de";
    for (const [id, text] of Object.entries(german)) byId(id).textContent = text;
  }
  const { answer, ...failure } = await callApi("/v1/event-types?limit=200");
  if (!answer) {
    byId("problem-of-shop").textContent = explainFailure(failure);
    return;
  }
  // The API lists the newest first.
  offers = answer.data.reverse();
  byId("offers").replaceChildren(...offers.map(createChoice));
  showOffer(parseAddress());
}

byId("offers").addEventListener("change", ({ target }) => {
  history.replaceState(null, "", `#${target.value}`);
  showOffer(parseAddress());
});
widget.addEventListener("holdfast-view", ({ detail }) => {
  history.replaceState(null, "", `#${widget.getAttribute("event-type")}/${detail.view}/${detail.day}`);
});
addEventListener("hashchange", () => { if (offers.length) showOffer(parseAddress()); });
openShop();
