/**
 * What is committed to a space, as a log of batches with a snapshot now and then: the same over any medium that keeps bytes
 * under names.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { type Batch, type Contents, encode as encodeBatch, type Written } from "../store/batches.ts"
import { encode, Kind, spaceOf } from "../store/frames.ts"
import { type Found, type Loss, restore } from "../store/recovery.ts"

/** Where the frames of one space are kept. */
export interface Medium<E> {
  /** Whether its logs hold several batches and end with a mark. */
  readonly marksEnd: boolean
  readonly read: Effect.Effect<Found, E>
  /** Goes on with a log whose end mark begins at `size`, and where batch `next` takes its place. */
  readonly resume: (name: string, size: number, next: number) => Effect.Effect<void, E>
  /** Begins a log with batch `number`, and ends the one before it with a mark. */
  readonly begin: (number: number) => Effect.Effect<void, E>
  /**
   * Adds a batch to the log: once this returns it is there to stay. What failed is written again in the same place. Fails
   * where another process has written meanwhile, if the medium can tell.
   */
  readonly append: (number: number, payload: Uint8Array) => Effect.Effect<void, E>
  /** Gives its size in bytes, once the snapshot is there as a whole. */
  readonly writeSnapshot: (number: number, frames: Iterable<Uint8Array>) => Effect.Effect<number, E>
  /** Removes what the snapshot with this number has made superfluous. */
  readonly removeBefore: (number: number) => Effect.Effect<void, E>
  /** Keeps a piece out of the way, for people to look at. */
  readonly setAside: (name: string) => Effect.Effect<void, E>
}

export interface Journal<E> {
  /** What was committed, which does not change any more. */
  readonly contents: Effect.Effect<Contents>
  readonly losses: ReadonlyArray<Loss>
  readonly commit: (batch: Batch) => Effect.Effect<void, E>
}

/** When a snapshot is taken: logs then have grown to as much as it will have, and to no less than these. */
export interface Compaction {
  /** Bytes. */
  readonly minLog: number
  /** Batches; each costs as much as so many bytes. */
  readonly batchCost: number
}

/** Bytes of entries in a part of a snapshot. */
const partSize = 256 * 1024

/**
 * Opens a journal. Damage, other than that the end is unfinished, is given to `onDamage`, which may fail; otherwise what is
 * whole is written anew, and the damaged pieces are set aside.
 */
export const open = Effect.fnUntraced(function*<E>(
  name: string,
  medium: Medium<E>,
  compaction: Compaction,
  onDamage: (losses: ReadonlyArray<Loss>) => Effect.Effect<void, E>
): Effect.fn.Return<Journal<E>, E, Scope.Scope> {
  const space = spaceOf(name)
  const scope = yield* Effect.scope
  const turn = yield* Semaphore.make(1)
  const found = yield* medium.read
  const restoring = restore(space, found, medium.marksEnd)
  let restored = restoring.next()
  while (restored.done !== true) {
    yield* Effect.yieldNow
    restored = restoring.next()
  }
  const { contents, log, losses, number: last, snapshot } = restored.value
  const damage = losses.filter(({ isTail }) => !isTail)
  if (damage.length > 0) {
    yield* onDamage(losses)
    // it is written as such: whoever opens it next, before there is another meta, must know it as well
    contents.isDamaged = true
  }

  let number = last
  let snapshotBytes = snapshot.bytes
  let logBytes = found.logs.reduce((size, { bytes }) => size + bytes.length + compaction.batchCost, 0)
  let isCompacting = false

  function* framesOf(number: number, parts: Iterable<Written>): Generator<Uint8Array> {
    let part = 0
    let held: Uint8Array | undefined
    for (const batch of parts) {
      if (held !== undefined) yield encode(space, { kind: Kind.part, number, part: part++, payload: held })
      held = encodeBatch(batch)
    }
    yield encode(space, { kind: Kind.lastPart, number, part, payload: held! })
  }

  if (losses.length > 0) {
    // a number that no unfinished piece has
    number = last + 1
    snapshotBytes = yield* medium.writeSnapshot(number, framesOf(number, contents.parts(partSize)))
    yield* medium.begin(number + 1)
    for (const piece of new Set(damage.map(({ piece }) => piece))) yield* medium.setAside(piece)
    logBytes = 0
  } else if (log === undefined) yield* medium.begin(number + 1)
  else yield* medium.resume(log.name, log.size, number + 1)
  yield* medium.removeBefore(losses.length > 0 ? number : snapshot.number)

  const compact = Effect.gen(function*() {
    const { frames, held } = yield* turn.withPermits(1)(Effect.uninterruptible(Effect.gen(function*() {
      yield* medium.begin(number + 1)
      logBytes = 0
      return { frames: framesOf(number, contents.snapshot().parts(partSize)), held: number }
    })))
    snapshotBytes = yield* medium.writeSnapshot(held, frames)
    yield* medium.removeBefore(held)
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.logWarning(`a snapshot of ${name} could not be written, and is tried again later`, cause)
    ),
    Effect.ensuring(Effect.sync(() => (isCompacting = false)))
  )

  const commit = (batch: Batch): Effect.Effect<void, E> =>
    turn.withPermits(1)(Effect.uninterruptible(Effect.suspend(() => {
      const payload = encodeBatch(batch)
      return Effect.flatMap(medium.append(number + 1, payload), () => {
        number++
        logBytes += payload.length + compaction.batchCost
        contents.apply(batch)
        if (isCompacting || logBytes < Math.max(compaction.minLog, contents.bytes, snapshotBytes)) return Effect.void
        isCompacting = true
        return Effect.asVoid(Effect.forkIn(compact, scope))
      })
    })))

  return { contents: turn.withPermits(1)(Effect.sync(() => contents.snapshot())), losses, commit }
})
