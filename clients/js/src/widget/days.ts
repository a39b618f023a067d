// Days and weeks in the guest's time zone. A week starts today: what is past is not for sale.
import { now } from "./clock.js";

export type View = "day" | "week";
export interface Range { from: Date; to: Date }

/** Returns the first instant of a day. */
export function startOfDay(instant: Date | string | number): Date {
  const start = new Date(instant);
  start.setHours(0, 0, 0, 0);
  return start;
}

/** Returns the first instant of the day that it is by the clock of the service. */
export const today = (): Date => startOfDay(now());

/** Adds days, also if one of them has 23 or 25 hours. */
export function addDays(start: Date, days: number): Date {
  const later = new Date(start);
  later.setDate(later.getDate() + days);
  return later;
}

/** Writes a day for addresses and attributes, such as 2026-11-24. */
export function dayKey(start: Date): string {
  const digits = (number: number) => String(number).padStart(2, "0");
  return `${start.getFullYear()}-${digits(start.getMonth() + 1)}-${digits(start.getDate())}`;
}

/** Reads what [dayKey] writes; a day that is past, or no day, is today. */
export function parseDay(key: string | null): Date {
  const start = new Date(`${key}T00:00`);
  return start > today() ? start : today();
}

const countDays = (from: Date, to: Date) => Math.round((to.getTime() - from.getTime()) / 86_400_000);

/** Returns the week that has this day, one of those that follow each other from today on. */
export function findWeek(day: Date): Range {
  const weeks = Math.max(0, Math.floor(countDays(today(), day) / 7));
  const from = addDays(today(), weeks * 7);
  return { from, to: addDays(from, 7) };
}

/** Returns the days that a view shows around a day. */
export function findRange(view: View, day: Date): Range {
  return view === "week" ? findWeek(day) : { from: day, to: addDays(day, 1) };
}
