/**
 * Putting together what a store finds when it is opened: the last snapshot that is whole, and the batches after it. What is
 * missing or was changed is told, and what is whole is kept.
 */
import { Malformed } from "../crdt/bytes.ts"
import { Contents, decode } from "./batches.ts"
import { type Frame, headerSize, Kind, parse, type Parsed } from "./frames.ts"

/** Something that the medium keeps under a name. */
export interface Piece {
  readonly name: string
  readonly bytes: Uint8Array
}

export interface Found {
  /** Each with the number of the last batch in it. */
  readonly snapshots: ReadonlyArray<Piece & { readonly number: number }>
  /** Each with the number of its first batch. */
  readonly logs: ReadonlyArray<Piece & { readonly number: number }>
}

/** What could not be read. */
export interface Loss {
  readonly piece: string
  readonly problem: string
  /** Whether it is the end of what was written: what remains is then the state as it once was. */
  readonly isTail: boolean
}

export interface Restored {
  readonly contents: Contents
  /** Of the last batch there is, or may have been. */
  readonly number: number
  readonly losses: ReadonlyArray<Loss>
  /** The number of the snapshot it begins with, and its bytes; 0 for none. */
  readonly snapshot: { readonly number: number; readonly bytes: number }
  /** The log to go on with, and where its end mark begins. Undefined when another is to be begun. */
  readonly log: { readonly name: string; readonly size: number } | undefined
}

/** Bytes that are read before others have their turn: some milliseconds' worth. */
const atOnce = 512 * 1024

/**
 * Yields now and then, as it may take seconds.
 *
 * @param marksEnd whether logs end with a mark, by which one finds out that they were cut off
 */
