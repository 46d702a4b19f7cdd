// The forms a question can take: a picture, a history, a few numbers, or the request's JSON itself.
//
// Each has a `word` for its button, `prompt` for an empty box, `read` that makes a request of what was given, or throws an Error
// that says what is wrong with it, and `fill` that makes an example of the model's own look as if a person had given it.

import { hasHeader, isNumber, isOwn, numberToken, readTable } from "./tables.js";
import { preparePicture, toBase64 } from "./pictures.js";
import { parseLoosely } from "./exchange.js";

const MOST_ZEROS = 2000;

const picture = {
  word: "Picture",
  prepare: preparePicture,
  prompt: () => ({ title: "", start: "", hint: "" }),
  read(given, signature, version, name) {
    if (!given) throw new Error("Choose a picture first.");
    const around = [`{${named(name)}"instances":[{"b64":"`, '"}]}'];
    const fileNote = given.note ? `The page sent the picture as a PNG${given.note}; save it so before you run this.` : "";
    const body = around.join(toBase64(given.bytes));
    return given.own ? { body, picture: given } : { body, around, file: given.name, fileNote, picture: given };
  },
  fill(text) {
    const encoded = JSON.parse(text).inputs.image_bytes[0].b64;
    const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
    // nobody has the example as a file: it is written out in the command
    return Object.assign(new File([bytes], bytes[0] === 0x89 ? "example.png" : "example.jpg"), { own: true });
  },
};

const history = {
  word: "Table",
  prompt(signature, version) {
    const facts = version.series;
    const columns = facts?.values.join(", ") ?? "values";
    const rows = facts ? `${facts.history} rows or more` : "rows";
    const timed = signature.inputs.times ? ", with a column of times" : "";
    const later = signature.inputs.covariates ? `; then ${facts?.horizon ?? "the"} rows that have only ${facts?.covariates.join(", ") ?? "covariates"}` : "";
    return { title: `CSV or numbers, the oldest row first: ${columns}, ${rows}${timed}${later}`, start: "", hint: "" };
  },
  // A table with a header is read by the server, with exactly the settings of the model's own data.
  async read(text, signature, version, name, readAtServer) {
    const facts = version.series;
    const there = facts && text.trim() && hasHeader(text, facts) && !isOwn(text, facts);
    const table = there ? ofServer(await readAtServer(text, signature), signature) : readTable(text, signature, facts);
    const inputs = { history: [table.history] };
    if (signature.inputs.times) inputs.times = [table.times];
    if (signature.inputs.covariates) inputs.covariates = [table.covariates];
    return { body: `{${named(name)}"inputs":${JSON.stringify(inputs)}}`, history: table };
  },
  fill(text, signature, version) {
    const given = JSON.parse(text).inputs;
    const names = version.series?.values ?? given.history[0][0].map((_, place) => `value ${place + 1}`);
    const known = given.covariates?.[0] ?? [];
    const head = [...(given.times ? [version.series?.reading?.time_column ?? "time"] : []), ...names, ...(version.series?.covariates ?? [])];
    const rows = (given.covariates ? known : given.history[0]).map((_, row) => [
      ...(given.times ? [given.times[0][row] === undefined ? "" : time(given.times[0][row])] : []),
      ...(given.history[0][row] ?? names.map(() => "")),
      ...(known[row] ?? []),
    ]);
    return [head, ...rows].map((cells) => cells.join(",")).join("\n");
  },
};

const numbers = {
  word: "Numbers",
  prompt(signature) {
    const [name, info] = Object.entries(signature.inputs)[0];
    const each = info.shape.length === 1 ? "" : `, ${info.shape[1] ? `${info.shape[1]} a line, ` : ""}each line an example`;
    return { title: `${name}: numbers${each}`, start: "", hint: "" };
  },
  read(text, signature, version, name) {
    const [, info] = Object.entries(signature.inputs)[0];
    const lines = text.split("\n").map((line) => line.trim().split(/[\s,;]+/).filter(Boolean)).filter((cells) => cells.length);
    if (!lines.length) throw new Error("Type a few numbers first.");
    const wrong = lines.flat().find((cell) => !isNumber(cell));
    if (wrong !== undefined) throw new Error(`\`${wrong}\` is not a number.`);
    const rows = lines.map((cells) => cells.map(numberToken));
    if (info.shape.length === 1) return { body: `{${named(name)}"instances":[${rows.flat().join(",")}]}` };
    const odd = rows.findIndex((cells) => cells.length !== (info.shape[1] ?? rows[0].length));
    if (odd >= 0) throw new Error(`Line ${odd + 1} has ${rows[odd].length} numbers; ${info.shape[1] ?? rows[0].length} are needed.`);
    return { body: `{${named(name)}"instances":[${rows.map((cells) => `[${cells.join(",")}]`).join(",")}]}` };
  },
  fill(text) {
    const [rows] = Object.values(parseLoosely(text).inputs);
    return rows.map((row) => (Array.isArray(row) ? row.join(", ") : row)).join("\n");
  },
};

const json = {
  word: "JSON",
  prompt: (signature, version, name) => ({ title: `Body of the request to :${signature.method}`, ...template(signature, name) }),
  read(text) {
    try {
      parseLoosely(text);
    } catch (error) {
      throw new Error(`This is not JSON: ${error.message}.`);
    }
    return { body: text };
  },
  fill: (text) => text,
};

function ofServer(found, signature) {
  if (signature.inputs.times && !found.times) throw new Error("These rows have no times.");
  return { ...found, past: found.past ?? undefined, ahead: found.ahead ? (step) => found.ahead[step - 1] : undefined };
}

export const FORMS = { picture, history, numbers, json };

const named = (name) => (name === "serving_default" ? "" : `"signature_name":${JSON.stringify(name)},`);
const time = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19);

// A request of zeros in the shapes that the signature declares, one example of everything.
function template(signature, name) {
  const start = (rest) => JSON.stringify({ ...(name === "serving_default" ? {} : { signature_name: name }), ...rest }, null, 1);
  if (signature.method !== "predict") return { start: start({ examples: [{ feature: 1.5 }] }), hint: "Put the features' names and values in." };
  const entries = Object.entries(signature.inputs);
  const sizes = entries.map(([, info]) => (info.shape ?? []).reduce((product, size) => product * (size ?? 1), 1));
  if (Math.max(0, ...sizes) > MOST_ZEROS) return { start: start({ instances: [] }), hint: "Too many numbers to type: put the values into `instances`." };
  const inRows = entries.length > 0 && entries.every(([, info]) => info.shape === null || info.shape.length > 0);
  const values = entries.map(([key, info]) => [key, zeros((info.shape ?? []).slice(inRows ? 1 : 0), info.type)]);
  if (!inRows) return { start: start({ inputs: Object.fromEntries(values) }), hint: "" };
  return { start: start({ instances: [values.length === 1 ? values[0][1] : Object.fromEntries(values)] }), hint: "" };
}

function zeros(shape, type) {
  if (shape.length) return Array.from({ length: shape[0] ?? 1 }, () => zeros(shape.slice(1), type));
  return type === "string" ? "" : type === "bool" ? false : 0;
}
