// The page: what is served, a question in the form the model takes, its answer, and the same with curl.

import { drawAnswer } from "./answers.js";
import { element } from "./elements.js";
import { curlOf, parseLoosely } from "./exchange.js";
import { FORMS } from "./questions.js";

const REFRESH_SECONDS = 5;
const TOKEN = "labline-token";
const at = (id) => document.getElementById(id);
const state = { models: [], name: "", mode: "", picture: null, refused: "", asked: 0 };

async function start() {
  at("address").textContent = document.baseURI.replace(/[#?].*$/, "");
  at("token-form").addEventListener("submit", useToken);
  at("reload").addEventListener("click", () => loadModels(true));
  at("version").addEventListener("change", showVersion);
  at("signature").addEventListener("change", showSignature);
  at("form").addEventListener("submit", ask);
  at("example").addEventListener("click", fillExample);
  at("file").addEventListener("change", () => takePicture(at("file").files[0]));
  listenForPictures();
  document.querySelectorAll("[data-copies]").forEach((button) => button.addEventListener("click", () => copy(button)));
  state.name = decodeURIComponent(location.hash.slice(1));
  await loadModels(true);
  setInterval(() => document.visibilityState === "visible" && at("token-form").hidden && loadModels(false), REFRESH_SECONDS * 1000);
}

// ---- what is served

async function loadModels(aloud) {
  const answer = await send("labline/models");
  if (answer.status === 401) return askForToken();
  if (!answer.ok) return aloud || answer.status === 0 ? notify(answer.problem) : undefined;
  const before = JSON.stringify(state.models);
  state.models = parseLoosely(answer.text).models;
  notify(state.models.length ? "" : "The server has no models.");
  at("columns").hidden = !state.models.length;
  if (state.models.length && JSON.stringify(state.models) !== before) showModels();
}

function showModels() {
  const focused = document.activeElement?.name === "model";
  const names = state.models.map((model) => model.name);
  const kept = names.includes(state.name);
  at("models").replaceChildren(...state.models.map(modelCard));
  if (focused) at("models").querySelector(":checked")?.focus();
  choose(kept ? state.name : (state.models.find((model) => available(model).length) ?? state.models[0]).name, kept);
}

function modelCard(model) {
  const input = element("input", { type: "radio", name: "model", value: model.name });
  input.addEventListener("change", () => choose(model.name, false));
  const rows = model.versions.map((version) => {
    const broken = version.state === "END" && version.error;
    return element("li", {}, [
      `version ${version.version}`,
      element("span", { class: `mark ${broken ? "broken" : version.state}` }, [broken ? "not loaded" : stateWord(version.state)]),
      ...version.labels.map((label) => element("span", { class: "mark label", title: `label ${label}` }, [label])),
      ...(version.error ? [element("span", { class: "error" }, [shorten(version.error, 240)])] : []),
    ]);
  });
  const empty = element("li", { class: "quiet" }, ["no version on disk"]);
  return element("label", { class: "model" }, [input, element("b", {}, [model.name]), element("ul", {}, rows.length ? rows : [empty])]);
}

function stateWord(word) {
  return { AVAILABLE: "available", LOADING: "loading", START: "waiting", UNLOADING: "unloading", END: "unloaded" }[word] ?? word;
}

function choose(name, keep) {
  const changed = name !== state.name || !keep;
  state.name = name;
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  for (const input of document.getElementsByName("model")) input.checked = input.value === name;
  const versions = available(model());
  const labels = Object.entries(model().labels).filter(([, number]) => versions.some((version) => version.version === number));
  fillSelect("version", [
    ["", versions.length ? `newest (${versions[0].version})` : "none is available"],
    ...labels.map(([label, number]) => [`label:${label}`, `${label} (${number})`]),
    ...versions.map((version) => [version.version, version.version]),
  ], changed ? "" : at("version").value);
  showVersion();
}

function showVersion() {
  const chosen = version();
  for (const id of ["ask", "signature", "version"]) at(id).disabled = !chosen;
  const names = Object.keys(chosen?.signatures ?? {});
  const preferred = names.includes(at("signature").value) ? at("signature").value : names[0];
  fillSelect("signature", names.map((name) => [name, name]), preferred);
  showSignature();
}

function showSignature() {
  const found = signature();
  const wish = [state.name, at("version").value, at("signature").value].join(" ");
  const modes = !found ? [] : found.takes === "json" ? ["json"] : [found.takes, "json"];
  at("takes").textContent = found ? `${tensors(found.inputs)} → ${tensors(found.outputs)}` : "No version of this model can answer now.";
  at("modes").replaceChildren(at("modes").firstElementChild, ...modes.map(modeButton));
  at("modes").hidden = modes.length < 2;
  at("example").hidden = !version()?.examples?.includes(at("signature").value);
  if (at("form").dataset.wish !== wish) {
    at("form").dataset.wish = wish;
    forgetAnswer();
  }
  const stays = modes.includes(state.mode) && boxOf(state.mode).dataset.kind === kindOf(state.mode);
  showMode(stays ? state.mode : modes[0] ?? "");
}

function tensors(infos) {
  const texts = Object.entries(infos).map(([name, info]) => {
    const sizes = info.shape?.map((size) => size ?? "n").join(" × ");
    return `${name}: ${info.type}${sizes === undefined ? " of any shape" : sizes ? ` [${sizes}]` : ""}`;
  });
  return texts.join(", ") || "nothing";
}

function modeButton(mode) {
  const input = element("input", { type: "radio", name: "mode", value: mode });
  input.addEventListener("change", () => { forgetAnswer(); showMode(mode); });
  return element("label", {}, [input, FORMS[mode].word]);
}

function showMode(mode) {
  state.mode = mode;
  for (const input of document.getElementsByName("mode")) input.checked = input.value === mode;
  at("picture-box").hidden = mode !== "picture";
  at("text-box").hidden = !mode || mode === "picture";
  if (!mode) return;
  const { title, start, hint } = FORMS[mode].prompt(signature(), version(), at("signature").value);
  at("text-title").textContent = title;
  at("hint").textContent = hint;
  const [box, kind] = [boxOf(mode), kindOf(mode)];
  if (box.dataset.kind === kind) return;
  box.dataset.kind = kind;
  if (mode === "picture") forgetPicture();
  else at("text").value = start;
}

const boxOf = (mode) => at(mode === "picture" ? "picture-box" : "text-box");

// What was given stays in its box for as long as this stays: a request's JSON fits one signature, the rest any of its kind.
function kindOf(mode) {
  const { method, inputs } = signature();
  return [state.name, mode, ...(mode === "json" ? [at("signature").value, method, JSON.stringify(inputs)] : [])].join(" ");
}

function forgetAnswer() {
  state.asked++; // one that is still to come is of another version
  at("answer").hidden = true;
}

const model = () => state.models.find((item) => item.name === state.name);
const available = (item) => item.versions.filter((row) => row.state === "AVAILABLE" && row.signatures);
const signature = () => version()?.signatures[at("signature").value];

function version() {
  const chosen = at("version").value;
  const number = chosen.startsWith("label:") ? model().labels[chosen.slice(6)] : chosen;
  return available(model()).find((row) => !number || row.version === number);
}

// ---- a question and its answer

async function ask(event) {
  event?.preventDefault();
  if (!signature()) return;
  const number = ++state.asked;
  try {
    if (state.mode === "picture" && state.refused) throw new Error(state.refused);
    const given = state.mode === "picture" ? state.picture : at("text").value;
    const question = await FORMS[state.mode].read(given, signature(), version(), at("signature").value, readAtServer);
    if (number !== state.asked) return;
    const path = addressOf(signature().method);
    at("ask").disabled = true;
    const began = performance.now();
    const answer = await send(path, question.body);
    if (number === state.asked) showAnswer(question, path, answer, performance.now() - began);
  } catch (error) {
    showProblem(error.message);
  } finally {
    at("ask").disabled = !version();
  }
}

async function storeAtServer(bytes) {
  const answer = await send("labline/picture", bytes);
  if (answer.status === 401) askForToken();
  if (answer.ok) return answer.bytes;
  throw new Error(answer.status === 400 ? JSON.parse(answer.text).error : answer.problem);
}

async function readAtServer(text, { inputs }) {
  const query = new URLSearchParams({ model: state.name, version: version().version, ...(inputs.times ? {} : { times: "optional" }) });
  const answer = await send(`labline/series?${query}`, text);
  if (answer.status === 401) askForToken();
  if (answer.ok) return JSON.parse(answer.text);
  throw new Error(answer.status === 400 ? JSON.parse(answer.text).error : answer.problem);
}

function addressOf(method) {
  const chosen = at("version").value;
  const part = chosen.startsWith("label:") ? `/labels/${encodeURIComponent(chosen.slice(6))}` : chosen ? `/versions/${chosen}` : "";
  return `v1/models/${encodeURIComponent(state.name)}${part}:${method}`;
}

function showAnswer(question, path, answer, milliseconds) {
  at("answer").hidden = at("exchange").hidden = false;
  at("facts").textContent = answer.ok ? `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms` : "";
  at("shown").replaceChildren();
  const { command, note } = curlOf(new URL(path, document.baseURI).href, question, Boolean(token()));
  at("curl").textContent = command;
  at("curl-note").textContent = note;
  at("request").textContent = question.body.length > 20000 ? `${question.body.slice(0, 20000)}…` : question.body;
  at("request").dataset.whole = question.body;
  at("response").textContent = answer.text;
  if (answer.status === 401) askForToken();
  at("problem").hidden = answer.ok;
  at("problem").textContent = answer.problem;
  if (!answer.ok) return;
  at("shown").replaceChildren(...drawAnswer(answer.text, question, version()));
}

function showProblem(message) {
  at("answer").hidden = at("problem").hidden = false;
  at("exchange").hidden = true;
  at("facts").textContent = "";
  at("shown").replaceChildren();
  at("problem").textContent = message;
}

async function fillExample() {
  const query = new URLSearchParams({ model: state.name, version: version().version, signature: at("signature").value });
  const answer = await send(`labline/example?${query}`);
  if (!answer.ok) return showProblem(answer.problem);
  const filled = FORMS[state.mode].fill(answer.text, signature(), version());
  if (state.mode === "picture") return takePicture(filled);
  at("text").value = filled;
  ask();
}

// ---- pictures

function listenForPictures() {
  const drop = at("drop");
  const over = (event) => { event.preventDefault(); drop.classList.toggle("over", event.type === "dragover"); };
  for (const kind of ["dragover", "dragleave", "drop"]) drop.addEventListener(kind, over);
  drop.addEventListener("drop", (event) => takePicture(event.dataTransfer.files[0]));
  // a file that misses the box must not make the browser leave the page
  for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
  window.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((item) => item.type.startsWith("image/"));
    if (file && state.mode === "picture") takePicture(file);
  });
}

