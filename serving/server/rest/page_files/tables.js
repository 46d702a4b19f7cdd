// Pasted CSV or numbers as what a forecaster takes: its columns, its last rows, times, and what is known in advance.

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/;
const OWN_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/;
const WORDS = /^[-+]?(NaN|Infinity)$/;

export const isNumber = (text) => NUMBER.test(text) || WORDS.test(text);

// A number as JSON writes it, whole ones staying whole: a model of whole numbers refuses 1.0.
export function numberToken(text) {
  return text.replace(/^\+/, "").replace(/^(-?)\./, "$10.").replace(/\.(?=$|e)/i, ".0").replace(/^(-?)0+(?=\d)/, "$1");
}

// Returns { names, history [rows][columns], times, past and ahead [steps] as texts, covariates }; throws what is wrong with the text.
export function readTable(text, signature, facts) {
  const width = signature.inputs.history.shape?.[2] ?? facts?.values.length ?? 1;
  const { rows, header, decimal } = splitTable(text, facts, width);
  const columns = findColumns(rows, header, facts, width, Boolean(signature.inputs.times), Boolean(signature.inputs.covariates));
  const isAhead = (row) => columns.covariates.length > 0 && columns.values.every((place) => !row.cells[place]);
  const known = rows.filter((row) => !isAhead(row));
  const later = rows.slice(known.length);
  if (later.some((row) => !isAhead(row))) throw new Error("Rows without values must stand at the end: they are the ones to forecast.");
  const wanted = facts?.history ?? signature.inputs.history.shape?.[1] ?? known.length;
  if (known.length < wanted || !known.length) throw new Error(`The model looks at ${wanted} rows; these are ${known.length}.`);
  const used = known.slice(known.length - wanted);
  const numbersOf = (row, places) => places.map((place) => readNumber(row, place, header, decimal));
  const times = columns.time === undefined ? undefined : used.map((row) => readTime(row, columns.time, facts));
  return {
    names: facts?.values ?? columns.values.map((place) => header?.[place] ?? `value ${place + 1}`),
    history: used.map((row) => numbersOf(row, columns.values)),
    times,
    past: times?.map(timeText),
    ahead: named(stepper(times, facts?.frequency)),
    covariates: columns.covariates.length ? covariatesOf(used, later, facts, (row) => numbersOf(row, columns.covariates)) : undefined,
  };
}

// Whether a table has a header, so that its columns have names.
export const hasHeader = (text, facts) => splitTable(text, facts, facts.values.length).header !== null;

// Whether a table is one that the page itself has written: plain numbers, and times that no other form is mistaken for.
export function isOwn(text, facts) {
  const [head, ...rows] = text.trim().split("\n").map((line) => line.split(","));
  const timed = head[0] === (facts.reading?.time_column ?? "time");
  const names = [...facts.values, ...(facts.covariates ?? [])].join(",");
  return head.slice(timed ? 1 : 0).join(",") === names && facts.reading?.decimal !== ","
    && rows.every((row) => (!timed || OWN_TIME.test(row[0]) || row[0] === "") && row.slice(timed ? 1 : 0).every((cell) => cell === "" || NUMBER.test(cell)));
}

// A time (UTC): the day alone at midnight.
function timeText(seconds) {
  const whole = new Date(seconds * 1000).toISOString();
  return seconds % 86400 === 0 ? whole.slice(0, 10) : whole.slice(0, 16).replace("T", " ");
}

const named = (step) => step && ((number) => (step(number) === undefined ? undefined : timeText(step(number))));

function splitTable(text, facts, width) {
  const lines = text.split(/\r?\n/).map((line, number) => ({ line, number: number + 1 })).filter(({ line }) => line.trim());
  if (!lines.length) throw new Error("Paste a table or numbers first.");
  const commas = facts?.reading?.decimal === "," && lines.every(({ line }) => /^\s*[-+]?\d+,\d+\s*$/.test(line));
  const found = commas ? undefined : [facts?.reading?.delimiter, "\t", ";", ","].find((mark) => mark && lines[0].line.includes(mark));
  const decimal = facts?.reading?.decimal === "," && found !== "," ? "," : ".";
  const rows = lines.map(({ line, number }) => ({ number, cells: splitLine(line, found) }));
  if (width === 1 && rows.length === 1 && rows[0].cells.every((cell) => isNumber(cell.replace(decimal, ".")))) {
    return { rows: rows[0].cells.map((cell) => ({ number: 1, cells: [cell] })), header: null, decimal };
  }
  const named = rows[0].cells.some((cell) => cell && !isNumber(cell.replace(decimal, ".")) && parseTime(cell, facts) === undefined);
  return { rows: named ? rows.slice(1) : rows, header: named ? rows[0].cells : null, decimal };
}

function splitLine(line, delimiter) {
  if (!delimiter) return line.trim().split(/\s+/);
  const cells = [""];
  let quoted = false;
  for (const letter of line) {
    if (letter === '"') quoted = !quoted;
    else if (letter === delimiter && !quoted) cells.push("");
    else cells[cells.length - 1] += letter;
  }
  return cells.map((cell) => cell.trim());
}

