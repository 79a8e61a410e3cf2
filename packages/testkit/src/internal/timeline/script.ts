/**
 * What the page does in the browser: it draws the window of time that is looked at, moves it, and says what is pointed
 * at. Plain text, since nothing here may know of a browser; `draw` and `data` are put before it by the page.
 *
 * Texts of the run reach the page by `textContent` and the canvas alone, so that they can be nothing but text.
 */
export const script = String.raw`
const sorts = ["Datagram", "Copy", "Request", "Answer"], fates = ["Arrived", "Lost", "UnderWay"];
const model = { ...data.model,
  contents: data.contents.map((flat) => { const parts = []; for (let i = 0; i < flat.length; i += 3) parts.push(flat.slice(i, i + 3)); return parts }),
  arrows: data.arrows.map(([s, from, to, sent, end, f, bytes, content, remark, probe, c]) =>
    ({ sort: sorts[s], from, to, sent, end, fate: fates[f], bytes, content, remark, probe, isCorrupted: c === 1 })),
  marks: data.marks.map(([lane, at, look, member, label, text]) => ({ lane, at, look, member, label, text })) };
const { colours, glyphs } = data;
const [first, last] = model.whole;
const byId = (id) => document.getElementById(id);
const plot = byId("plot"), base = byId("base"), over = byId("over"), map = byId("map"), tip = byId("tip");
const dark = matchMedia("(prefers-color-scheme: dark)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const family = getComputedStyle(document.body).fontFamily;
const paths = {};
for (const name in glyphs) paths[name] = new Path2D(glyphs[name].path);
const probes = new Map();
model.arrows.forEach((arrow, i) => {
  if (arrow.probe < 0) return;
  const same = probes.get(arrow.probe);
  if (same) same.push(i); else probes.set(arrow.probe, [i]);
});

// ---- state

const state = { from: first, to: last, scroll: 0, hidden: {}, focus: -1 };
let theme = dark.matches ? 1 : 0, drawing, hover, pinned, pointer, frame = 0, going = 0, brush;
const colour = (name) => colours[name][theme];
const nodeName = (lane) => model.lanes[lane].name;

const clamp = () => {
  const whole = last - first;
  let span = Math.min(Math.max(state.to - state.from, 0.5), whole);
  let from = Math.min(Math.max(state.from, first), last - span);
  state.from = from; state.to = from + span;
};
const change = (from, to) => { state.from = from; state.to = to; clamp(); render(); remember() };
const go = (from, to) => {
  cancelAnimationFrame(going);
  if (calm.matches) return change(from, to);
  const start = performance.now(), a = state.from, b = state.to;
  const step = (now) => {
    const t = Math.min(1, Math.max(0, (now - start) / 220)), e = 1 - (1 - t) ** 3;
    change(a + (from - a) * e, b + (to - b) * e);
    if (t < 1) going = requestAnimationFrame(step);
  };
  going = requestAnimationFrame(step);
};
const stop = () => cancelAnimationFrame(going);
const zoom = (factor, at) => {
  stop();
  change(at - (at - state.from) * factor, at + (state.to - at) * factor);
};
const pan = (share) => { const d = (state.to - state.from) * share; stop(); change(state.from + d, state.to + d) };
const fit = () => { state.scroll = 0; go(first, last) };
const middle = () => (state.from + state.to) / 2;

// ---- address

let timer = 0;
const round = (ms) => String(Number((ms / 1000).toFixed(4)));
const remember = () => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const parts = [];
    if (state.to - state.from < (last - first) * 0.999) parts.push("t=" + round(state.from) + "-" + round(state.to));
    if (state.focus >= 0) parts.push("focus=" + encodeURIComponent(nodeName(state.focus)));
    const hide = Object.keys(state.hidden).filter((kind) => state.hidden[kind]);
    if (hide.length > 0) parts.push("hide=" + hide.map(encodeURIComponent).join(","));
    const hash = parts.join("&");
    if (hash !== location.hash.slice(1)) try { history.replaceState(null, "", hash === "" ? location.pathname + location.search : "#" + hash) } catch {}
  }, 300);
};
const decode = (text) => { try { return decodeURIComponent(text) } catch { return text } };
const recall = (isFirst) => {
  const found = {};
  for (const part of location.hash.slice(1).split("&")) { const [key, ...rest] = part.split("="); found[key] = rest.join("=") }
  if (isFirst || "focus" in found) state.focus = model.lanes.findIndex((lane) => lane.name === decode(found.focus || ""));
  if (isFirst) for (const kind of (found.hide || "").split(",")) if (kind !== "") state.hidden[decode(kind)] = true;
  const window = /^(-?[\d.]+)-(-?[\d.]+)$/.exec(found.t || "");
  const from = window ? Number(window[1]) * 1000 : first, to = window ? Number(window[2]) * 1000 : last;
  if (!(from < to)) return;
  if (isFirst) { state.from = from; state.to = to; clamp() } else if (window) go(from, to);
};

// ---- painting

const size = (canvas, w, h) => {
  const ratio = window.devicePixelRatio || 1;
  const [pw, ph] = [Math.round(w * ratio), Math.round(h * ratio)];
  if (canvas.width !== pw || canvas.height !== ph) { canvas.width = pw; canvas.height = ph }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, w, h);
  return ctx;
};
const paintGlyph = (ctx, g, c, x, y, scale) => {
  ctx.save(); ctx.translate(x, y); ctx.scale(scale, scale);
  const { pen } = glyphs[g];
  if (pen === 0) { ctx.fillStyle = c; ctx.fill(paths[g]) }
  else { ctx.strokeStyle = c; ctx.lineWidth = pen; ctx.lineCap = "round"; ctx.setLineDash([]); ctx.stroke(paths[g]) }
  ctx.restore();
};
const paint = (ctx, s) => {
  ctx.globalAlpha = s.a;
  const c = colour(s.c), p = s.p;
  if (s.k === "lines") {
    ctx.strokeStyle = c; ctx.lineWidth = s.w; ctx.setLineDash(s.dash || []); ctx.beginPath();
    for (let i = 0; i < p.length; i += 4) { ctx.moveTo(p[i], p[i + 1]); ctx.lineTo(p[i + 2], p[i + 3]) }
    ctx.stroke();
  } else if (s.k === "triangles") {
    ctx.fillStyle = c; ctx.beginPath();
    for (let i = 0; i < p.length; i += 6) { ctx.moveTo(p[i], p[i + 1]); ctx.lineTo(p[i + 2], p[i + 3]); ctx.lineTo(p[i + 4], p[i + 5]); ctx.closePath() }
    ctx.fill();
  } else if (s.k === "rect") {
    ctx.fillStyle = c;
    if (s.r === 0) ctx.fillRect(s.x, s.y, s.w, s.h);
    else { ctx.beginPath(); ctx.roundRect(s.x, s.y, s.w, s.h, Math.min(s.r, s.w / 2, s.h / 2)); ctx.fill() }
  } else if (s.k === "text") {
    ctx.font = (s.isBold ? "600 " : "") + s.size + "px " + family; ctx.textAlign = s.anchor === "middle" ? "center" : s.anchor;
    if (s.halo) { ctx.strokeStyle = colour("paper"); ctx.lineWidth = 3; ctx.lineJoin = "round"; ctx.setLineDash([]); ctx.strokeText(s.text, s.x, s.y) }
    ctx.fillStyle = c; ctx.fillText(s.text, s.x, s.y);
  } else paintGlyph(ctx, s.g, c, s.x, s.y, s.scale);
};
const timeAt = (x) => state.from + (x - drawing.left) / (drawing.right - drawing.left) * (state.to - state.from);
const xAt = (time) => drawing.left + (time - state.from) / (state.to - state.from) * (drawing.right - drawing.left);

const renderNow = () => {
  frame = 0;
  const w = plot.clientWidth, h = plot.clientHeight;
  if (w < 50 || h < 50) return;
  const look = () => draw(model, { ...state, width: w, height: h, laneHeight: undefined });
  drawing = look();
  const scroll = Math.min(Math.max(state.scroll, 0), Math.max(0, drawing.content - (drawing.bottom - drawing.top)));
  if (scroll !== state.scroll) { state.scroll = scroll; drawing = look() }
  const ctx = size(base, w, h);
  for (const { clip, shapes } of drawing.layers) {
    ctx.save();
    if (clip) { ctx.beginPath(); ctx.rect(clip[0], clip[1], clip[2], clip[3]); ctx.clip() }
    for (const shape of shapes) paint(ctx, shape);
    ctx.restore();
  }
  const seen = drawing.bottom - drawing.top;
  if (drawing.content > seen + 1) {
    ctx.globalAlpha = 0.35; ctx.fillStyle = colour("soft"); ctx.beginPath();
    ctx.roundRect(w - 8, drawing.top + state.scroll / drawing.content * seen, 5, seen * seen / drawing.content, 2.5); ctx.fill();
  }
  if (hover || pinned) point();
  renderOver(); renderMap();
};
const render = () => { if (frame === 0) frame = requestAnimationFrame(renderNow) };

const related = (i) => {
  const { from, to, content } = model.arrows[i], { focus } = state;
  return focus < 0 || from === focus || to === focus || model.contents[content].some((part) => part[2] === focus);
};
const renderOver = () => {
  const w = plot.clientWidth, h = plot.clientHeight, ctx = size(over, w, h);
  if (!drawing) return;
  const { left, right, top, bottom } = drawing;
  ctx.save(); ctx.beginPath(); ctx.rect(left, top, right - left, bottom - top); ctx.clip();
  for (const target of [pinned, hover]) {
    if (!target) continue;
    if (target.sort === "Arrow") {
      const own = target.of[0], probe = model.arrows[own].probe;
      const group = probe < 0 ? [own] : probes.get(probe);
      const a = drawing.arrows;
      for (let i = 0; i < a.length; i += 5) {
        if (!group.includes(a[i])) continue;
        const arrow = model.arrows[a[i]], isOwn = a[i] === own;
        const [x1, y1, x2, y2] = [a[i + 1], a[i + 2], a[i + 3], a[i + 4]];
        const line = (c, width, alpha) => { ctx.globalAlpha = alpha; ctx.strokeStyle = c; ctx.lineWidth = width; ctx.setLineDash([]); ctx.lineCap = "round"; ctx.beginPath(); ctx.moveTo(x1, y1); ctx.lineTo(x2, y2); ctx.stroke() };
        const parts = model.contents[arrow.content].map(([kind]) => model.kinds[kind]).sort((p, q) => q.weight - p.weight);
        const c = colour(parts.length > 0 ? parts[0].colour : "soft");
        line(colour("paper"), isOwn ? 7 : 5, 0.85); line(c, isOwn ? 3 : 2, 1);
        ctx.fillStyle = c; ctx.beginPath(); ctx.arc(x1, y1, isOwn ? 4 : 3, 0, 7); ctx.fill();
        if (arrow.fate === "Lost") paintGlyph(ctx, "cross", colour("violation"), x2, y2, 1);
        else {
          const length = Math.hypot(x2 - x1, y2 - y1) || 1, ux = (x2 - x1) / length, uy = (y2 - y1) / length;
          ctx.beginPath(); ctx.moveTo(x2, y2); ctx.lineTo(x2 - ux * 10 - uy * 5, y2 - uy * 10 + ux * 5); ctx.lineTo(x2 - ux * 10 + uy * 5, y2 - uy * 10 - ux * 5); ctx.fill();
        }
      }
    } else if (target.sort === "Marks") {
      ctx.globalAlpha = 1; ctx.strokeStyle = colour("ink"); ctx.lineWidth = 1.2; ctx.setLineDash([]); ctx.beginPath();
      ctx.roundRect(target.x, target.y, target.w, target.h, 5); ctx.stroke();
    }
  }
  ctx.restore();
  ctx.globalAlpha = 1;
  if (brush) {
    const [a, b] = [Math.min(brush.a, brush.b), Math.max(brush.a, brush.b)];
    ctx.fillStyle = colour("ping"); ctx.globalAlpha = 0.16; ctx.fillRect(a, top, b - a, bottom - top); ctx.globalAlpha = 1;
  }
  if (pointer && pointer.x >= left && pointer.x <= right) {
    ctx.strokeStyle = colour("soft"); ctx.globalAlpha = 0.6; ctx.lineWidth = 1; ctx.setLineDash([2, 2]);
    const x = Math.round(pointer.x) + 0.5;
    ctx.beginPath(); ctx.moveTo(x, top); ctx.lineTo(x, bottom); ctx.stroke(); ctx.globalAlpha = 1;
    const digits = Math.min(6, Math.max(1, Math.ceil(-Math.log10((state.to - state.from) / 1e6))));
    const text = (timeAt(pointer.x) / 1000).toFixed(digits) + " s";
    ctx.font = "600 11px " + family; ctx.textAlign = "center";
    const wide = ctx.measureText(text).width + 12, at = Math.min(Math.max(x, left + wide / 2), right - wide / 2);
    ctx.fillStyle = colour("ink"); ctx.setLineDash([]); ctx.beginPath(); ctx.roundRect(at - wide / 2, top - 23, wide, 16, 4); ctx.fill();
    ctx.fillStyle = colour("paper"); ctx.fillText(text, at, top - 11);
  }
};

// ---- the whole run, small

const mapX = (time) => drawing.left + (time - first) / (last - first) * (drawing.right - drawing.left);
const mapTime = (x) => first + (x - drawing.left) / (drawing.right - drawing.left) * (last - first);
const renderMap = () => {
  const w = map.clientWidth, h = map.clientHeight, ctx = size(map, w, h), { left, right } = drawing;
  const bins = Math.max(1, Math.ceil((right - left) / 2)), all = new Uint32Array(bins), lost = new Uint32Array(bins);
  for (const arrow of model.arrows) {
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((arrow.sent - first) / (last - first) * bins)));
    all[bin]++; if (arrow.fate === "Lost") lost[bin]++;
  }
  // by root, so that a storm leaves the rest to be seen
  let most = 1; for (const n of all) most = Math.max(most, n);
  const tall = (n) => Math.sqrt(n / most) * (h - 12);
  ctx.fillStyle = colour("stripe"); ctx.fillRect(left, 0, right - left, h);
  for (const fault of model.faults) {
    ctx.globalAlpha = 0.8; ctx.fillStyle = colour(fault.colour);
    ctx.fillRect(mapX(fault.at), 1, Math.max(2, mapX(fault.end) - mapX(fault.at)), 2);
  }
  ctx.globalAlpha = 0.55; ctx.fillStyle = colour("ping");
  for (let i = 0; i < bins; i++) if (all[i]) ctx.fillRect(left + i * 2, h - tall(all[i]), 2, tall(all[i]));
  ctx.globalAlpha = 0.9; ctx.fillStyle = colour("violation");
  for (let i = 0; i < bins; i++) if (lost[i]) ctx.fillRect(left + i * 2, h - Math.max(1.5, tall(lost[i])), 2, Math.max(1.5, tall(lost[i])));
  ctx.globalAlpha = 1;
  for (const violation of model.violations) ctx.fillRect(mapX(violation.at) - 1, 0, 2, h);
  const [a, b] = [mapX(state.from), mapX(state.to)];
  ctx.globalAlpha = 0.6; ctx.fillStyle = colour("paper"); ctx.fillRect(left, 0, a - left, h); ctx.fillRect(b, 0, right - b, h);
  ctx.globalAlpha = 1; ctx.strokeStyle = colour("ink"); ctx.lineWidth = 1.5; ctx.setLineDash([]);
  ctx.beginPath(); ctx.roundRect(a, 0.75, Math.max(b - a, 3), h - 1.5, 4); ctx.stroke();
  ctx.font = "10px " + family; ctx.textAlign = "right"; ctx.fillStyle = colour("soft"); ctx.fillText("whole run", left - 14, h / 2 + 4);
};

// ---- what is pointed at

const seconds = (ms) => String(Number((ms / 1000).toFixed(4))) + " s";
const millis = (ms) => ms >= 1000 ? seconds(ms) : String(Number(ms.toFixed(ms < 10 ? 2 : 1))) + " ms";
const what = (arrow) => arrow.sort === "Request" ? "exchange, request" : arrow.sort === "Answer" ? "exchange, answer" :
  [...new Set(model.contents[arrow.content].map(([kind]) => model.kinds[kind].name))].join(" + ") || "datagram";
const ending = (arrow) => arrow.fate === "Lost" ? "lost " + seconds(arrow.end) : arrow.fate === "Arrived" ? "arrived " + seconds(arrow.end) : "under way at the end";

const find = (x, y) => {
  const { left, right, top, bottom, spots, arrows } = drawing;
  for (let i = spots.length - 1; i >= 0; i--) {
    const s = spots[i];
    if (x < s.x || x > s.x + s.w || y < s.y || y > s.y + s.h) continue;
    if ((s.sort === "Marks" || s.sort === "Lane") && (y < top || y > bottom)) continue;
    if (s.sort === "Marks" && (x < left || x > right)) continue;
    return s;
  }
  if (x < left || x > right || y < top || y > bottom) return undefined;
  let best, least = 36;
  for (let i = 0; i < arrows.length; i += 5) {
    if (!related(arrows[i])) continue;
    const x1 = arrows[i + 1], y1 = arrows[i + 2], dx = arrows[i + 3] - x1, dy = arrows[i + 4] - y1;
    const t = Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy || 1)));
    const d = (x1 + t * dx - x) ** 2 + (y1 + t * dy - y) ** 2;
    if (d <= least) { least = d; best = arrows[i] }
  }
  return best === undefined ? undefined : { sort: "Arrow", of: [best] };
};
const same = (a, b) => a === b || a && b && a.sort === b.sort && a.of.length === b.of.length && a.of[0] === b.of[0];
// The same things, where they are drawn now.
const again = (target) => target.sort === "Arrow" ? target :
  drawing.spots.find((s) => s.sort === target.sort && s.of.includes(target.of[0])) || target;

const el = (tag, name, text) => { const e = document.createElement(tag); if (name) e.className = name; if (text !== undefined) e.textContent = text; return e };
const row = (text, c, name) => {
  const line = el("div", "row" + (name ? " " + name : ""));
  const dot = el("i"); if (c) dot.style.background = colour(c); else dot.style.visibility = "hidden";
  line.append(dot, el("span", "", text));
  return line;
};
const describe = (target) => {
  const out = [];
  const head = (text, when) => { const h = el("div", "head"); h.append(el("b", "", text), el("span", "", when)); out.push(h) };
  if (target.sort === "Arrow") {
    const own = target.of[0], arrow = model.arrows[own];
    head(nodeName(arrow.from) + " → " + nodeName(arrow.to), what(arrow) + (arrow.sort === "Copy" ? " (copy)" : ""));
    if (arrow.sort === "Datagram" || arrow.sort === "Copy") for (const [kind, text] of model.contents[arrow.content]) {
      const { name, colour: c } = model.kinds[kind];
      out.push(row(name + " " + model.texts[text], c));
    }
    if (arrow.remark >= 0) out.push(row(model.texts[arrow.remark], arrow.fate === "Lost" ? "violation" : arrow.isCorrupted ? "broken" : "suspect", arrow.fate === "Lost" ? "bad" : ""));
    out.push(el("div", "facts", "sent " + seconds(arrow.sent) + " · " + ending(arrow) +
      (arrow.fate === "UnderWay" || arrow.end === arrow.sent ? "" : " · after " + millis(arrow.end - arrow.sent)) + " · " + arrow.bytes + " bytes"));
    const group = arrow.probe < 0 ? [] : probes.get(arrow.probe).filter((i) => i !== own);
    if (group.length > 0) out.push(el("div", "sub", "of the same probe"));
    for (const i of group.slice(0, 8)) {
      const other = model.arrows[i];
      out.push(row(nodeName(other.from) + " → " + nodeName(other.to) + "  " + what(other) + "  " + seconds(other.sent) + ", " + ending(other), other.fate === "Lost" ? "violation" : "ack"));
    }
    if (arrow.probe >= 0 && group.length === 0 && what(arrow).startsWith("Ping")) out.push(el("div", "sub", "no answer to it was sent"));
  } else if (target.sort === "Marks") {
    const of = target.of.map((i) => model.marks[i]);
    head(nodeName(of[0].lane), of.length === 1 ? seconds(of[0].at) : of.length + " events, " + seconds(of[0].at) + " to " + seconds(of[of.length - 1].at));
    for (const mark of of.slice(0, 16)) out.push(row((of.length > 1 ? seconds(mark.at) + "  " : "") + model.texts[mark.text], model.looks[mark.look].colour));
    if (of.length > 16) out.push(el("div", "facts", "and " + (of.length - 16) + " more: zoom in to tell them apart"));
  } else if (target.sort === "Fault") {
    const fault = model.faults[target.of[0]];
    head(fault.kind, seconds(fault.at) + (fault.end > fault.at ? " to " + seconds(fault.end) : ""));
    out.push(row(fault.words, fault.colour), el("div", "facts", "click to zoom to it"));
  } else if (target.sort === "Note") {
    const note = model.notes[target.of[0]];
    head("note", seconds(note.at)); out.push(row(note.text, "note"));
  } else if (target.sort === "Violation") {
    const violation = model.violations[target.of[0]];
    head(violation.invariant, seconds(violation.at)); out.push(el("pre", "", violation.problem));
  } else {
    const lane = model.lanes[target.of[0]];
    head(lane.name, lane.address);
    out.push(el("div", "facts", lane.isStranger ? "an address of no node here" :
      state.focus === target.of[0] ? "click to see all nodes again" : "click for its messages, the claims about it, and what the others believe of it"));
  }
  return out;
};
let shown;
const point = () => {
  if (pinned) pinned = again(pinned);
  const target = pinned || hover;
  if (!target) { tip.hidden = true; shown = undefined; return }
  if (shown !== target) { tip.replaceChildren(...describe(target)); shown = target }
  tip.hidden = false; tip.classList.toggle("pinned", target === pinned);
  if (!target.at && pointer) target.at = { x: pointer.x, y: pointer.y };
  const { x, y } = (target === pinned ? target.at : pointer) || { x: target.x || 0, y: target.y || 0 };
  const w = tip.offsetWidth, h = tip.offsetHeight, W = plot.clientWidth, H = plot.clientHeight;
  tip.style.left = Math.max(4, x + 16 + w > W ? x - w - 12 : x + 16) + "px";
  tip.style.top = Math.max(4, Math.min(y + 16, H - h - 4)) + "px";
};
const look = () => {
  const found = pointer && drawing ? find(pointer.x, pointer.y) : undefined;
  if (!same(found, hover)) { hover = found; shown = pinned ? shown : undefined }
  plot.style.cursor = hover && hover.sort !== "Arrow" ? "pointer" : hover ? "crosshair" : "";
  point(); renderOver();
};
const setFocus = (lane) => { state.focus = state.focus === lane ? -1 : lane; byId("beliefs").hidden = state.focus < 0; if (state.focus >= 0) byId("believed").textContent = nodeName(state.focus); pinned = undefined; render(); remember() };
const around = (at, end, least) => { const pad = Math.max((end - at) * 0.15, least); go(at - pad, end + pad) };
const click = (target) => {
  if (!target) { pinned = undefined; return look() }
  if (target.sort === "Lane") return setFocus(target.of[0]);
  if (target.sort === "Fault") { const { at, end } = model.faults[target.of[0]]; return around(at, end, end > at ? 300 : 2000) }
  pinned = same(target, pinned) ? undefined : { ...target, at: { ...pointer } };
  shown = undefined; look();
};

// ---- hands

const fingers = new Map();
let held;
const place = (event) => { const box = plot.getBoundingClientRect(); return { x: event.clientX - box.left, y: event.clientY - box.top } };
over.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !drawing) return;
  stop(); over.focus({ preventScroll: true, focusVisible: false });
  pointer = place(event); fingers.set(event.pointerId, pointer);
  try { over.setPointerCapture(event.pointerId) } catch {}
  held = { at: pointer, from: state.from, to: state.to, scroll: state.scroll, moved: false, id: event.pointerId };
  if (event.shiftKey) brush = { a: pointer.x, b: pointer.x };
});
over.addEventListener("pointermove", (event) => {
  if (!drawing) return;
  const before = fingers.get(event.pointerId);
  pointer = place(event);
  if (fingers.size === 2 && before) {
    const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    const apart = (at) => Math.max(20, Math.abs(at.x - other.x));
    fingers.set(event.pointerId, pointer); held = undefined;
    return zoom(apart(before) / apart(pointer), timeAt((pointer.x + other.x) / 2));
  }
  if (before) fingers.set(event.pointerId, pointer);
  if (held && held.id === event.pointerId) {
    const dx = pointer.x - held.at.x, dy = pointer.y - held.at.y;
    if (Math.abs(dx) + Math.abs(dy) > 4) held.moved = true;
    if (brush) { brush.b = pointer.x; return renderOver() }
    if (held.moved) {
      const d = dx / (drawing.right - drawing.left) * (held.to - held.from);
      state.scroll = held.scroll - dy; hover = undefined; tip.hidden = !pinned; plot.style.cursor = "grabbing";
      return change(held.from - d, held.to - d);
    }
  }
  look();
});
const release = (event) => {
  fingers.delete(event.pointerId);
  const was = held; held = undefined;
  if (brush) {
    const [a, b] = [Math.min(brush.a, brush.b), Math.max(brush.a, brush.b)]; brush = undefined;
    if (b - a > 5) return go(timeAt(a), timeAt(b));
  }
  if (event.type === "pointerup" && was && !was.moved) click(find(was.at.x, was.at.y));
  look();
};
over.addEventListener("pointerup", release);
over.addEventListener("pointercancel", release);
over.addEventListener("pointerleave", () => { if (held) return; pointer = undefined; hover = undefined; point(); renderOver() });
over.addEventListener("dblclick", (event) => { const { x } = place(event); if (x >= drawing.left) fit() });
over.addEventListener("wheel", (event) => {
  if (!drawing) return;
  event.preventDefault();
  const unit = event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? 400 : 1;
  const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
  const sideways = event.shiftKey ? dx || dy : Math.abs(dx) > Math.abs(dy) ? dx : 0;
  if (event.altKey) { state.scroll += dy; return render() }
  if (sideways !== 0) return pan(sideways / (drawing.right - drawing.left));
  const { x } = place(event);
  zoom(Math.exp(Math.max(-0.5, Math.min(0.5, dy * (event.ctrlKey ? 0.01 : 0.002)))), timeAt(Math.max(x, drawing.left)));
}, { passive: false });

let mapHeld;
const mapAt = (event) => event.clientX - map.getBoundingClientRect().left;
map.addEventListener("pointerdown", (event) => {
  if (!drawing) return;
  stop(); const x = mapAt(event), a = mapX(state.from), b = mapX(state.to);
  const inside = x >= a - 4 && x <= b + 4 && b - a < (drawing.right - drawing.left) * 0.95;
  mapHeld = { x, from: state.from, to: state.to, inside, moved: false };
  try { map.setPointerCapture(event.pointerId) } catch {}
});
map.addEventListener("pointermove", (event) => {
  if (!mapHeld) return;
  const x = mapAt(event);
  if (Math.abs(x - mapHeld.x) > 3) mapHeld.moved = true;
  if (!mapHeld.moved) return;
  const d = mapTime(x) - mapTime(mapHeld.x);
  if (mapHeld.inside) change(mapHeld.from + d, mapHeld.to + d);
  else change(mapTime(Math.min(x, mapHeld.x)), mapTime(Math.max(x, mapHeld.x)));
});
map.addEventListener("pointerup", (event) => {
  const was = mapHeld; mapHeld = undefined;
  if (!was || was.moved || was.inside) return;
  const span = state.to - state.from, at = mapTime(mapAt(event));
  go(at - span / 2, at + span / 2);
});
map.addEventListener("dblclick", fit);

const acts = { in: () => zoom(0.6, middle()), out: () => zoom(1 / 0.6, middle()), left: () => pan(-0.3), right: () => pan(0.3), fit };
const keys = { "+": "in", "=": "in", "-": "out", _: "out", ArrowLeft: "left", ArrowRight: "right", "0": "fit", f: "fit", Home: "fit" };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  // scrolling and buttons keep their keys
  if (event.target.closest && event.target.closest("a, pre, code, summary, .list")) return;
  if (event.key === "Escape") { if (pinned) pinned = undefined; else if (state.focus >= 0) setFocus(state.focus); look(); return }
  if (event.key === "ArrowUp" || event.key === "ArrowDown") { state.scroll += event.key === "ArrowUp" ? -40 : 40; event.preventDefault(); return render() }
  if (event.key === "v" && model.violations.length > 0) { const { at } = model.violations[0]; return go(at - 4000, at + 1000) }
  const act = acts[keys[event.key]];
  if (act) { event.preventDefault(); act() }
});
for (const button of document.querySelectorAll("[data-act]")) button.addEventListener("click", () => acts[button.dataset.act]());

const toggles = [...document.querySelectorAll("[data-kind]")];
const showToggles = () => { for (const toggle of toggles) toggle.setAttribute("aria-pressed", String(!state.hidden[toggle.dataset.kind])) };
for (const toggle of toggles) toggle.addEventListener("click", (event) => {
  const { kind, group } = toggle.dataset, peers = toggles.filter((other) => other.dataset.group === group).map((other) => other.dataset.kind);
  if (event.altKey || event.shiftKey) {
    const isAlone = peers.every((other) => (other === kind) !== (state.hidden[other] === true));
    for (const other of peers) state.hidden[other] = !isAlone && other !== kind;
  } else state.hidden[kind] = !state.hidden[kind];
  pinned = undefined; hover = undefined; showToggles(); render(); remember();
});
byId("clear").addEventListener("click", () => setFocus(state.focus));

const copy = byId("copy");
if (copy) copy.addEventListener("click", () => {
  const code = byId("replay"), range = document.createRange(), selection = getSelection();
  range.selectNodeContents(code); selection.removeAllRanges(); selection.addRange(range);
  const done = () => { copy.textContent = "copied"; setTimeout(() => { copy.textContent = "copy" }, 1500) };
  const old = () => { try { if (document.execCommand("copy")) done() } catch {} };
  if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(done, old); else old();
});

// ---- begin

addEventListener("hashchange", () => { recall(false); render() });
// a link to where one is already changes nothing of the address
document.addEventListener("click", (event) => { const link = event.target.closest && event.target.closest("a[href^='#']"); if (link && link.getAttribute("href") === location.hash) recall(false) });
dark.addEventListener("change", () => { theme = dark.matches ? 1 : 0; render() });
addEventListener("beforeprint", () => { theme = 0; renderNow() });
addEventListener("afterprint", () => { theme = dark.matches ? 1 : 0; render() });
new ResizeObserver(render).observe(plot);
recall(true);
if (state.focus >= 0) { byId("beliefs").hidden = false; byId("believed").textContent = nodeName(state.focus) }
showToggles();
render();
`
