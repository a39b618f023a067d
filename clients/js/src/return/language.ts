// The texts of the page, in the language that the server chose. They are in the page, as JSON.
import { Format } from "../widget/format.js";
import type english from "./languages/en.json";

export const texts = JSON.parse(document.getElementById("texts")?.textContent ?? "") as typeof english;

const { lang } = document.documentElement;
// The visitor's own kind of the page's language, such as Austrian German on a German page.
export const format = new Format(navigator.languages.find((tag) => tag.split("-")[0] === lang) ?? (lang === "en" ? "en-GB" : lang));

/** Puts values into a text: `{name}` becomes the value of that name. */
export const fill = (text: string, values: Record<string, string>) =>
  text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
