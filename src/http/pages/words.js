// Money, times and problems in words, for all pages. Text only: whoever shows it sets textContent.

const locale = navigator.language.startsWith("en") ? navigator.language : "en-GB";

// Stripe's decimals (docs.stripe.com/currencies), which are not always ISO 4217's.
const withoutDecimals = new Set("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(" "));
const withThreeDecimals = new Set("bhd jod kwd omr tnd".split(" "));

export function money(amount, currency) {
  const decimals = withoutDecimals.has(currency) ? 0 : withThreeDecimals.has(currency) ? 3 : 2;
  const format = new Intl.NumberFormat(locale, {
    style: "currency", currency, minimumFractionDigits: decimals, maximumFractionDigits: decimals,
  });
  return format.format(amount / 10 ** decimals);
}

const formats = {
  time: new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" }),
  weekday: new Intl.DateTimeFormat(locale, { weekday: "short" }),
  date: new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" }),
  day: new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" }),
};

export const time = (instant) => formats.time.format(new Date(instant));
export const span = (slot) => formats.time.formatRange(new Date(slot.starts_at), new Date(slot.ends_at));
export const weekday = (instant) => formats.weekday.format(new Date(instant));
export const date = (instant) => formats.date.format(new Date(instant));
export const day = (instant) => formats.day.format(new Date(instant));
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

const problems = {
  slot_taken: "Someone else has just taken this time. Nothing was charged; please choose another.",
  already_paid: "This is paid already, or the payment is at work, so the slot cannot be given back here.",
  not_found: "This is no longer on offer. Please reload the page.",
  unauthorized: "This browser does not have the right to give this slot back.",
  idempotency_in_progress: "Your booking is still being made. Please try again in a moment.",
  rate_limited: "There is a rush just now. Please try again in a moment.",
  stripe_unavailable: "The payment service does not answer just now. Nothing was charged; please try again in a moment.",
  store_unavailable: "We cannot reach our books just now. Please try again in a moment.",
};

const fields = { "guest.email": "The e-mail address", "guest.name": "The name", starts_at: "The time" };

/** What an RFC 9457 problem means for the guest; `problem` is undefined where no answer came. */
export function explain(problem) {
  if (!problem) return "There was no answer. Please check your connection and try again.";
  if (problem.errors?.length) {
    return problem.errors.map(({ field, detail }) => `${fields[field] ?? field} ${detail}.`).join(" ");
  }
  return problems[problem.code] ?? "Something went wrong on our side. Please try again in a moment.";
}

/** Asks the service. `answer` is the body of a success, `problem` that of a refusal; neither where nothing came. */
export async function ask(path, options = {}) {
  try {
    const response = await fetch(path, { cache: "no-store", ...options });
    const retryAfter = Number(response.headers.get("retry-after")) || 0;
    const body = await response.json();
    return response.ok ? { answer: body, retryAfter } : { problem: body, retryAfter };
  } catch {
    return { retryAfter: 0 };
  }
}

/** What the page that began a booking leaves for the pages that end it, in this tab only. */
export const record = {
  keep: (hold, facts) => sessionStorage.setItem(`holdfast:${hold}`, JSON.stringify(facts)),
  of: (hold) => JSON.parse(sessionStorage.getItem(`holdfast:${hold}`) ?? "null"),
};
