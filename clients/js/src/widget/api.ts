// The calls of the widget, and what their problems mean for a guest.
import { createHoldfastClient, type NewHold, type Problem } from "../client.js";
import type { Texts } from "../languages/index.js";
import { setClock } from "./clock.js";
import type { Format } from "./format.js";

/** The end of a call: `answer` after a success, `problem` after an error, neither if no response came. */
export interface Result<Answer> {
  answer?: Answer;
  problem?: Problem;
  /** How many seconds to wait before the next call. */
  retryAfter: number;
}

interface Settled<Answer> { data?: Answer; error?: unknown; response: Response }

async function settle<Answer>(call: Promise<Settled<Answer>>): Promise<Result<Answer>> {
  try {
    const { data, error, response } = await call;
    setClock(response.headers.get("date"));
    const retryAfter = Number(response.headers.get("retry-after")) || 0;
    if (data !== undefined) return { answer: data, retryAfter };
    // A proxy between us and the service may answer in its own words.
    return error && typeof error === "object" && "code" in error ? { problem: error as Problem, retryAfter } : { retryAfter };
  } catch {
    return { retryAfter: 0 };
  }
}

/** Returns whether the same call may succeed a little later. */
export const isPassing = ({ problem }: Result<unknown>) => !problem || problem.status === 429 || problem.status >= 500;

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

export class Api {
  private readonly client;

  constructor(readonly base: string) {
    this.client = createHoldfastClient({ baseUrl: base });
  }

  offer(id: string) {
    return settle(this.client.GET("/v1/event-types/{id}", { params: { path: { id } } }));
  }

  slots(id: string, from: Date, to: Date, more: { quantity?: number; resource?: string; limit?: number; status?: "free" }) {
    const query = { from: from.toISOString(), to: to.toISOString(), ...more };
    return settle(this.client.GET("/v1/event-types/{id}/slots", { params: { path: { id }, query } }));
  }

  /** The address at which the service says that slots have changed. */
  slotStream(id: string, from: Date, to: Date): string {
    const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString() });
    return `${this.base}/v1/event-types/${encodeURIComponent(id)}/slots/stream?${query}`;
  }

  start(body: NewHold, key: string) {
    return settle(this.client.POST("/v1/holds", { params: { header: { "Idempotency-Key": key } }, body }));
  }

  hold(id: string) {
    return settle(this.client.GET("/v1/holds/{id}", { params: { path: { id } } }));
  }

  /** Asks Stripe about the hold. */
  check(id: string) {
    return settle(this.client.POST("/v1/holds/{id}/check", { params: { path: { id } } }));
  }

  release(id: string, token: string) {
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
