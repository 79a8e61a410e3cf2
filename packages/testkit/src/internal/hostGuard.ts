/**
 * What a program in virtual time must not ask of its host, because the answer differs from run to run. While a run is
 * under way these functions throw, and the run ends with the first such question even if the program catches that.
 *
 * They are replaced once a run. That is sound because a run is synchronous: no code of anyone else runs meanwhile, save
 * the host's own modules (`console.log` calls `process.nextTick`), which are let through.
 *
 * Out of reach are what was taken before the run (`const now = Date.now`), modules of the host (`node:crypto`), and
 * `await` on a promise nobody else waits for; nothing that follows an `await` runs before the run has ended.
 */
import * as Fiber from "effect/Fiber"
import type * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as SplitRandom from "./splitRandom.ts"

/** What was asked, and what a program should use instead. */
export interface Question {
  readonly api: string
  readonly instead: string
}

const wallClock = "Clock.currentTimeMillis or DateTime.now"
const monotonicClock = "Clock.monotonicTimeNanos"
const random = "Random"
const sleep = "Effect.sleep"
const yieldNow = "Effect.yieldNow"
const promises = "fibers and Deferred: promises stand still while virtual time runs"

// The owner, the function's name there, and what to use instead. What a host does not have is passed over.
const functions: ReadonlyArray<readonly [owner: string, name: string, instead: string]> = [
  ["Date", "now", wallClock],
  ["", "Date", wallClock],
  ["Temporal.Now", "instant", wallClock],
  ["Temporal.Now", "plainDateISO", wallClock],
  ["Temporal.Now", "plainDateTimeISO", wallClock],
  ["Temporal.Now", "plainTimeISO", wallClock],
  ["Temporal.Now", "zonedDateTimeISO", wallClock],
  ["performance", "now", monotonicClock],
  ["process.hrtime", "bigint", monotonicClock],
  ["process", "hrtime", monotonicClock],
  ["process", "uptime", monotonicClock],
  ["Math", "random", random],
  ["crypto", "getRandomValues", random],
  ["crypto", "randomUUID", random],
  ["", "setTimeout", sleep],
  ["", "setInterval", "Effect.repeat and a Schedule"],
  ["", "setImmediate", yieldNow],
  ["", "queueMicrotask", yieldNow],
  ["process", "nextTick", yieldNow],
  ["", "requestAnimationFrame", sleep],
  ["", "requestIdleCallback", sleep],
  ["AbortSignal", "timeout", "Effect.timeout"],
  ["", "fetch", "a service that answers in virtual time"],
  // Effect.promise, Effect.tryPromise and Effect.runPromise all come here.
  ["Promise.prototype", "then", promises]
]

type AnyFunction = (...args: Array<never>) => unknown

/** Guards one run. */
export class HostGuard {
  /** The first thing the program asked for. */
  first: Error | undefined
  readonly toError: ((question: Question) => Error) | undefined
  private readonly hashes: Random.Random

  /** Without `toError`, the host may be asked for anything. */
  constructor(toError: ((question: Question) => Error) | undefined, seed: string) {
    this.toError = toError
    this.hashes = SplitRandom.make(`${seed}/identity`)
  }

  /** Throws, unless the question does no harm; then returns the answer for it, or `undefined` for that of the host. */
  ask(api: string, instead: string): number | undefined {
    if (this.toError === undefined) return undefined
    if (api === "Promise.prototype.then" && isRunSync()) return undefined
    const limit = traces.stackTraceLimit
    traces.stackTraceLimit = 50
    try {
      const [caller = "", ...callers] = callersOf(new Error())
      if (isHost.test(caller) || callers.some((line) => isConsole.test(line))) return undefined
      if (api === "Math.random" && isHash.test(caller)) {
        // Effect hashes by identity what has no other hash, such as a function. Where only equality counts, or order is
        // that of insertion, one number is as good as another; from this stream it is the same in every run.
        if (callers.some((line) => isOrderless.test(line))) return this.hashes.nextDoubleUnsafe()
        api = "Math.random, for the Hash of something that is hashed by identity (a HashMap is in the order of these)"
        instead = "keys with a hash of their own, or a Map"
      }
      const error = this.toError({ api, instead })
      this.first ??= error
      throw error
    } finally {
      traces.stackTraceLimit = limit
    }
  }
}

