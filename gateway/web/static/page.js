// Keeps the page fresh: each [data-fragment] is asked for again every few seconds, each chart is
// loaded beside the old one and then takes its place. Without this file the page still works.
"use strict";

const EVERY_MS = 4000;
const CHARTS_EVERY = 5; // rounds; consumption changes slowly

let round = 0;

async function refresh(part) {
  const response = await fetch(part.dataset.fragment, { credentials: "same-origin" });
  if (!response.ok) throw new Error(String(response.status));
  const html = await response.text();
  if (html !== part.dataset.shown) {
    part.innerHTML = html;
    part.dataset.shown = html;
  }
}

function redraw(image) {
  const fresh = new Image();
  const url = new URL(image.src);
  url.searchParams.set("round", String(round));
  fresh.onload = () => { image.src = fresh.src; };
  fresh.src = url.href;
}

async function tick() {
  const offline = document.getElementById("offline");
  try {
    if (!document.hidden) {
      round += 1;
      await Promise.all([...document.querySelectorAll("[data-fragment]")].map(refresh));
      if (round % CHARTS_EVERY === 0) document.querySelectorAll("img.chart").forEach(redraw);
    }
    offline.hidden = true;
  } catch {
    offline.hidden = false;
  }
  setTimeout(tick, EVERY_MS);
}

setTimeout(tick, EVERY_MS);

// On a phone the navigation is wider than the screen: show where one is.
document.querySelector(".places .here")?.scrollIntoView({ block: "nearest", inline: "center" });
