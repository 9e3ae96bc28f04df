// Comfort only: every screen works without it. Written for phones that are ten years old.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("scripted");

  // The label's QR code carries the code behind the #, which no request and no log ever holds.
  var code = document.getElementById("code");
  function given() {
    if (!code || location.hash.length < 2) return;
    code.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname + location.search);
    if (code.value) code.form.submit();
  }
  given();
  addEventListener("hashchange", given);

  // What is live on a screen is fetched again, and the page followed where it leads.
  var failed = 0;
  function again() {
    var live = document.getElementById("live");
    if (!live) return;
    var every = Number(live.getAttribute("data-every")) || 0;
    if (every) setTimeout(function () { refresh(live); }, failed ? 3000 : every);
  }
  function refresh(live) {
    var request = new XMLHttpRequest();
    request.open("GET", location.pathname + location.search);
    request.timeout = 10000;
    request.onload = function () {
      if (request.status !== 200) { failed += 1; again(); return; }
      var page = new DOMParser().parseFromString(request.responseText, "text/html");
      var fresh = page.getElementById("live");
      failed = 0;
      if (!fresh) { location.reload(); return; }
      if (fresh.innerHTML !== live.innerHTML) live.parentNode.replaceChild(document.importNode(fresh, true), live);
      away(false);
      again();
    };
    request.onerror = request.ontimeout = function () { failed += 1; away(failed > 1); again(); };
    request.send();
  }
  function away(is) {
    var told = document.getElementById("away");
    if (told) told.hidden = !is;
  }
  again();

  // A device without a time notes the phone's, if whoever holds it agrees to what it shows.
  var clock = document.getElementById("phone");
  if (clock) {
    var label = clock.parentNode;
    label.querySelector("b").textContent = new Date().toLocaleString(root.lang, {
      year: "numeric", month: "long", day: "numeric", hour: "2-digit", minute: "2-digit"
    });
    label.hidden = false;
    clock.form.addEventListener("submit", function () { clock.value = String(Date.now()); });
  }

  // A button that was tapped with a cold finger is not tapped twice.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.getAttribute("data-sent")) { event.preventDefault(); return; }
    form.setAttribute("data-sent", "1");
    setTimeout(function () { form.removeAttribute("data-sent"); }, 5000);
  });
  addEventListener("pageshow", function () {
    var forms = document.querySelectorAll("form[data-sent]");
    for (var i = 0; i < forms.length; i++) forms[i].removeAttribute("data-sent");
  });

  // A photo is made smaller in the phone: what is kept travels over a mobile line later.
  var photo = document.getElementById("photo");
  if (photo) photo.addEventListener("change", function () { take(photo); });

  function take(input) {
    var file = input.files[0], form = input.form;
    if (!file) return;
    var shoot = document.getElementById("shoot");
    shoot.textContent = form.getAttribute("data-sending");
    smaller(file, Number(form.getAttribute("data-side")), Number(form.getAttribute("data-most")), function (blob) {
      var body = new FormData(form), request = new XMLHttpRequest();
      if (body.set) body.set("photo", blob, "photo.jpg"); else { form.submit(); return; }
      request.open("POST", form.action);
      request.onload = function () {
        if (request.status < 400) { location.assign(request.responseURL || location.href); return; }
        // What came instead of the next screen is a screen that says why.
        var page = new DOMParser().parseFromString(request.responseText, "text/html");
        var main = document.getElementById("main");
        main.parentNode.replaceChild(document.importNode(page.getElementById("main"), true), main);
      };
      request.onerror = function () { shoot.textContent = form.getAttribute("data-failed"); };
      request.send(body);
    });
  }

  // A picture that is still too large is drawn coarser, then smaller. It is always drawn anew: what
  // the camera noted of itself and the place stays in the phone.
  var tries = [[1, 0.8], [1, 0.6], [0.75, 0.6], [0.5, 0.6]];
  function smaller(file, side, most, done) {
    var url = URL.createObjectURL(file), image = new Image();
    image.onload = function () { URL.revokeObjectURL(url); draw(0); };
    image.onerror = function () { URL.revokeObjectURL(url); done(file); };
    image.src = url;
    function draw(at) {
      var scale = Math.min(1, side * tries[at][0] / Math.max(image.naturalWidth, image.naturalHeight));
      var canvas = document.createElement("canvas");
      canvas.width = Math.round(image.naturalWidth * scale);
      canvas.height = Math.round(image.naturalHeight * scale);
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      if (!canvas.toBlob) { done(file); return; }
      canvas.toBlob(function (made) {
        if (made && made.size > most && tries[at + 1]) draw(at + 1); else done(made || file);
      }, "image/jpeg", tries[at][1]);
    }
  }
})();
