// Formats money, times and time zones in the guest's language and zone.

// The decimals that Stripe uses (docs.stripe.com/currencies). They are not always those of ISO 4217.
const WITHOUT_DECIMALS = new Set("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(" "));
const WITH_THREE_DECIMALS = new Set("bhd jod kwd omr tnd".split(" "));

type Instant = string | Date;
interface Period { starts_at: Instant; ends_at: Instant }

export class Format {
  private readonly formats: Record<"time" | "weekday" | "date" | "day" | "range", Intl.DateTimeFormat>;

  constructor(private readonly locale: string) {
    const make = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options);
    this.formats = {
      time: make({ hour: "numeric", minute: "2-digit" }),
      weekday: make({ weekday: "short" }),
      date: make({ day: "numeric", month: "short" }),
      day: make({ weekday: "long", day: "numeric", month: "long" }),
      range: make({ day: "numeric", month: "short", year: "numeric" }),
    };
  }

  time(instant: Instant): string { return this.formats.time.format(new Date(instant)); }
  weekday(instant: Instant): string { return this.formats.weekday.format(new Date(instant)); }
  date(instant: Instant): string { return this.formats.date.format(new Date(instant)); }
  day(instant: Instant): string { return this.formats.day.format(new Date(instant)); }

  /** Formats the days from one until another, such as "23 – 29 Nov 2026". */
  days(from: Date, last: Date): string { return this.formats.range.formatRange(from, last); }

  /** Formats the start and the end of a slot, such as "09:00 – 09:30". */
  times(slot: Period): string { return this.formats.time.formatRange(new Date(slot.starts_at), new Date(slot.ends_at)); }

  /** Formats an amount in the currency's minor unit. */
  money(amount: number, currency: string): string {
    const decimals = WITHOUT_DECIMALS.has(currency) ? 0 : WITH_THREE_DECIMALS.has(currency) ? 3 : 2;
    const format = new Intl.NumberFormat(this.locale, {
      style: "currency", currency, minimumFractionDigits: decimals, maximumFractionDigits: decimals,
    });
    return format.format(amount / 10 ** decimals);
  }

  /** Formats alternatives, such as "Ana or Ben". */
  anyOf(names: string[]): string { return new Intl.ListFormat(this.locale, { type: "disjunction" }).format(names); }

  /** Formats how long to wait, such as "in 42 seconds". */
  wait(seconds: number): string {
    const format = new Intl.RelativeTimeFormat(this.locale);
    return seconds > 90 ? format.format(Math.ceil(seconds / 60), "minute") : format.format(seconds, "second");
  }

  /** Formats a time zone with its offset at an instant, such as "Europe/Berlin (GMT+1)". Default: the guest's zone. */
  zone(instant: Instant, timeZone?: string): string {
    const format = new Intl.DateTimeFormat(this.locale, { ...this.inZone(timeZone), timeZoneName: "shortOffset" });
    const parts = format.formatToParts(new Date(instant));
    // A minus sign, because a browser may break the line after a hyphen.
    const offset = parts.find(({ type }) => type === "timeZoneName")?.value.replace("-", "\u2212") ?? "";
    const name = format.resolvedOptions().timeZone.replaceAll("_", " ");
    return name === "UTC" ? name : `${name} (${offset})`;
  }

  /** Formats the days and times of a slot in another time zone. */
  timesIn(slot: Period, timeZone: string): string {
    const options: Intl.DateTimeFormatOptions = { timeZone, weekday: "short", hour: "numeric", minute: "2-digit" };
    const format = new Intl.DateTimeFormat(this.locale, options);
    return format.formatRange(new Date(slot.starts_at), new Date(slot.ends_at));
  }

  /** Returns whether the clocks of a time zone differ from the guest's at an instant. */
  isOtherClock(instant: Instant, timeZone: string): boolean {
    const read = (zone?: string) => {
      const options: Intl.DateTimeFormatOptions = { ...this.inZone(zone), dateStyle: "short", timeStyle: "short" };
      return new Intl.DateTimeFormat(this.locale, options).format(new Date(instant));
    };
    return read(timeZone) !== read();
  }

  private inZone(timeZone?: string): Intl.DateTimeFormatOptions { return timeZone ? { timeZone } : {}; }
}
