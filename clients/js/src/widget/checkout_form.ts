// Starts the checkout of what the guest has chosen, and explains what is in the way.
import type { Hold, NewHold, PlacedHold, Slot } from "../client.js";
import { explain, type Result } from "./api.js";
import { create, setText } from "./dom.js";
import type { Picker } from "./picker.js";
import { askTabs, drafts, records, type OwnHold } from "./records.js";
import type { Shared } from "./shared.js";

/** What the shop's page says about the checkout. */
export interface CheckoutOptions {
  isEmbedded: boolean;
  successUrl: string;
  cancelUrl: string;
}

interface Steps {
  options: () => CheckoutOptions;
  /** The slot is held, and is paid on this page. */
  onPlaced: (placed: Hold, own: OwnHold) => void;
  /** The guest goes on with a hold of another tab. */
  onOwnHold: (own: OwnHold) => void;
}

export class CheckoutForm {
  constructor(private readonly shared: Shared, private readonly picker: Picker, private readonly steps: Steps) {}

  listen(form: HTMLElement): void {
    const { byId } = this.shared;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.start();
    });
    form.addEventListener("change", () => {
      this.clearProblem();
      this.picker.keepDraft();
    });
    byId("proceed").addEventListener("click", () => byId("card").scrollIntoView());
    // In a narrow place, the card is far below the calendar.
    const shortcut = byId("proceed");
    const onCardVisible: IntersectionObserverCallback = ([entry]) =>
      shortcut.classList.toggle("arrived", entry?.isIntersecting ?? false);
    new IntersectionObserver(onCardVisible, { threshold: 0.3 }).observe(byId("card"));
  }

  /** Fills in what the guest typed before, else what the page knows of them. */
  fill(known: { name: string; email: string }): void {
    const { byId, eventType } = this.shared;
    const draft = drafts.load(eventType());
    byId<HTMLInputElement>("name").value = draft.name || known.name;
    byId<HTMLInputElement>("email").value = draft.email || known.email;
  }

  /** Shows what is chosen, and its price. */
  drawChoice(): void {
    const { byId, language, format } = this.shared;
    const { chosen: slot, offer, quantity } = this.picker;
    const { texts } = language;
    const price = offer ? format.money(offer.amount * quantity, offer.currency) : "";
    setText(byId("start"), slot ? texts.startPrice(price) : texts.start);
    byId("choice").replaceChildren(...this.picker.describe());
    byId("proceed").hidden = !slot;
    if (slot) byId("proceed").textContent = `${format.weekday(slot.starts_at)} ${format.time(slot.starts_at)} · ${price}`;
  }

  /** Makes the form usable again, after the guest came back. */
  reset(): void {
    const { byId } = this.shared;
    byId<HTMLButtonElement>("start").disabled = false;
    setText(byId("progress"), "");
    this.clearProblem();
  }

  private clearProblem(): void {
    const { byId } = this.shared;
    setText(byId("problem"), "");
    byId("alternatives").replaceChildren();
  }

  private showProblem(text: string): void {
    const { byId } = this.shared;
    setText(byId("problem"), text);
    byId("problem").focus();
  }

  private buildRequest(slot: Slot): NewHold {
    const { byId, eventType } = this.shared;
    const { isEmbedded, successUrl, cancelUrl } = this.steps.options();
    const { host, quantity } = this.picker;
    const field = (id: string) => byId<HTMLInputElement>(id).value.trim();
    // A guest who came back from the payment changes their mind, and does not keep two slots.
    const unpaid = records.unpaid();
    return {
      event_type: eventType(), starts_at: slot.starts_at, quantity,
      ...(host ? { resource: host } : {}),
      guest: { email: field("email"), ...(field("name") ? { name: field("name") } : {}) },
      ...(unpaid ? { replaces: { id: unpaid.id, token: unpaid.token } } : {}),
      success_url: successUrl,
      ...(isEmbedded ? { ui: "embedded" as const } : { cancel_url: cancelUrl }),
    };
  }

  private request(slot: Slot): Promise<Result<PlacedHold>> {
    const body = this.buildRequest(slot);
    return this.shared.api.start(body, records.idempotencyKey(JSON.stringify(body)));
  }

  private async start(): Promise<void> {
    const { byId, language } = this.shared;
    const { texts } = language;
    const { chosen: slot } = this.picker;
    const button = byId<HTMLButtonElement>("start");
    this.clearProblem();
    if (!slot) return this.showProblem(texts.pleaseChoose);
    if (button.disabled) return;
    button.disabled = true;
    setText(byId("progress"), texts.holding);
    let result = await this.request(slot);
    const earlier = records.unpaid();
    if (earlier && ["already_paid", "unauthorized"].includes(result.problem?.code ?? "")) {
      // The earlier booking is paid, so this one is another.
      records.forgetUnpaid(earlier.id);
      result = await this.request(slot);
    }
    if (result.answer) return this.goToPayment(result.answer);
    this.reset();
    await this.explainFailure(slot, result);
  }

  private goToPayment(placed: PlacedHold): void {
    const { byId, language, eventType, tell } = this.shared;
    const { token, id, checkout_url: paymentPage, client_secret, publishable_key, stripe_js } = placed;
    const own: OwnHold = {
      id, token, eventType: eventType(), name: this.picker.offer?.name ?? "", place: location.hash,
      ...(paymentPage ? { paymentPage } : {}),
      ...(client_secret && publishable_key && stripe_js ? { client_secret, publishable_key, stripe_js } : {}),
    };
    records.save(own);
    tell("holdfast-held", { id });
    if (paymentPage) {
      setText(byId("progress"), language.texts.goingToPay);
      location.assign(paymentPage);
      return;
    }
    this.reset();
    this.steps.onPlaced(placed, own);
  }

  private async explainFailure(slot: Slot, result: Result<PlacedHold>): Promise<void> {
    const { language, format, eventType } = this.shared;
    const { problem } = result;
    let text = explain(result, language.texts, format);
    const buttons: HTMLElement[] = [];
    if (problem?.code === "slot_taken") {
      const { hostName } = this.picker;
      await this.picker.load();
      const other = problem.own_hold || !this.picker.host ? undefined : await this.picker.findAnyone({ ...slot, left: 0 });
      if (other && hostName) {
        text = language.texts.hostTaken(hostName);
        buttons.push(this.createAlternative(other, language.texts.someoneElse(format.time(other.starts_at)), ""));
      }
      const own = problem.own_hold ? await askTabs(eventType()) : undefined;
      if (own) buttons.push(this.createGoOn(own));
      buttons.push(...(problem.alternatives ?? []).map((near) => this.createAlternative(near)));
    }
    this.shared.byId("alternatives").replaceChildren(...buttons);
    this.showProblem(text);
  }

  private createGoOn(own: OwnHold): HTMLElement {
    const button = create("button", { type: "button", part: "button", id: "go-on-here" }, this.shared.language.texts.goOnHere);
    button.addEventListener("click", () => {
      this.clearProblem();
      records.save(own);
      this.steps.onOwnHold(own);
    });
    return button;
  }

  /** Creates a button that chooses this slot. */
  private createAlternative(slot: Slot, label?: string, host?: string): HTMLElement {
    const { byId, format } = this.shared;
    const when = `${format.weekday(slot.starts_at)} ${format.date(slot.starts_at)}, ${format.time(slot.starts_at)}`;
    const button = create("button", { type: "button", part: "button", "data-start": slot.starts_at }, label ?? when);
    button.addEventListener("click", () => {
      this.clearProblem();
      void this.picker.choose({ ...slot, left: slot.available }, host).then(() => byId("start").focus());
    });
    return button;
  }
}
