// Draws the charts of a report over its pictures. The numbers come from the page itself; nothing is fetched.
(() => {
  "use strict";

  const { palettes, charts } = JSON.parse(document.getElementById("charts").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const drawn = [];
  const options = { displayModeBar: false, responsive: true, showTips: false, doubleClick: false };

  // Names of colours, which stand under keys that end in "color", become the colours of the theme.
  function coloured(value, palette, key = "") {
    if (Array.isArray(value)) return value.map((item) => coloured(item, palette, key));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, coloured(inner, palette, name)]));
    }
    return key.endsWith("color") && Object.hasOwn(palette, value) ? palette[value] : value;
  }

  function draw(place) {
    const palette = palettes[dark.matches ? "dark" : "light"];
    const shown = (needs) => needs.every((key) => !place.hidden.has(key));
    const traces = place.chart.traces.map((trace) => ({ ...coloured(trace, palette), visible: shown(trace.meta) }));
    const layout = coloured(place.chart.layout, palette);
    const ground = getComputedStyle(document.body).backgroundColor;
    layout.hoverlabel.bgcolor = ground;
    layout.hoverlabel.bordercolor = palette["@muted"];
    layout.hoverlabel.font.color = palette["@ink"];
    (place.chart.needs ?? []).forEach((needs, index) => {
      Object.assign(layout.annotations[index], { visible: shown(needs), bgcolor: ground });
    });
    for (const { sign, item } of place.buttons) sign.style.color = palette[item.color];
    return Plotly.react(place.node, traces, layout, options);
  }

  function flip(place, key, button) {
    const on = place.hidden.delete(key);
    if (!on) place.hidden.add(key);
    button.setAttribute("aria-pressed", String(on));
    draw(place);
  }

  function button(place, item) {
    const made = document.createElement("button");
    const sign = document.createElement("span");
    const label = document.createElement("bdi");
    made.type = "button";
    made.title = item.name;
    made.setAttribute("aria-pressed", "true");
    sign.setAttribute("aria-hidden", "true");
    sign.textContent = item.glyph;
    label.textContent = item.label;
    made.append(sign, label);
    made.addEventListener("click", () => flip(place, item.key, made));
    place.buttons.push({ sign, item });
    return made;
  }

  function toolbar(place) {
    const bar = document.createElement("div");
    bar.className = "toggles";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "Show or hide in this chart");
    bar.append(...place.chart.toggles.map((item) => button(place, item)));
    return bar;
  }

  // The picture stays until its chart is drawn, and is what is printed.
  function enliven(figure) {
    const picture = figure.querySelector("img");
    const frame = document.createElement("div");
    const node = document.createElement("div");
    const place = { chart: charts[figure.dataset.chart], node, buttons: [], hidden: new Set() };
    const bar = toolbar(place);
    frame.className = "chart";
    frame.setAttribute("role", "img");
    frame.setAttribute("aria-label", picture.alt);
    node.setAttribute("aria-hidden", "true");
    frame.append(node);
    picture.before(bar, frame);
    draw(place).then(
      () => {
        figure.classList.add("live");
        document.getElementById("js-plotly-tester")?.setAttribute("aria-hidden", "true"); // plotly measures text in it
        drawn.push(place);
      },
      () => {
        bar.remove();
        frame.remove();
      },
    );
  }

  // Plotly lies in the page compressed. The policy knows the hash of what comes out, and lets no other script run.
  async function unpack() {
    const packed = Uint8Array.from(atob(document.getElementById("library").textContent), (byte) => byte.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  }

  function start() {
    document.querySelectorAll("figure[data-chart]").forEach(enliven);
    dark.addEventListener("change", () => drawn.forEach(draw));
  }

  unpack().then(start, () => {}); // a browser that cannot unpack it keeps the pictures
})();
