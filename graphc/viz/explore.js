"use strict";
// The page: shows the data that was put into it. Names and values only ever become text.

const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);

// Where the reader is: a stage, a step of the walk, a node and a kernel that were chosen.
const state = { stage: 0, step: 0, derivation: 0, node: null, kernel: null };

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// The walk ------------------------------------------------------------------------------------------------------
// Step 0 is before anything happens; then come the nodes in the order they are computed, then the derivation.

const derivation = () => data.derivations[state.derivation];
const backwardSteps = () => (derivation() ? derivation().steps.map((number) => data.steps[number]) : []);
const stepCount = () => data.forward.length + backwardSteps().length;
const isBackward = () => state.step > data.forward.length;
const backwardStep = () => backwardSteps()[state.step - data.forward.length - 1];

function goTo(step) {
  state.step = Math.min(Math.max(step, 0), stepCount());
  if (state.step === 0) state.node = null;
  else if (isBackward()) state.node = backwardStep().to;
  else state.node = data.forward[state.step - 1];
  state.kernel = null;
  show();
  reveal();
}

// The graph -----------------------------------------------------------------------------------------------------

const graph = at("graph");
const READABLE = 0.85; // pixels for a point of the drawing
let shapes = new Map(); // box key → its element
let view = null; // the part of the drawing that is seen: x, y, width, height
let whole = null;

function showStage() {
  const stage = data.stages[state.stage];
  graph.innerHTML = stage.svg;
  const svg = graph.querySelector("svg");
  const [x, y, width, height] = svg.getAttribute("viewBox").split(/[\s,]+/).map(Number);
  whole = { x, y, width, height };
  svg.setAttribute("preserveAspectRatio", "xMidYMid meet");
  shapes = new Map();
  for (const shape of svg.querySelectorAll("g.node")) {
    const title = shape.querySelector("title");
    const key = title.textContent;
    title.remove();
    if (!(key in stage.boxes)) continue;
    shapes.set(key, shape);
    shape.setAttribute("tabindex", "0");
    shape.setAttribute("role", "button");
    shape.setAttribute("aria-label", Array.from(shape.querySelectorAll("text"), (t) => t.textContent).join(", "));
    shape.addEventListener("click", () => { if (!dragged) choose(key); });
    shape.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(key); }
    });
  }
  for (const title of svg.querySelectorAll("title")) title.remove();
  at("stage").value = state.stage;
  at("stage").setAttribute("aria-valuetext", stage.name);
  at("stage-name").textContent = stage.name;
  at("stage-note").textContent = data.note ? `${stage.note} · ${data.note}` : stage.note;
  at("stage-note").title = stage.note;
  fit();
}

function look() {
  graph.querySelector("svg").setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
}

function fit() {
  // What is too large to be read as a whole begins at a size that can be read, at its first node.
  const room = graph.getBoundingClientRect();
  const scale = Math.min(room.width / whole.width, room.height / whole.height);
  view = { ...whole };
  look();
  if (scale >= READABLE || !room.width) return;
  view.width = room.width / READABLE;
  view.height = room.height / READABLE;
  look();
  const first = data.nodes[data.forward[0]] ? shapeOf(data.forward[0]) : null;
  if (first) centre(first);
}

function seeAll() { view = { ...whole }; look(); }

function zoom(factor, x = view.x + view.width / 2, y = view.y + view.height / 2) {
  const width = Math.min(Math.max(view.width / factor, 60), whole.width * 4 + 400);
  const ratio = width / view.width;
  view = { x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio, width, height: view.height * ratio };
  look();
}

// A place on the screen in the drawing's own measure.
function placeOf(event) {
  const point = new DOMPoint(event.clientX, event.clientY);
  return point.matrixTransform(graph.querySelector("svg").getScreenCTM().inverse());
}

