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

// A part of a page with data-live is read again when the stream at that address says that something changed, and once a
// minute. What the operator is working in is left alone.
const LIVE = "[data-live]";
const live = document.querySelector(LIVE);
if (live) {
  let stream = null;
  let timer = 0;

  const leave = () => {
    stream?.close();
    location.reload();
  };

  const refresh = async () => {
    timer = 0;
    const here = document.querySelector(LIVE);
    if (document.hidden || here.contains(document.activeElement)) {
      plan(3000);
      return;
    }
    // The header says that nobody did this, so that an open page does not keep its session alive.
    const answer = await fetch(location.href, { headers: { "x-console-automatic": "yes" } }).catch(() => null);
    if (!answer) {
      return;
    }
    if (answer.redirected) {
      leave();
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = page.querySelector(LIVE);
    if (answer.ok && part) {
      here.replaceWith(part);
    }
  };

  const plan = (pause) => {
    timer ||= setTimeout(refresh, pause);
  };

  // A page in the background has no stream: a browser opens few connections to one server.
  const listen = () => {
    stream?.close();
    stream = null;
    if (document.hidden) {
      return;
    }
    stream = new EventSource(document.querySelector(LIVE).dataset.live);
    stream.addEventListener("changed", () => plan(200));
    // The server refuses a stream to a session that has ended: the page then leads to the sign-in.
    stream.addEventListener("error", () => {
      if (stream?.readyState === EventSource.CLOSED) {
        plan(1000);
      }
    });
  };

  document.addEventListener("visibilitychange", listen);
  setInterval(() => plan(0), 60000);
  listen();
}
