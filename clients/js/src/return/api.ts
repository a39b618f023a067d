// Calls the public API, and explains its problems to guests. The page is light, so it has not the client of the widget.
import type { Problem } from "../client.js";
import type { Result } from "../widget/api.js";
import { setClock } from "../widget/clock.js";
import { fill, format, texts } from "./language.js";

/** Calls the API. */
export async function callApi<Answer>(path: string, options: RequestInit = {}): Promise<Result<Answer>> {
  try {
    const response = await fetch(path, { cache: "no-store", ...options });
    setClock(response.headers.get("date"));
    const retryAfter = Number(response.headers.get("retry-after")) || 0;
    const body: unknown = await response.json();
    return response.ok ? { answer: body as Answer, retryAfter } : { problem: body as Problem, retryAfter };
  } catch {
    return { retryAfter: 0 };
  }
}

/** Explains a failed [callApi] to the guest. */
export function explainFailure({ problem, retryAfter }: Result<unknown>): string {
  const fields: Record<string, string> = texts.fields;
  const problems: Record<string, string> = texts.problems;
  if (!problem) return texts.problems.no_response;
  if (problem.errors?.length) {
    return problem.errors.map(({ field, detail }) => `${fields[field] ?? field} ${detail}.`).join(" ");
  }
  const message = problems[problem.own_hold ? "own_hold" : problem.code] ?? texts.problems.other;
  return problem.status === 429 ? `${message} ${fill(texts.problems.retry, { wait: format.wait(retryAfter || 1) })}` : message;
}