let held = null, dragged = false;
graph.addEventListener("pointerdown", (event) => { held = { x: event.clientX, y: event.clientY }; dragged = false; });
window.addEventListener("pointermove", (event) => {
  if (!held) return;
  const dx = event.clientX - held.x, dy = event.clientY - held.y;
  if (!dragged && Math.hypot(dx, dy) < 4) return;
  dragged = true;
  graph.classList.add("is-moving");
  const scale = graph.querySelector("svg").getScreenCTM().a;
  view = { ...view, x: view.x - dx / scale, y: view.y - dy / scale };
  held = { x: event.clientX, y: event.clientY };
  look();
});
window.addEventListener("pointerup", () => { held = null; graph.classList.remove("is-moving"); });
graph.addEventListener("wheel", (event) => {
  event.preventDefault();
  const place = placeOf(event);
  zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, place.x, place.y);
}, { passive: false });

function shapeOf(node) {
  const boxes = data.stages[state.stage].boxes;
  for (const [key, shape] of shapes) if (boxes[key].nodes.includes(node)) return shape;
  return null;
}

function centre(shape) {
  const box = shape.getBoundingClientRect(), room = graph.getBoundingClientRect();
  const scale = graph.querySelector("svg").getScreenCTM().a;
  view.x = within(view.x + (box.left + box.width / 2 - room.left - room.width / 2) / scale, view.width, whole.x, whole.width);
  view.y = within(view.y + (box.top + box.height / 2 - room.top - room.height / 2) / scale, view.height, whole.y, whole.height);
  look();
}

// Where a part of a given size begins that shows no more emptiness around the whole than it has to.
function within(start, size, first, extent) {
  return size >= extent ? first - (size - extent) / 2 : Math.min(Math.max(start, first), first + extent - size);
}

// Moves the view, where the current node is outside of it.
function reveal() {
  const shape = graph.querySelector(".is-current");
  if (!shape) return;
  const box = shape.getBoundingClientRect(), room = graph.getBoundingClientRect();
  const margin = 70;
  const isIn = box.left > room.left + margin && box.right < room.right - margin
    && box.top > room.top + margin && box.bottom < room.bottom - margin;
  if (room.width && !isIn) centre(shape);
}

function choose(key) {
  const box = data.stages[state.stage].boxes[key];
  state.kernel = box.kernel === undefined ? null : box.kernel;
  if (box.nodes.length) {
    // What a box stands for may be several nodes; the one chosen last among them stays.
    if (!box.nodes.includes(state.node)) state.node = box.nodes[box.nodes.length - 1];
  } else state.node = null;
  const step = backwardSteps().findIndex((s) => s.to === state.node);
  const forward = data.forward.indexOf(state.node);
  if (isBackward() && step >= 0) state.step = data.forward.length + 1 + step;
  else if (forward >= 0) state.step = forward + 1;
  show();
}

// What is shown -------------------------------------------------------------------------------------------------

const kernelsOf = (node) => data.kernels.map((k, i) => i).filter((i) => data.kernels[i].nodes.includes(node));

function show() {
  const count = data.forward.length;
  const done = new Set(data.forward.slice(0, isBackward() ? count : state.step));
  const ahead = new Set(state.step && !isBackward() ? data.forward.slice(state.step) : []);
  const reached = new Set();
  const through = new Set();
  if (isBackward()) {
    for (const step of backwardSteps().slice(0, state.step - count)) if (step.to !== null) reached.add(step.to);
    for (const node of backwardStep().through) through.add(node);
    for (const node of backwardStep().made) through.add(node);
  }
  const related = state.kernel === null ? through : new Set(data.kernels[state.kernel].nodes);
  const boxes = data.stages[state.stage].boxes;
  for (const [key, shape] of shapes) {
    const box = boxes[key], nodes = box.nodes;
    const inKernel = state.kernel !== null && box.kernel !== undefined;
    const isRelated = inKernel ? box.kernel === state.kernel : nodes.some((n) => related.has(n));
    shape.classList.toggle("is-current", state.node !== null && nodes.includes(state.node));
    shape.classList.toggle("is-related", isRelated);
    shape.classList.toggle("is-reached", nodes.some((n) => reached.has(n)));
    shape.classList.toggle("is-ahead", nodes.length > 0 && nodes.every((n) => ahead.has(n)));
    shape.classList.toggle("is-done", nodes.some((n) => done.has(n)));
  }
  showStep();
  showNode();
  showKernel();
  showKernels();
}

