// What a program imports from the package. The widget is `@holdfast/checkout/widget`.
export type { components, operations, paths } from "./api.js";
export * from "./client.js";
