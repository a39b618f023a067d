// The return pages: show a hold after payment or after turning back, and follow its status.
import type { Hold, Schemas } from "../client.js";
import type { Result } from "../widget/api.js";
import { sleep, untilVisible } from "../widget/pauses.js";
import { records } from "../widget/records.js";
import { callApi, explainFailure } from "./api.js";
import { setUpChanges, type ShownHold } from "./change.js";
import { fill, format, texts } from "./language.js";
import { announce, byId, page, showHold, showState, type Words } from "./view.js";

type Rights = Schemas["GuestRights"];

const holdId = new URLSearchParams(location.search).get("hold") ?? "";
const path = `/v1/holds/${encodeURIComponent(holdId)}`;
// The record is there only if this tab started the booking. Its token gives the right to change the hold.
const record = records.load(holdId);
let token = record?.token;
// Only in the demo shop does the guest also play the bank. At other shops a bank decides.
const isDemo = "demo" in page.dataset;

const FIRST_PAUSE = 600;
const LONGEST_PAUSE = { held: 10_000, processing: 30_000 };
// The pauses between two checks, which ask Stripe. In between, the page asks for the hold as it is known.
const FIRST_CHECK_PAUSE = 4_000;
const LONGEST_CHECK_PAUSE = 60_000;
const checks = { next: 0, pause: FIRST_CHECK_PAUSE };
// Whether Stripe says that the guest can still pay. Not known until a check has an answer.
let isOpen = false;
// What the guest may do, as the server said last.
let rights: Rights | undefined;

const withToken = (options: { method?: string; headers?: Record<string, string>; body?: string } = {}) =>
  token ? { ...options, headers: { ...options.headers, Authorization: `Bearer ${token}` } } : options;

function show(hold: ShownHold, words?: Words): void {
  if (hold.status !== "held") records.forgetUnpaid(hold.id);
  rights = hold.rights ?? (hold.status === "held" ? rights : undefined);
  // The buttons come first: the focus leaves one that goes away.
  showActions(hold);
  showHold(hold, { isOpen, words });
}

function showActions(hold: Hold): void {
  const isHeld = hold.status === "held";
  // Only while Stripe says that the payment is open does the page offer to pay or to give the slot back.
  const isUnpaid = isHeld && isOpen;
  // A page within the shop's own has no address: the shop's page shows it again.
  const payment = isUnpaid ? hold.checkout_url : null;
  byId("resume").hidden = !payment;
  if (payment) byId<HTMLAnchorElement>("resume").href = payment;
  const later = rights?.extend?.expires_at;
  byId("extend").hidden = !(isUnpaid && later);
  byId("extend").textContent = later ? fill(texts.held.extend, { until: format.time(later) }) : "";
  byId("give-back").hidden = !(isUnpaid && token);
  byId("bank").hidden = !(isDemo && hold.status === "processing" && record?.paymentPage);
  byId("calendar").hidden = hold.status !== "confirmed";
  byId<HTMLAnchorElement>("calendar").href = `${path}/calendar.ics`;
  byId("move").hidden = !(hold.status === "confirmed" && rights?.move);
  byId("cancel").hidden = !rights?.cancel;
  byId("shop").hidden = !record || (isHeld && !isOpen);
  byId("shop").textContent = isHeld ? texts.shop.held : texts.shop.over;
}

function showFailure({ problem }: Pick<Result<Hold>, "problem">): void {
  if (problem?.code === "not_found") {
    showState("missing", texts.missing);
  } else if (page.dataset.state === "loading") {
    showState("unavailable", texts.unavailable);
  } else if (page.dataset.state !== "unavailable") {
    byId("problem").textContent = texts.no_answer;
  }
}

const isOver = () => ["confirmed", "released", "cancelled", "missing"].includes(page.dataset.state ?? "");

const isCheckDue = () => Date.now() >= checks.next;

