// The time by the clock of the service: the time to pay ends by it, and a guest's clock may be wrong by hours.

/** What a difference between the clocks may be made of: whole seconds in a header, and the way of an answer. */
const BLUR = 3_000;
// How far the clock of the service is ahead of the browser's.
let ahead = 0;

/** Learns the time from the header `Date` of an answer that has just come. */
export function setClock(date: string | null): void {
  const found = Date.parse(date ?? "") - Date.now();
  if (Math.abs(found - ahead) > BLUR) ahead = found;
}

/** Returns the time in milliseconds. Until the first answer it is the browser's. */
export const now = (): number => Date.now() + ahead;
