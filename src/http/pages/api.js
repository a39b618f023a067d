// Calls the public API, and explains its problems to guests. Every text is plain text: set it as textContent.
import { locale } from "./format.js";
import { fill, texts } from "./language.js";

/**
 * Calls the API. The result has `answer`, the body of a success, or `problem`, the body of an error. It has neither if
 * no response came. `serverTime` is the time by the server's clock.
 */
export async function callApi(path, options = {}) {
  try {
    const response = await fetch(path, { cache: "no-store", ...options });
    const retryAfter = Number(response.headers.get("retry-after")) || 0;
    const serverTime = Date.parse(response.headers.get("date")) || undefined;
    const body = await response.json();
    return { [response.ok ? "answer" : "problem"]: body, retryAfter, serverTime };
  } catch {
    return { retryAfter: 0 };
  }
}

/** Formats how long to wait, such as "in 42 seconds". */
function formatWait(seconds) {
  const format = new Intl.RelativeTimeFormat(locale);
  return seconds > 90 ? format.format(Math.ceil(seconds / 60), "minute") : format.format(seconds, "second");
}

/** Explains a failed [callApi] to the guest. */
export function explainFailure({ problem, retryAfter }) {
  const { problems, fields } = texts;
  if (!problem) return problems.no_response;
  if (problem.errors?.length) {
    return problem.errors.map(({ field, detail }) => `${fields[field] ?? field} ${detail}.`).join(" ");
  }
  const message = problems[problem.own_hold ? "own_hold" : problem.code] ?? problems.other;
  return problem.status === 429 ? `${message} ${fill(problems.retry, { wait: formatWait(retryAfter || 1) })}` : message;
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