async function takePicture(file) {
  if (!file) return;
  try {
    forgetPicture();
    state.picture = { ...(await FORMS.picture.prepare(file, storeAtServer)), own: file.own };
    const image = element("img", { src: state.picture.url, alt: state.picture.name });
    await image.decode();
    image.classList.toggle("tiny", image.naturalWidth < 112);
    state.picture.image = image;
    at("drop-words").replaceChildren(image, `${state.picture.name}${state.picture.note}`);
    ask();
  } catch (error) {
    forgetPicture();
    state.refused = `${file.name}: ${error.message || "this is not a picture that the browser can read"}`;
    showProblem(state.refused);
  }
}

function forgetPicture() {
  if (state.picture) URL.revokeObjectURL(state.picture.url);
  state.picture = null;
  state.refused = "";
  at("file").value = "";
  at("drop-words").replaceChildren("Drop a picture here, paste one, or ", element("u", {}, ["choose a file"]));
}

// ---- the server

async function send(path, body) {
  const headers = token() ? { Authorization: `Bearer ${token()}` } : {};
  try {
    const options = body === undefined ? {} : { method: "POST", body };
    const response = await fetch(new URL(path, document.baseURI), { ...options, headers, cache: "no-store" });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder().decode(bytes);
    return { ok: response.ok, status: response.status, text, bytes, problem: response.ok ? "" : problemOf(response, text) };
  } catch {
    return { ok: false, status: 0, text: "", problem: "The server cannot be reached. Does it still run?" };
  }
}

