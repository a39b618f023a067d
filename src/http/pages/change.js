// How a guest changes a paid booking on the return page: cancels it, or moves it to another time. Before each there is a
// preview; what the server says then is what it does, or it refuses.
import { callApi, explainFailure } from "./api.js";
import { formatDay, formatMoney, formatTime } from "./format.js";
import { fill, texts } from "./language.js";
import { byId, formatSlot } from "./return_view.js";

const DAY = 86_400_000;
// The longest period that the API lists in one request.
const PERIOD = 62 * DAY;
// How many times are shown at once.
const TIMES = 30;

const panels = ["actions", "cancelling", "moving", "move-question"];

/** Shows one of the panels, and moves the focus to `focused`. */
function openPanel(panel, focused) {
  for (const id of panels) byId(id).hidden = id !== panel;
  byId("problem").textContent = "";
  byId(focused).focus();
}

const formatMoment = (instant) => `${formatDay(instant)}, ${formatTime(instant)}`;

/** Runs an act with its button disabled, so that it is not sent twice. */
async function runOnce(button, act) {
  button.disabled = true;
  byId("problem").textContent = "";
  try {
    return await act();
  } finally {
    button.disabled = false;
  }
}

/** Sets up the panels. `booking` reads and changes the hold: `refresh`, `cancel`, `move`, `show`. */
export function setUpChanges(booking) {
  let hold;
  let chosen;
  let nextStart;

  /** Reads the hold and its rights again, because both may have changed since they were shown. */
  async function refresh(button) {
    const result = await runOnce(button, booking.refresh);
    if (!result.answer) byId("problem").textContent = explainFailure(result);
    hold = result.answer ?? hold;
    return result.answer;
  }

  /** Ends a change that the server refuses: shows the hold as it is, and says so. */
  async function giveUp(text) {
    const result = await booking.refresh();
    openPanel("actions", "title");
    if (result.answer) booking.show(result.answer);
    byId("problem").textContent = text;
  }

  async function openCancelling() {
    const fresh = await refresh(byId("cancel"));
    const right = fresh?.rights?.cancel;
    if (fresh && !right) await giveUp(texts.cancel.refused);
    if (!right) return;
    const amount = formatMoney(right.refund, right.currency);
    byId("cancel-preview").textContent = right.refund ? fill(texts.cancel.refund, { amount }) : texts.cancel.nothing;
    byId("cancel-until").textContent = fill(texts.cancel.until, { until: formatMoment(right.until) });
    openPanel("cancelling", "cancel-title");
  }

  async function cancel() {
    const { refund, currency } = hold.rights.cancel;
    const result = await runOnce(byId("cancel-confirm"), () => booking.cancel(refund));
    if (result.answer) {
      openPanel("actions", "title");
      const back = refund ? ` ${fill(texts.cancelled.refund, { amount: formatMoney(refund, currency) })}` : "";
      booking.show(result.answer, [texts.cancelled.title, texts.cancelled.guest + back]);
    } else if (result.problem?.status === 409) {
      await giveUp(result.problem.code === "conflict" ? texts.cancel.changed : texts.cancel.refused);
    } else {
      byId("problem").textContent = explainFailure(result);
    }
  }

  function createTime(slot) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: formatTime(slot.starts_at) });
    button.dataset.start = slot.starts_at;
    button.addEventListener("click", () => {
      chosen = slot;
      byId("move-to").textContent = fill(texts.move.question, { when: formatSlot(slot) });
      openPanel("move-question", "move-to");
    });
    return button;
  }

  /** Adds times below those that are shown, each day under its heading. Returns the first new one. */
  function addTimes(slots) {
    const buttons = slots.map((slot) => {
      const day = formatDay(slot.starts_at);
      const last = byId("move-times").lastElementChild;
      const isSameDay = last?.dataset.day === day;
      const section = isSameDay ? last : document.createElement("section");
      if (!isSameDay) {
        section.dataset.day = day;
        section.append(Object.assign(document.createElement("h3"), { textContent: day }), document.createElement("div"));
        section.lastElementChild.className = "times";
        byId("move-times").append(section);
      }
      const button = createTime(slot);
      section.lastElementChild.append(button);
      return button;
    });
    return buttons[0];
  }

  /** Loads the next free times. */
  async function loadTimes() {
    const isFirst = !byId("move-times").hasChildNodes();
    const to = new Date(nextStart.getTime() + PERIOD);
    const query = new URLSearchParams({
      from: nextStart.toISOString(), to: to.toISOString(), quantity: hold.quantity, status: "free", limit: TIMES,
    });
    byId("move-notice").textContent = texts.move.loading;
    const path = `/v1/event-types/${encodeURIComponent(hold.event_type)}/slots?${query}`;
    const result = await runOnce(byId("move-more"), () => callApi(path));
    byId("move-notice").textContent = "";
    if (!result.answer) {
      byId("problem").textContent = explainFailure(result);
      return;
    }
    const { slots } = result.answer;
    const first = addTimes(slots);
    const isCut = slots.length === TIMES;
    nextStart = isCut ? new Date(new Date(slots.at(-1).starts_at).getTime() + 1000) : to;
    byId("move-more").hidden = !slots.length;
    if (!slots.length) byId("move-notice").textContent = isFirst ? texts.move.nothing : texts.move.nothing_more;
    if (!isFirst) first?.focus();
  }

  function startTimes() {
    nextStart = new Date();
    byId("move-times").replaceChildren();
    return loadTimes();
  }

  async function openMoving() {
    const fresh = await refresh(byId("move"));
    const right = fresh?.rights?.move;
    if (fresh && !right) await giveUp(texts.move.refused);
    if (!right) return;
    byId("move-hint").textContent = texts.move.hint;
    byId("move-until").textContent = fill(texts.move.until, { until: formatMoment(right.until) });
    openPanel("moving", "move-title");
    await startTimes();
  }

  async function move() {
    const before = formatSlot(hold);
    const result = await runOnce(byId("move-confirm"), () => booking.move(chosen.starts_at));
    const code = result.problem?.code;
    if (result.answer) {
      openPanel("actions", "title");
      // The answer has no rights, and the new start may have others.
      const moved = await booking.refresh();
      const [title, detail] = texts.moved;
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
  async function loadAgain() {
    const { textContent } = byId("problem");
    await startTimes();
    byId("problem").textContent ||= textContent;
  }

  byId("cancel").addEventListener("click", openCancelling);
  byId("cancel-confirm").addEventListener("click", cancel);
  byId("move").addEventListener("click", openMoving);
  byId("move-more").addEventListener("click", loadTimes);
  byId("move-back").addEventListener("click", () => openPanel("moving", "move-title"));
  byId("move-confirm").addEventListener("click", move);
  for (const id of ["cancelling", "moving", "move-question"]) {
    const opener = id === "cancelling" ? "cancel" : "move";
    byId(id).querySelector(".keep").addEventListener("click", () => openPanel("actions", opener));
  }
}
