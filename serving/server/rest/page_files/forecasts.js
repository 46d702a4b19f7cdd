// A forecast: for each column the history, what follows and its band as a drawing; and the figures as a table.

import { drawing, element } from "./elements.js";
import { writeFigure, writeTable } from "./figures.js";

const WIDTH = 720, HEIGHT = 250, LEFT = 58, RIGHT = 14, TOP = 28, BOTTOM = 26;
const MOST_CHARTS = 6;

export function drawForecast(outputs, given, facts) {
  const [forecast, lower, upper] = [outputs.forecast[0], outputs.lower?.[0], outputs.upper?.[0]];
  const columns = forecast[0].map((_, place) => given?.names[place] ?? facts?.values[place] ?? `value ${place + 1}`);
  const when = (step) => given?.ahead?.(step);
  const charts = columns.slice(0, MOST_CHARTS).map((name, place) => {
    const ahead = forecast.map((row, step) => ({ value: row[place], low: lower?.[step][place], high: upper?.[step][place], when: when(step + 1) }));
    const past = (given?.history ?? []).map((row, step) => ({ value: row[place], when: given.past?.[step] }));
    return chart(name, past, ahead, facts?.level);
  });
  const more = columns.length - MOST_CHARTS;
  const note = more > 0 ? [element("p", { class: "quiet small" }, [`${more} more columns stand in the table.`])] : [];
  const several = Array.isArray(outputs.forecast) && outputs.forecast.length > 1;
  const first = several ? [element("p", { class: "quiet" }, [`The first of ${outputs.forecast.length} forecasts:`])] : [];
  const remarks = (given?.remarks ?? []).map((text) => element("p", { class: "quiet small" }, [text]));
  return [...first, ...remarks, ...charts, ...note, figures(columns, forecast, lower, upper, when, facts?.level)];
}

function chart(name, past, ahead, level) {
  const points = [...past, ...ahead];
  const [now, last] = [past.length - 1, points.length - 1];
  const values = points.flatMap((point) => [point.value, point.low, point.high]).filter(Number.isFinite);
  const marks = ticks(Math.min(...values), Math.max(...values));
  const [low, high] = [marks[0], marks.at(-1)];
  const x = (place) => LEFT + (place / Math.max(last, 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const from = (start, key) => points.slice(start).map((point, place) => [start + place, point[key]]);
  const shape = (tag, kind, corners) => drawing(tag, { class: kind, points: corners.map(([place, value]) => `${x(place)},${y(value)}`).join(" ") });
  const rule = (kind, [x1, x2], [y1, y2]) => drawing("line", { class: kind, x1, x2, y1: y(y1), y2: y(y2) });
  const text = (across, down, words, kind) => drawing("text", { x: across, y: down, class: kind }, [words]);
  const when = (place) => points[place].when ?? (place > now ? `+${place - now}` : `${place - now}`);

  const promise = level ? `forecast, and where ${short(100 * level)} % of what comes should lie` : "forecast";
  const parts = [text(LEFT, 16, name, "title"), text(WIDTH - RIGHT, 16, promise, "tick end")];
  for (const mark of marks) {
    parts.push(rule("grid", [LEFT, WIDTH - RIGHT], [mark, mark]), text(LEFT - 7, y(mark) + 4, short(mark), "tick end"));
  }
  parts.push(text(LEFT, HEIGHT - 8, when(0), "tick"));
  if (last > 0) parts.push(text(WIDTH - RIGHT, HEIGHT - 8, when(last), "tick end"));
  if (now > 0 && x(last) - x(now) >= 110) parts.push(text(x(now), HEIGHT - 8, when(now), "tick middle"));
  const [lower, upper] = [from(now + 1, "low"), from(now + 1, "high")];
  if ([...lower, ...upper].every(([, value]) => Number.isFinite(value))) {
    const band = ahead.length > 1 ? shape("polygon", "band", [...upper, ...lower.reverse()]) : rule("interval", [x(last), x(last)], [lower[0][1], upper[0][1]]);
    parts.push(band);
  }
  parts.push(shape("polyline", "line past", from(0, "value").slice(0, now + 1)));
  parts.push(shape("polyline", "line", from(Math.max(now, 0), "value")));
  for (const [place, value] of from(now + 1, "value")) {
    parts.push(drawing("circle", { class: "dot", cx: x(place), cy: y(value), r: 3 }, [drawing("title", {}, [`${when(place)}: ${short(value)}`])]));
  }
  return drawing("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${name}: history and forecast` }, parts);
}

// Returns round values from at most `least` to at least `most`.
function ticks(least, most) {
  const [from, to] = most - least > 1e-12 ? [least, most] : [least - 0.5 * (Math.abs(least) || 1), most + 0.5 * (Math.abs(most) || 1)];
  const rough = (to - from) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const first = Math.floor(from / step);
  return Array.from({ length: Math.ceil(to / step) - first + 1 }, (_, number) => (first + number) * step);
}

function figures(columns, forecast, lower, upper, when, level) {
  const many = columns.length > 1;
  const head = ["step", ...(when(1) ? ["time"] : []), ...(many ? ["column"] : []), "forecast", ...(lower ? [level ? `${short(100 * level)} % from` : "from", "to"] : [])];
  const texts = columns.map((_, place) => writeTable(forecast.map((row, step) => (lower ? [lower[step][place], row[place], upper[step][place]] : [row[place]]))));
  const rows = forecast.flatMap((row, step) => row.map((_, place) => {
    const [low, value, high] = lower ? texts[place][step] : [undefined, texts[place][step][0]];
    return [`+${step + 1}`, ...(when(1) ? [when(step + 1)] : []), ...(many ? [columns[place]] : []), value, ...(lower ? [low, high] : [])];
  }));
  const figure = head.indexOf("forecast");
  const cells = (tag, row) => row.map((cell, place) => element(tag, place >= figure ? { class: "n" } : {}, [cell]));
  const table = element("table", { class: "figures" }, [
    element("thead", {}, [element("tr", {}, cells("th", head))]),
    element("tbody", {}, rows.map((row) => element("tr", {}, cells("td", row)))),
  ]);
  return element("div", { class: "scroll" }, [table]);
}

const short = (value) => writeFigure(value, 6);
