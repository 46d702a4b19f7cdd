// A forecast: for each column the history, what follows and its band as a drawing; and the figures as a table.

import { drawing, element } from "./elements.js";

const WIDTH = 720, HEIGHT = 250, LEFT = 58, RIGHT = 14, TOP = 28, BOTTOM = 26;
const MOST_CHARTS = 6;

export function drawForecast(outputs, given, facts) {
  const [forecast, lower, upper] = [outputs.forecast[0], outputs.lower?.[0], outputs.upper?.[0]];
  const columns = forecast[0].map((_, place) => given?.names[place] ?? facts?.values[place] ?? `value ${place + 1}`);
  const when = (step) => (given?.ahead?.(step) === undefined ? undefined : timeText(given.ahead(step)));
  const charts = columns.slice(0, MOST_CHARTS).map((name, place) => {
    const ahead = forecast.map((row, step) => ({ value: row[place], low: lower?.[step][place], high: upper?.[step][place], when: when(step + 1) }));
    const past = (given?.history ?? []).map((row, step) => ({ value: row[place], when: given.times && timeText(given.times[step]) }));
    return chart(name, past, ahead, facts?.level);
  });
  const more = columns.length - MOST_CHARTS;
  const note = more > 0 ? [element("p", { class: "quiet small" }, [`${more} more columns stand in the table.`])] : [];
  const several = Array.isArray(outputs.forecast) && outputs.forecast.length > 1;
  const first = several ? [element("p", { class: "quiet" }, [`The first of ${outputs.forecast.length} forecasts:`])] : [];
  return [...first, ...charts, ...note, figures(columns, forecast, lower, upper, when, facts?.level)];
}

function chart(name, past, ahead, level) {
  const points = [...past, ...ahead];
  const values = points.flatMap((point) => [point.value, point.low, point.high]).filter(Number.isFinite);
  const { low, high, marks } = ticks(Math.min(...values), Math.max(...values));
  const x = (place) => LEFT + (place / Math.max(points.length - 1, 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const at = (place) => past.length + place;
  const parts = [text(LEFT, 16, name), ...legend(level)];
  for (const mark of marks) {
    parts.push(drawing("line", { class: "rule", x1: LEFT, x2: WIDTH - RIGHT, y1: y(mark), y2: y(mark) }));
    parts.push(text(LEFT - 7, y(mark) + 4, short(mark), "tick", "end"));
  }
  for (const place of [0, past.length - 1, points.length - 1]) {
    if (!points[place] || (place && place === past.length - 1 && x(points.length - 1) - x(place) < 110)) continue;
    const words = points[place].when ?? (place < past.length ? `${place - past.length + 1}` : `+${place - past.length + 1}`);
    parts.push(text(x(place), HEIGHT - 8, words, "tick", place === 0 ? "start" : place === points.length - 1 ? "end" : "middle"));
  }
  const line = (kind, entries) => drawing("polyline", { class: `line ${kind}`, points: entries.map(([place, value]) => `${x(place)},${y(value)}`).join(" ") });
  const known = past.map((point, place) => [place, point.value]);
  const banded = ahead.every((point) => Number.isFinite(point.low) && Number.isFinite(point.high));
  if (banded && ahead.length > 1) {
    const edge = [...ahead.map((point, place) => [at(place), point.high]), ...ahead.map((point, place) => [at(place), point.low]).reverse()];
    parts.push(drawing("polygon", { class: "band", points: edge.map(([place, value]) => `${x(place)},${y(value)}`).join(" ") }));
  } else if (banded) {
    parts.push(drawing("line", { class: "whisker", x1: x(at(0)), x2: x(at(0)), y1: y(ahead[0].low), y2: y(ahead[0].high) }));
  }
  parts.push(line("past", known));
  parts.push(line("ahead", [...known.slice(-1), ...ahead.map((point, place) => [at(place), point.value])]));
  parts.push(...ahead.map((point, place) => dot(x(at(place)), y(point.value), `${point.when ?? `+${place + 1}`}: ${short(point.value)}`)));
  return drawing("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${name}: history and forecast` }, parts);
}

function legend(level) {
  const words = level ? `forecast, and where ${short(100 * level)} % of what comes should lie` : "forecast";
  return [text(WIDTH - RIGHT, 16, words, "tick", "end")];
}

function dot(x, y, words) {
  return drawing("circle", { class: "dot", cx: x, cy: y, r: 3 }, [drawing("title", {}, [words])]);
}

function text(x, y, words, kind = "", anchor = "start") {
  return drawing("text", { x, y, class: kind, "text-anchor": anchor }, [words]);
}

// Round ends around a range, and the round values between them.
function ticks(least, most) {
  const [from, to] = most - least > 1e-12 ? [least, most] : [least - 0.5 * (Math.abs(least) || 1), most + 0.5 * (Math.abs(most) || 1)];
  const rough = (to - from) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const [first, last] = [Math.floor(from / step), Math.ceil(to / step)];
  return { low: first * step, high: last * step, marks: Array.from({ length: last - first + 1 }, (_, number) => (first + number) * step) };
}

function figures(columns, forecast, lower, upper, when, level) {
  const many = columns.length > 1;
  const head = ["step", ...(when(1) ? ["time"] : []), ...(many ? ["column"] : []), "forecast", ...(lower ? [level ? `${short(100 * level)} % from` : "from", "to"] : [])];
  const rows = forecast.flatMap((row, step) => row.map((value, place) => {
    const bounds = lower ? [lower[step][place], upper[step][place]] : [];
    return [`+${step + 1}`, ...(when(1) ? [when(step + 1)] : []), ...(many ? [columns[place]] : []), ...[value, ...bounds].map(short)];
  }));
  const figure = head.indexOf("forecast");
  const cells = (tag, row) => row.map((cell, place) => element(tag, place >= figure ? { class: "n" } : {}, [cell]));
  const table = element("table", { class: "figures" }, [
    element("thead", {}, [element("tr", {}, cells("th", head))]),
    element("tbody", {}, rows.map((row) => element("tr", {}, cells("td", row)))),
  ]);
  return element("div", { class: "scroll" }, [table]);
}

const short = (value) => (typeof value === "number" ? Number(value.toPrecision(5)).toLocaleString("en", { maximumSignificantDigits: 5 }) : String(value));

// A time (UTC): the day alone at midnight.
function timeText(seconds) {
  const whole = new Date(seconds * 1000).toISOString();
  return seconds % 86400 === 0 ? whole.slice(0, 10) : whole.slice(0, 16).replace("T", " ");
}
