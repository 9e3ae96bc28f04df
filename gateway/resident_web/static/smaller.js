// A photo of 4 MB takes minutes on a slow line, and the house makes it this large anyway. Only the
// time it was taken goes along: nothing else of the camera's notes leaves the phone, no place either.
const SIDE = 1600;
const ENOUGH = 500000;

export async function smaller(blob) {
  const bytes = await blob.arrayBuffer();
  if (bytes.byteLength <= ENOUGH || !window.createImageBitmap) return bytes;
  try {
    const image = await createImageBitmap(blob);
    const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(image.width * scale);
    canvas.height = Math.round(image.height * scale);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const made = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.88));
    if (!made || made.size >= bytes.byteLength) return bytes;
    const drawn = new Uint8Array(await made.arrayBuffer());
    const note = noted(taken(new DataView(bytes)));
    const whole = new Uint8Array(drawn.length + note.length);
    whole.set(drawn.subarray(0, 2));
    whole.set(note, 2);
    whole.set(drawn.subarray(2), 2 + note.length);
    return whole.buffer;
  } catch {
    return bytes;
  }
}

// EXIF's DateTimeOriginal and its offset, empty where there are none.
export function taken(view) {
  const found = { 0x9003: "", 0x9011: "" };
  try {
    if (view.getUint16(0) !== 0xffd8) return found;
    for (let at = 2; view.getUint8(at) === 0xff && view.getUint8(at + 1) !== 0xda; at += 2 + view.getUint16(at + 2)) {
      if (view.getUint16(at) !== 0xffe1 || view.getUint32(at + 4) !== 0x45786966) continue;
      const start = at + 10;
      const little = view.getUint16(start) === 0x4949;
      const entries = (ifd, each) => {
        for (let i = 0, n = view.getUint16(start + ifd, little); i < n; i++) {
          const entry = start + ifd + 2 + 12 * i;
          each(view.getUint16(entry, little), view.getUint32(entry + 4, little), entry + 8);
        }
      };
      entries(view.getUint32(start + 4, little), (tag, _, where) => {
        if (tag !== 0x8769) return;
        entries(view.getUint32(where, little), (inner, count, place) => {
          if (!(inner in found) || count > 40) return;
          const text = count > 4 ? start + view.getUint32(place, little) : place;
          for (let i = 0; i < count - 1; i++) found[inner] += String.fromCharCode(view.getUint8(text + i));
        });
      });
      break;
    }
  } catch { /* A note that breaks off is no note. */ }
  return found;
}

// An APP1 segment with those two and nothing else.
export function noted(found) {
  const tags = Object.entries(found).filter(([, text]) => /^[\x20-\x7e]{5,40}$/.test(text));
  if (!tags.length) return new Uint8Array(0);
  let data = 26 + 2 + 12 * tags.length + 4;
  const length = 10 + data + tags.reduce((sum, [, text]) => sum + text.length + 1, 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xffe10000 + length - 2);
  view.setUint32(4, 0x45786966);
  view.setUint32(10, 0x4d4d002a);
  view.setUint32(14, 8);
  view.setUint16(18, 1);
  const entry = (at, tag, kind, count, value) => {
    view.setUint16(at, tag); view.setUint16(at + 2, kind); view.setUint32(at + 4, count); view.setUint32(at + 8, value);
  };
  entry(20, 0x8769, 4, 1, 26);
  view.setUint16(36, tags.length);
  tags.forEach(([tag, text], i) => {
    entry(38 + 12 * i, Number(tag), 2, text.length + 1, data);
    for (let k = 0; k < text.length; k++) bytes[10 + data + k] = text.charCodeAt(k);
    data += text.length + 1;
  });
  return bytes;
}
