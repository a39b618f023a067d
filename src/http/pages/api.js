// Calls the public API, and explains its problems to guests. Every text is plain text: set it as textContent.
import { locale } from "./format.js";

/**
 * Calls the API. The result has `answer`, the body of a success, or `problem`, the body of an error. It has neither if
 * no response came.
 */
export async function callApi(path, options = {}) {
  try {
    const response = await fetch(path, { cache: "no-store", ...options });
    const retryAfter = Number(response.headers.get("retry-after")) || 0;
    const body = await response.json();
    return response.ok ? { answer: body, retryAfter } : { problem: body, retryAfter };
  } catch {
    return { retryAfter: 0 };
  }
}

const messages = {
  slot_taken: "Someone else has just taken this time. Nothing was charged; please choose another.",
  own_hold: "You hold this time already, perhaps in another tab. Go on there, or give it back first.",
  already_paid: "This booking is already paid, or the payment is in progress, so you cannot give the slot back here.",
  not_found: "This is no longer on offer. Please reload the page.",
  unauthorized: "This browser may not give this slot back.",
  idempotency_in_progress: "Your booking is still in progress. Please try again in a moment.",
  rate_limited: "There were too many requests from here in a short time.",
  too_many_holds: "You already hold as many unpaid slots as a guest may. Pay for one of them or give one back first.",
  stripe_unavailable: "The payment service does not answer. Nothing was charged; please try again in a moment.",
  store_unavailable: "We cannot reach our database just now. Please try again in a moment.",
};

const fieldNames = {
  "guest.email": "The e-mail address",
  "guest.name": "The name",
  starts_at: "The time",
  quantity: "The number of places",
};

/** Formats how long to wait, such as "in 42 seconds". */
function formatWait(seconds) {
  const format = new Intl.RelativeTimeFormat(locale);
  return seconds > 90 ? format.format(Math.ceil(seconds / 60), "minute") : format.format(seconds, "second");
}

/** Explains a failed [callApi] to the guest. */
export function explainFailure({ problem, retryAfter }) {
  if (!problem) return "There was no answer. Please check your connection and try again.";
  if (problem.errors?.length) {
    return problem.errors.map(({ field, detail }) => `${fieldNames[field] ?? field} ${detail}.`).join(" ");
  }
  const message = messages[problem.own_hold ? "own_hold" : problem.code] ?? "Something went wrong on our side. Please try again in a moment.";
  return problem.status === 429 ? `${message} You can try again ${formatWait(retryAfter || 1)}.` : message;
}

/** What the page that starts a booking keeps for the pages that finish it: the token among it, so in this tab only. */
export const bookingRecord = {
  save(hold, facts) {
    sessionStorage.setItem(`holdfast:${hold}`, JSON.stringify(facts));
    sessionStorage.setItem("holdfast:unpaid", hold);
  },
  load: (hold) => JSON.parse(sessionStorage.getItem(`holdfast:${hold}`) ?? "null"),
  /** The last hold of this tab that is not known to be over, which a new booking replaces. */
  loadUnpaid() {
    const id = sessionStorage.getItem("holdfast:unpaid");
    const token = id && this.load(id)?.token;
    return token ? { id, token } : undefined;
  },
  /** Forgets that this hold is unpaid. */
  forgetUnpaid(hold) {
    if (sessionStorage.getItem("holdfast:unpaid") === hold) sessionStorage.removeItem("holdfast:unpaid");
  },
};
