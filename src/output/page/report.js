"use strict";
// Shows the values under the pointer, or under the arrow keys, and marks the same place in every chart of the section:
// they share an axis.
const WIDTH = 860;
const charts = [];
const nearest = (at, x) => {
  let best = -1;
  for (let i = 0; i < at.length; i += 1) {
    if (best < 0 || Math.abs(at[i] - x) < Math.abs(at[best] - x)) best = i;
  }
  return best;
};
const clear = () => {
  for (const chart of charts) {
    chart.tip.hidden = true;
    if (!chart.cross) continue;
    chart.cross.setAttribute("x1", -9);
    chart.cross.setAttribute("x2", -9);
  }
};
const show = (chart, index) => {
  if (index < 0 || index >= chart.tips.at.length) return;
  clear();
  const x = chart.tips.at[index];
  chart.index = index;
  for (const { cross, section } of charts) {
    if (!cross || section !== chart.section) continue;
    cross.setAttribute("x1", x);
    cross.setAttribute("x2", x);
  }
  chart.tip.textContent = chart.tips.lines[index].join("\n");
  chart.tip.hidden = false;
  const plot = chart.plot.getBoundingClientRect();
  const figure = chart.figure.getBoundingClientRect();
  const place = plot.left - figure.left + (x / WIDTH) * plot.width;
  const width = chart.tip.offsetWidth;
  const left = place + 14 + width > figure.width ? place - 14 - width : place + 14;
  chart.tip.style.left = `${Math.max(0, left)}px`;
  chart.tip.style.top = `${plot.top - figure.top + 8}px`;
};
const attach = (figure) => {
  const chart = {
    figure,
    section: figure.closest("section"),
    plot: figure.querySelector(".plot"),
    cross: figure.querySelector(".cross"),
    tip: figure.querySelector(".tip"),
    tips: JSON.parse(figure.querySelector("script").textContent),
  };
  chart.plot.addEventListener("pointermove", (event) => {
    const plot = chart.plot.getBoundingClientRect();
    show(chart, nearest(chart.tips.at, ((event.clientX - plot.left) / plot.width) * WIDTH));
  });
  chart.plot.addEventListener("pointerleave", clear);
  chart.plot.addEventListener("blur", clear);
  chart.plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(chart, (chart.index ?? -1) + step);
  });
  charts.push(chart);
  return chart;
};
document.querySelectorAll("figure.chart").forEach((figure) => attach(figure));
