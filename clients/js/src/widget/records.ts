// What the tab keeps of its bookings, so that they survive the way to Stripe and back, and a reload.
//
// The records have the holds' tokens, so they stay in this tab (`sessionStorage` of the page's origin). No cookies: the
// widget works where those are blocked. Where storage is blocked too, the records last as long as the page.

import type { EmbeddedPage } from "../client.js";

/** What is kept of a hold. */
export interface HoldRecord extends EmbeddedPage {
  token: string;
  /** The id and the name of the event type. */
  eventType: string;
  name: string;
  /** The URL of Stripe's page, for a checkout that is not on this page. */
  paymentPage?: string;
  /** The fragment of the page's address, which leads back to the same week. */
  place?: string;
}
export interface OwnHold extends HoldRecord { id: string }

const memory = new Map<string, string>();

/** Returns what a call gives; `undefined` if it fails, as storage does where it is blocked or full. */
function tryTo<Value>(call: () => Value): Value | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

const read = (key: string) => memory.get(key) ?? tryTo(() => sessionStorage.getItem(key)) ?? undefined;

/** Reads what was written as JSON. What is not JSON is not ours. */
const readJson = (key: string): unknown => tryTo(() => JSON.parse(read(key) ?? "") as unknown);

function write(key: string, value: string): void {
  remove(key);
  if (!tryTo(() => (sessionStorage.setItem(key, value), true))) memory.set(key, value);
}

function remove(key: string): void {
  memory.delete(key);
  tryTo(() => sessionStorage.removeItem(key));
}

const UNPAID = "holdfast:unpaid";
const REQUEST = "holdfast:request";
const keyOf = (id: string) => `holdfast:${id}`;

export const records = {
  save({ id, ...record }: OwnHold): void {
    write(keyOf(id), JSON.stringify(record));
    write(UNPAID, id);
    // The request has its answer: the same choice is another booking from now on.
    remove(REQUEST);
  },

  load(id: string): OwnHold | undefined {
    const record = readJson(keyOf(id)) as HoldRecord | undefined;
    return record && { ...record, id };
  },

  /** The last hold of this tab that is not known to be over. A new booking replaces it. */
  unpaid(): OwnHold | undefined {
    const id = read(UNPAID);
    return id ? this.load(id) : undefined;
  },

  /** Forgets that this hold is unpaid. */
  forgetUnpaid(id: string): void {
    if (read(UNPAID) === id) remove(UNPAID);
  },

  /** Returns the key of a request: the same for the same body until it has an answer, also after a reload. */
  idempotencyKey(body: string): string {
    const [lastBody, lastKey] = (readJson(REQUEST) ?? []) as string[];
    if (lastBody === body && lastKey) return lastKey;
    // `randomUUID` exists only on pages that came by https.
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const key = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    write(REQUEST, JSON.stringify([body, key]));
    return key;
  },
};

/** What a guest has chosen and typed, for a reload of the page. */
export interface Draft { view?: string; day?: string; quantity?: number; host?: string; name?: string; email?: string }

export const drafts = {
  save(eventType: string, draft: Draft): void { write(`holdfast:draft:${eventType}`, JSON.stringify(draft)); },
  load: (eventType: string): Draft => (readJson(`holdfast:draft:${eventType}`) ?? {}) as Draft,
};

const CHANNEL = "holdfast";
/** How long another tab has to answer, in milliseconds. */
const ANSWER_TIME = 400;

interface Question { ask: "unpaid"; eventType: string }
interface Answer { own: OwnHold }

/** Answers other tabs of this site that ask for the unpaid hold of this one. Returns what ends that. */
export function answerTabs(eventType: () => string): () => void {
  if (typeof BroadcastChannel === "undefined") return () => {};
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }: MessageEvent<Partial<Question>>) => {
    if (data.ask !== "unpaid" || data.eventType !== eventType()) return;
    const own = records.unpaid();
    if (own?.eventType === data.eventType) channel.postMessage({ own } satisfies Answer);
  };
  return () => channel.close();
}

/** Asks the other tabs of this site for an unpaid hold of this event type. */
export async function askTabs(eventType: string): Promise<OwnHold | undefined> {
  if (typeof BroadcastChannel === "undefined") return undefined;
  const channel = new BroadcastChannel(CHANNEL);
  try {
    return await new Promise((resolve) => {
      channel.onmessage = ({ data }: MessageEvent<Partial<Answer>>) => { if (data.own) resolve(data.own); };
      setTimeout(resolve, ANSWER_TIME, undefined);
      channel.postMessage({ ask: "unpaid", eventType } satisfies Question);
    });
  } finally {
    channel.close();
  }
}