/** Reads the hold as it is known, with the guest's rights if this tab has the token. */
async function readHold(): Promise<Result<ShownHold>> {
  const result = await callApi<ShownHold>(path, withToken());
  // A token that is no longer good gives no rights, but the hold can still be shown.
  if (!token || result.problem?.code !== "unauthorized") return result;
  token = undefined;
  return callApi<ShownHold>(path);
}

/** Asks for the hold: Stripe too, if that is due, else only as it is known. The first answer does not wait for Stripe. */
async function fetchHold(): Promise<Result<ShownHold>> {
  if (page.dataset.state === "loading" || !isCheckDue()) return readHold();
  const result = await callApi<Schemas["CheckedHold"]>(`${path}/check`, { method: "POST" });
  // Another tab may have checked a moment ago.
  const isTooSoon = result.problem?.code === "rate_limited";
  checks.next = Date.now() + (isTooSoon ? result.retryAfter * 1000 : checks.pause);
  if (result.answer) {
    isOpen = result.answer.checkout_open === true;
    checks.pause = Math.min(checks.pause * 2, LONGEST_CHECK_PAUSE);
  }
  if (result.problem?.code === "not_found") return result;
  // Without an answer from Stripe the hold can still be shown. A hold that is paid gives its guest other rights.
  const isKnown = result.answer && !(token && result.answer.status === "confirmed");
  return isKnown ? result : readHold();
}

async function followHold(): Promise<void> {
  for (let pause = FIRST_PAUSE; !isOver(); pause *= 1.6) {
    await untilVisible();
    const result = await fetchHold();
    // The guest may have given the slot back meanwhile: that is newer than this result.
    if (isOver()) return;
    if (result.answer) {
      byId("problem").textContent = "";
      show(result.answer);
    } else {
      showFailure(result);
    }
    if (result.answer && isCheckDue()) continue;
    pause = Math.min(pause, LONGEST_PAUSE[page.dataset.state === "processing" ? "processing" : "held"]);
    await sleep(Math.max(pause, result.retryAfter * 1000));
  }
}

const cancelHold = (query = "") => callApi<Hold>(`${path}${query}`, withToken({ method: "DELETE" }));

/** Sends a request while its button is disabled, and explains a failure. */
async function press(button: HTMLButtonElement, request: () => Promise<Result<Hold>>): Promise<Result<Hold>> {
  byId("problem").textContent = "";
  button.disabled = true;
  const result = await request();
  button.disabled = false;
  if (!result.answer) byId("problem").textContent = explainFailure(result);
  return result;
}

async function releaseHold(): Promise<void> {
  const { answer } = await press(byId<HTMLButtonElement>("give-back"), () => cancelHold());
  if (answer) show(answer);
}

async function extendHold(): Promise<void> {
  const result = await press(byId<HTMLButtonElement>("extend"), () => callApi<Hold>(`${path}/extend`, withToken({ method: "POST" })));
  const isRefused = result.problem?.code === "conflict";
  if (!result.answer && !isRefused) return;
  const answer = isRefused ? (await readHold()).answer : result.answer;
  if (!answer) return;
  // A hold is extended once.
  show({ ...answer, rights: { ...rights, extend: null } as Rights });
  byId("problem").textContent = "";
  const text = isRefused ? texts.held.not_extended : texts.held.extended;
  if (answer.status === "held") announce(fill(text, { until: format.time(answer.expires_at) }));
  byId("title").focus();
}

setUpChanges({
  show,
  refresh: readHold,
  cancel: (refund) => cancelHold(`?refund=${refund}`),
  move: (start) => callApi<Hold>(`${path}/move`, withToken({
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ starts_at: start }),
  })),
});
byId("give-back").addEventListener("click", () => void releaseHold());
byId("extend").addEventListener("click", () => void extendHold());
if (record?.paymentPage) byId<HTMLAnchorElement>("bank").href = record.paymentPage;
// Leads back to the same week and event type.
if (record?.place) byId<HTMLAnchorElement>("shop").href = `/${record.place}`;
if (holdId) void followHold(); else showState("missing", texts.missing);