function showStep() {
  const total = stepCount(), count = data.forward.length, place = at("step");
  place.replaceChildren();
  at("progress").textContent = state.step === 0 ? `${total} steps`
    : isBackward() ? `backward ${state.step - count} / ${total - count}` : `forward ${state.step} / ${count}`;
  for (const id of ["first", "back"]) at(id).disabled = state.step === 0;
  for (const id of ["next", "last"]) at(id).disabled = state.step === total;
  if (state.step === 0) {
    place.append(element("h2", {}, "The walk"), element("p", {}, count ? "Step on (→) to compute one node after the "
      + `other${backwardSteps().length ? ", then to go back from the loss by the chain rule" : ""}.` : "Nothing is computed."));
  } else if (isBackward()) {
    const told = element("div");
    told.innerHTML = data.texts[backwardStep().html]; // MathML, made and escaped by graphc's derivations
    place.append(element("h2", {}, `Backward, step ${state.step - count}: by ${derivation().by}`), told);
  } else {
    place.append(element("h2", {}, `Forward, step ${state.step}`), element("p", {}, describe(data.nodes[data.forward[state.step - 1]])));
  }
}

const isLeaf = (node) => ["input", "param"].includes(node.title);
const nameOf = (node) => !node.name ? node.title : isLeaf(node) ? node.name : `${node.name} = ${node.title}`;
const describe = (node) => `${nameOf(node)}, ${node.type}`;

function showNode() {
  const place = at("node");
  place.replaceChildren();
  if (state.node === null) return;
  const node = data.nodes[state.node];
  place.append(element("h2", {}, node.derived ? "Node, a derivative" : isLeaf(node) ? `Node, ${node.title}` : "Node"),
    element("div", { class: "title" }, nameOf(node)),
    element("div", { class: "soft" }, node.scope ? `${node.type} · in ${node.scope}` : node.type));
  if (node.file) {
    const source = element("div", { class: "source" }, element("span", { class: "soft" }, node.file));
    if (node.code) source.append(element("pre", {}, node.code));
    place.append(source);
  }
  place.append(element("pre", { title: "as gc.dump prints it" }, node.text));
  const values = element("div", { class: "values" });
  if (node.value) values.append(value("value", node.value));
  if (node.gradient) values.append(value("gradient", node.gradient));
  if (values.children.length === 1) values.firstChild.classList.add("one");
  if (values.children.length) place.append(values);
}

function value(what, told) {
  const made = element("div", { class: `value is-${what}` }, element("b", {}, what));
  const text = element("span", { class: /nan|∞/.test(told.text) ? "nan" : "" }, told.text);
  made.append(text);
  if (told.heat) {
    const canvas = element("canvas", { role: "img", "aria-label": `${what}: ${told.text}`,
      title: `blue above zero, orange below, pink nan; strongest at ${told.largest}` });
    paint(canvas, told.heat);
    made.append(canvas);
  }
  return made;
}

// Strengths of colour are letters: 0 for zero, A … Z above it, a … z below, ? for nan.
function strengthOf(letter) {
  if (letter === "?") return null;
  const place = letter === "0" ? 0 : letter.toUpperCase().charCodeAt(0) - 64;
  return (letter >= "a" ? -place : place) / 26;
}

const blend = (strength, colour) => colour.map((c) => Math.round(255 + (c - 255) * strength));
function paint(canvas, rows) {
  canvas.width = rows[0].length;
  canvas.height = rows.length;
  const context = canvas.getContext("2d");
  rows.forEach((row, y) => Array.from(row, strengthOf).forEach((strength, x) => {
    const [r, g, b] = strength === null ? [204, 121, 167]
      : blend(Math.abs(strength), strength >= 0 ? [0, 114, 178] : [213, 94, 0]);
    context.fillStyle = `rgb(${r}, ${g}, ${b})`;
    context.fillRect(x, y, 1, 1);
  }));
}

