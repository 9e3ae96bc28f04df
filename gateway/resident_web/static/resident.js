// What makes the forms easier where scripts run; without it every page works as it stands.
import { add, clear, drain, finished, forget } from "./queue.js";

const $ = (id) => document.getElementById(id);
const root = document.documentElement;

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/worker.js").catch(() => {});
}

// Digits: one key fills a cell and goes on, backspace goes back; a cell is marked as open until filled.
const cells = [...document.querySelectorAll(".cell")];
cells.forEach((cell, at) => {
  cell.addEventListener("focus", () => cell.select());
  cell.addEventListener("input", () => {
    cell.value = cell.value.replace(/\D/g, "").slice(-1);
    cell.classList.toggle("open", !cell.value);
    if (cell.value && cells[at + 1]) cells[at + 1].focus();
  });
  cell.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: -1, ArrowRight: 1 }[event.key] || (event.key === "Backspace" && !cell.value ? -1 : 0);
    if (to && cells[at + to]) { event.preventDefault(); cells[at + to].focus(); }
  });
});

const online = () => { if ($("offline")) $("offline").hidden = navigator.onLine; send(); };

// Photos: kept first, then sent; what stays behind a broken line goes when it is back.
const form = $("photo-form");
let mine = null;
let sending = false;
let again = 0;

const said = (text, part) => {
  if (!$("progress")) return;
  $("progress").hidden = false;
  if ($("progress-text").textContent !== text) $("progress-text").textContent = text;
  $("progress-bar").hidden = part === null;
  if (part !== null) $("progress-bar").value = part;
};

const LEAVING = 1000; // Nobody is kept here by a phone that keeps things badly.
const AGAIN = 15000; // Where others are served first.

const told = {
  part(photo, done) {
    if (photo.id !== mine) return;
    // Every tenth is told: a screen reader would otherwise talk without end.
    const part = Math.round(done * 100);
    said(done < 1 ? form.dataset.part.replace("{}", Math.floor(part / 10) * 10) : form.dataset.reading, part);
  },
  // Without a line for one there is none for the others behind it.
  away() { if (mine !== null) said(form.dataset.kept, null); },
  page(photo) { if (photo.id === mine) location.assign(photo.page); },
  // Whether somebody is told at once.
  refused(photo, error) {
    if (error.status === 503) setTimeout(send, AGAIN);
    if (photo.id === mine) said(`${error.error}. ${error.do}`, null);
    return photo.id === mine;
  },
  old: $("kept").dataset.old,
};

async function send() {
  if (sending) { again = 1; return; }
  sending = true;
  do { again = 0; kept(await drain(told).catch(() => [])); } while (again);
  sending = false;
}

function kept(photos) {
  const box = $("kept");
  const waiting = photos.filter((one) => !one.page && !one.refused && one.id !== mine).length;
  const ready = photos.filter((one) => one.page && one.id !== mine);
  const refused = photos.filter((one) => one.refused);
  box.hidden = !waiting && !ready.length && !refused.length;
  box.replaceChildren();
  if (waiting) {
    const line = document.createElement("p");
    line.textContent = box.dataset.many.replace("{}", waiting);
    box.append(line);
  }
  for (const one of ready) {
    const link = document.createElement("a");
    link.href = one.page;
    link.textContent = box.dataset.open.replace("{}", one.name);
    box.append(link);
  }
  for (const one of refused) {
    const line = document.createElement("p");
    const link = document.createElement("a");
    line.textContent = one.refused;
    link.href = `/meter/${one.register}`;
    link.textContent = box.dataset.retake.replace("{}", one.name);
    box.append(line, link);
    // Here it is taken again: that was read.
    if (form && form.dataset.register === one.register) forget(one.id).catch(() => {});
  }
}

async function take(blob, frame) {
  said(form.dataset.sending, 0);
  try {
    mine = await add({ register: form.dataset.register, name: `${form.dataset.name}, ${$("serial").textContent}`, frame, at: Date.now() }, blob);
  } catch {
    // A phone that keeps nothing sends it in one piece, as without a script.
    const chosen = new DataTransfer();
    chosen.items.add(new File([blob], "photo", { type: blob.type }));
    $("photo").files = chosen.files;
    $("photo-frame").value = frame;
    form.submit();
    return;
  }
  if ($("others")) $("others").classList.add("soon");
  send();
}

// The next meter without another page from the house: in a cellar there is no line for one, and
// nobody has to wait until a photo is gone.
function turn(link) {
  const about = link.dataset;
  Object.assign(form.dataset, { register: about.register, name: about.name });
  form.action = `${link.getAttribute("href")}/photo`;
  $("type-in").href = `${link.getAttribute("href")}/check`;
  document.querySelector("h1").textContent = about.name;
  $("serial").textContent = about.serial;
  $("last").textContent = about.last;
  document.title = about.name;
  $("progress").hidden = true;
  $("photo").value = "";
  link.parentElement.remove();
  if (!document.querySelector("#others li")) $("others").remove();
  mine = null;
  $("main").focus();
  scrollTo(0, 0);
  send();
}

if (form && window.crypto && crypto.subtle && window.indexedDB) {
  root.classList.add("scripted");
  $("photo").addEventListener("change", async () => {
    const file = $("photo").files[0];
    if (file) await take(file, "");
  });
  document.querySelectorAll("#others a").forEach((link) => link.addEventListener("click", (event) => {
    if (mine === null && navigator.onLine) return;
    event.preventDefault();
    turn(link);
  }));
}

// The house has it cleared too; old browsers do not know that word.
const leave = document.querySelector('form[action="/leave"]');
if (leave && window.indexedDB) {
  leave.addEventListener("submit", async (event) => {
    event.preventDefault();
    await Promise.race([clear().catch(() => {}), new Promise((done) => setTimeout(done, LEAVING))]);
    leave.submit();
  });
}

const photo = new URLSearchParams(location.search).get("photo");
(photo ? finished(Number(photo)).catch(() => {}) : Promise.resolve()).then(online);
addEventListener("online", online);
addEventListener("offline", online);

if (form && navigator.mediaDevices && navigator.mediaDevices.getUserMedia && root.classList.contains("scripted")) {
  import("./camera.js").then((camera) => camera.offer(take)).catch(() => {});
}

if ($("corners")) import("./corners.js").then((corners) => corners.offer($("corners"))).catch(() => {});
