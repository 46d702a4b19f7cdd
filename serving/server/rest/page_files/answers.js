// An answer as a person reads it: classes with bars, boxes on the picture, a forecast with its band; else the values.

import { drawing, element } from "./elements.js";
import { indent, parseLoosely } from "./exchange.js";
import { drawForecast } from "./forecasts.js";

const MOST_BARS = 10;
const MOST_TEXT = 4000;
const SMALL = 400; // pixels: a smaller photo is shown larger than it is, so that labels find room

// Returns the elements to show.
export function drawAnswer(text, question, version) {
  const answer = parseLoosely(text);
  const rows = answer.predictions ?? answer.results;
  const first = Array.isArray(rows) ? rows[0] : answer.outputs;
  const head = Array.isArray(rows) && rows.length > 1 ? [element("p", { class: "quiet" }, [`The first of ${rows.length} answers:`])] : [];
  if (isShare(first?.probabilities)) return [...head, ...drawClasses(first, version.class_names)];
  if (Array.isArray(first?.detection_boxes) && Array.isArray(rows)) return [...head, ...drawDetections(first, question.picture)];
  if (Array.isArray(answer.outputs?.forecast?.[0]?.[0])) return drawForecast(answer.outputs, question.history, version.series);
  if (isShare(first) && first.length > 1 && first.length === version.class_names.length) {
    return [...head, ...drawClasses({ probabilities: first }, version.class_names)];
  }
  return [element("pre", {}, [indent(text, MOST_TEXT)])];
}

const isShare = (values) => Array.isArray(values) && values.length > 0 && values.every((value) => typeof value === "number");

function drawClasses({ probabilities, label }, names) {
  const ranked = probabilities.map((share, number) => [names[number] ?? `class ${number}`, share]).sort((a, b) => b[1] - a[1]);
  const bar = ([name, share]) => {
    const length = element("i");
    length.style.width = `${100 * Math.min(Math.max(share, 0), 1)}%`;
    return element("tr", {}, [element("td", {}, [name]), element("td", {}, [length]), element("td", {}, [percent(share)])]);
  };
  const more = ranked.length - MOST_BARS;
  return [
    element("p", { class: "verdict" }, [label ?? ranked[0][0], " ", element("span", {}, [percent(ranked[0][1])])]),
    element("table", { class: "bars" }, ranked.slice(0, MOST_BARS).map(bar)),
    ...(more > 0 ? [element("p", { class: "quiet small" }, [`and ${more} less probable classes`])] : []),
  ];
}

// ---- boxes

function drawDetections(answer, picture) {
  const count = Math.round(answer.num_detections ?? answer.detection_boxes.length);
  const found = answer.detection_boxes.slice(0, count).map((box, place) => ({
    box, score: answer.detection_scores[place], label: answer.detection_labels?.[place] ?? `class ${answer.detection_classes[place]}`,
  }));
  const names = [...new Set(found.map((item) => item.label))].sort();
  const colourOf = (label) => `hsl(${(names.indexOf(label) * 137.5 + 215) % 360} 75% 48%)`;
  const least = element("input", { type: "range", min: "0", max: "1", step: "0.05", value: "0.5", id: "least" });
  const words = element("span");
  const overlay = drawing("svg", { "aria-hidden": "true" });
  const table = element("table", { class: "figures" });
  const redraw = () => {
    const shown = found.filter((item) => item.score >= Number(least.value));
    words.textContent = `${Number(least.value).toFixed(2)}: ${shown.length} of ${found.length} shown`;
    overlay.replaceChildren(...[...shown].reverse().map((item) => drawBox(item, colourOf(item.label))));
    table.replaceChildren(...shown.map((item) => boxRow(item, colourOf(item.label))));
    if (!shown.length) table.replaceChildren(element("tr", {}, [element("td", {}, ["Nothing is as sure as that."])]));
  };
  least.addEventListener("input", redraw);
  redraw();
  const photo = picture ? [element("div", { class: picture.image.naturalWidth < SMALL ? "photo small" : "photo" }, [picture.image.cloneNode(), overlay])] : [];
  const control = element("p", {}, [element("label", { for: "least" }, ["Least score "]), least, " ", words]);
  return [...photo, control, element("div", { class: "scroll" }, [table])];
}

// Places are shares of the picture, so that boxes stay where they are when the page is made narrower.
function drawBox({ box: [top, left, bottom, right], score, label }, colour) {
  const share = (value) => `${100 * value}%`;
  const place = { x: share(left), y: share(top), width: share(Math.max(right - left, 0)), height: share(Math.max(bottom - top, 0)) };
  const words = drawing("text", { x: share(left), y: share(top), dx: "4", dy: top < 0.06 ? "15" : "-5" }, [`${label} ${percent(score)}`]);
  Object.assign(words.style, { fill: "#fff", stroke: colour, strokeWidth: "4px", paintOrder: "stroke", strokeLinejoin: "round", fontWeight: "600" });
  const frame = drawing("rect", { ...place, rx: "3", fill: "none", "stroke-width": "2.5" });
  frame.style.stroke = colour;
  return drawing("g", {}, [frame, words]);
}

function boxRow({ box, score, label }, colour) {
  const swatch = element("span", { class: "swatch" });
  swatch.style.background = colour;
  const edges = ["top", "left", "bottom", "right"].map((word, place) => `${word} ${percent(box[place])}`).join(", ");
  return element("tr", {}, [
    element("td", {}, [swatch, label]), element("td", { class: "n" }, [percent(score)]), element("td", { class: "quiet" }, [edges]),
  ]);
}

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.001 ? 3 : 1)} %`;
