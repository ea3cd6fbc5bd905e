"use strict";
// Draws what the run tells of itself, and puts the report in its place when the run is over.
const drawn = new Map();
const state = document.getElementById("state");
const element = (name, text, css) => {
  const made = document.createElement(name);
  made.textContent = text;
  if (css) made.className = css;
  return made;
};
const figureFor = (id) => {
  if (!drawn.has(id)) {
    const figure = document.getElementById("chart").content.cloneNode(true).firstElementChild;
    figure.id = id;
    document.getElementById("charts").append(figure);
    drawn.set(id, attach(figure));
  }
  return drawn.get(id);
};
const showChart = ({ id, title, summary, legend, svg, tips }) => {
  const chart = figureFor(id);
  chart.figure.querySelector("h3").textContent = title;
  const entries = legend.map(([name, css]) => {
    const entry = element("li", name);
    entry.prepend(element("i", "", css));
    return entry;
  });
  chart.figure.querySelector(".legend").replaceChildren(...entries);
  chart.plot.ariaLabel = summary;
  // Drawn by the report's own code out of figures: names are in the legend only.
  chart.plot.innerHTML = svg;
  chart.cross = chart.plot.querySelector(".cross");
  chart.tips = tips;
};
const showFact = ({ label, value }) => {
  const fact = document.createElement("div");
  fact.append(element("dt", label), element("dd", value));
  return fact;
};
const source = new EventSource("events");
source.addEventListener("message", (event) => {
  const frame = JSON.parse(event.data);
  state.textContent = "Running";
  document.getElementById("facts").replaceChildren(...frame.facts.map(showFact));
  frame.charts.forEach(showChart);
});
source.addEventListener("over", (event) => {
  source.close();
  const { title, html } = JSON.parse(event.data);
  // Its styles and scripts are here already.
  const main = html.slice(html.indexOf("<main>"), html.lastIndexOf("</main>"));
  const report = new DOMParser().parseFromString(main, "text/html");
  document.querySelector("main").replaceWith(report.querySelector("main"));
  document.title = title;
  charts.length = 0;
  document.querySelectorAll("figure.chart").forEach((figure) => attach(figure));
  const link = element("a", "save the report");
  link.href = URL.createObjectURL(new Blob([html], { type: "text/html" }));
  link.download = "loadtest.html";
  state.replaceChildren("The run is over: this is its report, kept for as long as this page is open; ", link);
});
source.addEventListener("error", () => {
  state.textContent = "scalectl does not answer: the run was ended, or its machine is busy";
});
