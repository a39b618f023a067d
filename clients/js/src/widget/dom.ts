// Creates elements. Texts are set as text, never as HTML.

type Child = Node | string;

/** Creates an element with these attributes and children. An attribute that is `false` is left out. */
export function create<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, string | number | boolean> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** Sets a text only if it is another one: a screen reader may read a region aloud on every change. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
