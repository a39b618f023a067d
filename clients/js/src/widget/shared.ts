// What all parts of a widget use.
import type { Language } from "../languages/index.js";
import type { Api } from "./api.js";
import type { Format } from "./format.js";
import type { ById } from "./skeleton.js";

export interface Shared {
  /** The element on the shop's page. */
  host: HTMLElement;
  byId: ById;
  api: Api;
  language: Language;
  format: Format;
  eventType: () => string;
  /** Tells the shop's page what happened. */
  tell: (name: string, detail: object) => void;
}
