// The entry of the script that a page loads: defines `<holdfast-booking>`, once.
import { HoldfastBooking } from "./element.js";

if (!customElements.get("holdfast-booking")) customElements.define("holdfast-booking", HoldfastBooking);
