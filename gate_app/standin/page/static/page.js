// Keeps the page as it is now without loading it again.
//
// Rules of this file: the server draws, this changes what differs; nothing that somebody typed, opened or
// focused is touched; without this file everything still works, by loading pages.

const LOOK_MS = 500, HIDDEN_LOOK_MS = 1000, PATIENCE_MS = 10000, TOLD_AT_ONCE = 4;
const page = document.getElementById("page"), news = document.getElementById("news");
const still = matchMedia("(prefers-reduced-motion: reduce)");
let tag = "", turn = 0, timer = 0, drift = 0;

// --- looking ------------------------------------------------------------------------------------------

async function look() {
  const mine = ++turn;
  clearTimeout(timer);
  try {
    const answer = await fetch(here(), {
      cache: "no-store", headers: tag ? {"If-None-Match": tag} : {}, signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (mine !== turn) return;
    if (answer.status === 200) draw(await answer.text(), answer.headers.get("ETag"), mine);
    reachable(answer.ok || answer.status === 304);
  } catch {
    if (mine === turn) reachable(false);
  }
  if (mine === turn) timer = setTimeout(look, document.hidden ? HIDDEN_LOOK_MS : LOOK_MS);
}

function here() {
  return location.pathname + location.search;
}

function reachable(yes) {
  const banner = document.getElementById("connection");
  if (banner && banner.hidden !== yes) banner.hidden = yes;
}

// --- drawing ------------------------------------------------------------------------------------------

function draw(text, newTag, mine) {
  if (mine !== turn) return;
  const wanted = new DOMParser().parseFromString(text, "text/html");
  const before = told(), focus = document.activeElement, place = focus?.closest("[data-key], section");
  document.title = wanted.title;
  morph(page, wanted.getElementById("page"));
  if (newTag) tag = newTag;
  if (!focus?.isConnected && place?.isConnected) refocus(place);
  keepTime();
  tell(before);
}

// What had the focus is gone (a button that was pressed): stay where it was.
function refocus(place) {
  const target = place.querySelector("summary, a, button") ?? place;
  target.focus({preventScroll: true});
}

function morph(from, to) {
  if (from.isEqualNode(to)) return;
  const again = from.dataset?.state !== to.dataset?.state;
  for (const {name} of [...from.attributes]) {
    if (!to.hasAttribute(name) && !isTheirs(from, name, again)) from.removeAttribute(name);
  }
  for (const {name, value} of to.attributes) {
    if (from.getAttribute(name) !== value && !isTheirs(from, name, again)) from.setAttribute(name, value);
  }
  if (from.nodeName !== "TEXTAREA") morphChildren(from, to);
}

// Whether a person decides about an attribute: what is unfolded, until the state of it is another one.
function isTheirs(element, name, again) {
  return (name === "open" && element.nodeName === "DETAILS" && !again) || (name === "hidden" && element.id === "connection");
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.id : "";
}

function morphChildren(from, to) {
  const keys = new Set([...to.children].map(keyOf));
  for (const child of [...from.children]) if (keyOf(child) && !keys.has(keyOf(child))) child.remove();
  const known = new Map([...from.children].filter(keyOf).map((child) => [keyOf(child), child]));
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const found = keyOf(wanted) ? known.get(keyOf(wanted)) : at && isAlike(at, wanted) ? at : null;
    if (!found) from.insertBefore(document.adoptNode(wanted), at);
    else if (found === at) at = at.nextSibling;
    else from.insertBefore(found, at);
    if (found && found.nodeType === Node.ELEMENT_NODE) morph(found, wanted);
    else if (found && found.nodeValue !== wanted.nodeValue) found.nodeValue = wanted.nodeValue;
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function isAlike(one, other) {
  return one.nodeName === other.nodeName && !keyOf(one);
}

// --- telling ------------------------------------------------------------------------------------------

function told() {
  return new Map([...page.querySelectorAll("[data-news]")].map((element) => [element.dataset.key, element.dataset.news]));
}

function tell(before) {
  const fresh = [...page.querySelectorAll("[data-news]")].filter(
    (element) => element.dataset.news && before.get(element.dataset.key) !== element.dataset.news,
  );
  if (!fresh.length) return;
  const more = fresh.length - TOLD_AT_ONCE;
  say([...fresh.slice(-TOLD_AT_ONCE).map((element) => element.dataset.news), ...(more > 0 ? [`and ${more} more`] : [])].join(". "));
  if (!still.matches) for (const element of fresh) (element.querySelector(":scope > .box") ?? element).animate([{backgroundColor: "var(--fresh)"}, {}], 1500);
}

function say(text) {
  news.textContent = text;
}

// --- time ---------------------------------------------------------------------------------------------

function keepTime() {
  if (page.dataset.now) drift = Date.parse(page.dataset.now) - Date.now();
  for (const time of page.querySelectorAll("time")) {
    const words = ago(Date.parse(time.dateTime), Date.now() + drift);
    if (time.textContent !== words) time.textContent = words;
  }
}

function ago(at, now) {
  const seconds = Math.floor((now - at) / 1000);
  if (seconds >= 30 * 86400) return `on ${new Date(at).toISOString().slice(0, 10)}`;
  for (const [size, unit] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    const count = Math.floor(seconds / size);
    if (count > 0) return `${count} ${unit}${count > 1 ? "s" : ""} ago`;
  }
  return "just now";
}

// --- acting -------------------------------------------------------------------------------------------

async function send(form, button) {
  if (form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  const mine = ++turn, given = new URLSearchParams(new FormData(form, button));
  given.set("as", document.getElementById("as").value); // the page may not have caught up with a change of it
  clearTimeout(timer);
  try {
    const answer = await fetch(form.action, {method: "POST", body: given, signal: AbortSignal.timeout(PATIENCE_MS)});
    form.ariaBusy = null;
    if (answer.ok && "clears" in form.dataset) form.querySelector("textarea").value = "";
    draw(await answer.text(), answer.headers.get("ETag"), mine);
    if (answer.ok && form.dataset.sent) say(form.dataset.sent);
    reachable(true);
  } catch {
    form.ariaBusy = null;
    reachable(false);
  }
  timer = setTimeout(look, LOOK_MS / 2);
}

addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  event.preventDefault();
  send(event.target, event.submitter);
});

addEventListener("change", (event) => {
  if (!event.target.closest("[data-acting]")) return;
  const address = new URL(location.href);
  address.searchParams.set("as", event.target.value);
  history.replaceState(null, "", address);
  tag = "";
  look();
});

addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form && event.target.nodeName === "TEXTAREA") {
    event.target.form.requestSubmit();
  }
});

document.addEventListener("visibilitychange", () => document.hidden || look());
setInterval(keepTime, 15000);
keepTime();
timer = setTimeout(look, LOOK_MS);
