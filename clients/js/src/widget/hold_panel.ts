// Shows a hold of the guest, and follows it until it is over: how long it is kept, what has become of the payment.
import type { Hold } from "../client.js";
import { explain, type Result } from "./api.js";
import { now } from "./clock.js";
import { setText } from "./dom.js";
import { PaymentForm } from "./embedded.js";
import { sleep, untilVisible } from "./pauses.js";
import { records, type OwnHold } from "./records.js";
import type { Shared } from "./shared.js";

const FIRST_PAUSE = 600;
const LONGEST_PAUSE = { held: 10_000, processing: 30_000 };
// The pauses between two checks, which ask Stripe. In between, the widget asks for the hold as it is known.
const FIRST_CHECK_PAUSE = 4_000;
const LONGEST_CHECK_PAUSE = 60_000;

const OVER = ["confirmed", "released", "cancelled"];

interface Steps {
  /** The panel has changed, so the calendar may have to be shown or hidden. */
  onChange: () => void;
  /** The guest wants another time. */
  onOther: () => void;
}

export class HoldPanel {
  private hold: Hold | undefined;
  private own: OwnHold | undefined;
  private isReturned = false;
  // Whether Stripe says that the guest can still pay. Not known until a check has an answer.
  private isOpen = false;
  private checks = { next: 0, pause: FIRST_CHECK_PAUSE };
  // Counts what was followed. A loop ends if another has started since.
  private runs = 0;
  private ticker: ReturnType<typeof setInterval> | undefined;
  private place: HTMLElement | undefined;
  private readonly form = new PaymentForm();
  private isUnanswered = false;
  // What is in the way of the guest's last step.
  private problem = "";

  constructor(private readonly shared: Shared, private readonly steps: Steps) {}

  listen(): void {
    const { byId } = this.shared;
    byId("give-back").addEventListener("click", () => void this.release());
    byId("other").addEventListener("click", () => this.steps.onOther());
  }

  /** Whether the guest is busy with this hold alone: pays on this page, or has just come back from the payment. */
  get isAlone(): boolean {
    return this.hold !== undefined && (this.place !== undefined || this.isReturned);
  }

  /** Follows a hold. `isReturned`: the guest has just come back from the payment. */
  follow(id: string, isReturned: boolean): void {
    this.hide();
    this.own = records.load(id);
    this.isReturned = isReturned;
    void this.run(id);
  }

  /** Shows a hold that is paid on this page. */
  showPlaced(placed: Hold, own: OwnHold): void {
    this.hide();
    this.own = own;
    this.isOpen = true;
    this.checks.next = Date.now() + FIRST_CHECK_PAUSE;
    this.show(placed);
    this.shared.byId("panel-title").focus();
    void this.run(placed.id);
  }

  hide(): void {
    this.runs += 1;
    clearInterval(this.ticker);
    this.removePayment();
    Object.assign(this, { hold: undefined, own: undefined, isReturned: false, isOpen: false, isUnanswered: false, problem: "" });
    this.checks = { next: 0, pause: FIRST_CHECK_PAUSE };
    this.shared.byId("panel").hidden = true;
    this.steps.onChange();
  }

  private async run(id: string): Promise<void> {
    const thisRun = this.runs;
    for (let pause = FIRST_PAUSE; ; pause *= 1.6) {
      await untilVisible();
      if (thisRun !== this.runs) return;
      const isFirst = !this.hold;
      const result = await this.ask(id);
      if (thisRun !== this.runs) return;
      if (result.problem?.code === "not_found") {
        records.forgetUnpaid(id);
        return this.hide();
      }
      this.isUnanswered = !result.answer;
      this.problem = "";
      this.drawProblem();
      if (result.answer) {
        // Another widget of the page may be the one that sold it.
        if (result.answer.event_type !== this.shared.eventType()) return this.hide();
        this.show(result.answer);
        if (OVER.includes(result.answer.status)) return;
        if (isFirst) continue;
      }
      const status = result.answer?.status === "processing" ? "processing" : "held";
      pause = Math.min(pause, LONGEST_PAUSE[status]);
      await sleep(Math.max(pause, result.retryAfter * 1000));
    }
  }

  /** Asks for the hold: Stripe too, if that is due, else only as it is known. The first answer does not wait for Stripe. */
  private async ask(id: string): Promise<Result<Hold>> {
    const { api } = this.shared;
    if (!this.hold || Date.now() < this.checks.next) return api.hold(id);
    const result = await api.check(id);
    // Another tab may have checked a moment ago.
    const isTooSoon = result.problem?.code === "rate_limited";
    this.checks.next = Date.now() + (isTooSoon ? result.retryAfter * 1000 : this.checks.pause);
    if (result.answer) {
      this.isOpen = result.answer.checkout_open === true;
      this.checks.pause = Math.min(this.checks.pause * 2, LONGEST_CHECK_PAUSE);
    }
    // Without an answer from Stripe the hold can still be shown.
    return result.answer || result.problem?.code === "not_found" ? result : api.hold(id);
  }

