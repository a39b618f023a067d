// Stripe's payment form on the page. Stripe.js comes from Stripe alone, and only when a guest pays on the page.

interface Checkout { mount(element: HTMLElement): void; destroy(): void }
interface Stripe { createEmbeddedCheckoutPage(options: { clientSecret: string }): Promise<Checkout> }
type MakeStripe = (publishableKey: string) => Stripe;

const loads = new Map<string, Promise<void>>();

function loadScript(address: string): Promise<void> {
  const known = loads.get(address);
  if (known) return known;
  const load = new Promise<void>((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve();
    script.onerror = () => {
      loads.delete(address);
      script.remove();
      reject(new Error("the script of the payment form did not load"));
    };
    document.head.append(script);
  });
  loads.set(address, load);
  return load;
}

/** How long to wait before a form that has failed is tried again, in milliseconds. */
const RETRY_PAUSE = 10_000;

export class PaymentForm {
  private checkout: Checkout | undefined;
  private session = "";
  private failedAt = -Infinity;

  /** Whether the last try to show a form has failed. */
  get hasFailed(): boolean { return this.failedAt > -Infinity; }

  /** Shows the form of a session in this element, which is outside of any shadow tree: Stripe's forms need that. */
  async show(into: HTMLElement, secret: string, publishableKey: string, script: string): Promise<void> {
    // It is called again and again. A script that is blocked is not loaded each time.
    if (this.session === secret || performance.now() < this.failedAt + RETRY_PAUSE) return;
    this.remove();
    this.session = secret;
    try {
      await loadScript(script);
      const make = (globalThis as { Stripe?: MakeStripe }).Stripe;
      if (!make) throw new Error("the script of the payment form has no Stripe");
      const checkout = await make(publishableKey).createEmbeddedCheckoutPage({ clientSecret: secret });
      if (this.session !== secret) return checkout.destroy();
      this.checkout = checkout;
      checkout.mount(into);
    } catch {
      if (this.session !== secret) return;
      this.session = "";
      this.failedAt = performance.now();
    }
  }

  /** Removes the form, so that nobody pays for what is over. */
  remove(): void {
    this.session = "";
    this.failedAt = -Infinity;
    this.checkout?.destroy();
    this.checkout = undefined;
  }
}
