// Tests the parts of the widget that need no browser, with stand-ins for what they use of one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseLanguage } from "../src/languages/index.js";
import { addDays, dayKey, findRange, findWeek, parseDay, startOfDay } from "../src/widget/days.js";
import { PaymentForm } from "../src/widget/embedded.js";
import { Format } from "../src/widget/format.js";
import { LiveSlots } from "../src/widget/live_slots.js";
import { records } from "../src/widget/records.js";

const page = globalThis as unknown as Record<string, unknown>;

test("a week starts today, and the next one seven days later", () => {
  const today = startOfDay(Date.now());
  assert.equal(dayKey(findWeek(today).from), dayKey(today));
  assert.equal(dayKey(findWeek(addDays(today, 6)).from), dayKey(today));
  assert.equal(dayKey(findWeek(addDays(today, 7)).from), dayKey(addDays(today, 7)));
  assert.equal(dayKey(findRange("day", addDays(today, 3)).to), dayKey(addDays(today, 4)));
});

test("a day that is past or no day is today", () => {
  for (const key of ["2001-01-01", "nonsense", null]) assert.equal(dayKey(parseDay(key)), dayKey(startOfDay(Date.now())));
  assert.equal(dayKey(parseDay("2199-05-04")), "2199-05-04");
});

test("the language is what the page wants, else the browser's, else English", () => {
  assert.equal(chooseLanguage("de", ["en-US"]).code, "de");
  assert.deepEqual([chooseLanguage("", ["fr", "de-AT"]).code, chooseLanguage("", ["fr", "de-AT"]).locale], ["de", "de-AT"]);
  assert.deepEqual([chooseLanguage("fr", ["it"]).code, chooseLanguage("", ["en"]).locale], ["en", "en-GB"]);
});

test("money has the decimals that Stripe uses", () => {
  const format = new Format("en-GB");
  assert.equal(format.money(5000, "eur"), "€50.00");
  assert.equal(format.money(5000, "jpy"), "JP¥5,000");
  assert.match(format.money(5000, "kwd"), /5\.000$/);
});

test("the same request has the same key, another one another, also without storage", () => {
  const blocked = () => { throw new Error("storage is blocked"); };
  Object.defineProperty(globalThis, "sessionStorage", { configurable: true, get: blocked });
  const key = records.idempotencyKey("a");
  assert.match(key, /^[0-9a-f]{32}$/);
  assert.equal(records.idempotencyKey("a"), key);
  assert.notEqual(records.idempotencyKey("b"), key);
  records.save({ id: "1", token: "hft_x", eventType: "call", name: "Call" });
  assert.equal(records.unpaid()?.token, "hft_x");
  records.forgetUnpaid("2");
  assert.equal(records.unpaid()?.id, "1");
  records.forgetUnpaid("1");
  assert.equal(records.unpaid(), undefined);
});

class StubSource extends EventTarget {
  static readonly CLOSED = 2;
  static opened: StubSource[] = [];
  readyState = 0;
  constructor(readonly url: string) {
    super();
    StubSource.opened.push(this);
  }
  close(): void { this.readyState = StubSource.CLOSED; }
  send(name: string): void { this.dispatchEvent(new Event(name)); }
}

test("hints are followed while the page is visible, and the clock where there is no stream", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const document = { hidden: false };
  Object.assign(page, { document, EventSource: StubSource });
  let looks = 0;
  const live = new LiveSlots(() => { looks += 1; });
  live.follow("https://a.example/stream");
  const [first] = StubSource.opened;
  assert.ok(first);
  first.send("open");
  for (let hint = 0; hint < 3; hint += 1) first.send("changed");
  context.mock.timers.tick(300);
  assert.equal(looks, 1, "hints of one moment are one look");
  first.send("open");
  assert.equal(looks, 2, "something may have changed while the stream was away");
  document.hidden = true;
  live.onVisibility();
  assert.equal(first.readyState, StubSource.CLOSED);
  document.hidden = false;
  live.onVisibility();
  const second = StubSource.opened[1];
  assert.ok(second);
  second.readyState = StubSource.CLOSED;
  second.send("error");
  context.mock.timers.tick(60_000);
  assert.equal(looks, 4, "without a stream, every 30 seconds");
  live.stop();
  context.mock.timers.tick(60_000);
  assert.equal(looks, 4);
});

/** Stands in for Stripe.js: says what was mounted and destroyed. */
function stubStripe(seen: string[]): (key: string) => object {
  return (key) => ({
    createEmbeddedCheckoutPage: async ({ clientSecret }: { clientSecret: string }) => ({
      mount: () => seen.push(`mount ${clientSecret} ${key}`),
      destroy: () => seen.push(`destroy ${clientSecret}`),
    }),
  });
}

test("the payment form is removed, also if it comes after its end", async () => {
  const seen: string[] = [];
  const append = (script: { onload(): void }) => queueMicrotask(() => script.onload());
  Object.assign(page, { document: { createElement: () => ({}), head: { append } }, Stripe: stubStripe(seen) });
  const form = new PaymentForm();
  const place = {} as HTMLElement;
  await form.show(place, "cs_1", "pk_1", "https://js.example/a.js");
  await form.show(place, "cs_1", "pk_1", "https://js.example/a.js");
  form.remove();
  assert.deepEqual(seen, ["mount cs_1 pk_1", "destroy cs_1"]);
  const late = form.show(place, "cs_2", "pk_1", "https://js.example/a.js");
  form.remove();
  await late;
  assert.deepEqual(seen.slice(2), ["destroy cs_2"]);
});
