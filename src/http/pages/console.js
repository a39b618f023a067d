// What the script adds to the console; every page works without it.
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
// minute. What the operator is filling in is left alone, and the page then says so.
const LIVE = "[data-live]";
const live = document.querySelector(LIVE);
if (live) {
  // The least time between two readings, in milliseconds: in a busy shop something changes all the time.
  const READING_PAUSE = 5000;
  const LONGEST_RECONNECT_PAUSE = 60000;
  let stream = null;
  let timer = 0;
  let readAt = Date.now();
  let reconnectTimer = 0;
  let reconnectPause = 1000;

  const leave = () => {
    stream?.close();
    location.reload();
  };

  const isFillingIn = (part) => {
    const field = document.activeElement;
    return part.contains(field) && field.matches("input, select, textarea");
  };

  // The words are in the page, in its language.
  const showPause = (part) => {
    const note = part.parentNode.querySelector("[data-paused]");
    if (note?.hidden) {
      note.querySelector("time").textContent = new Date(readAt).toLocaleTimeString(document.documentElement.lang);
      note.hidden = false;
    }
  };

  const replace = (here, part) => {
    const id = here.contains(document.activeElement) ? document.activeElement.id : "";
    const note = here.parentNode.querySelector("[data-paused]");
    if (note) {
      note.hidden = true;
    }
    here.replaceWith(part);
    if (id) {
      document.getElementById(id)?.focus({ preventScroll: true });
    }
  };

  const refresh = async () => {
    timer = 0;
    const here = document.querySelector(LIVE);
    // A page in the background reads again when it is seen.
    if (document.hidden) {
      return;
    }
    if (isFillingIn(here)) {
      showPause(here);
      plan(READING_PAUSE);
      return;
    }
    readAt = Date.now();
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
    if (answer.ok && part && !isFillingIn(here)) {
      replace(here, part);
    }
  };

  const plan = (pause = 200) => {
    timer ||= setTimeout(refresh, Math.max(pause, readAt + READING_PAUSE - Date.now()));
  };

  // A page in the background has no stream: a browser opens few connections to one server.
  const listen = () => {
    clearTimeout(reconnectTimer);
    stream?.close();
    stream = null;
    if (document.hidden) {
      return;
    }
    stream = new EventSource(document.querySelector(LIVE).dataset.live);
    stream.addEventListener("changed", () => plan());
    stream.addEventListener("open", () => {
      reconnectPause = 1000;
    });
    // After an error status a browser does not open the stream again. The reading that is planned too leads to the sign-in if
    // the session has ended.
    stream.addEventListener("error", () => {
      if (stream?.readyState === EventSource.CLOSED) {
        plan();
        clearTimeout(reconnectTimer);
        reconnectTimer = setTimeout(listen, reconnectPause);
        reconnectPause = Math.min(reconnectPause * 2, LONGEST_RECONNECT_PAUSE);
      }
    });
  };

  document.addEventListener("visibilitychange", () => {
    listen();
    plan();
  });
  setInterval(plan, 60000);
  listen();
}
