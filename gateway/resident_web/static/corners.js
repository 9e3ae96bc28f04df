// The four corners of the digits, put on the photo by hand: dragged, tapped, or moved by arrows.
const CORNER = 48; // A finger's width; the pin stands outside of the digits, so none covers another.
const TAP = 8; // A finger that moved less has tapped.
const STEPS = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] };

export function offer(box) {
  const sheet = box.querySelector(".sheet");
  const image = sheet.querySelector("img");
  const pins = [...sheet.querySelectorAll(".corner")];
  const form = box.querySelector("form");
  let corners = null; // In pixels of the photo, clockwise from the top left of the digits.
  let view = null; // The pixel at the sheet's middle, and how large a pixel is shown.
  let chosen = 0;

  const within = (at, most) => Math.max(0, Math.min(most, at));
  const ends = (axis) => [Math.min(...corners.map((one) => one[axis])), Math.max(...corners.map((one) => one[axis]))];
  // The whole photo, with room beside it for the pins of a corner at its edge.
  const least = () => Math.min(
    (sheet.clientWidth - 2 * CORNER) / image.naturalWidth, (sheet.clientHeight - 2 * CORNER) / image.naturalHeight,
  );
  const onSheet = ([x, y]) => [sheet.clientWidth / 2 + (x - view.x) * view.scale, sheet.clientHeight / 2 + (y - view.y) * view.scale];

  // A small photo stands in the sheet's middle, a large one leaves no more bare than pins need.
  const held = (at, whole, sheetSide) => {
    const half = (sheetSide / 2 - CORNER) / view.scale;
    return whole <= 2 * half ? whole / 2 : Math.max(half, Math.min(whole - half, at));
  };

  function draw() {
    view.x = held(view.x, image.naturalWidth, sheet.clientWidth);
    view.y = held(view.y, image.naturalHeight, sheet.clientHeight);
    const [left, top] = onSheet([0, 0]);
    image.style.width = `${image.naturalWidth * view.scale}px`;
    image.style.transform = `translate(${left}px, ${top}px)`;
    const shown = corners.map(onSheet);
    sheet.querySelectorAll("polygon").forEach((one) => one.setAttribute("points", shown.map((at) => at.join()).join(" ")));
    const middle = [0, 1].map((axis) => shown.reduce((sum, at) => sum + at[axis], 0) / 4);
    pins.forEach((pin, i) => {
      const [west, north] = [shown[i][0] < middle[0], shown[i][1] < middle[1]];
      pin.style.left = `${shown[i][0] - (west ? CORNER : 0)}px`;
      pin.style.top = `${shown[i][1] - (north ? CORNER : 0)}px`;
      pin.dataset.points = (north ? "s" : "n") + (west ? "e" : "w");
      pin.setAttribute("aria-pressed", String(i === chosen));
    });
    form.elements.frame.value = corners.map(([x, y]) => [
      Math.round(1000 * x / image.naturalWidth), Math.round(1000 * y / image.naturalHeight),
    ].join()).join();
  }

  function put(i, x, y) {
    corners[i] = [within(x, image.naturalWidth), within(y, image.naturalHeight)];
    draw();
  }

  function zoom(by) {
    view.scale = within(view.scale * by, 8 * least());
    view.scale = Math.max(view.scale, least());
    [view.x, view.y] = [0, 1].map((axis) => (ends(axis)[0] + ends(axis)[1]) / 2);
    draw();
  }

  // The digits fill most of the sheet, with room for the pins beside them.
  function begin() {
    if (corners || !box.open || !image.naturalWidth || !sheet.clientWidth) return;
    const known = box.dataset.points.trim().split(/\s+/).map(Number);
    const [w, h] = [image.naturalWidth, image.naturalHeight];
    corners = known.length === 8
      ? [0, 2, 4, 6].map((at) => [within(known[at], w), within(known[at + 1], h)])
      : [[0.25, 0.43], [0.75, 0.43], [0.75, 0.57], [0.25, 0.57]].map(([x, y]) => [x * w, y * h]);
    const [[left, right], [top, bottom]] = [ends(0), ends(1)];
    view = { x: (left + right) / 2, y: (top + bottom) / 2, scale: 1 };
    const fits = Math.min((sheet.clientWidth - 2.4 * CORNER) / (right - left), (sheet.clientHeight - 2.4 * CORNER) / (bottom - top));
    view.scale = Math.max(least(), Math.min(fits, 8 * least()));
    draw();
  }

  function choose(i) {
    chosen = i;
    draw();
  }

  // A finger that drags: `moved` gets how far it went since it was last looked at.
  function follow(target, began, moved, ended) {
    target.addEventListener("pointerdown", (event) => {
      if (!corners || event.button) return;
      event.stopPropagation();
      target.setPointerCapture(event.pointerId);
      began(event);
      let [x, y, way] = [event.clientX, event.clientY, 0];
      const move = (now) => {
        way += Math.hypot(now.clientX - x, now.clientY - y);
        moved((now.clientX - x) / view.scale, (now.clientY - y) / view.scale);
        [x, y] = [now.clientX, now.clientY];
      };
      const end = (now) => {
        target.removeEventListener("pointermove", move);
        target.removeEventListener("pointerup", end);
        target.removeEventListener("pointercancel", end);
        if (now.type === "pointerup" && way < TAP) ended(now);
      };
      target.addEventListener("pointermove", move);
      target.addEventListener("pointerup", end);
      target.addEventListener("pointercancel", end);
    });
  }

  pins.forEach((pin, i) => {
    follow(pin, () => choose(i), (dx, dy) => put(i, corners[i][0] + dx, corners[i][1] + dy), () => {});
    pin.addEventListener("focus", () => corners && choose(i));
    pin.addEventListener("keydown", (event) => {
      const step = STEPS[event.key.replace("Arrow", "").toLowerCase()];
      if (step) { event.preventDefault(); nudge(step, event.shiftKey ? 10 : 2); }
    });
  });
  follow(sheet, () => {}, (dx, dy) => {
    view.x -= dx;
    view.y -= dy;
    draw();
  }, (event) => {
    const shown = sheet.getBoundingClientRect();
    put(chosen,
      view.x + (event.clientX - shown.left - shown.width / 2) / view.scale,
      view.y + (event.clientY - shown.top - shown.height / 2) / view.scale);
  });

  const nudge = ([dx, dy], by) => put(chosen, corners[chosen][0] + dx * by / view.scale, corners[chosen][1] + dy * by / view.scale);
  box.querySelectorAll("[data-way]").forEach((button) => button.addEventListener("click", () => {
    const way = button.dataset.way;
    if (STEPS[way]) nudge(STEPS[way], 3);
    else zoom(way === "nearer" ? 1.5 : 1 / 1.5);
  }));
  // Right turns alone, all the way round: else no picture can be cut by them.
  const inOrder = () => corners.every((at, i) => {
    const [next, last] = [corners[(i + 1) % 4], corners[(i + 2) % 4]];
    return (next[0] - at[0]) * (last[1] - next[1]) > (next[1] - at[1]) * (last[0] - next[0]);
  });
  form.addEventListener("submit", (event) => {
    const wrong = corners && !inOrder();
    if (wrong) event.preventDefault();
    box.querySelector(".wrong").textContent = wrong ? box.dataset.wrong : "";
    box.querySelector(".wrong").hidden = !wrong;
  });
  box.addEventListener("toggle", begin);
  image.addEventListener("load", begin);
  addEventListener("resize", () => corners && draw());
  box.hidden = false;
  begin();
}
