// The calls of the widget, and what their problems mean for a guest.
import { createHoldfastClient, type Hold, type NewHold, type Offer, type PlacedHold, type Problem, type Slot } from "../client.js";
import type { Texts } from "../languages/index.js";
import type { Format } from "./format.js";

/** What a checkout on the page needs, in place of the URL of Stripe's page. */
export interface EmbeddedCheckout {
  client_secret?: string;
  publishable_key?: string;
  stripe_js?: string;
}
export type NewBooking = NewHold & { ui?: "embedded" };
export type Placed = PlacedHold & EmbeddedCheckout;
export type CheckedHold = Hold & { checkout_open?: boolean | null };

/** The end of a call: `answer` after a success, `problem` after an error, neither if no response came. */
export interface Result<Answer> {
  answer?: Answer;
  problem?: Problem;
  /** How many seconds to wait before the next call. */
  retryAfter: number;
}

interface Settled { data?: unknown; error?: unknown; response: Response }

async function settle<Answer>(call: Promise<Settled>): Promise<Result<Answer>> {
  try {
    const { data, error, response } = await call;
    const retryAfter = Number(response.headers.get("retry-after")) || 0;
    if (response.ok) return { answer: data as Answer, retryAfter };
    // A proxy between us and the service may answer in its own words.
    return error && typeof error === "object" ? { problem: error as Problem, retryAfter } : { retryAfter };
  } catch {
    return { retryAfter: 0 };
  }
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

export class Api {
  private readonly client;

  constructor(readonly base: string) {
    this.client = createHoldfastClient({ baseUrl: base });
  }

  offer(id: string): Promise<Result<Offer>> {
    return settle(this.client.GET("/v1/event-types/{id}", { params: { path: { id } } }));
  }

  slots(id: string, from: Date, to: Date, more: { quantity?: number; resource?: string; limit?: number; status?: "free" }):
    Promise<Result<{ timezone: string; slots: Slot[] }>> {
    const query = { from: from.toISOString(), to: to.toISOString(), ...more };
    return settle(this.client.GET("/v1/event-types/{id}/slots", { params: { path: { id }, query } }));
  }

  /** The address at which the service says that slots have changed. */
  slotStream(id: string, from: Date, to: Date): string {
    const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString() });
    return `${this.base}/v1/event-types/${encodeURIComponent(id)}/slots/stream?${query}`;
  }

  start(body: NewBooking, key: string): Promise<Result<Placed>> {
    return settle(this.client.POST("/v1/holds", { params: { header: { "Idempotency-Key": key } }, body }));
  }

  hold(id: string): Promise<Result<CheckedHold>> {
    return settle(this.client.GET("/v1/holds/{id}", { params: { path: { id } } }));
  }

  /** Asks Stripe about the hold. */
  check(id: string): Promise<Result<CheckedHold>> {
    return settle(this.client.POST("/v1/holds/{id}/check", { params: { path: { id } } }));
  }

  release(id: string, token: string): Promise<Result<Hold>> {
    return settle(this.client.DELETE("/v1/holds/{id}", { params: { path: { id } }, headers: bearer(token) }));
  }

  calendarFile(id: string): string {
    return `${this.base}/v1/holds/${encodeURIComponent(id)}/calendar.ics`;
  }
}

/** Explains a failed call to the guest. */
export function explain({ problem, retryAfter }: Result<unknown>, { problems, fields }: Texts, format: Format): string {
  if (!problem) return problems.no_response;
  if (problem.errors?.length) {
    const known: Record<string, string> = fields;
    return problem.errors.map(({ field, detail }) => known[field] ?? `${field}: ${detail}.`).join(" ");
  }
  const known: Record<string, unknown> = problems;
  const found = known[problem.own_hold ? "own_hold" : problem.code];
  const message = typeof found === "string" ? found : problems.other;
  return problem.status === 429 ? `${message} ${problems.retry(format.wait(retryAfter || 1))}` : message;
}
