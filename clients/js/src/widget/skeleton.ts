// The elements of the widget that stay while their contents change. Everything else finds them by their ids.
import type { Texts } from "../languages/index.js";
import { create } from "./dom.js";

function drawPlaces(texts: Texts): HTMLElement {
  return create("fieldset", { id: "places", hidden: true }, create("legend", {}, texts.places),
    create("div", { class: "stepper" },
      create("button", { id: "fewer", type: "button", part: "small-button", "aria-label": texts.fewer }, "−"),
      create("input", {
        id: "quantity", part: "field", type: "number", inputmode: "numeric", min: 1, value: 1, "aria-label": texts.placesLabel,
      }),
      create("button", { id: "more", type: "button", part: "small-button", "aria-label": texts.more }, "+")));
}

function drawBars(texts: Texts): HTMLElement[] {
  const view = (value: string, text: string) =>
    create("label", { part: "choice" }, create("input", { type: "radio", name: "view", value }), create("span", {}, text));
  const state = (name: string, text: string, meaning = "") =>
    create("li", { "data-state": name }, create("span", { class: "word" }, text), meaning);
  return [
    create("div", { class: "bar" },
      create("div", { id: "views", class: "toggle", role: "radiogroup", "aria-label": texts.view },
        view("day", texts.day), view("week", texts.week)),
      create("div", { class: "pager" },
        create("button", { id: "previous", type: "button", part: "small-button" }, "‹"),
        create("h2", { id: "range", "aria-live": "polite" }),
        create("button", { id: "next", type: "button", part: "small-button" }, "›"))),
    create("div", { class: "bar small" },
      create("p", { id: "zone", class: "quiet" }),
      create("ul", { class: "legend", "aria-label": texts.colours },
        state("free", texts.free), state("taken", texts.taken), state("held", texts.held, texts.heldMeaning))),
  ];
}

function drawCard(texts: Texts): HTMLElement {
  return create("section", { id: "card", class: "card", part: "card", "aria-labelledby": "yours" },
    create("h2", { id: "yours" }, texts.yours),
    create("div", { id: "choice" }),
    create("label", { for: "name" }, texts.name),
    create("input", { id: "name", part: "field", name: "name", autocomplete: "name", maxlength: 200 }),
    create("label", { for: "email" }, texts.email),
    create("input", { id: "email", part: "field", name: "email", type: "email", autocomplete: "email", required: true }),
    create("button", { id: "start", class: "main", part: "button", type: "submit" }, texts.start),
    create("p", { id: "progress", class: "quiet", role: "status" }),
    create("p", { id: "problem", class: "problem", role: "alert", tabindex: -1 }),
    create("div", { id: "alternatives", class: "alternatives", role: "group", "aria-label": texts.nearby }));
}

function drawForm(texts: Texts): HTMLElement {
  return create("form", { id: "booking" },
    create("div", { class: "choices" },
      create("div", { class: "options" },
        drawPlaces(texts),
        create("fieldset", { id: "with", hidden: true }, create("legend", {}, texts.withWhom),
          create("div", { id: "hosts", class: "hosts" }))),
      create("fieldset", {}, create("legend", {}, texts.when), ...drawBars(texts),
        create("div", { id: "slots", class: "slots", "data-state": "loading" }),
        create("p", { id: "notice", class: "quiet", role: "status" }, texts.loading),
        create("button", { id: "next-free", type: "button", part: "button", hidden: true }, texts.nextFree))),
    drawCard(texts),
    create("button", { id: "proceed", class: "main proceed", type: "button", part: "button", hidden: true }));
}

function drawPanel({ panel }: Texts): HTMLElement {
  const fact = (id: string, name: string) =>
    create("div", {}, create("dt", {}, name), create("dd", { id: `fact-${id}` }));
  return create("section", { id: "panel", class: "card", part: "card", "aria-labelledby": "panel-title", hidden: true },
    create("p", { class: "badge" }, create("span", { class: "mark", "aria-hidden": "true" }), create("span", { id: "label" })),
    create("h2", { id: "panel-title", tabindex: -1 }),
    create("p", { id: "panel-detail", role: "status" }),
    create("p", { id: "countdown", class: "countdown", role: "timer" }),
    create("dl", { id: "facts" }, fact("what", panel.whatFact), fact("when", panel.whenFact), fact("with", panel.withFact),
      fact("places", panel.placesFact), fact("price", panel.priceFact)),
    create("slot", { name: "payment" }),
    create("div", { class: "actions" },
      create("a", { id: "go-on", class: "button main", part: "button", hidden: true }, panel.goOn),
      create("a", { id: "calendar-file", class: "button", part: "button", download: "booking.ics", hidden: true }, panel.calendar),
      create("button", { id: "other", type: "button", part: "button", hidden: true }),
      create("button", { id: "give-back", type: "button", part: "button", hidden: true }, panel.giveBack)),
    create("p", { id: "panel-problem", class: "problem", role: "alert" }));
}

export function drawSkeleton(texts: Texts): HTMLElement[] {
  return [drawPanel(texts), drawForm(texts)];
}

/** Finds an element of the skeleton. */
export type ById = <Element extends HTMLElement = HTMLElement>(id: string) => Element;
