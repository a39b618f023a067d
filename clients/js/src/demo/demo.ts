// The demo shop: lets a guest choose what to book, and leaves the rest to the widget, as the page of any shop would.
import type { Offer } from "../client.js";
import { create } from "../widget/dom.js";
import type { HoldfastBooking } from "../widget/element.js";
import { Format } from "../widget/format.js";

const german = {
  badge: "Demo: kein echtes Geld", title: "Termin buchen", what: "Was",
  intro: "Wählen Sie eine Zeit, bezahlen Sie auf der nachgebildeten Zahlungsseite, und sehen Sie Ihre Buchung. Öffnen " +
    "Sie diese Seite zweimal, und versuchen Sie, eine Zeit an zwei Personen zu verkaufen.",
};
const failures = {
  en: { noAnswer: "The shop does not answer just now. Please reload the page.", nothing: "Nothing is on sale." },
  de: { noAnswer: "Das Geschäft antwortet gerade nicht. Bitte laden Sie die Seite neu.", nothing: "Es wird nichts verkauft." },
};
const languages = navigator.languages.map((tag) => tag.split("-")[0]);
const isGerman = languages.find((code) => code === "en" || code === "de") === "de";
const texts = isGerman ? failures.de : failures.en;
const format = new Format(navigator.languages.find((tag) => tag.startsWith(isGerman ? "de-" : "en-")) ?? (isGerman ? "de-DE" : "en-GB"));

const byId = (id: string) => document.getElementById(id) as HTMLElement;
const widget = document.querySelector("holdfast-booking") as HoldfastBooking;
let offers: Offer[] = [];

function setAttribute(name: string, value: string | undefined): void {
  if (value) widget.setAttribute(name, value);
  else widget.removeAttribute(name);
}

/** Shows what the address names: the event type, the view and the day, so that a guest can return to where they were. */
function showAddress(): void {
  const [id, view, day] = location.hash.slice(1).split("/");
  const offer = offers.find((each) => each.id === id) ?? offers[0];
  if (!offer) return;
  widget.offer = offer;
  setAttribute("event-type", offer.id);
  setAttribute("view", view);
  setAttribute("day", day);
  // The widget asks for its slots first.
  queueMicrotask(() => byId("offers").replaceChildren(...offers.map((each) => createChoice(each, each === offer))));
}

/** Creates a radio button that looks like its label. */
function createChoice({ id, name, amount, currency, segments }: Offer, isChosen: boolean): HTMLElement {
  const minutes = Math.max(...segments.map((segment) => segment.offset_minutes + segment.duration_minutes));
  return create("label", {}, create("input", { type: "radio", name: "event_type", value: id, checked: isChosen }),
    create("span", {}, name), create("span", {}, `${format.money(amount, currency)} · ${format.minutes(minutes)}`));
}

async function openShop(): Promise<void> {
  if (isGerman) {
    document.documentElement.lang = "de";
    for (const [id, text] of Object.entries(german)) byId(id).textContent = text;
  }
  try {
    // The page has asked for this already, beside its scripts.
    const response = await fetch("/v1/event-types?limit=200");
    const { data } = await response.json() as { data: Offer[] };
    // The API lists the newest first.
    offers = data.reverse();
  } catch {
    byId("problem-of-shop").textContent = texts.noAnswer;
    return;
  }
  if (!offers.length) byId("problem-of-shop").textContent = texts.nothing;
  showAddress();
}

byId("offers").addEventListener("change", ({ target }) => {
  history.replaceState(null, "", `#${(target as HTMLInputElement).value}`);
  showAddress();
});
widget.addEventListener("holdfast-view", (event) => {
  const { view, day } = (event as CustomEvent<{ view: string; day: string }>).detail;
  history.replaceState(null, "", `#${widget.getAttribute("event-type")}/${view}/${day}`);
});
addEventListener("hashchange", showAddress);
void openShop();
