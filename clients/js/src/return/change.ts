// How a guest changes a paid booking on the return page: cancels it, or moves it to another time. Before each there is a
// preview; what the server says then is what it does, or it refuses.
import type { Hold, Schemas, Slot } from "../client.js";
import type { Result } from "../widget/api.js";
import { now } from "../widget/clock.js";
import { create } from "../widget/dom.js";
import { callApi, explainFailure } from "./api.js";
import { fill, format, texts } from "./language.js";
import { byId, formatSlot, type Words } from "./view.js";

/** A hold, with the guest's rights if this tab has its token. */
export type ShownHold = Schemas["GuestHold"];

/** What reads and changes the hold. */
export interface Booking {
  show: (hold: ShownHold, words?: Words) => void;
  refresh: () => Promise<Result<ShownHold>>;
  cancel: (refund: number) => Promise<Result<Hold>>;
  move: (start: string) => Promise<Result<Hold>>;
}

const DAY = 86_400_000;
// The longest period that the API lists in one request.
const PERIOD = 62 * DAY;
// How many times are shown at once.
const TIMES = 30;

const panels = ["actions", "cancelling", "moving", "move-question"];

/** Shows one of the panels, and moves the focus to `focused`. */
function openPanel(panel: string, focused: string): void {
  for (const id of panels) byId(id).hidden = id !== panel;
  byId("problem").textContent = "";
  byId(focused).focus();
}

const formatMoment = (instant: string) => `${format.day(instant)}, ${format.time(instant)}`;

/** Runs an act with its button disabled, so that it is not sent twice. */
async function runOnce<Answer>(pressed: HTMLButtonElement, act: () => Promise<Answer>): Promise<Answer> {
  pressed.disabled = true;
  byId("problem").textContent = "";
  try {
    return await act();
  } finally {
    pressed.disabled = false;
  }
}

const button = (id: string) => byId<HTMLButtonElement>(id);

