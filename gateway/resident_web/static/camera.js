// The live view with a frame for the digits, where the browser has a camera for us.
const $ = (id) => document.getElementById(id);
let stream = null;

// The frame is a register's shape, in the middle of what the camera sees.
function place() {
  const view = $("view");
  const frame = $("frame");
  const height = view.clientWidth * 0.84 / 3.6;
  frame.style.height = `${height}px`;
  frame.style.top = `${(view.clientHeight - height) / 2}px`;
}

// Where the frame stands in the picture, clockwise from its top left, in thousandths. The view shows
// the middle of what the camera sees, as large as fills it.
function framed() {
  const view = $("view");
  const shown = view.getBoundingClientRect();
  const frame = $("frame").getBoundingClientRect();
  const scale = Math.max(shown.width / view.videoWidth, shown.height / view.videoHeight);
  const part = (at, middle, whole) => {
    const found = Math.round(1000 * (0.5 + (at - middle) / scale / whole));
    return Math.max(0, Math.min(1000, found));
  };
  const x = (at) => part(at, shown.left + shown.width / 2, view.videoWidth);
  const y = (at) => part(at, shown.top + shown.height / 2, view.videoHeight);
  const [left, right, top, bottom] = [x(frame.left), x(frame.right), y(frame.top), y(frame.bottom)];
  return [left, top, right, top, right, bottom, left, bottom].join();
}

function close() {
  if (stream) stream.getTracks().forEach((track) => track.stop());
  stream = null;
  $("camera").hidden = true;
  document.documentElement.classList.remove("camera-on");
}

async function open() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: false, video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1440 } },
    });
  } catch {
    // Refused or taken: the file input does the same.
    $("open-camera").hidden = true;
    document.documentElement.classList.remove("has-camera");
    $("photo").focus();
    return;
  }
  $("camera").hidden = false;
  document.documentElement.classList.add("camera-on");
  $("view").srcObject = stream;
  await $("view").play();
  place();
  const track = stream.getVideoTracks()[0];
  const can = track.getCapabilities ? track.getCapabilities() : {};
  $("torch").hidden = !can.torch;
  $("torch").onclick = async () => {
    const on = $("torch").getAttribute("aria-pressed") !== "true";
    await track.applyConstraints({ advanced: [{ torch: on }] });
    $("torch").setAttribute("aria-pressed", String(on));
  };
  $("shoot").focus();
}

// Offer the camera; `take` gets the picture and its frame.
export function offer(take) {
  $("open-camera").hidden = false;
  document.documentElement.classList.add("has-camera");
  $("open-camera").onclick = open;
  $("close").onclick = close;
  addEventListener("resize", place);
  // What the camera sees has its shape only a while after it was opened.
  for (const when of ["loadedmetadata", "resize", "playing"]) $("view").addEventListener(when, place);
  addEventListener("pagehide", close);
  $("shoot").onclick = async () => {
    const view = $("view");
    const frame = framed();
    const canvas = document.createElement("canvas");
    canvas.width = view.videoWidth;
    canvas.height = view.videoHeight;
    canvas.getContext("2d").drawImage(view, 0, 0);
    const made = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
    close();
    if (made) await take(made, frame);
  };
}