let openParts = new Set(["loops"]);

function showKernel() {
  const place = at("kernel");
  place.replaceChildren();
  const found = state.kernel !== null ? [state.kernel] : state.node === null ? [] : kernelsOf(state.node);
  if (!found.length) return;
  const kernel = data.kernels[found[0]];
  place.append(element("h2", {}, "Kernel"), element("div", { class: "title" }, kernel.name),
    element("div", { class: "soft" }, `${kernel.kind} over ${kernel.domain}`
      + (found.length > 1 ? `; also in ${found.slice(1).map((i) => data.kernels[i].name).join(", ")}` : "")));
  for (const [part, text] of [["loops", kernel.loops], ["assembly", kernel.assembly]]) {
    const details = element("details", {}, element("summary", {}, part), element("pre", { tabindex: "0" }, data.texts[text]));
    details.open = openParts.has(part);
    details.addEventListener("toggle", () => details.open ? openParts.add(part) : openParts.delete(part));
    place.append(details);
  }
}

function showKernels() {
  const place = at("kernels");
  place.replaceChildren();
  if (!data.kernels.length) return;
  const found = new Set(state.kernel !== null ? [state.kernel] : state.node === null ? [] : kernelsOf(state.node));
  const list = element("ol");
  data.kernels.forEach((kernel, i) => {
    const button = element("button", { "aria-pressed": String(found.has(i)) }, element("span", {}, kernel.name),
      element("span", {}, `${kernel.kind} ${kernel.domain}`));
    button.addEventListener("click", () => { state.kernel = state.kernel === i ? null : i; state.node = null; show(); });
    list.append(element("li", {}, button));
  });
  place.append(element("h2", {}, "Kernels, in the order they run"), list);
}

// Controls ------------------------------------------------------------------------------------------------------

function setStage(stage) {
  state.stage = Math.min(Math.max(stage, 0), data.stages.length - 1);
  showStage();
  show();
  reveal();
}

const actions = {
  first: () => goTo(0), back: () => goTo(state.step - 1), next: () => goTo(state.step + 1), last: () => goTo(stepCount()),
  in: () => zoom(1.25), out: () => zoom(0.8), fit: seeAll,
};
for (const [id, action] of Object.entries(actions)) at(id).addEventListener("click", action);

const keys = {
  ArrowRight: actions.next, ArrowLeft: actions.back, Home: actions.first, End: actions.last,
  "[": () => setStage(state.stage - 1), "]": () => setStage(state.stage + 1),
  "+": actions.in, "=": actions.in, "-": actions.out, 0: actions.fit,
};
document.addEventListener("keydown", (event) => {
  const isTyped = event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|PRE)$/.test(event.target.tagName);
  if (isTyped || !(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
});

at("stage").max = data.stages.length - 1;
at("stage").addEventListener("input", (event) => setStage(Number(event.target.value)));
data.derivations.forEach((d, i) => at("variable").append(element("option", { value: i }, d.by)));
at("variable").closest("label").hidden = !data.derivations.length;
at("variable").addEventListener("change", (event) => {
  state.derivation = Number(event.target.value);
  goTo(Math.min(state.step, data.forward.length + 1));
});
// A link can lead into the walk: explore.html#stage=kernels&step=12&by=W1
const wanted = new URLSearchParams(location.hash.slice(1));
state.derivation = Math.max(0, data.derivations.findIndex((d) => d.by === wanted.get("by")));
at("variable").value = state.derivation;
setStage(Math.max(0, data.stages.findIndex((s) => s.name === wanted.get("stage"))));
if (wanted.has("step")) goTo(Number(wanted.get("step")) || 0);