let current: HostGuard | undefined
let isInstalled = false

/** Runs a synchronous function under a guard. Guards nest, and the innermost counts. */
export const guarded = <A>(guard: HostGuard, body: () => A): A => {
  const outer = current
  const restore = guard.toError === undefined || isInstalled ? undefined : install()
  current = guard
  try {
    return body()
  } finally {
    current = outer
    restore?.()
  }
}

// Where there is no such thing, a stack has no lines of the form below, and every question does harm.
const traces: ErrorConstructor & { stackTraceLimit?: number | undefined } = Error
const isHost = /(?:\(|at )node:/
// A console may be anyone's: that of vitest notes when a line was written.
const isConsole = /\bnode:internal\/console\//
const isHash = /[\\/]Hash\.[jt]s\b/
const isOrderless = /[\\/](?:Equal|MutableHashMap)\.[jt]s\b/

// Those above the trap: the first two frames are `ask` and the trap itself.
const callersOf = (error: Error): ReadonlyArray<string> =>
  (error.stack ?? "").split("\n").filter((line) => line.startsWith("    at ")).slice(2)

// Effect.runSync has the host wake it by a promise, which it cancels before it returns: it waits for nothing.
const isRunSync = (): boolean => {
  const scheduler = Fiber.getCurrent()?.cache.scheduler
  return scheduler instanceof Scheduler.MixedScheduler && scheduler.executionMode === "sync"
}

const install = (): () => void => {
  const installed: Array<() => void> = []
  for (const [path, name, instead] of functions) {
    const owner = ownerOf(path)
    const original: unknown = owner?.[name]
    if (owner === undefined || typeof original !== "function") continue
    const before = Reflect.getOwnPropertyDescriptor(owner, name)
    const isReplaced = Reflect.defineProperty(owner, name, {
      value: name === "Date"
        ? trapDate(original as DateConstructor)
        : trap(original as AnyFunction, path, name, instead),
      writable: true,
      configurable: before?.configurable ?? true,
      enumerable: before?.enumerable ?? false
    })
    if (!isReplaced) continue
    installed.push(() => {
      if (before === undefined) Reflect.deleteProperty(owner, name)
      else Reflect.defineProperty(owner, name, before)
    })
  }
  isInstalled = true
  return () => {
    isInstalled = false
    for (const restore of installed.reverse()) restore()
  }
}

const ownerOf = (path: string): Record<string, unknown> | undefined => {
  // oxlint-disable-next-line determinism/same-every-run -- what may not be used is taken here to be replaced
  let owner: unknown = globalThis
  for (const name of path === "" ? [] : path.split(".")) {
    owner = (owner as Record<string, unknown> | undefined)?.[name]
  }
  return owner as Record<string, unknown> | undefined
}

// Proxies, so that what else a function has (`setTimeout.__promisify__`, `Date.parse`, `instanceof Date`) stays.
const trap = (original: AnyFunction, path: string, name: string, instead: string): AnyFunction => {
  const api = path === "" ? name : `${path}.${name}`
  return new Proxy(original, {
    apply: (target, self, args) => current?.ask(api, instead) ?? Reflect.apply(target, self, args)
  })
}

const trapDate = (original: DateConstructor): DateConstructor =>
  new Proxy(original, {
    apply: (target, self, args) => current?.ask("Date()", wallClock) ?? Reflect.apply(target, self, args),
    construct: (target, args, newTarget) => {
      if (args.length === 0) current?.ask("new Date()", wallClock)
      return Reflect.construct(target, args, newTarget)
    }
  })
