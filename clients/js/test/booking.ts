// Books through the package's client, against a sandbox. It compiles only if the description says what it uses.
//
// booking.ts BASE ADMIN_KEY SIMULATOR
import { createHoldfastClient, type Problem, type Schemas } from "../src/index.js";

const [base, adminKey, simulator] = process.argv.slice(2);
if (!base) throw new Error("no address");
const guests = createHoldfastClient({ baseUrl: base });
const operators = createHoldfastClient({ baseUrl: base, headers: { Authorization: `Bearer ${adminKey}` } });

function must<T>(answer: { data?: T; error?: Problem | undefined }): T {
  if (answer.data === undefined) throw new Error(`${answer.error?.code}: ${answer.error?.detail}`);
  return answer.data;
}

function same<T>(found: T, expected: T): void {
  if (found !== expected) throw new Error(`${found} instead of ${expected}`);
}

const offers = must(await guests.GET("/v1/event-types", { params: { query: { limit: 200 } } }));
const offer = offers.data.find(({ id }) => id === "intro-call");
if (!offer) throw new Error("no intro call on sale");
same(offer.currency, "eur");

const day = 86_400_000;
const at = (days: number) => new Date(Date.now() + days * day).toISOString();
const slots = must(
  await guests.GET("/v1/event-types/{id}/slots", {
    params: { path: { id: offer.id }, query: { from: at(7), to: at(14) } },
  }),
);
const slot = slots.slots.find(({ status }) => status === "free");
if (!slot) throw new Error("no free slot");

// `quantity` is left out: a member that the service fills in is not required.
const body: Schemas["NewHold"] = {
  event_type: offer.id,
  starts_at: slot.starts_at,
  guest: { email: "ada@example.com" },
};
const idempotencyKey = { header: { "Idempotency-Key": crypto.randomUUID() } };
const placed = must(await guests.POST("/v1/holds", { params: idempotencyKey, body }));
same(placed.quantity, 1);
same(placed.amount, offer.amount);

const taken = await guests.POST("/v1/holds", { body: { ...body, guest: { email: "bob@example.com" } } });
same(taken.error?.code, "slot_taken");
same(taken.error?.alternatives?.length, 5);

const path = { path: { id: placed.id } };
const status: Schemas["HoldStatus"] = must(await guests.GET("/v1/holds/{id}", { params: path })).status;
same(status, "held");

const list = must(await operators.GET("/v1/admin/holds", { params: { query: { status: ["held"] } } }));
same(list.data.find(({ id }) => id === placed.id)?.guest.email, "ada@example.com");
const refused = await guests.GET("/v1/admin/holds");
same(refused.error?.code, "unauthorized");

const bearer = { Authorization: `Bearer ${placed.token}` };
const cancelled = must(await guests.DELETE("/v1/holds/{id}", { params: path, headers: bearer }));
same(cancelled.status, "released");
const detail = must(await operators.GET("/v1/admin/holds/{id}", { params: path }));
const by: Schemas["Actor"][] = detail.history.map((line) => line.by);
same(by.join(), "checkout,guest");

// A refund is a word or a number, and nothing else.
const refunds: Schemas["Cancellation"]["refund"][] = ["full", "none", 2500];
// @ts-expect-error
refunds.push("half");
for (const refund of refunds.slice(0, 3)) {
  const cancel = await operators.POST("/v1/admin/holds/{id}/cancel", { params: path, body: { refund } });
  same(cancel.error?.code, "not_cancellable");
}

const again = must(await guests.POST("/v1/holds", { body }));
const payment = await fetch(`${simulator}/sandbox/sessions/${again.checkout_session}/pay`, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ outcome: "paid" }),
});
same(payment.ok, true);
const paid = must(await guests.POST("/v1/holds/{id}/check", { params: { path: { id: again.id } } }));
same(paid.status, "confirmed");
console.log("done");
