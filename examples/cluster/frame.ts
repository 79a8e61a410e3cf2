/**
 * What the terminal shows at a moment, as lines: a pure function of what is known.
 */
import type { Process, Processes } from "./cluster.ts"
import { describe, type Snapshot, type Step } from "./progress.ts"
import { groupBySeen, isWatching, letters, seconds, type Seen, seenBy, statuses } from "./text.ts"

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface Input {
  readonly processes: Processes
  readonly progress: Snapshot
  /** Of the clock that steps are timed by. */
  readonly now: number
  readonly size: Size
}

// -----------------------------------------------------------------------------
// styles
// -----------------------------------------------------------------------------

const sgr = (code: number) => (text: string): string => `\x1b[${code}m${text}\x1b[0m`
const bold = sgr(1)
const dim = sgr(2)
const red = sgr(31)
const green = sgr(32)
const yellow = sgr(33)
const blue = sgr(34)

const styles: Record<Seen, (text: string) => string> = {
  Alive: green,
  Suspect: yellow,
  Dead: red,
  Left: blue,
  Unknown: dim
}

// besides the colour, since not every eye tells green from red
const glyphs: Record<Seen, string> = { Alive: "●", Suspect: "◐", Dead: "✗", Left: "○", Unknown: "·" }

// eslint-disable-next-line no-control-regex -- that is what is looked for
const escapes = /\x1b\[\d+m/g

const widthOf = (text: string): number => text.replace(escapes, "").length

const pad = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - widthOf(text)))

/** A line with something at its right end. */
const spread = (left: string, right: string, columns: number): string => {
  const room = columns - widthOf(right)
  return pad(cut(left, room - 1), room) + right
}

