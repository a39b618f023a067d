// A typed client of the API: every path, parameter and answer is checked against the OpenAPI description.
import createClient, { type Client, type ClientOptions } from "openapi-fetch";
import type { components, paths } from "./api.js";

/** The types of the API by their names, such as `Schemas["Hold"]`. */
export type Schemas = components["schemas"];
export type EmbeddedPage = Schemas["EmbeddedPage"];
export type Hold = Schemas["Hold"];
export type NewHold = Schemas["NewHold"];
export type Offer = Schemas["PublicEventType"];
export type PlacedHold = Schemas["PlacedHold"];
export type Problem = Schemas["ProblemDetails"];
export type Slot = Schemas["Slot"];
export type HoldfastClient = Client<paths>;

/** Creates a client of the service at `baseUrl`. Options are those of openapi-fetch: `headers`, `fetch` and others. */
export function createHoldfastClient(options: ClientOptions & { baseUrl: string }): HoldfastClient {
  return createClient<paths>(options);
}