  private show(hold: Hold): void {
    const { byId, tell } = this.shared;
    const before = this.hold?.status;
    this.hold = hold;
    if (hold.status !== "held") records.forgetUnpaid(hold.id);
    byId("panel").hidden = false;
    byId("panel").dataset.state = hold.status;
    this.draw();
    clearInterval(this.ticker);
    if (hold.status === "held") this.ticker = setInterval(() => this.draw(), 1000);
    if (before !== hold.status) tell("holdfast-status", { id: hold.id, status: hold.status, reason: hold.reason ?? null });
    this.steps.onChange();
    if (before && before !== hold.status) byId("panel-title").focus();
  }

  private draw(): void {
    const { byId, language } = this.shared;
    const { hold } = this;
    if (!hold) return;
    const [title, detail] = this.describe(hold);
    setText(byId("label"), language.texts.panel[hold.status]);
    setText(byId("panel-title"), title);
    setText(byId("panel-detail"), detail);
    this.drawCountdown(hold);
    this.drawFacts(hold);
    this.drawActions(hold);
    if (this.isPayable && this.own?.client_secret) void this.showPayment(this.own);
    else this.removePayment();
  }

  private get secondsLeft(): number {
    return this.hold ? Math.ceil((Date.parse(this.hold.expires_at) - now()) / 1000) : 0;
  }

  /** Whether the guest can pay now. After the end, Stripe's form may look as if it could be paid. */
  private get isPayable(): boolean {
    return this.hold?.status === "held" && this.isOpen && this.secondsLeft > 0;
  }

  private describe(hold: Hold): [string, string] {
    const { panel, ends } = this.shared.language.texts;
    const until = this.shared.format.time(hold.expires_at);
    const end = hold.reason ? ends[hold.reason] : "";
    switch (hold.status) {
      case "held":
        if (this.secondsLeft <= 0) return [panel.checkingTitle, panel.checkingDetail(until)];
        if (this.isReturned) return [panel.waitingTitle, panel.waitingDetail(until)];
        return [this.place ? panel.payTitle : panel.heldTitle, panel.heldDetail(until)];
      case "processing": return [panel.processingTitle, panel.processingDetail];
      case "confirmed": return [panel.confirmedTitle, panel.confirmedDetail];
      case "released": return [panel.releasedTitle, end];
      case "cancelled": return [panel.cancelledTitle, end];
    }
  }

  private drawCountdown({ status }: Hold): void {
    const left = this.secondsLeft;
    const digits = (number: number) => String(number).padStart(2, "0");
    const clock = `${digits(Math.floor(left / 60))}:${digits(left % 60)}`;
    const text = status === "held" && left > 0 ? this.shared.language.texts.panel.left(clock) : "";
    setText(this.shared.byId("countdown"), text);
  }

  private drawFacts(hold: Hold): void {
    const { byId, format } = this.shared;
    const facts: Record<string, string> = {
      what: hold.name ?? this.own?.name ?? hold.event_type,
      when: `${format.day(hold.starts_at)}, ${format.times(hold)}`,
      with: hold.resource_name ?? "",
      places: hold.quantity > 1 ? String(hold.quantity) : "",
      price: format.money(hold.amount, hold.currency),
    };
    for (const [id, text] of Object.entries(facts)) {
      setText(byId(`fact-${id}`), text);
      const row = byId(`fact-${id}`).parentElement;
      if (row) row.hidden = !text;
    }
  }

  private drawActions(hold: Hold): void {
    const { byId, api, language } = this.shared;
    const { panel } = language.texts;
    const isHeld = hold.status === "held";
    const payment = hold.checkout_url ?? this.own?.paymentPage;
    // Only while Stripe says that the payment is open is it offered to pay or to give the slot back.
    byId("go-on").hidden = !(this.isPayable && payment);
    if (payment) byId<HTMLAnchorElement>("go-on").href = payment;
    byId("give-back").hidden = !(this.isPayable && this.own);
    byId("calendar-file").hidden = hold.status !== "confirmed";
    byId<HTMLAnchorElement>("calendar-file").href = api.calendarFile(hold.id);
    byId("other").hidden = isHeld && !(this.isPayable && this.isAlone);
    setText(byId("other"), isHeld ? panel.other : panel.again);
  }

  private async showPayment({ client_secret, publishable_key, stripe_js }: OwnHold): Promise<void> {
    if (!client_secret || !publishable_key || !stripe_js) return;
    const { host } = this.shared;
    if (!this.place) {
      this.place = document.createElement("div");
      this.place.slot = "payment";
      host.append(this.place);
      this.steps.onChange();
    }
    await this.form.show(this.place, client_secret, publishable_key, stripe_js);
    this.drawProblem();
  }

  private removePayment(): void {
    this.form.remove();
    this.place?.remove();
    this.place = undefined;
  }

  private drawProblem(): void {
    const { byId, language } = this.shared;
    const { noAnswer, paymentFailed } = language.texts.panel;
    const passing = this.isUnanswered ? noAnswer : this.form.hasFailed ? paymentFailed : "";
    setText(byId("panel-problem"), this.problem || passing);
  }

  private async release(): Promise<void> {
    const { api, byId, language, format } = this.shared;
    const { hold, own } = this;
    if (!hold || !own) return;
    const button = byId<HTMLButtonElement>("give-back");
    button.disabled = true;
    const result = await api.release(hold.id, own.token);
    button.disabled = false;
    this.problem = result.answer ? "" : explain(result, language.texts, format);
    this.drawProblem();
    if (!result.answer || this.hold?.id !== hold.id) return;
    this.runs += 1;
    this.show(result.answer);
  }
}
