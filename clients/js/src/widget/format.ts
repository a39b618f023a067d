// Formats money, times and time zones in the guest's language and zone.

// The decimals that Stripe uses (docs.stripe.com/currencies). They are not always those of ISO 4217.
const WITHOUT_DECIMALS = new Set("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(" "));
const WITH_THREE_DECIMALS = new Set("bhd jod kwd omr tnd".split(" "));

type Instant = string | Date;
interface Period { starts_at: Instant; ends_at: Instant }

const TIME: Intl.DateTimeFormatOptions = { hour: "numeric", minute: "2-digit" };

export class Format {
  // Each is made when it is used first: that takes longer than to format.
  private readonly made = new Map<string, Intl.DateTimeFormat>();

  constructor(private readonly locale: string) {}

  private make(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    const key = JSON.stringify(options);
    const known = this.made.get(key) ?? new Intl.DateTimeFormat(this.locale, options);
    this.made.set(key, known);
    return known;
  }

  private write(instant: Instant, options: Intl.DateTimeFormatOptions): string {
    return this.make(options).format(new Date(instant));
  }

  time(instant: Instant): string { return this.write(instant, TIME); }
  weekday(instant: Instant): string { return this.write(instant, { weekday: "short" }); }
  date(instant: Instant): string { return this.write(instant, { day: "numeric", month: "short" }); }
  day(instant: Instant): string { return this.write(instant, { weekday: "long", day: "numeric", month: "long" }); }

  /** Formats the days from one until another, such as "23 – 29 Nov 2026". */
  days(from: Date, last: Date): string {
    return this.make({ day: "numeric", month: "short", year: "numeric" }).formatRange(from, last);
  }

  /** Formats the start and the end of a slot, such as "09:00 – 09:30". */
  times(slot: Period): string { return this.make(TIME).formatRange(new Date(slot.starts_at), new Date(slot.ends_at)); }

  /** Formats an amount in the currency's minor unit. */
  money(amount: number, currency: string): string {
    const decimals = WITHOUT_DECIMALS.has(currency) ? 0 : WITH_THREE_DECIMALS.has(currency) ? 3 : 2;
    const format = new Intl.NumberFormat(this.locale, {
      style: "currency", currency, minimumFractionDigits: decimals, maximumFractionDigits: decimals,
    });
    return format.format(amount / 10 ** decimals);
  }

  /** Formats minutes as a length, such as "1 hr 45 mins". */
  minutes(minutes: number): string {
    const parts: [number, string][] = [[Math.floor(minutes / 60), "hour"], [minutes % 60, "minute"]];
    const formatUnit = ([count, unit]: [number, string]) =>
      new Intl.NumberFormat(this.locale, { style: "unit", unit }).format(count);
    return parts.filter(([count]) => count > 0).map(formatUnit).join(" ");
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
    const format = this.make({ ...this.inZone(timeZone), timeZoneName: "shortOffset" });
    const parts = format.formatToParts(new Date(instant));
    // A minus sign, because a browser may break the line after a hyphen.
    const offset = parts.find(({ type }) => type === "timeZoneName")?.value.replace("-", "\u2212") ?? "";
    const name = format.resolvedOptions().timeZone.replaceAll("_", " ");
    return name === "UTC" ? name : `${name} (${offset})`;
  }

  /** Formats the days and times of a slot in another time zone. */
  timesIn(slot: Period, timeZone: string): string {
    return this.make({ timeZone, weekday: "short", ...TIME }).formatRange(new Date(slot.starts_at), new Date(slot.ends_at));
  }

  /** Returns whether the clocks of a time zone differ from the guest's at an instant. */
  isOtherClock(instant: Instant, timeZone: string): boolean {
    const read = (zone?: string) => this.write(instant, { ...this.inZone(zone), dateStyle: "short", timeStyle: "short" });
    return read(timeZone) !== read();
  }

  private inZone(timeZone?: string): Intl.DateTimeFormatOptions { return timeZone ? { timeZone } : {}; }
}
