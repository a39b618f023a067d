// Formats money, times and time zones for all pages. Returns plain text: set it as textContent.

// The visitor's own kind of the page's language, such as Austrian German on a German page.
const { lang } = document.documentElement;
export const locale = navigator.languages.find((tag) => tag.split("-")[0] === lang) ?? { en: "en-GB" }[lang] ?? lang;

// The decimals that Stripe uses (docs.stripe.com/currencies). They are not always those of ISO 4217.
const withoutDecimals = new Set("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(" "));
const withThreeDecimals = new Set("bhd jod kwd omr tnd".split(" "));

/** Formats an amount in the currency's minor unit. */
export function formatMoney(amount, currency) {
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

export const formatTime = (instant) => formats.time.format(new Date(instant));
export const formatWeekday = (instant) => formats.weekday.format(new Date(instant));
export const formatDate = (instant) => formats.date.format(new Date(instant));
export const formatDay = (instant) => formats.day.format(new Date(instant));

/** Formats the start and end of a slot, such as "09:00 – 09:30". */
export const formatTimeRange = (slot) => formats.time.formatRange(new Date(slot.starts_at), new Date(slot.ends_at));

/** Formats alternatives, such as "Ana or Ben". */
export const formatAlternatives = (names) => new Intl.ListFormat(locale, { type: "disjunction" }).format(names);

/** Formats minutes as a length, such as "1 hr 45 min". */
export function formatMinutes(minutes) {
  const formatUnit = (count, unit) => new Intl.NumberFormat(locale, { style: "unit", unit }).format(count);
  const parts = [[Math.floor(minutes / 60), "hour"], [minutes % 60, "minute"]].filter(([count]) => count > 0);
  return parts.map((part) => formatUnit(...part)).join(" ");
}

const resolveZone = (timeZone) => Intl.DateTimeFormat(locale, { timeZone }).resolvedOptions().timeZone;

/** Formats a time zone with its offset at an instant, such as "Europe/Berlin (GMT+1)". Default: the visitor's zone. */
export function formatZone(instant, timeZone) {
  const format = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: "shortOffset" });
  const { value } = format.formatToParts(new Date(instant)).find((part) => part.type === "timeZoneName");
  // A minus sign, because a browser may break the line after a hyphen.
  const offset = value.replace("-", "\u2212");
  const name = resolveZone(timeZone).replaceAll("_", " ");
  return name === "UTC" ? name : `${name} (${offset})`;
}

/** Formats the days and times of a slot in another time zone. */
export function formatInZone(slot, timeZone) {
  const format = new Intl.DateTimeFormat(locale, { timeZone, weekday: "short", hour: "numeric", minute: "2-digit" });
  return format.formatRange(new Date(slot.starts_at), new Date(slot.ends_at));
}

/** Returns whether the clocks of a time zone differ from the visitor's at an instant. */
export function isOtherClock(instant, timeZone) {
  const style = { dateStyle: "short", timeStyle: "short" };
  const format = (zone) => new Intl.DateTimeFormat(locale, { ...style, timeZone: zone }).format(new Date(instant));
  return format(timeZone) !== format(undefined);
}
