import { assert, describe, it } from "@effect/vitest"
import * as Timeline from "../../../src/Timeline.ts"
import { everything } from "./fixture.ts"

// -----------------------------------------------------------------------------
// a browser, as far as the page needs one
// -----------------------------------------------------------------------------

type Listener = (event: object) => void

/** Takes every call and has every property, as elements and contexts do; what is set or given stays. */
const stub = (own: Record<PropertyKey, unknown>): any =>
  new Proxy(function() {}, {
    get: (_, key) => {
      if (key in own) return own[key]
      if (key === Symbol.toPrimitive) return () => 0
      if (key === Symbol.iterator) return function*() {}
      return own[key] = stub({})
    },
    set: (_, key, value) => {
      own[key] = value
      return true
    },
    has: () => true,
    apply: () => stub({}),
    construct: () => stub({})
  })

const open = (page: string, hash = "") => {
  const [, data, code] = /id="data">([^]*?)<\/script>\s*<script>([^]*?)<\/script>/.exec(page)!
  const listeners = new Map<string, Listener>()
  const frames: Array<(now: number) => void> = []
  const texts: Array<string> = []
  const painted: Array<string> = []
  const context = stub({
    fillText: (text: string) => void painted.push(text),
    measureText: (text: string) => ({ width: text.length * 6 })
  })
  const element = (id: string) =>
    stub({
      ...{ id, clientWidth: 1000, clientHeight: 600, offsetWidth: 200, offsetHeight: 100, dataset: {}, hidden: true },
      textContent: id === "data" ? data! : "",
      getContext: () => context,
      getBoundingClientRect: () => ({ left: 0, top: 0 }),
      addEventListener: (type: string, listener: Listener) => void listeners.set(`${id}.${type}`, listener)
    })
  const elements = new Map<string, any>()
  const byId = (id: string) => {
    if (!elements.has(id)) elements.set(id, element(id))
    return elements.get(id)
  }
  const toggles = Array.from(page.matchAll(/data-kind="(\w+)" data-group="(\w+)"/g), ([, kind, group]) => {
    const toggle = element(`toggle.${kind}`)
    toggle.dataset = { kind, group }
    return toggle
  })
  const location = { hash, pathname: "/run.html", search: "" }
  const globals: Record<string, unknown> = {
    document: stub({
      getElementById: byId,
      querySelectorAll: (selector: string) => selector === "[data-kind]" ? toggles : [],
      createElement: () =>
        new Proxy(stub({}), {
          set: (_, key, value) => {
            if (key === "textContent") texts.push(value)
            return true
          }
        }),
      addEventListener: (type: string, listener: Listener) => void listeners.set(`document.${type}`, listener)
    }),
    window: { devicePixelRatio: 1 },
    location,
    history: { replaceState: (_state: unknown, _title: string, url: string) => void (location.hash = url) },
    navigator: {},
    performance: { now: () => 0 },
    matchMedia: () => ({ matches: true, addEventListener: () => {} }),
    getComputedStyle: () => ({ fontFamily: "sans-serif" }),
    requestAnimationFrame: (callback: (now: number) => void) => frames.push(callback),
    cancelAnimationFrame: () => {},
    setTimeout: (callback: () => void) => void callback(),
    clearTimeout: () => {},
    addEventListener: (type: string, listener: Listener) => void listeners.set(`window.${type}`, listener),
    Path2D: function() {},
    ResizeObserver: class {
      observe() {}
    }
  }
  // it is the page's script that is tested
  new Function(...Object.keys(globals), code!)(...Object.values(globals))
  const settle = () => {
    for (const frame of frames.splice(0)) frame(1000)
  }
  settle()
  const send = (target: string, event: object) => {
    const listener = listeners.get(target)
    assert.isDefined(listener, target)
    listener!({ button: 0, pointerId: 1, clientX: 0, clientY: 0, preventDefault: () => {}, target: {}, ...event })
    settle()
  }
  return { send, texts, painted, location, byId, settle }
}

// -----------------------------------------------------------------------------
// tests
// -----------------------------------------------------------------------------

describe("timeline/script", () => {
  const page = Timeline.html(everything)

  it("draws the run", () => {
    const { painted } = open(page)
    assert.includeMembers(painted, ["a", "b", "c", "0 s", "10 s", "life 2", "all agree", "whole run"])
  })

  it("begins at the window and the node of its address, and leads back to what is seen", () => {
    const { byId, location, painted, send } = open(page, "#t=1-1.1&focus=b")
    assert.includeMembers(painted, ["1.00 s", "1.10 s"])
    assert.notInclude(painted, "10 s")
    assert.strictEqual(byId("believed").textContent, "b")
    send("over.wheel", { clientX: 600, clientY: 300, deltaX: 0, deltaY: -100, deltaMode: 0 })
    assert.match(location.hash, /^#t=1\.0\d+-1\.0\d+&focus=b$/)
    send("document.keydown", { key: "Escape" })
    assert.notInclude(location.hash, "focus")
    send("document.keydown", { key: "f" })
    assert.strictEqual(location.hash, "/run.html")
  })

  it("ignores an address that is no window", () => {
    for (const hash of ["#t=5-5", "#t=x", "#t=9-1&focus=%", "#&&=", "#hide=%E0%A4%A"]) {
      assert.include(open(page, hash).painted, "10 s")
    }
  })

  it("says what is pointed at, wherever that is, and opens it by a click", () => {
    const { send, texts } = open(page, "#t=0.9-1.2")
    for (let y = 0; y < 600; y += 9) {
      for (let x = 0; x < 1000; x += 23) send("over.pointermove", { clientX: x, clientY: y })
    }
    const all = texts.join("\n")
    for (
      const text of ["a → b", "Ping b", "of the same probe", "Suspect c · incarnation 7 · says b", "10.0.0.2:7946"]
    ) {
      assert.include(all, text)
    }
    assert.notInclude(all, "undefined")
    assert.notInclude(all, "NaN")
    const whole = open(page)
    for (let y = 0; y < 600; y += 9) {
      for (let x = 0; x < 1000; x += 11) {
        whole.send("over.pointermove", { clientX: x, clientY: y })
        if (x % 55 === 0) {
          for (const type of ["pointerdown", "pointerup"]) {
            whole.send(`over.${type}`, { type, clientX: x, clientY: y })
          }
          whole.send("over.dblclick", { clientX: 500 })
        }
      }
    }
    const said = whole.texts.join("\n")
    for (
      const text of ["b thinks c is dead (incarnation 7)", "cut b off", "a and b do not", "Loss: lost by the link"]
    ) {
      assert.include(said, text)
    }
    assert.notInclude(said, "undefined")
    assert.notInclude(said, "NaN")
  })

  it("moves by dragging, and shows or hides a kind by its toggle", () => {
    const { location, send } = open(page, "#t=4-6")
    send("over.pointerdown", { clientX: 500, clientY: 300 })
    send("over.pointermove", { clientX: 400, clientY: 300 })
    send("over.pointerup", { type: "pointerup", clientX: 400, clientY: 300 })
    assert.match(location.hash, /^#t=4\.\d+-6\.\d+$/)
    send("toggle.Ping.click", {})
    assert.match(location.hash, /&hide=Ping$/)
    send("toggle.Ping.click", {})
    assert.notMatch(location.hash, /hide/)
    send("toggle.Ping.click", { shiftKey: true })
    assert.match(location.hash, /&hide=Ack,Suspect,Exchange$/)
    send("toggle.Ping.click", { shiftKey: true })
    assert.notMatch(location.hash, /hide/)
  })
})
