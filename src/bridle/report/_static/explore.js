// Redraws the networks of a study at the strength of a slider. The numbers come from the page itself.
(() => {
  "use strict";

  const { tints, studies } = JSON.parse(document.getElementById("explorers").textContent);
  const { palettes } = JSON.parse(document.getElementById("charts").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const GAP = 255;
  const LEVELS = 254;
  const RATIO = 0.72; // height of a panel over its width
  const MARKS = ["circle", "triangle", "square", "diamond", "cross"];
  const INKS = ["#0b4f7d", "#9a3d00", "#00563f", "#6d2f55", "#444444"];
  const bytes = (text) => Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
  const colours = Object.fromEntries(Object.entries(tints).map(([name, text]) => [name, bytes(text)]));
  let block; // the arrays of all studies

  function color(name) {
    return palettes[dark.matches ? "dark" : "light"][name];
  }

  // A canvas of the width of its panel, cleared, and a frame in it with room for the axes.
  function canvasOf(panel, data) {
    const { canvas } = panel;
    const wide = Math.max(200, canvas.clientWidth);
    const high = Math.round(wide * RATIO);
    const scale = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(wide * scale) || canvas.height !== Math.round(high * scale)) {
      canvas.width = Math.round(wide * scale);
      canvas.height = Math.round(high * scale);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, wide, high);
    const axes = data.across.length > 0;
    const frame = { x: axes ? 52 : 4, y: 8, wide: wide - (axes ? 72 : 8), high: high - (axes ? 46 : 40) };
    pen.font = "12px system-ui, sans-serif";
    return [pen, frame];
  }

  // The marks and names of both axes; returns the height of a value.
  function axes(pen, frame, data) {
    const pad = data.kind === "curves" ? 0.04 * (data.high - data.low) : 0;
    const low = data.low - pad;
    const span = data.high + pad - low;
    const rise = data.kind === "surface" ? (value) => frame.y + frame.high * (1 - value)
      : (value) => frame.y + frame.high * (1 - (value - low) / span);
    pen.strokeStyle = color("@grid");
    pen.fillStyle = color("@ink");
    pen.lineWidth = 1;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const [value, name] of data.up) {
      if (data.kind !== "surface") stroke(pen, [[frame.x, rise(value)], [frame.x + frame.wide, rise(value)]]);
      pen.fillText(name, frame.x - 6, rise(value));
    }
    pen.textBaseline = "top";
    pen.textAlign = "center";
    for (const [value, name] of data.across) pen.fillText(name, frame.x + value * frame.wide, frame.y + frame.high + 6);
    pen.fillText(data.labels[0], frame.x + frame.wide / 2, frame.y + frame.high + 24);
    pen.save();
    pen.translate(2, frame.y + frame.high / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(data.labels[1], 0, 0);
    pen.restore();
    return rise;
  }

  function stroke(pen, points, dash = []) {
    pen.setLineDash(dash);
    pen.beginPath();
    points.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.stroke();
    pen.setLineDash([]);
  }

  function fill(pen, points) {
    pen.beginPath();
    points.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.closePath();
    pen.fill();
  }

  // One array as an image of its colours; `up` if its first row is the lowest.
  function image(pen, frame, [high, wide], values, tint, up, smooth) {
    const small = new OffscreenCanvas(wide, high);
    const inner = small.getContext("2d");
    const pixels = inner.createImageData(wide, high);
    values.forEach((value, index) => {
      const row = Math.floor(index / wide);
      const at = 4 * ((up ? high - 1 - row : row) * wide + (index % wide));
      if (value !== GAP) pixels.data.set([tint[3 * value], tint[3 * value + 1], tint[3 * value + 2], 255], at);
    });
    inner.putImageData(pixels, 0, 0);
    pen.imageSmoothingEnabled = smooth;
    pen.drawImage(small, frame.x, frame.y, frame.wide, frame.high);
  }

  // The line at a probability of one half, cell by cell of the mesh.
  function contour(pen, frame, [high, wide], values) {
    const level = LEVELS / 2;
    const x = (column) => frame.x + ((column + 0.5) / wide) * frame.wide;
    const y = (row) => frame.y + frame.high * (1 - (row + 0.5) / high);
    pen.strokeStyle = "#000000";
    pen.lineWidth = 1.6;
    pen.beginPath();
    for (let row = 0; row + 1 < high; row++) {
      for (let column = 0; column + 1 < wide; column++) {
        const corners = [[0, 0], [0, 1], [1, 1], [1, 0]].map(([down, right]) => [row + down, column + right]);
        const cross = [];
        corners.forEach(([r, c], index) => {
          const [s, d] = corners[(index + 1) % 4];
          const one = values[r * wide + c] - level;
          const two = values[s * wide + d] - level;
          if (one > 0 === two > 0) return;
          const part = one / (one - two);
          cross.push([x(c + part * (d - c)), y(r + part * (s - r))]);
        });
        for (let end = 0; end + 1 < cross.length; end += 2) {
          pen.moveTo(...cross[end]);
          pen.lineTo(...cross[end + 1]);
        }
      }
    }
    pen.stroke();
  }

  function mark(pen, x, y, kind) {
    const shapes = {
      triangle: [[0, -4.5], [4, 3], [-4, 3]],
      square: [[-3.2, -3.2], [3.2, -3.2], [3.2, 3.2], [-3.2, 3.2]],
      diamond: [[0, -4.4], [4.4, 0], [0, 4.4], [-4.4, 0]],
      cross: [[-4, -1.5], [-1.5, -1.5], [-1.5, -4], [1.5, -4], [1.5, -1.5], [4, -1.5], [4, 1.5], [1.5, 1.5], [1.5, 4],
        [-1.5, 4], [-1.5, 1.5], [-4, 1.5]],
    };
    pen.beginPath();
    if (kind === "circle") pen.arc(x, y, 3.4, 0, 2 * Math.PI);
    else shapes[kind].forEach(([right, down], index) => pen[index ? "lineTo" : "moveTo"](x + right, y + down));
    pen.closePath();
    pen.fill();
    pen.stroke();
  }

  const draw = {
    surface(pen, frame, data, values, place) {
      image(pen, frame, data.shape, values, colours.surface, true, true);
      contour(pen, frame, data.shape, values);
      axes(pen, frame, data);
      const [start, count] = place.study.points;
      pen.strokeStyle = "#ffffff";
      pen.lineWidth = 0.8;
      for (let at = start; at < start + 3 * count; at += 3) {
        const kind = block[at + 2] % MARKS.length;
        pen.fillStyle = INKS[kind];
        const x = frame.x + (block[at] / LEVELS) * frame.wide;
        mark(pen, x, frame.y + frame.high * (1 - block[at + 1] / LEVELS), MARKS[kind]);
      }
    },
    weights(pen, frame, data, values) {
      const tint = data.signed ? colours.signed : colours.positive;
      image(pen, frame, data.shape, values, tint, false, false);
      const bar = { x: frame.x, y: frame.y + frame.high + 8, wide: frame.wide, high: 8 };
      image(pen, bar, [1, LEVELS + 1], Uint8Array.from({ length: LEVELS + 1 }, (_, value) => value), tint, false, true);
      pen.fillStyle = color("@ink");
      pen.textBaseline = "top";
      data.up.forEach(([, name], index) => {
        pen.textAlign = index ? (index + 1 < data.up.length ? "center" : "right") : "left";
        pen.fillText(name, bar.x + (index / (data.up.length - 1)) * bar.wide, bar.y + 12);
      });
    },
    units(pen, frame, data, values, place, other) {
      const rise = axes(pen, frame, data);
      const value = (byte) => rise(data.low + (byte / LEVELS) * (data.high - data.low));
      const shares = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1];
      const line = (bytes) => shares.map((share, index) => [frame.x + share * frame.wide, value(bytes[index])]);
      const foot = [[frame.x + frame.wide, rise(data.low)], [frame.x, rise(data.low)]];
      pen.fillStyle = color(`${place.arm.color} band`);
      fill(pen, [...line(values), ...foot]);
      pen.strokeStyle = color(place.arm.color);
      pen.lineWidth = 2.2;
      stroke(pen, line(values));
      if (!other) return;
      pen.strokeStyle = color("@muted");
      pen.lineWidth = 1.4;
      stroke(pen, line(other), [7, 3, 2, 3]);
    },
    curves(pen, frame, data, values, place, other) {
      const rise = axes(pen, frame, data);
      const [, count] = data.shape;
      const line = (bytes, row) => [...bytes.subarray(row * count, (row + 1) * count)].flatMap((byte, index) =>
        byte === GAP ? [] : [[frame.x + (index / Math.max(1, count - 1)) * frame.wide,
          rise(data.low + (byte / LEVELS) * (data.high - data.low))]]);
      for (const first of [0, 3]) {
        pen.fillStyle = color(`${place.arm.color} band`);
        fill(pen, [...line(values, first + 1), ...line(values, first + 2).reverse()]);
      }
      if (other) {
        pen.strokeStyle = color("@muted");
        pen.lineWidth = 1.4;
        stroke(pen, line(other, 3), [7, 3, 2, 3]);
      }
      pen.strokeStyle = color(place.arm.color);
      pen.lineWidth = 1.2;
      stroke(pen, line(values, 0), [4, 2]);
      pen.lineWidth = 2.4;
      stroke(pen, line(values, 3));
    },
  };

  function valuesOf(data, candidate) {
    const row = data.rows[candidate];
    if (row === undefined) return null;
    const size = data.shape[0] * data.shape[1];
    return block.subarray(data.at + row * size, data.at + (row + 1) * size);
  }

  function redraw(place) {
    const [candidate, label, summary] = place.arm.stops[Number(place.slider.value)];
    place.slider.setAttribute("aria-valuetext", label);
    place.output.textContent = label;
    if (place.summary.textContent !== summary) place.summary.textContent = summary;
    place.panels.forEach((panel, index) => {
      const data = place.study.panels[index];
      const values = valuesOf(data, candidate);
      panel.canvas.hidden = values === null;
      panel.gap.hidden = values !== null;
      if (values === null) {
        const kept = place.arm.stops.filter(([other]) => other in data.rows).map(([, name]) => name);
        panel.gap.textContent = kept.length ? `The study kept networks at ${kept.join(", ")}.` : "Not kept for this arm.";
        return;
      }
      panel.canvas.setAttribute("aria-label", `${panel.name} at strength ${label}`);
      const other = candidate === place.study.none ? null : valuesOf(data, place.study.none);
      draw[data.kind](...canvasOf(panel, data), data, values, place, other);
    });
  }

  // Another arm: the strength stays at its share of the slider.
  function choose(place, arm) {
    const share = Number(place.slider.value) / Math.max(1, Number(place.slider.max));
    place.arm = place.study.arms[arm];
    place.slider.max = place.arm.stops.length - 1;
    place.slider.value = Math.round(share * (place.arm.stops.length - 1));
    redraw(place);
  }

  function enliven(node) {
    const key = node.dataset.explorer;
    const study = studies[key];
    const select = document.getElementById(`${key}-arm`);
    const place = {
      study,
      arm: study.arms[select ? select.value : Object.keys(study.arms)[0]],
      slider: document.getElementById(`${key}-strength`),
      output: document.getElementById(`${key}-label`),
      summary: document.getElementById(`${key}-summary`),
      panels: [...node.querySelectorAll(".panel")].map((panel) => ({
        canvas: panel.querySelector("canvas"),
        gap: panel.querySelector(".gap"),
        name: panel.querySelector(".name").textContent,
      })),
    };
    let waiting = false;
    const later = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        redraw(place);
      });
    };
    node.hidden = false;
    redraw(place);
    place.slider.addEventListener("input", later);
    select?.addEventListener("change", () => choose(place, select.value));
    dark.addEventListener("change", later);
    new ResizeObserver(later).observe(node);
  }

  async function unpack() {
    const stream = new Blob([bytes(document.getElementById("members").textContent)]).stream();
    const open = stream.pipeThrough(new DecompressionStream("gzip"));
    block = new Uint8Array(await new Response(open).arrayBuffer());
  }

  function start() {
    document.querySelectorAll("[data-explorer]").forEach(enliven);
  }

  unpack().then(start, () => {}); // a browser that cannot unpack the arrays keeps the pictures
})();
