// The languages of the widget, and which of them a guest reads. A new language is a file and a line in `languages`.
import { de } from "./de.js";
import { en, type Texts } from "./en.js";

export type { Texts };

/** The languages by their codes. `locale` formats times and money for a guest who has not said which kind they use. */
const languages: Record<string, { texts: Texts; locale: string }> = {
  en: { texts: en, locale: "en-GB" },
  de: { texts: de, locale: "de-DE" },
};

const codeOf = (tag: string) => tag.toLowerCase().split("-")[0] ?? "";

/** What a guest reads: the texts, and the tag by which times and money are formatted. */
export interface Language {
  code: string;
  locale: string;
  texts: Texts;
}

/** Chooses a language: the wanted one, else the first of the browser's languages that there is, else English. */
export function chooseLanguage(wanted: string, preferred: readonly string[] = navigator.languages): Language {
  const code = [wanted, ...preferred].map(codeOf).find((each) => languages[each]) ?? "en";
  const { texts, locale } = languages[code] ?? { texts: en, locale: "en-GB" };
  // The guest's own kind of the language, such as Austrian German.
  const own = [wanted, ...preferred].find((tag) => tag.includes("-") && codeOf(tag) === code);
  return { code, texts, locale: own ?? locale };
}
