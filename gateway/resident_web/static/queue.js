// Photos on their way: kept in the phone until the house has them, sent in pieces that can be repeated.
import { smaller } from "./smaller.js";

const MOST = 10; // As many as the house takes of one session.
const DAY = 86400000; // As long as an upload is kept there.

let opened = null;
const base = () => opened || (opened = new Promise((done, failed) => {
  const asked = indexedDB.open("plomba", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("photos", { keyPath: "id", autoIncrement: true });
  asked.onsuccess = () => done(asked.result);
  asked.onerror = () => failed(asked.error);
}));

async function store(act) {
  const work = (await base()).transaction("photos", "readwrite");
  const asked = act(work.objectStore("photos"));
  return new Promise((done, failed) => {
    work.oncomplete = () => done(asked.result);
    work.onabort = work.onerror = () => failed(work.error);
  });
}

const hex = (bytes) => [...new Uint8Array(bytes)].map((one) => one.toString(16).padStart(2, "0")).join("");

// Keep a photo; its number. Bytes, since some phones lose a Blob that is kept.
export async function add(about, blob) {
  const bytes = await smaller(blob);
  const sha256 = hex(await crypto.subtle.digest("SHA-256", bytes));
  // What the house has, or will not have, makes room first.
  const all = (await store((photos) => photos.getAll())).sort((one, other) => settled(other) - settled(one));
  for (const old of all.slice(0, Math.max(0, all.length - MOST + 1))) await forget(old.id);
  return store((photos) => photos.add({ ...about, bytes, sha256, upload: "", page: "", photo: 0, refused: "" }));
}

export const forget = (id) => store((photos) => photos.delete(id));
const keep = (photo) => store((photos) => photos.put(photo));
const settled = (photo) => Number(Boolean(photo.page || photo.refused));

// What is not sent any more stays until somebody has read why; whoever took it may be on another page.
async function refuse(photo, said) {
  photo.refused = said;
  photo.bytes = new ArrayBuffer(0);
  await keep(photo);
}

// Nothing of whoever leaves stays for the next one.
export const clear = () => store((photos) => photos.clear());

// A photo whose digits are being checked is kept no longer.
export async function finished(number) {
  for (const one of await store((photos) => photos.getAll())) if (one.photo === number) await forget(one.id);
}

class Refusal extends Error {}

async function ask(path, about) {
  const answer = await fetch(path, {
    ...about, headers: { accept: "application/json", ...about.headers }, credentials: "same-origin",
  });
  if (answer.ok || (answer.status === 409 && about.method === "PATCH")) return answer;
  const error = about.method === "HEAD" ? { kind: "no_upload" } : await answer.json();
  throw Object.assign(new Refusal(error.error), error, { status: answer.status });
}

const fields = (about) => ({ method: "POST", body: new URLSearchParams(about) });

// Send one photo from where it stands.
async function carry(photo, proof, told) {
  let at = 0;
  if (photo.upload) {
    try {
      at = Number((await ask(`/upload/${photo.upload}`, { method: "HEAD" })).headers.get("upload-offset"));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // The proof has just been had: what is not gone has no time for us now.
      if (error.status !== 404) throw new TypeError("later");
      photo.upload = "";
    }
  }
  if (!photo.upload) {
    const about = { proof, register: photo.register, size: photo.bytes.byteLength, sha256: photo.sha256 };
    if (photo.frame) about.frame = photo.frame;
    photo.upload = (await (await ask("/upload", fields(about))).json()).upload;
    await keep(photo);
  }
  for (let tries = 0; at < photo.bytes.byteLength; ) {
    told.part(photo, at / photo.bytes.byteLength * 0.99);
    const answer = await ask(`/upload/${photo.upload}`, {
      method: "PATCH", body: photo.bytes.slice(at, at + 65536),
      headers: { "upload-offset": String(at), "x-proof": proof, "content-type": "application/offset+octet-stream" },
    });
    if (answer.status === 409 && ++tries > 5) throw new TypeError("no way forward");
    at = Number(answer.headers.get("upload-offset"));
  }
  told.part(photo, 1);
  const done = await (await ask(`/upload/${photo.upload}/done`, fields({ proof }))).json();
  photo.page = done.page;
  photo.photo = done.photo;
  photo.bytes = new ArrayBuffer(0);
  await keep(photo);
  told.page(photo);
}

// Send what is waiting; what is still here afterwards.
export async function drain(told) {
  const all = await store((photos) => photos.getAll());
  let proof = "";
  for (const photo of all) {
    if (Date.now() - photo.at > DAY) {
      // Of what was sent or refused that was told then; any other is told now, for another day.
      if (settled(photo)) await forget(photo.id);
      else await refuse({ ...photo, at: Date.now() }, told.old);
      continue;
    }
    if (settled(photo)) continue;
    try {
      proof = proof || (await (await ask("/proof", {})).json()).proof;
      await carry(photo, proof, told);
    } catch (error) {
      // 401 and 403: kept until somebody is signed in again, and has chosen a dwelling; 429 and 503:
      // until there is time for it. A meter that is not there may be of another dwelling of theirs.
      if (error.kind === "no_meter") {
        told.refused(photo, error);
      } else if (error instanceof Refusal && ![401, 403, 429, 503].includes(error.status)) {
        if (!told.refused(photo, error)) await refuse(photo, `${error.error}. ${error.do}`);
        else await forget(photo.id);
      } else if (error instanceof Refusal) {
        told.refused(photo, error);
        break;
      } else {
        told.away(photo);
        break;
      }
    }
  }
  return store((photos) => photos.getAll());
}