function problemOf(response, text) {
  let message = "";
  try { message = parseLoosely(text).error; } catch { message = ""; }
  const advice = {
    401: "Give the token of this server.", 404: "The model or version may have been unloaded.", 413: "Send less at a time.",
    503: "The server is busy; ask again in a moment.", 504: "The computation took too long.",
  }[response.status];
  return [`${response.status}: ${message || response.statusText || "no reason given"}`, advice].filter(Boolean).join("\n");
}

const token = () => sessionStorage.getItem(TOKEN) ?? "";

function askForToken() {
  at("token-form").hidden = false;
  at("columns").hidden = true;
  at("token-notice").hidden = !token();
  at("token-notice").textContent = "The server does not take this token.";
  sessionStorage.removeItem(TOKEN);
  at("token").focus();
}

function useToken(event) {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, at("token").value.trim());
  at("token").value = "";
  at("token-form").hidden = true;
  state.models = [];
  loadModels(true);
}

// ---- small things

function notify(message) {
  at("notice").hidden = !message;
  at("notice").textContent = message;
}

function fillSelect(id, options, chosen) {
  at(id).replaceChildren(...options.map(([value, text]) => element("option", { value }, [text])));
  at(id).value = options.some(([value]) => value === chosen) ? chosen : options[0]?.[0] ?? "";
}

async function copy(button) {
  const source = at(button.dataset.copies);
  await navigator.clipboard?.writeText(source.dataset.whole ?? source.textContent);
  button.textContent = navigator.clipboard ? "Copied" : "Not allowed here";
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

function shorten(text, most) {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

start();
