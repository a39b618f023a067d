// How long the widget waits before it asks again.

const FIRST_RETRY_PAUSE = 5_000;
const LONGEST_RETRY_PAUSE = 60_000;

export const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits while the page is hidden. */
export const untilVisible = () => document.hidden
  ? new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true })) : undefined;

/** Returns how long to wait, in milliseconds, after this many failures in a row: as long as the service says, or longer. */
export const retryPause = (failures: number, retryAfter: number) =>
  Math.max(Math.min(FIRST_RETRY_PAUSE * 2 ** (failures - 1), LONGEST_RETRY_PAUSE), retryAfter * 1000);
