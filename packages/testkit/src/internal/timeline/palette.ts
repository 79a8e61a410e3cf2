/**
 * Colours and glyphs. Whatever has a colour has a shape of its own as well, so that nobody depends on telling colours
 * apart; light and dark have enough contrast to their paper.
 */

/** The name of a colour, which each theme has its own of. */
export type Colour = keyof typeof colours

/** Each in the light theme, and in the dark one. */
export const colours = {
  paper: ["#ffffff", "#0e1319"],
  stripe: ["#f6f8fa", "#131a22"],
  ink: ["#1b2530", "#e7edf3"],
  soft: ["#5a6774", "#93a1af"],
  grid: ["#e3e8ed", "#222c36"],
  lane: ["#2f3d4b", "#c3ced9"],
  ping: ["#3f7fc4", "#5c9fe0"],
  ack: ["#7f97ad", "#71889e"],
  request: ["#8250df", "#b78bff"],
  alive: ["#13823f", "#3dc468"],
  suspect: ["#c97700", "#f0a92e"],
  dead: ["#cf222e", "#ff6a61"],
  left: ["#57708a", "#8fa9c4"],
  exchange: ["#0b7f86", "#2fbdc4"],
  other1: ["#a0458c", "#e07fca"],
  other2: ["#7a6a00", "#c9b83a"],
  other3: ["#3c6e57", "#79bf9d"],
  broken: ["#d6006f", "#ff5fb0"],
  violation: ["#d1001f", "#ff4b52"],
  note: ["#6b5bb5", "#a99bf0"],
  faultCut: ["#7d4fd1", "#a682f5"],
  faultLink: ["#b7660b", "#e59a3c"],
  faultPause: ["#5a6774", "#93a1af"],
  faultClock: ["#0b7f86", "#2fbdc4"],
  faultDisk: ["#8a5a2b", "#c99461"],
  faultCrash: ["#cf222e", "#ff6a61"]
} as const

const faults: Readonly<Record<string, Colour>> = {
  Partition: "faultCut",
  OneWayPartition: "faultCut",
  Link: "faultLink",
  BreakStreams: "faultLink",
  Pause: "faultPause",
  ClockJump: "faultClock",
  ClockDrift: "faultClock",
  Disk: "faultDisk",
  Crash: "faultCrash"
}

/** The colour of a kind of fault. */
export const faultColour = (kind: string): Colour => faults[kind] ?? "soft"

const kinds: Readonly<Record<string, Colour>> = {
  Ping: "ping",
  Ack: "ack",
  PingRequest: "request",
  Alive: "alive",
  Suspect: "suspect",
  Dead: "dead",
  Left: "left",
  Undecodable: "broken",
  Exchange: "exchange"
}

const others: ReadonlyArray<Colour> = ["other1", "other2", "other3"]

/** The colour of a kind of message; `nth` counts those that have none of their own. */
export const kindColour = (kind: string, nth: number): Colour => kinds[kind] ?? others[nth % others.length]!

/** How a mark looks, what it is called, and how much it matters among others of its place (more is more). */
export interface Look {
  readonly glyph: Glyph
  readonly colour: Colour
  readonly words: string
  readonly weight: number
}

/** What nodes believe of each other. */
export const changes: Readonly<Record<string, Look>> = {
  Joined: { glyph: "disc", colour: "alive", words: "joined", weight: 2 },
  Refuted: { glyph: "up", colour: "alive", words: "refuted", weight: 4 },
  Updated: { glyph: "ring", colour: "ping", words: "updated", weight: 1 },
  Suspected: { glyph: "diamond", colour: "suspect", words: "suspected", weight: 6 },
  Died: { glyph: "square", colour: "dead", words: "died", weight: 7 },
  Left: { glyph: "chevron", colour: "left", words: "left", weight: 3 },
  Reaped: { glyph: "dash", colour: "soft", words: "reaped", weight: 0 },
  Conflict: { glyph: "bolt", colour: "broken", words: "conflict", weight: 8 }
}

/** What happens to nodes themselves. */
export const fates: Readonly<Record<string, Look>> = {
  Started: { glyph: "play", colour: "alive", words: "starts", weight: 1 },
  Resumed: { glyph: "play", colour: "faultPause", words: "goes on", weight: 2 },
  Paused: { glyph: "bars", colour: "faultPause", words: "stalls", weight: 3 },
  Stopped: { glyph: "stop", colour: "left", words: "leaves", weight: 4 },
  Crashed: { glyph: "cross", colour: "dead", words: "crashes", weight: 5 }
}

/** The look of a mark, also of one that is not known here. */
export const lookOf = (kind: string): Look =>
  changes[kind] ?? fates[kind] ?? { glyph: "ring", colour: "soft", words: kind, weight: 0 }

export type Glyph = keyof typeof glyphs

/** As paths of SVG, within -5 to 5 both ways: filled, or drawn with a pen of so many units. */
export const glyphs = {
  disc: { path: "M-4 0A4 4 0 1 0 4 0A4 4 0 1 0-4 0Z", pen: 0 },
  ring: { path: "M-3.4 0A3.4 3.4 0 1 0 3.4 0A3.4 3.4 0 1 0-3.4 0Z", pen: 1.6 },
  up: { path: "M0-4.8L4.8 3.8L-4.8 3.8Z", pen: 0 },
  diamond: { path: "M0-5.2L5.2 0L0 5.2L-5.2 0Z", pen: 0 },
  square: { path: "M-4.2-4.2H4.2V4.2H-4.2Z", pen: 0 },
  chevron: { path: "M2.6-4.4L-3 0L2.6 4.4", pen: 2 },
  dash: { path: "M-4 0H4", pen: 2 },
  bolt: { path: "M1-5.4L-3.6 1H-.4L-1 5.4L3.6-1H.4Z", pen: 0 },
  play: { path: "M-3.2-5L5 0L-3.2 5Z", pen: 0 },
  bars: { path: "M-2.2-4.2V4.2M2.2-4.2V4.2", pen: 2.2 },
  stop: { path: "M-3.8-3.8H3.8V3.8H-3.8Z", pen: 1.8 },
  cross: { path: "M-4.2-4.2L4.2 4.2M4.2-4.2L-4.2 4.2", pen: 2.4 }
} as const
