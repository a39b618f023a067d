// Calls back with what has too little space in the page, once the window is as wide as it shall be: text that leaves what is
// drawn around it, buttons that lie on each other, and the page itself if it is wider than the window.
const [width, done] = arguments;
// Lines of text are a little higher than the place that a small line height gives them.
const TOLERANCE = { x: 1, y: 4 };

const listElements = (root) => [...root.querySelectorAll("*")].flatMap((element) =>
  [element, ...(element.shadowRoot ? listElements(element.shadowRoot) : [])]);
const parentOf = (element) => element.parentElement ?? element.getRootNode().host;
const listWithParents = (element) => element ? [element, ...listWithParents(parentOf(element))] : [];
const describe = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 120);

const isShown = (element) => element.checkVisibility({ visibilityProperty: true });
const isScrolled = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
const isDrawn = (element) => {
  const style = getComputedStyle(element);
  return style.backgroundColor !== "rgba(0, 0, 0, 0)" ||
    ["Top", "Right", "Bottom", "Left"].some((side) => parseFloat(style[`border${side}Width`]) > 0);
};

function leaves(text, box) {
  const range = document.createRange();
  range.selectNodeContents(text);
  // What is drawn around several lines of text has a rectangle for each.
  const places = [...box.getClientRects()];
  return [...range.getClientRects()].some((line) => line.width > 0 && !places.some((place) =>
    line.left >= place.left - TOLERANCE.x && line.right <= place.right + TOLERANCE.x &&
    line.top >= place.top - TOLERANCE.y && line.bottom <= place.bottom + TOLERANCE.y));
}

function findTexts(elements) {
  const withText = elements.filter((element) => isShown(element) &&
    [...element.childNodes].some((node) => node instanceof Text && node.data.trim()));
  return withText.flatMap((element) => {
    const around = listWithParents(element);
    const box = around.find((each) => isDrawn(each) || isScrolled(each));
    // Only screen readers read what is clipped, and a reader scrolls to what is beyond the edge of a region that scrolls.
    if (!box || isScrolled(box) || around.some((each) => getComputedStyle(each).clipPath !== "none")) return [];
    return [...element.childNodes].filter((node) => node instanceof Text && node.data.trim() && leaves(node, box))
      .map((node) => `"${node.data.trim()}" leaves ${describe(box)}`);
  });
}

function findButtons(elements) {
  const buttons = elements.filter((element) => element.matches("button, .button, label:has(input[type=radio])") &&
    isShown(element) && !listWithParents(element).some((each) => getComputedStyle(each).position === "sticky"));
  const placed = buttons.map((button) => [button, button.getBoundingClientRect()]);
  return placed.flatMap(([one, a], number) => placed.slice(number + 1)
    .filter(([other, b]) => !one.contains(other) &&
      Math.min(a.right, b.right) - Math.max(a.left, b.left) > TOLERANCE.x &&
      Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > TOLERANCE.x)
    .map(([other]) => `${describe(one)} lies on ${describe(other)}`));
}

function findWide(elements) {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const wide = elements.filter((element) => element.getBoundingClientRect().right > clientWidth + TOLERANCE.x &&
    !listWithParents(element).some(isScrolled));
  return [`the page is ${scrollWidth} pixels wide`, ...wide.map((element) => `too wide: ${describe(element)}`)];
}

function findFields(elements) {
  // A long name may be longer than its field, but not what a field is made for.
  const made = "input:is([type=number], [type=date], [type=time], .time, .date)";
  return elements.filter((element) => element.matches(made) && element.scrollWidth > element.clientWidth + TOLERANCE.x)
    .map((element) => `"${element.value}" is longer than ${describe(element)}`);
}

function look() {
  if (innerWidth !== width) return requestAnimationFrame(look);
  const elements = listElements(document.body);
  const found = [findWide, findTexts, findFields, findButtons].flatMap((find) => find(elements));
  // The first ones are enough to read.
  return done(found.slice(0, 12));
}
look();