/** Sets up the panels. */
export function setUpChanges(booking: Booking): void {
  let hold: ShownHold | undefined;
  let chosen: Slot | undefined;
  let nextStart = new Date();

  /** Reads the hold and its rights again, because both may have changed since they were shown. */
  async function refresh(opener: string): Promise<ShownHold | undefined> {
    const result = await runOnce(button(opener), booking.refresh);
    if (!result.answer) byId("problem").textContent = explainFailure(result);
    hold = result.answer ?? hold;
    return result.answer;
  }

  /** Ends a change that the server refuses: shows the hold as it is, and says so. */
  async function giveUp(text: string): Promise<void> {
    const result = await booking.refresh();
    openPanel("actions", "title");
    if (result.answer) booking.show(result.answer);
    byId("problem").textContent = text;
  }

  async function openCancelling(): Promise<void> {
    const fresh = await refresh("cancel");
    const right = fresh?.rights?.cancel;
    if (fresh && !right) await giveUp(texts.cancel.refused);
    if (!right) return;
    const amount = format.money(right.refund, right.currency);
    byId("cancel-preview").textContent = right.refund ? fill(texts.cancel.refund, { amount }) : texts.cancel.nothing;
    byId("cancel-until").textContent = fill(texts.cancel.until, { until: formatMoment(right.until) });
    openPanel("cancelling", "cancel-title");
  }

  async function cancel(): Promise<void> {
    const right = hold?.rights?.cancel;
    if (!right) return;
    const { refund, currency } = right;
    const result = await runOnce(button("cancel-confirm"), () => booking.cancel(refund));
    if (result.answer) {
      openPanel("actions", "title");
      const back = refund ? ` ${fill(texts.cancelled.refund, { amount: format.money(refund, currency) })}` : "";
      booking.show(result.answer, [texts.cancelled.title, texts.cancelled.guest + back]);
    } else if (result.problem?.status === 409) {
      await giveUp(result.problem.code === "conflict" ? texts.cancel.changed : texts.cancel.refused);
    } else {
      byId("problem").textContent = explainFailure(result);
    }
  }

  function createTime(slot: Slot): HTMLElement {
    const time = create("button", { type: "button", "data-start": slot.starts_at }, format.time(slot.starts_at));
    time.addEventListener("click", () => {
      chosen = slot;
      byId("move-to").textContent = fill(texts.move.question, { when: formatSlot(slot) });
      openPanel("move-question", "move-to");
    });
    return time;
  }

  /** Returns the times of a day, the last of those that are shown, or a new one under its heading. */
  function findTimes(day: string): Element {
    const last = byId("move-times").lastElementChild;
    if (last instanceof HTMLElement && last.dataset.day === day && last.lastElementChild) return last.lastElementChild;
    const times = create("div", { class: "times" });
    byId("move-times").append(create("section", { "data-day": day }, create("h3", {}, day), times));
    return times;
  }

  /** Adds times below those that are shown. Returns the first new one. */
  function addTimes(slots: Slot[]): HTMLElement | undefined {
    const added = slots.map((slot) => {
      const time = createTime(slot);
      findTimes(format.day(slot.starts_at)).append(time);
      return time;
    });
    return added[0];
  }

  /** Loads the next free times. */
  async function loadTimes(): Promise<void> {
    if (!hold) return;
    const isFirst = !byId("move-times").hasChildNodes();
    const to = new Date(nextStart.getTime() + PERIOD);
    const query = new URLSearchParams({
      from: nextStart.toISOString(), to: to.toISOString(), quantity: String(hold.quantity), status: "free", limit: String(TIMES),
    });
    byId("move-notice").textContent = texts.move.loading;
    const path = `/v1/event-types/${encodeURIComponent(hold.event_type)}/slots?${query}`;
    const result = await runOnce(button("move-more"), () => callApi<Schemas["Slots"]>(path));
    byId("move-notice").textContent = "";
    if (!result.answer) {
      byId("problem").textContent = explainFailure(result);
      return;
    }
    const { slots } = result.answer;
    const first = addTimes(slots);
    const last = slots.length === TIMES ? slots.at(-1) : undefined;
    nextStart = last ? new Date(Date.parse(last.starts_at) + 1000) : to;
    byId("move-more").hidden = !slots.length;
    if (!slots.length) byId("move-notice").textContent = isFirst ? texts.move.nothing : texts.move.nothing_more;
    if (!isFirst) first?.focus();
  }

  function startTimes(): Promise<void> {
    nextStart = new Date(now());
    byId("move-times").replaceChildren();
    return loadTimes();
  }

  async function openMoving(): Promise<void> {
    const fresh = await refresh("move");
    const right = fresh?.rights?.move;
    if (fresh && !right) await giveUp(texts.move.refused);
    if (!right) return;
    byId("move-hint").textContent = texts.move.hint;
    byId("move-until").textContent = fill(texts.move.until, { until: formatMoment(right.until) });
    openPanel("moving", "move-title");
    await startTimes();
  }

  async function move(): Promise<void> {
    if (!hold || !chosen) return;
    const [before, { starts_at: start }] = [formatSlot(hold), chosen];
    const result = await runOnce(button("move-confirm"), () => booking.move(start));
    const code = result.problem?.code;
    if (result.answer) {
      openPanel("actions", "title");
      // The answer has no rights, and the new start may have others.
      const moved = await booking.refresh();
      const [title = "", detail = ""] = texts.moved;
      booking.show(moved.answer ?? result.answer, [title, fill(detail, { before })]);
    } else if (code === "slot_taken" || code === "invalid") {
      openPanel("moving", "move-title");
      byId("problem").textContent = texts.move.taken;
      await loadAgain();
    } else if (result.problem?.status === 409) {
      await giveUp(texts.move.refused);
    } else {
      byId("problem").textContent = explainFailure(result);
    }
  }

  /** Loads the times anew below a problem that stays shown. */
  async function loadAgain(): Promise<void> {
    const { textContent } = byId("problem");
    await startTimes();
    byId("problem").textContent ||= textContent;
  }

  const onClick = (id: string, act: () => unknown) => byId(id).addEventListener("click", () => void act());
  onClick("cancel", openCancelling);
  onClick("cancel-confirm", cancel);
  onClick("move", openMoving);
  onClick("move-more", loadTimes);
  onClick("move-back", () => openPanel("moving", "move-title"));
  onClick("move-confirm", move);
  for (const id of ["cancelling", "moving", "move-question"]) {
    const opener = id === "cancelling" ? "cancel" : "move";
    byId(id).querySelector(".keep")?.addEventListener("click", () => openPanel("actions", opener));
  }
}