// Returns the places of values, time and covariates; by their names, or without a header by the usual order.
function findColumns(rows, header, facts, width, timed, covered) {
  const extra = covered ? facts?.covariates.length ?? 0 : 0;
  const timeName = facts?.reading?.time_column;
  if (header && facts) {
    const place = (name) => {
      const at = header.indexOf(name);
      if (at < 0) throw new Error(`There is no column \`${name}\`; the columns are ${header.join(", ")}.`);
      return at;
    };
    checkOneSeries(rows, header, facts);
    const time = timed ? place(timeName) : header.indexOf(timeName);
    return { values: facts.values.map(place), time: time < 0 ? undefined : time, covariates: covered ? facts.covariates.map(place) : [] };
  }
  const count = rows[0]?.cells.length ?? 0;
  const first = count - width - extra;
  if (first < 0 || first > 1 || (timed && !first)) {
    const wanted = `${timed ? "a time and " : ""}${width} value${width > 1 ? "s" : ""}${extra ? ` and ${extra} covariates` : ""}`;
    throw new Error(`Each row needs ${wanted}; these have ${count} column${count === 1 ? "" : "s"}. With a header, columns are found by their names.`);
  }
  const places = Array.from({ length: width + extra }, (_, place) => first + place);
  return { values: places.slice(0, width), time: first ? 0 : undefined, covariates: places.slice(width) };
}

function checkOneSeries(rows, header, facts) {
  const place = header.indexOf(facts.reading?.series_column);
  const names = new Set(place < 0 ? [] : rows.map((row) => row.cells[place]));
  if (names.size > 1) throw new Error(`These rows are of ${names.size} series (${[...names].slice(0, 3).join(", ")} ...). Paste the rows of one.`);
}

function readNumber(row, place, header, decimal) {
  const cell = row.cells[place] ?? "";
  const text = cell.replace(decimal, ".");
  if (NUMBER.test(text)) return Number(text);
  const where = `Line ${row.number}${header ? `, column \`${header[place]}\`` : ""}`;
  throw new Error(cell ? `${where}: \`${cell}\` is not a number.` : `${where} has no number: fill gaps before asking.`);
}

function readTime(row, place, facts) {
  const cell = row.cells[place] ?? "";
  const found = parseTime(cell, facts);
  if (found !== undefined) return found;
  const comma = row.cells.length === 2 && row.cells.every((part) => /^[-+]?\d+$/.test(part));
  const advice = comma ? ` If ${row.cells.join(",")} is one number, write ${row.cells.join(".")}; if it is two, leave the first out.` : "";
  throw new Error(`Line ${row.number}: \`${cell}\` is not a time such as 2024-03-01 or 2024-03-01 12:00.${advice}`);
}

// Unix seconds (UTC) of a time: the data's own format, ISO 8601, or unix seconds; undefined if it is none.
export function parseTime(text, facts) {
  if (/^\d{9,11}$/.test(text)) return Number(text);
  const parts = matchFormat(text, facts?.reading?.time_format) ?? /^(\d{4})-(\d\d)(?:-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?)?Z?$/.exec(text)?.slice(1);
  if (!parts) return undefined;
  const [year, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.map((part) => (part === undefined ? undefined : Number(part)));
  const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  return Number.isFinite(seconds) ? seconds : undefined;
}

// Reads a time by a strptime format of %Y %m %d %H %M %S; others are left to ISO 8601.
function matchFormat(text, format) {
  if (!format || /%[^YmdHMS]/.test(format)) return undefined;
  const order = [...format.matchAll(/%(.)/g)].map((found) => "YmdHMS".indexOf(found[1]));
  const pattern = format.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("%Y", "(\\d{4})").replace(/%[mdHMS]/g, "(\\d{1,2})");
  const found = new RegExp(`^${pattern}$`).exec(text);
  if (!found) return undefined;
  const parts = Array(6).fill(undefined);
  order.forEach((place, number) => (parts[place] = found[number + 1]));
  return parts;
}

function covariatesOf(used, later, facts, numbersOf) {
  if (later.length < facts.horizon) {
    const names = facts.covariates.join(", ");
    throw new Error(`After the last row with values, ${facts.horizon} more rows are needed with ${names} alone; there are ${later.length}.`);
  }
  return [...used, ...later.slice(0, facts.horizon)].map(numbersOf);
}

const SECONDS = { second: 1, minute: 60, hour: 3600, day: 86400, week: 604800 };
const MONTHS = { month: 1, quarter: 3, year: 12 };

// Returns what tells the time of each forecast step; undefined where the rows do not lie on the frequency's grid.
function stepper(times, frequency) {
  if (!times || !frequency || addSteps(times[0], frequency, times.length - 1) !== times.at(-1)) return undefined;
  return (step) => addSteps(times[0], frequency, times.length - 1 + step);
}

// The time `steps` after unix seconds; undefined for a unit that is not known here.
function addSteps(seconds, { unit, count }, steps) {
  if (SECONDS[unit]) return seconds + SECONDS[unit] * count * steps;
  if (!MONTHS[unit]) return undefined;
  const date = new Date(seconds * 1000);
  const month = date.getUTCMonth() + MONTHS[unit] * count * steps;
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), month + 1, 0)).getUTCDate();
  return Date.UTC(date.getUTCFullYear(), month, Math.min(date.getUTCDate(), lastDay), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()) / 1000;
}
