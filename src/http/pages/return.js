// The pages after the payment page: show a hold, and change by themselves when it does.
import { ask, day, explain, money, record, span, time } from "./words.js";

const page = document.querySelector("main");
// One page for both ways back from Stripe; the path says which.
const turnedBack = location.pathname.endsWith("/cancelled");
page.dataset.page = turnedBack ? "cancelled" : "done";
const at = (id) => document.getElementById(id);
const id = new URLSearchParams(location.search).get("hold") ?? "";
const ours = record.of(id);
const cameBack = Date.now();

const FIRST_PAUSE = 600;
const LONGEST_PAUSE = { held: 10_000, processing: 30_000 };
// How long the news of a payment may take before it is worth offering the way back to it.
const PATIENCE = 15_000;

const ended = {
  released: {
    expired: "The time to pay ran out, so the slot was given back. You can book again.",
    guest: "You gave the slot back. Nothing was charged.",
    payment_failed: "The bank did not let the payment through, so the slot was given back.",
    operator: "The shop gave the slot back.",
    late_payment_refunded: "The payment came when the slot was already someone else's. The money goes back to you in full.",
  },
  cancelled: {
    guest: "You cancelled this booking.",
    operator: "The shop cancelled this booking.",
    refunded: "Your payment was refunded in full, and the booking with it.",
  },
};

function held(hold) {
  const until = time(hold.expires_at);
  if (new Date(hold.expires_at) <= new Date()) {
    return ["Checking the payment", `The time to pay ended at ${until}. We are asking whether a payment came through.`];
  }
  if (turnedBack) {
    return ["Not paid yet", `Nothing was charged. Your slot stays yours to pay until ${until}.`];
  }
  const late = Date.now() - cameBack > PATIENCE ? " If you have not paid, you can go back to the payment." : "";
  return [
    "Waiting for the payment",
    `Your slot is held until ${until}. This page changes by itself as soon as the payment is in.${late}`,
  ];
}

const words = {
  held,
  processing: () => [
    "Your payment is on its way",
    "Your bank needs more time for it, sometimes days. The slot stays yours until the bank decides; you need not wait here.",
  ],
  confirmed: () => ["You are booked", "The payment came through and the slot is yours."],
  released: (hold) => ["Not booked", ended.released[hold.reason] ?? ""],
  cancelled: (hold) => ["Booking cancelled", ended.cancelled[hold.reason] ?? ""],
};

const labels = {
  held: "Held", processing: "Processing", confirmed: "Confirmed", released: "Released", cancelled: "Cancelled",
  missing: "Not found", unavailable: "No answer",
};

function state(name, title, detail) {
  // Said again only when it changes: the region is read aloud.
  if (at("title").textContent !== title) at("title").textContent = title;
  if (at("detail").textContent !== detail) at("detail").textContent = detail;
  at("label").textContent = labels[name];
  page.dataset.state = name;
  document.title = title;
}

function show(hold) {
  state(hold.status, ...words[hold.status](hold));
  at("what").textContent = ours?.name ?? hold.event_type;
  at("when").textContent = `${day(hold.starts_at)}, ${span(hold)}`;
  at("price").textContent = money(hold.amount, hold.currency);
  at("facts").hidden = false;
  offer(hold);
}

function offer(hold) {
  const isHeld = hold.status === "held";
  const waited = turnedBack || Date.now() - cameBack > PATIENCE;
  at("resume").hidden = !(isHeld && waited);
  if (isHeld) at("resume").href = hold.checkout_url;
  at("give-back").hidden = !(isHeld && waited && ours);
  at("bank").hidden = !(hold.status === "processing" && ours);
  at("shop").hidden = !ours || isHeld;
}

function fail({ problem }) {
  if (problem?.code === "not_found") {
    state("missing", "There is no such booking", "The address of this page may be incomplete, or the booking is long gone.");
    return;
  }
  if (page.dataset.state === "loading") {
    state("unavailable", "No answer just now", "We cannot look up your booking at the moment. This page keeps trying.");
  } else {
    at("problem").textContent = "No answer just now. This page keeps trying.";
  }
}

const isOver = () => ["confirmed", "released", "cancelled", "missing"].includes(page.dataset.state);

const whenVisible = () => document.hidden
  ? new Promise((resume) => document.addEventListener("visibilitychange", resume, { once: true }))
  : undefined;

async function watch() {
  for (let pause = FIRST_PAUSE; !isOver(); pause *= 1.6) {
    await whenVisible();
    const asked = await ask(`/v1/holds/${encodeURIComponent(id)}`);
    if (isOver()) return;
    if (asked.answer) {
      at("problem").textContent = "";
      show(asked.answer);
    } else {
      fail(asked);
    }
    pause = Math.min(pause, LONGEST_PAUSE[page.dataset.state] ?? LONGEST_PAUSE.held);
    await new Promise((resume) => setTimeout(resume, Math.max(pause, asked.retryAfter * 1000)));
  }
}

async function giveBack() {
  at("problem").textContent = "";
  at("give-back").disabled = true;
  const asked = await ask(`/v1/holds/${encodeURIComponent(id)}`, {
    method: "DELETE", headers: { Authorization: `Bearer ${ours.token}` },
  });
  at("give-back").disabled = false;
  if (asked.answer) {
    show(asked.answer);
    at("shop").focus();
  } else {
    at("problem").textContent = explain(asked);
  }
}

at("give-back").addEventListener("click", giveBack);
if (ours) at("bank").href = ours.paymentPage;
// Back to the very week that the guest came from.
if (ours?.place) at("shop").href = `/${ours.place}`;
if (id) watch(); else fail({ problem: { code: "not_found" } });
