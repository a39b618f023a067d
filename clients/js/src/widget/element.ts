// The custom element: reads its attributes, builds its parts, and decides which of them are shown.
import type { Offer } from "../client.js";
import { chooseLanguage } from "../languages/index.js";
import { Api, explain, isPassing, type Result } from "./api.js";
import { CheckoutForm, type CheckoutOptions } from "./checkout_form.js";
import { setText } from "./dom.js";
import { Format } from "./format.js";
import { HoldPanel } from "./hold_panel.js";
import { retryPause, sleep, untilVisible } from "./pauses.js";
import { Picker } from "./picker.js";
import { answerTabs, records } from "./records.js";
import type { Shared } from "./shared.js";
import { drawSkeleton, type ById } from "./skeleton.js";
import style from "./style.css";

/** The parameters of the page's address with which a guest comes back from the payment. */
const DONE = "holdfast-done";
const BACK = "holdfast-back";

const scriptOrigin = (() => {
  const script = document.currentScript ?? document.querySelector("script[src$='/widget.js']");
  return script instanceof HTMLScriptElement && script.src ? new URL(script.src).origin : location.origin;
})();

// One for all widgets of a page.
const styles = new CSSStyleSheet();
styles.replaceSync(style);

export class HoldfastBooking extends HTMLElement {
  static readonly observedAttributes = ["event-type", "api", "lang", "view", "day"];
  /** The event type as `GET /v1/event-types` shows it, if the page has it already. It may be set before the script has come. */
  declare offer: Offer | undefined;
  private parts: { picker: Picker; form: CheckoutForm; panel: HoldPanel; shared: Shared } | undefined;
  private isScheduled = false;
  // Counts the openings. An opening ends if another has started since.
  private openings = 0;
  private stopAnswering = () => {};

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [styles];
  }

  connectedCallback(): void {
    this.stopAnswering = answerTabs(() => this.eventType);
    document.addEventListener("visibilitychange", this.onVisibility);
    addEventListener("pageshow", this.onPageShow);
    this.schedule();
  }

  disconnectedCallback(): void {
    this.stopAnswering();
    document.removeEventListener("visibilitychange", this.onVisibility);
    removeEventListener("pageshow", this.onPageShow);
    this.close();
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    // What is opened in a moment reads them all.
    if (before === now || !this.isConnected || this.isScheduled) return;
    if (this.parts && (name === "view" || name === "day")) {
      void this.parts.picker.show(this.getAttribute("view"), this.getAttribute("day"));
    } else if (name !== "view" && name !== "day") this.schedule();
  }

  private get eventType(): string { return this.getAttribute("event-type") ?? ""; }

  /** Opens the widget after all attributes of this moment are set. */
  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.isScheduled = false;
      if (this.isConnected && this.eventType) void this.open();
      else this.close();
    });
  }

  private close(): void {
    this.openings += 1;
    this.parts?.picker.close();
    this.parts?.panel.hide();
    this.parts = undefined;
    this.shadowRoot?.replaceChildren();
  }

  private build(root: ShadowRoot): NonNullable<HoldfastBooking["parts"]> {
    const language = chooseLanguage(this.getAttribute("lang") ?? "");
    const skeleton = drawSkeleton(language.texts);
    for (const element of skeleton) element.lang = language.code;
    root.replaceChildren(...skeleton);
    const byId = ((id: string) => root.getElementById(id)) as ById;
    const shared: Shared = {
      host: this, byId, language, format: new Format(language.locale),
      api: new Api((this.getAttribute("api") ?? scriptOrigin).replace(/\/$/, "")),
      eventType: () => this.eventType,
      tell: (name, detail) => this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true })),
    };
    const picker = new Picker(shared, () => form.drawChoice());
    const panel = new HoldPanel(shared, { onChange: () => this.arrange(), onOther: () => void this.chooseOther() });
    const form = new CheckoutForm(shared, picker, {
      options: () => this.options,
      onPlaced: (placed, own) => panel.showPlaced(placed, own),
      onOwnHold: ({ id }) => panel.follow(id, false),
    });
    const booking = byId("booking");
    picker.listen(booking);
    form.listen(booking);
    panel.listen();
    return { picker, form, panel, shared };
  }

  private async open(): Promise<void> {
    const { shadowRoot } = this;
    if (!shadowRoot) return;
    this.close();
    const opening = this.openings;
    const parts = this.build(shadowRoot);
    const { picker, form, panel, shared } = parts;
    this.parts = parts;
    picker.begin({ view: this.getAttribute("view"), day: this.getAttribute("day") });
    form.fill({ name: this.getAttribute("guest-name") ?? "", email: this.getAttribute("guest-email") ?? "" });
    form.drawChoice();
    this.followEarlier(panel);
    for (let failures = 1; ; failures += 1) {
      const result = await this.findOffer(shared.api);
      if (opening !== this.openings) return;
      if (result.answer) return picker.open(result.answer);
      shared.byId("slots").dataset.state = "unavailable";
      setText(shared.byId("notice"), explain(result, shared.language.texts, shared.format));
      if (!isPassing(result)) return picker.close();
      await sleep(retryPause(failures, result.retryAfter));
      await untilVisible();
      if (opening !== this.openings) return;
      picker.begin({ view: this.getAttribute("view"), day: this.getAttribute("day") });
    }
  }

  private async findOffer(api: Api): Promise<Result<Offer>> {
    return this.offer?.id === this.eventType ? { answer: this.offer, retryAfter: 0 } : api.offer(this.eventType);
  }

  /** Shows the hold with which the guest comes back, or the one that this tab has not paid yet. */
  private followEarlier(panel: HoldPanel): void {
    const parameters = new URLSearchParams(location.search);
    const [done, back] = [parameters.get(DONE), parameters.get(BACK)];
    const unpaid = records.unpaid();
    if (done) panel.follow(done, true);
    else if (back) panel.follow(back, false);
    else if (unpaid?.eventType === this.eventType) panel.follow(unpaid.id, false);
  }

  /** Shows the calendar, unless the guest is busy with a hold alone. */
  private arrange(): void {
    const { panel, shared } = this.parts ?? {};
    if (panel && shared) shared.byId("booking").hidden = panel.isAlone;
  }

  private async chooseOther(): Promise<void> {
    const { panel, picker, form, shared } = this.parts ?? {};
    if (!panel || !picker || !form || !shared) return;
    const address = new URL(location.href);
    address.searchParams.delete(DONE);
    address.searchParams.delete(BACK);
    history.replaceState(history.state, "", address);
    panel.hide();
    form.reset();
    picker.chosen = undefined;
    await picker.load();
    shared.byId("range").setAttribute("tabindex", "-1");
    shared.byId("range").focus();
  }

  private get options(): CheckoutOptions {
    return {
      isEmbedded: this.getAttribute("ui") === "embedded",
      successUrl: this.returnAddress("success-url", DONE),
      cancelUrl: this.returnAddress("cancel-url", BACK),
    };
  }

  /** The address to which Stripe sends the guest: what the attribute says, else this page. */
  private returnAddress(attribute: string, parameter: string): string {
    const given = this.getAttribute(attribute);
    const address = new URL(given ?? location.href, location.href);
    if (given === null) {
      address.searchParams.delete(DONE);
      address.searchParams.delete(BACK);
      address.searchParams.set(parameter, "{HOLD_ID}");
    }
    return address.href.replaceAll("%7BHOLD_ID%7D", "{HOLD_ID}");
  }

  private readonly onVisibility = (): void => {
    const { picker } = this.parts ?? {};
    picker?.live.onVisibility();
    // The slots may have changed while the page was hidden.
    if (!document.hidden) void picker?.load({ isQuiet: true });
  };

  /** The guest came back from the payment page to a page that the browser had kept. */
  private readonly onPageShow = ({ persisted }: PageTransitionEvent): void => {
    const { form, panel, picker } = this.parts ?? {};
    if (!persisted || !form || !panel || !picker) return;
    form.reset();
    this.followEarlier(panel);
    void picker.load();
  };
}
