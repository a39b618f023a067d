// The comfort of the console; every page works without it.
"use strict";

// A form that is on its way is not sent twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button[type=submit]")) {
    button.setAttribute("aria-disabled", "true");
  }
});

// A page that comes back from the history can be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button[type=submit]")) {
      button.removeAttribute("aria-disabled");
    }
  }
});

// A part of a page with data-live is read again when the stream at that address says that something changed. What the
// operator is working in is left alone.
const live = document.querySelector("[data-live]");
if (live) {
  const stream = new EventSource(live.dataset.live);
  let timer = 0;
  const refresh = async () => {
    timer = 0;
    const here = document.querySelector("[data-live]");
    if (here.contains(document.activeElement)) {
      timer = setTimeout(refresh, 3000);
      return;
    }
    const response = await fetch(location.href, { headers: { accept: "text/html" } });
    if (response.redirected || !response.ok) {
      stream.close();
      location.reload();
      return;
    }
    const text = await response.text();
    const page = new DOMParser().parseFromString(text, "text/html");
    const part = page.querySelector("[data-live]");
    if (part) {
      here.replaceWith(part);
    }
  };
  stream.addEventListener("changed", () => {
    if (!timer) {
      timer = setTimeout(refresh, 200);
    }
  });
  // The server ends the stream of a session that has ended, and refuses the next one: the page then leads to the sign-in.
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) {
      location.reload();
    }
  });
}
