// Tests the parts of the widget that need no browser, with stand-ins for what they use of one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseLanguage } from "../src/languages/index.js";
import { now, setClock } from "../src/widget/clock.js";
import { addDays, dayKey, findRange, findWeek, parseDay, startOfDay, today } from "../src/widget/days.js";
import { PaymentForm } from "../src/widget/embedded.js";
import { Format } from "../src/widget/format.js";
import { LiveSlots } from "../src/widget/live_slots.js";
import { drafts, records } from "../src/widget/records.js";

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

test("the clock is that of the service, unless the difference is small", () => {
  const answered = (seconds: number) => setClock(new Date(Date.now() + seconds * 1000).toUTCString());
  const ahead = () => Math.round((now() - Date.now()) / 1000);
  setClock(null);
  setClock("nonsense");
  answered(-2);
  assert.equal(ahead(), 0);
  answered(5 * 3600);
  assert.ok(Math.abs(ahead() - 5 * 3600) <= 1);
  answered(5 * 3600 - 2);
  assert.ok(Math.abs(ahead() - 5 * 3600) <= 1, "a slow answer does not move the clock");
  answered(48 * 3600);
  assert.equal(dayKey(today()), dayKey(addDays(startOfDay(Date.now()), 2)));
  answered(0);
  assert.ok(Math.abs(ahead()) <= 1);
});

test("money has the decimals that Stripe uses", () => {
  const format = new Format("en-GB");
  assert.equal(format.money(5000, "eur"), "€50.00");
  assert.equal(format.money(5000, "jpy"), "JP¥5,000");
  assert.match(format.money(5000, "kwd"), /5\.000$/);
});

test("a length has hours and minutes", () => {
  const format = new Format("en-GB");
  assert.deepEqual([30, 60, 105].map((minutes) => format.minutes(minutes)), ["30 mins", "1 hr", "1 hr 45 mins"]);
});

test("the same request has the same key, another one another, also without storage", () => {
  const blocked = () => { throw new Error("storage is blocked"); };
  Object.defineProperty(globalThis, "sessionStorage", { configurable: true, get: blocked });
  const key = records.idempotencyKey("a");
  assert.match(key, /^[0-9a-f]{32}$/);
  assert.equal(records.idempotencyKey("a"), key);
  assert.notEqual(records.idempotencyKey("b"), key);
  const answered = records.idempotencyKey("b");
  records.save({ id: "1", token: "hft_x", eventType: "call", name: "Call" });
  assert.notEqual(records.idempotencyKey("b"), answered, "after an answer the same choice is another booking");
  assert.equal(records.unpaid()?.token, "hft_x");
  records.forgetUnpaid("2");
  assert.equal(records.unpaid()?.id, "1");
  records.forgetUnpaid("1");
  assert.equal(records.unpaid(), undefined);
});

test("what storage does not take is kept, and what others wrote there does no harm", () => {
  const kept = new Map<string, string>([["holdfast:draft:call", "nonsense"]]);
  let isFull = true;
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => {
      if (isFull) throw new Error("storage is full");
      kept.set(key, value);
    },
    removeItem: (key: string) => kept.delete(key),
  };
  Object.defineProperty(globalThis, "sessionStorage", { configurable: true, value: storage });
  assert.deepEqual(drafts.load("call"), {});
  const own = { id: "7", token: "hft_y", eventType: "call", name: "Call" };
  records.save(own);
  assert.deepEqual(records.unpaid(), own);
  isFull = false;
  records.save({ ...own, token: "hft_z" });
  assert.equal(records.load("7")?.token, "hft_z", "the newest counts");
  assert.ok(kept.has("holdfast:7"));
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
  context.mock.timers.tick(30_000);
  assert.equal(looks, 3, "without a stream, after 30 seconds");
  const third = StubSource.opened[2];
  assert.ok(third, "a stream that was refused is tried again");
  third.readyState = StubSource.CLOSED;
  third.send("error");
  context.mock.timers.tick(30_000);
  assert.equal(looks, 4);
  live.stop();
  context.mock.timers.tick(60_000);
  assert.equal(looks, 4);
  assert.deepEqual(StubSource.opened.map(({ readyState }) => readyState), [2, 2, 2, 2]);
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

test("a script that does not come is tried again later, and not kept in the page", async (context) => {
  let clock = 0;
  context.mock.method(performance, "now", () => clock);
  let [asked, kept] = [0, 0];
  const append = (script: { onerror(): void }) => {
    asked += 1;
    kept += 1;
    queueMicrotask(() => script.onerror());
  };
  const createElement = () => ({ remove: () => { kept -= 1; } });
  Object.assign(page, { document: { createElement, head: { append } } });
  const form = new PaymentForm();
  const show = () => form.show({} as HTMLElement, "cs_3", "pk_1", "https://js.example/blocked.js");
  for (let second = 0; second < 5; second += 1) {
    clock = second * 1000;
    await show();
    assert.ok(form.hasFailed);
  }
  assert.deepEqual([asked, kept], [1, 0]);
  clock = 11_000;
  await show();
  assert.deepEqual([asked, kept], [2, 0]);
  form.remove();
  assert.ok(!form.hasFailed);
});