/** Cuts to a width. */
const cut = (text: string, width: number): string => {
  if (widthOf(text) <= width) return text
  let room = width - 1
  const kept = text.split(/(\x1b\[\d+m)/).map((part) => { // eslint-disable-line no-control-regex -- as above
    if (part.startsWith("\x1b")) return part
    const some = part.slice(0, room)
    room -= some.length
    return some
  })
  return `${kept.join("")}\x1b[0m…`
}

// -----------------------------------------------------------------------------
// steps
// -----------------------------------------------------------------------------

const heading = ({ now, progress, size }: Input): string => {
  const step = progress.steps.at(-1)
  if (step === undefined) return ""
  const number = `Step ${progress.steps.length} of ${progress.titles.length}`
  const { done, of } = step.waiting
  const count = of > 1 ? ` (${done} of ${of})` : ""
  if (step.outcome === undefined) {
    return spread(
      `${yellow("▶")} ${bold(`${number}: ${describe(step.waiting)}${count}`)}`,
      bold(`${seconds(now - step.startedAt)} s`),
      size.columns
    )
  }
  if (step.outcome.failed) return red(bold(`✗ ${number}: ${step.outcome.text}`))
  return green(bold(`✓ ${number}: ${step.outcome.text}`))
}

const logLine = (title: string, step: Step | undefined, { now, size }: Input): string => {
  const name = title.padEnd(8)
  if (step === undefined) return dim(`  ${name}`)
  if (step.outcome === undefined) {
    return spread(`${yellow("▶")} ${bold(name)}`, dim(`${seconds(now - step.startedAt)} s`), size.columns)
  }
  const { endedAt, failed, text } = step.outcome
  return spread(
    `${failed ? red("✗") : green("✓")} ${name} ${text}`,
    `${seconds(endedAt - step.startedAt)} s`,
    size.columns
  )
}

// -----------------------------------------------------------------------------
// views
// -----------------------------------------------------------------------------

const conditionStyles: Record<Process["condition"], (text: string) => string> = {
  starting: dim,
  running: (text) => text,
  paused: yellow,
  leaving: blue,
  killed: red,
  left: blue,
  failed: red
}

const rowHead = (process: Process, nameWidth: number): string =>
  `${bold(process.name.padEnd(nameWidth))} ${dim(`pid ${String(process.pid).padEnd(7)}`)} ${
    conditionStyles[process.condition](process.condition.padEnd(8))
  } `

const rowHeadWidth = (nameWidth: number): number => nameWidth + 1 + 11 + 1 + 9

/** A row a process and a column a member: in words, or else in letters. */
const matrix = ({ processes, progress: { names }, size: { columns } }: Input): Array<string> | undefined => {
  const nameWidth = Math.max(...names.map((name) => name.length))
  const headWidth = rowHeadWidth(nameWidth)
  const inWords = headWidth + names.length * 10 <= columns
  const width = inWords ? 10 : nameWidth + 1
  if (headWidth + names.length * width > columns) return undefined

  const cell = (process: Process, name: string): string => {
    if (!isWatching(process)) return pad("", width)
    const seen = seenBy(process, name)
    const text = inWords ? `${glyphs[seen]} ${seen.toLowerCase()}` : letters[seen]
    return pad(styles[seen](text), width)
  }
  return [
    pad(dim("process"), headWidth) + names.map((name) => bold(name.padEnd(width))).join(""),
    ...names.map((name) => {
      const process = processes.get(name)
      if (process === undefined) return dim(name)
      return rowHead(process, nameWidth) + names.map((member) => cell(process, member)).join("")
    }),
    "",
    inWords ? dim("Each row shows how one process sees all members, itself included.") : legend
  ]
}

/** How many members a process believes to be what, for each process. */
const summaries = ({ processes, progress: { names }, size: { columns } }: Input): Array<string> => {
  const nameWidth = Math.max(...names.map((name) => name.length))
  const cellWidth = nameWidth + 13
  const perLine = Math.max(1, Math.floor(columns / cellWidth))
  const summary = (process: Process | undefined): string => {
    if (process === undefined) return ""
    if (!isWatching(process)) return conditionStyles[process.condition](process.condition)
    return [...groupBySeen(process, names)]
      .filter(([, members]) => members.length > 0)
      .map(([seen, members]) => styles[seen](`${members.length}${letters[seen]}`))
      .join(" ")
  }
  const cells = names.map((name) => {
    const process = processes.get(name)
    const head = (process === undefined ? dim : bold)(name.padEnd(nameWidth))
    return pad(cut(`${head} ${summary(process)}`, cellWidth - 1), cellWidth)
  })
  const lines: Array<string> = []
  for (let at = 0; at < cells.length; at += perLine) lines.push(cells.slice(at, at + perLine).join(""))
  return [dim("How many members each process sees as what:"), ...lines, "", legend]
}

const legend = statuses.map((seen) => `${styles[seen](letters[seen])} ${dim(seen.toLowerCase())}`).join("    ")

// -----------------------------------------------------------------------------
// frame
// -----------------------------------------------------------------------------

/** The lines to show; none is wider, and they are not more, than there is room for. */
export const frame = (input: Input): ReadonlyArray<string> => {
  const { now, progress, size } = input
  const ended = progress.steps.length === progress.titles.length ? progress.steps.at(-1)!.outcome?.endedAt : undefined
  const above = [
    spread(
      `${bold("effect-gossip")} ${dim(`${progress.names.length} processes, each a node on UDP at 127.0.0.1`)}`,
      dim(`${seconds((ended ?? now) - progress.startedAt)} s`),
      size.columns
    ),
    "",
    heading(input),
    ""
  ]
  const below = ["", ...progress.titles.map((title, index) => logLine(title, progress.steps[index], input))]
  // the last row stays free for the cursor
  const room = size.rows - 1 - above.length - below.length
  const full = matrix(input)
  const view = full !== undefined && full.length <= room ? full : summaries(input)
  return [...above, ...view.slice(0, Math.max(0, room)), ...below]
    .slice(0, Math.max(1, size.rows - 1))
    .map((line) => cut(line, size.columns))
}
