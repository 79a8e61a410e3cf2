/**
 * A simulated run as a picture: a space-time diagram in Lamport's manner, with a line for each node, an arrow for each
 * message, and marks for what happened to nodes and for what they came to believe of each other. As a page it can be
 * zoomed down to a single probe; it is one file that needs no network.
 *
 * **Example** (A run of which little is known)
 *
 * ```ts import.meta.vitest
 * import { Timeline } from "@effect-gossip/testkit"
 *
 * const recorder = Timeline.recorder({ capacity: 1000 })
 * recorder.record({ _tag: "Note", at: 5, text: "it begins" })
 * const run = recorder.timeline({ title: "a run", seed: 1, nodes: [], end: 10 })
 *
 * Timeline.svg(run).includes("it begins") // => true
 * ```
 *
 * @since 0.1.0
 */
import type { Address } from "@effect-gossip/core/Address"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import { page } from "./internal/timeline/html.ts"
import * as Models from "./internal/timeline/model.ts"
import { Ring } from "./internal/timeline/ring.ts"
import * as Svg from "./internal/timeline/svg.ts"
import type { SimulationEvent } from "./SimulationEvent.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What is known of a run. */
export interface Timeline {
  /** For example the name of the test. */
  readonly title: string
  readonly seed: string | number
  /** In the order they are drawn. */
  readonly nodes: ReadonlyArray<{ readonly name: string; readonly address: Address }>
  /** In the order of time. */
  readonly events: ReadonlyArray<SimulationEvent>
  /** When the run ended, in milliseconds. */
  readonly end: number
  /** The cluster whose messages the datagrams hold. Default: `default`. */
  readonly cluster?: string | undefined
  /** A line that replays the run. */
  readonly replay?: string | undefined
  /** How many events are missing, since they were not kept. Default: 0. */
  readonly truncated?: number | undefined
}

/** What a static picture shows. */
export interface SvgOptions {
  /** The window of time, in milliseconds. Default: all of the run. */
  readonly window?: readonly [from: number, to: number] | undefined
  /** In pixels. Default: 1600. */
  readonly width?: number | undefined
  /** A node whose messages stand out, with what the others believe of it. */
  readonly focus?: string | undefined
}

// -----------------------------------------------------------------------------
// drawing
// -----------------------------------------------------------------------------

/**
 * The run as a page of one file, to be zoomed and searched. `#t=9.5-14` at the end of its address opens it at these
 * seconds, and `&focus=n3` with a node selected.
 *
 * Of very long runs the latest 40,000 messages are drawn.
 */
export const html = (timeline: Timeline): string => page(Models.make(timeline))

/** The run as a picture without script, to be embedded. */
export const svg = (timeline: Timeline, options?: SvgOptions): string => {
  const model = Models.make(timeline)
  const window = options?.window
  const [from, to] = window !== undefined && window[0] < window[1] ? window : model.whole
  return Svg.svg(model, {
    from,
    to,
    width: Math.max(options?.width ?? 1600, 400),
    focus: timeline.nodes.findIndex((node) => node.name === options?.focus)
  })
}

/** Writes the run to a file: as a picture if its name ends in `.svg`, else as a page. */
export const writeFile = (
  timeline: Timeline,
  path: string,
  options?: SvgOptions
): Effect.Effect<void, PlatformError, FileSystem.FileSystem> =>
  FileSystem.FileSystem.use((files) =>
    Effect.suspend(() =>
      files.writeFileString(path, path.toLowerCase().endsWith(".svg") ? svg(timeline, options) : html(timeline))
    )
  )

// -----------------------------------------------------------------------------
// recording
// -----------------------------------------------------------------------------

/** Keeps the events of a run, as far as there is room. */
export interface Recorder {
  /** Keeps an event. The payload of a datagram is copied. */
  readonly record: (event: SimulationEvent) => void
  /** How many events were not kept so far. */
  readonly dropped: () => number
  /** What was kept, with what else is known of the run. */
  readonly timeline: (run: Omit<Timeline, "events" | "truncated">) => Timeline
}

/** How much a {@link Recorder} keeps. */
export interface RecorderOptions {
  /** Events, 1 or more. Default: {@link defaults}. */
  readonly capacity?: number | undefined
  /** Bytes of datagrams. Default: {@link defaults}. */
  readonly maxBytes?: number | undefined
}

/** The defaults of {@link RecorderOptions}: 50,000 events, and 16 MiB of datagrams. */
export const defaults: { readonly capacity: number; readonly maxBytes: number } = {
  capacity: 50_000,
  maxBytes: 16 * 1024 * 1024
}

/**
 * Makes a recorder. When it is full it drops the oldest of what travelled, and of what happened to nodes only when there
 * is nothing else. Datagrams are decoded when they are drawn, since most runs never are.
 */
export const recorder = (options?: RecorderOptions): Recorder => {
  const capacity = Math.max(1, Math.floor(options?.capacity ?? defaults.capacity))
  const maxBytes = Math.max(0, options?.maxBytes ?? defaults.maxBytes)
  const traffic = new Ring<Recorded>()
  const happenings = new Ring<Recorded>()
  let order = 0
  let bytes = 0
  let dropped = 0
  const isOver = () => traffic.size + happenings.size > capacity || bytes > maxBytes
  const drop = (): void => {
    const oldest = traffic.shift() ?? happenings.shift()
    if (oldest !== undefined) bytes -= sizeOf(oldest.event)
    dropped++
  }
  return {
    record: (event) => {
      bytes += sizeOf(event)
      // it is the receiver's
      const kept = "payload" in event ? { ...event, payload: event.payload.slice() } : event
      const isTraffic = event._tag.startsWith("Datagram") || event._tag.startsWith("Stream")
      const ring = isTraffic ? traffic : happenings
      ring.push({ order: order++, event: kept })
      while (isOver()) drop()
    },
    dropped: () => dropped,
    timeline: (run) => {
      const events = [...traffic.toArray(), ...happenings.toArray()]
        .sort((a, b) => a.order - b.order)
        .map(({ event }) => event)
      return { ...run, events, truncated: dropped }
    }
  }
}

const sizeOf = (event: SimulationEvent): number => "payload" in event ? event.payload.length : 0

interface Recorded {
  readonly order: number
  readonly event: SimulationEvent
}
