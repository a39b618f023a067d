// The texts of the page's language. The server writes the language into the page; each language has one file.
export const language = document.documentElement.lang;

export const { default: texts } = await import(`./languages/${language}.js`);

/** Puts values into a text: `{name}` becomes the value of that name. */
export const fill = (text, values) => text.replaceAll(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
