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
      reject(new Error("the script of the payment form did not load"));
    };
    document.head.append(script);
  });
  loads.set(address, load);
  return load;
}

export class PaymentForm {
  private checkout: Checkout | undefined;
  private session = "";

  /** Shows the form of a session in this element, which is outside of any shadow tree: Stripe's forms need that. */
  async show(into: HTMLElement, secret: string, publishableKey: string, script: string): Promise<void> {
    if (this.session === secret) return;
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
    } catch (error) {
      if (this.session === secret) this.session = "";
      throw error;
    }
  }

  /** Removes the form, so that nobody pays for what is over. */
  remove(): void {
    this.session = "";
    this.checkout?.destroy();
    this.checkout = undefined;
  }
}