export function* restore(space: number, found: Found, marksEnd: boolean): Generator<void, Restored, void> {
  const contents = new Contents()
  const losses: Array<Loss> = []
  const lose = (piece: string, problem: string, isTail = false) => losses.push({ piece, problem, isTail })
  let read = 0
  const apply = function*(piece: string, frame: Frame) {
    read += frame.payload.length
    if (read >= atOnce) {
      yield
      read = 0
    }
    try {
      contents.apply(decode(frame.payload))
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      lose(piece, `batch ${frame.number} is not what this version writes: expected ${error.problem}`)
    }
  }

  const parsed = function*<P extends Piece>(pieces: ReadonlyArray<P>) {
    const all: Array<P & Parsed> = []
    for (const piece of pieces) {
      all.push({ ...piece, ...parse(space, piece.bytes) })
      yield
    }
    return all
  }

  const snapshots = (yield* parsed(found.snapshots))
    .map((piece) => ({ ...piece, frames: piece.frames.filter(({ number }) => number === piece.number) }))
    .toSorted((a, b) => b.number - a.number)
  const logs = (yield* parsed(found.logs)).toSorted((a, b) => a.number - b.number)
  const batches = new Set(logs.flatMap(({ frames }) => frames.flatMap((f) => f.kind === Kind.batch ? [f.number] : [])))

  let next = 1
  let snapshot = { number: 0, bytes: 0 }
  const whole = snapshots.find(isWhole)
  // one that is newer and is not whole was either not finished, with all that it was made of still there, or damaged since
  const reached = (from: number, to: number) => {
    let number = from
    while (number <= to && batches.has(number)) number++
    return number > to
  }
  const broken = snapshots.find((candidate) =>
    candidate.number > (whole?.number ?? 0) && !reached((whole?.number ?? 0) + 1, candidate.number)
  )
  if (whole !== undefined) {
    for (const frame of whole.frames) yield* apply(whole.name, frame)
    next = whole.number + 1
    snapshot = { number: whole.number, bytes: whole.bytes.length }
  }
  const take = function*(piece: string, frame: Frame) {
    if (frame.number < next) return
    if (frame.number > next) lose(piece, `${range(next, frame.number - 1)} missing before batch ${frame.number}`)
    yield* apply(piece, frame)
    next = frame.number + 1
  }
  const before = broken === undefined ? [] : logs.filter(({ number }) => number <= broken.number)
  for (const { frames, name } of before) {
    for (const frame of frames) {
      if (frame.kind === Kind.batch && frame.number <= broken!.number) yield* take(name, frame)
    }
  }
  if (broken !== undefined) {
    lose(broken.name, `the snapshot is damaged: ${broken.frames.length} of its parts could be read`)
    for (const frame of broken.frames) yield* apply(broken.name, frame)
    next = Math.max(next, broken.number + 1)
  }

  // what a snapshot that was written meanwhile has made superfluous, whatever became of it
  const isCovered = (index: number) =>
    marksEnd ? (logs[index + 1]?.number ?? Infinity) <= snapshot.number + 1 : logs[index]!.number <= snapshot.number

  let log: Restored["log"]
  let highest = Math.max(0, ...snapshots.map(({ number }) => number))
  for (const [index, { bytes, frames, gaps, last, name, number }] of logs.entries()) {
    if (isCovered(index)) continue
    const isLast = index === logs.length - 1
    if (number > next) lose(name, `${range(next, number - 1)} missing before it`)
    next = Math.max(next, number)
    highest = Math.max(highest, number - 1)
    let isSealed = false
    let lastEnd: Frame | undefined
    const seen = new Set<number>()
    for (const [at, frame] of frames.entries()) {
      const gap = gaps.find(({ after }) => after === at)
      if (gap !== undefined) lose(name, `${gap.end - gap.start} bytes from byte ${gap.start} on are damaged`)
      highest = Math.max(highest, frame.kind === Kind.batch ? frame.number : frame.number - 1)
      // the next commit takes the place of an end mark
      if (lastEnd !== undefined) lose(name, `it goes on behind its end mark, with batch ${frame.number}`)
      lastEnd = undefined
      if (frame.kind === Kind.batch) {
        if (seen.has(frame.number) || frame.number < number) {
          lose(name, `batch ${frame.number} is out of order, as if two processes had written it`)
        }
        seen.add(frame.number)
        yield* take(name, frame)
      } else {
        lastEnd = frame
        isSealed = frame.kind === Kind.sealed
        if (frame.number > next) lose(name, `${range(next, frame.number - 1)} missing at its end`)
        next = Math.max(next, frame.number)
      }
    }
    const rest = gaps.find(({ after }) => after === frames.length)
    // its end mark was being replaced when the process died, and the next log goes on where it ends: nothing is missing
    const isFollowed = marksEnd && logs[index + 1]?.number === next
    if (isFollowed) continue
    if (rest !== undefined) {
      lose(name, `${rest.end - rest.start} bytes from byte ${rest.start} on are unfinished or damaged`, isLast)
      // which was the only batch in it
      if (!marksEnd) next = Math.max(next, number + 1)
    } else if (!marksEnd && frames.length === 0) {
      lose(name, "it is empty", isLast)
      next = Math.max(next, number + 1)
    } else if (marksEnd && lastEnd === undefined) {
      lose(name, `it ends after ${bytes.length} bytes without its end mark: it was cut off`, isLast)
    } else if (isLast && isSealed) {
      lose(name, `the log from batch ${next} on, which is to follow it, is missing`)
    }
    if (isLast && marksEnd && losses.length === 0) log = { name, size: last }
  }
  if (marksEnd && logs.length === 0 && snapshots.length > 0) {
    lose(snapshots[0]!.name, `the log from batch ${next} on, which is to follow it, is missing`)
  }
  return { contents, number: Math.max(next - 1, highest), losses, snapshot, log }
}

const isWhole = ({ bytes, frames }: { readonly bytes: Uint8Array; readonly frames: ReadonlyArray<Frame> }): boolean =>
  frames.length > 0 &&
  frames.every(({ kind, part }, index) =>
    part === index && kind === (index === frames.length - 1 ? Kind.lastPart : Kind.part)
  ) &&
  frames.reduce((size, { payload }) => size + headerSize + payload.length, 0) === bytes.length

const range = (from: number, to: number): string => from === to ? `batch ${from} is` : `batches ${from} to ${to} are`
