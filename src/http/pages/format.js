// Money, times and problems in words, for all pages. Text only: whoever shows it sets textContent.

export const locale = navigator.language.startsWith("en") ? navigator.language : "en-GB";

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
export const either = (names) => new Intl.ListFormat(locale, { type: "disjunction" }).format(names);

const zoneOf = (timeZone) => Intl.DateTimeFormat(locale, { timeZone }).resolvedOptions().timeZone;

/** A zone by its name and its offset then, such as "Europe/Berlin (GMT+1)"; the visitor's own where none is given. */
export function zone(instant, timeZone) {
  const format = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: "shortOffset" });
  const { value } = format.formatToParts(new Date(instant)).find((part) => part.type === "timeZoneName");
  // A minus, where a hyphen would let the line end.
  const offset = value.replace("-", "\u2212");
  const name = zoneOf(timeZone).replaceAll("_", " ");
  return name === "UTC" ? name : `${name} (${offset})`;
}

/** What the clocks of another zone show during a slot, day and all. */
export function elsewhere(slot, timeZone) {
  const format = new Intl.DateTimeFormat(locale, { timeZone, weekday: "short", hour: "numeric", minute: "2-digit" });
  return format.formatRange(new Date(slot.starts_at), new Date(slot.ends_at));
}

/** Whether the clocks of that zone show something else than the visitor's then. */
export function differs(instant, timeZone) {
  const clock = { dateStyle: "short", timeStyle: "short" };
  const shown = (zone) => new Intl.DateTimeFormat(locale, { ...clock, timeZone: zone }).format(new Date(instant));
  return shown(timeZone) !== shown(undefined);
}

/** Minutes as "1 hr 45 min". */
export function length(minutes) {
  const unit = (count, name) => new Intl.NumberFormat(locale, { style: "unit", unit: name }).format(count);
  const parts = [[Math.floor(minutes / 60), "hour"], [minutes % 60, "minute"]].filter(([count]) => count > 0);
  return parts.map((part) => unit(...part)).join(" ");
}

const problems = {
  slot_taken: "Someone else has just taken this time. Nothing was charged; please choose another.",
  already_paid: "This is paid already, or the payment is at work, so the slot cannot be given back here.",
  not_found: "This is no longer on offer. Please reload the page.",
  unauthorized: "This browser does not have the right to give this slot back.",
  idempotency_in_progress: "Your booking is still being made. Please try again in a moment.",
  rate_limited: "That was too many requests from here in a short time.",
  too_many_holds: "You already hold as many unpaid slots as a guest may. Pay for one of them or give one back first.",
  stripe_unavailable: "The payment service does not answer just now. Nothing was charged; please try again in a moment.",
  store_unavailable: "We cannot reach our books just now. Please try again in a moment.",
};

const fields = { "guest.email": "The e-mail address", "guest.name": "The name", starts_at: "The time", quantity: "The number of places" };

/** How long to wait, such as "in 42 seconds". */
function soon(seconds) {
  const format = new Intl.RelativeTimeFormat(locale);
  return seconds > 90 ? format.format(Math.ceil(seconds / 60), "minute") : format.format(seconds, "second");
}

/** What an answer of [ask] that is no success means for the guest: its RFC 9457 problem in words. */
export function explain({ problem, retryAfter }) {
  if (!problem) return "There was no answer. Please check your connection and try again.";
  if (problem.errors?.length) {
    return problem.errors.map(({ field, detail }) => `${fields[field] ?? field} ${detail}.`).join(" ");
  }
  const meaning = problems[problem.code] ?? "Something went wrong on our side. Please try again in a moment.";
  return problem.status === 429 ? `${meaning} You can try again ${soon(retryAfter || 1)}.` : meaning;
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
