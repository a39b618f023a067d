// The return pages: show a hold after payment or after turning back, and follow its status.
import { bookingRecord, callApi, explainFailure } from "./api.js";
import { formatDay, formatMoney, formatTime, formatTimeRange } from "./format.js";

const page = document.querySelector("main");
// Both return pages are this one page; the path says which one it is.
const turnedBack = location.pathname.endsWith("/cancelled");
page.dataset.page = turnedBack ? "cancelled" : "done";
const byId = (id) => document.getElementById(id);
const holdId = new URLSearchParams(location.search).get("hold") ?? "";
// The record is there only if this tab started the booking.
const record = bookingRecord.load(holdId);

const FIRST_PAUSE = 600;
const LONGEST_PAUSE = { held: 10_000, processing: 30_000 };
// The pauses between two checks, which ask Stripe. In between, the page asks for the hold as it is known.
const FIRST_CHECK_PAUSE = 4_000;
const LONGEST_CHECK_PAUSE = 60_000;
const checks = { next: 0, pause: FIRST_CHECK_PAUSE };
// Whether Stripe says that the guest can still pay. Not known until a check has an answer.
let isOpen = false;

const endMessages = {
  released: {
    expired: "The time to pay ran out, so the slot was given back. You can book again.",
    guest: "You gave the slot back. Nothing was charged.",
    payment_failed: "The bank did not let the payment through, so the slot was given back.",
    operator: "The shop gave the slot back.",
    late_payment_refunded: "Your payment came too late: the slot was sold to someone else or had begun. You get all your money back.",
  },
  cancelled: {
    guest: "You cancelled this booking.",
    operator: "The shop cancelled this booking.",
    refunded: "Your payment was refunded in full, so the booking is cancelled.",
  },
};

function describeHeld(hold) {
  const until = formatTime(hold.expires_at);
  if (new Date(hold.expires_at) <= new Date()) {
    return ["Checking the payment", `The time to pay ended at ${until}. We are checking whether you paid.`];
  }
  if (turnedBack) {
    return ["Not paid yet", `Nothing was charged. Your slot is held for you until ${until}.`];
  }
  const hint = isOpen ? " If you have not paid, you can go back to the payment." : "";
  return [
    "Waiting for the payment",
    `Your slot is held until ${until}. This page updates by itself when the payment arrives.${hint}`,
  ];
}

/** The title and the detail for each status. */
const descriptions = {
  held: describeHeld,
  processing: () => [
    "Your payment is on its way",
    "Your bank needs more time, sometimes days. The slot stays yours until the bank decides; you can close this page.",
  ],
  confirmed: () => ["You are booked", "The payment came through and the slot is yours."],
  released: (hold) => ["Not booked", endMessages.released[hold.reason] ?? ""],
  cancelled: (hold) => ["Booking cancelled", endMessages.cancelled[hold.reason] ?? ""],
};

const labels = {
  held: "Held", processing: "Processing", confirmed: "Confirmed", released: "Released", cancelled: "Cancelled",
  missing: "Not found", unavailable: "No answer",
};

function showState(state, title, detail) {
  // Set only what changed: screen readers read this region aloud on every change.
  if (byId("title").textContent !== title) byId("title").textContent = title;
  if (byId("detail").textContent !== detail) byId("detail").textContent = detail;
  byId("label").textContent = labels[state];
  page.dataset.state = state;
  document.title = title;
}

function showHold(hold) {
  if (hold.status !== "held") bookingRecord.forgetUnpaid(hold.id);
  showState(hold.status, ...descriptions[hold.status](hold));
  byId("what").textContent = record?.name ?? hold.event_type;
  byId("when").textContent = `${formatDay(hold.starts_at)}, ${formatTimeRange(hold)}`;
  byId("price").textContent = formatMoney(hold.amount, hold.currency);
  byId("facts").hidden = false;
  showActions(hold);
}

function showActions(hold) {
  const isHeld = hold.status === "held";
  // Only while Stripe says that the payment is open does the page offer to pay or to give the slot back.
  const isUnpaid = isHeld && isOpen;
  byId("resume").hidden = !isUnpaid;
  if (isHeld) byId("resume").href = hold.checkout_url;
  byId("give-back").hidden = !(isUnpaid && record);
  byId("bank").hidden = !(hold.status === "processing" && record);
  byId("shop").hidden = !record || isHeld;
}

function showFailure({ problem }) {
  if (problem?.code === "not_found") {
    showState("missing", "There is no such booking", "Please check that the address of this page is complete.");
    return;
  }
  if (page.dataset.state === "loading") {
    showState("unavailable", "No answer just now", "We cannot load your booking now. This page keeps trying.");
  } else {
    byId("problem").textContent = "No answer just now. This page keeps trying.";
  }
}

const isOver = () => ["confirmed", "released", "cancelled", "missing"].includes(page.dataset.state);

const waitUntilVisible = () => document.hidden
  ? new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }))
  : undefined;

const isCheckDue = () => Date.now() >= checks.next;

/** Asks for the hold: Stripe too, if that is due, else only as it is known. The first answer does not wait for Stripe. */
async function fetchHold() {
  const path = `/v1/holds/${encodeURIComponent(holdId)}`;
  if (page.dataset.state === "loading" || !isCheckDue()) return callApi(path);
  const result = await callApi(`${path}/check`, { method: "POST" });
  // Another tab may have checked a moment ago.
  const isTooSoon = result.problem?.code === "rate_limited";
  checks.next = Date.now() + (isTooSoon ? result.retryAfter * 1000 : checks.pause);
  if (result.answer) {
    isOpen = result.answer.checkout_open === true;
    checks.pause = Math.min(checks.pause * 2, LONGEST_CHECK_PAUSE);
  }
  // Without an answer from Stripe the hold can still be shown.
  return result.answer || result.problem?.code === "not_found" ? result : callApi(path);
}

async function followHold() {
  for (let pause = FIRST_PAUSE; !isOver(); pause *= 1.6) {
    await waitUntilVisible();
    const result = await fetchHold();
    // The guest may have given the slot back meanwhile: that is newer than this result.
    if (isOver()) return;
    if (result.answer) {
      byId("problem").textContent = "";
      showHold(result.answer);
    } else {
      showFailure(result);
    }
    if (result.answer && isCheckDue()) continue;
    pause = Math.min(pause, LONGEST_PAUSE[page.dataset.state] ?? LONGEST_PAUSE.held);
    await new Promise((resolve) => setTimeout(resolve, Math.max(pause, result.retryAfter * 1000)));
  }
}

async function releaseHold() {
  byId("problem").textContent = "";
  byId("give-back").disabled = true;
  const result = await callApi(`/v1/holds/${encodeURIComponent(holdId)}`, {
    method: "DELETE", headers: { Authorization: `Bearer ${record.token}` },
  });
  byId("give-back").disabled = false;
  if (result.answer) {
    showHold(result.answer);
    byId("shop").focus();
  } else {
    byId("problem").textContent = explainFailure(result);
  }
}

byId("give-back").addEventListener("click", releaseHold);
if (record) byId("bank").href = record.paymentPage;
// Leads back to the same week and event type.
if (record?.place) byId("shop").href = `/${record.place}`;
if (holdId) followHold(); else showFailure({ problem: { code: "not_found" } });
