// The simulator's Stripe.js: the part that embedded Checkout needs, with Stripe's own names (docs.stripe.com/js/embedded_checkout).
// It shows the simulator's payment page in a frame of the shop's page, and leads the guest on after the payment.
(() => {
  "use strict";
  const { origin } = new URL(document.currentScript.src);

  class IntegrationError extends Error {
    name = "IntegrationError";
  }

  // As at Stripe, a page has one embedded Checkout at a time.
  let isInUse = false;

  async function createEmbeddedCheckoutPage({ clientSecret, fetchClientSecret } = {}) {
    if (isInUse) throw new IntegrationError("There is an embedded Checkout already. Call its destroy() first.");
    isInUse = true;
    try {
      const secret = fetchClientSecret ? await fetchClientSecret() : clientSecret;
      if (!/^cs_[0-9A-Za-z_]+_secret_[0-9A-Za-z]+$/.test(secret)) {
        throw new IntegrationError("The client secret of a Checkout Session is needed.");
      }
      return makeCheckout(`${origin}/c/embedded/${secret}`);
    } catch (error) {
      isInUse = false;
      throw error;
    }
  }

  function makeCheckout(url) {
    let frame = null;
    let isDestroyed = false;

    function goOn({ source, data, origin: sender }) {
      const isFromFrame = frame !== null && source === frame.contentWindow && sender === origin;
      if (isFromFrame && data?.type === "simulator:complete") location.assign(data.url);
    }

    function mount(target) {
      if (isDestroyed) throw new IntegrationError("This Checkout is destroyed. Create another one.");
      if (frame !== null) throw new IntegrationError("This Checkout is mounted already.");
      const parent = typeof target === "string" ? document.querySelector(target) : target;
      if (!(parent instanceof Element)) throw new IntegrationError("mount() needs an element, or a selector that finds one.");
      frame = document.createElement("iframe");
      frame.src = url;
      frame.title = "Payment (simulated)";
      Object.assign(frame.style, { display: "block", width: "100%", height: "36rem", border: "0" });
      window.addEventListener("message", goOn);
      parent.replaceChildren(frame);
    }

    function unmount() {
      window.removeEventListener("message", goOn);
      frame?.remove();
      frame = null;
    }

    function destroy() {
      unmount();
      if (!isDestroyed) isInUse = false;
      isDestroyed = true;
    }

    return { mount, unmount, destroy };
  }

  window.Stripe = (publishableKey) => {
    if (!String(publishableKey).startsWith("pk_test_")) throw new IntegrationError("A publishable test key is needed, pk_test_….");
    return {
      createEmbeddedCheckoutPage,
      initEmbeddedCheckout() {
        throw new IntegrationError("initEmbeddedCheckout() has been removed. Use createEmbeddedCheckoutPage().");
      },
    };
  };
})();
