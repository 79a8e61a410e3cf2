/** The frames of a space in files of one directory: logs that are appended to and flushed, and snapshots. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import { type PlatformError, systemError } from "effect/PlatformError"
import * as Scope from "effect/Scope"
import { encode, headerSize, Kind, spaceOf } from "../store/frames.ts"
import type { Medium } from "./journal.ts"

interface Log {
  readonly name: string
  readonly file: FileSystem.File
  readonly scope: Scope.Closeable
  /** Where its end mark begins. */
  size: number
  /** The batch that is to take the end mark's place. */
  next: number
  /** Whether a commit failed, of which something may be left. */
  isLittered: boolean
}

/** Names of files hold at most 255 bytes; what is longer is cut, and told apart by its checksum. */
const maxStem = 180

/** A name of files, the same for no two spaces, also where capitals and small letters are the same to the system. */
const stemOf = (space: string): string => {
  const encoded = encodeURIComponent(space).replace(
    /%..|[A-Z]/g,
    (part) => part.length === 1 ? `%${part.charCodeAt(0).toString(16)}` : part.toLowerCase()
  )
  return encoded.length <= maxStem
    ? encoded
    : `${encoded.slice(0, maxStem)}~${spaceOf(space).toString(16).padStart(8, "0")}`
}

/** Bytes that are read at once. */
const readAtOnce = 64 * 1024 * 1024

const digits = (number: number): string => String(number).padStart(15, "0")

export const make = Effect.fnUntraced(function*(
  space: string,
  { directory, fs, isFlushed, path }: {
    readonly directory: string
    readonly fs: FileSystem.FileSystem
    readonly path: Path.Path
    /** Whether what is written is flushed to the disk, so that it survives the loss of power. */
    readonly isFlushed: boolean
  }
): Effect.fn.Return<Medium<PlatformError>, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const id = spaceOf(space)
  const prefix = `${stemOf(space)}@`
  const pathOf = (name: string) => path.join(directory, name)
  const logName = (number: number) => `${prefix}${digits(number)}.log`
  const snapshotName = (number: number) => `${prefix}${digits(number)}.snapshot`
  let log: Log | undefined

  const flush = (file: FileSystem.File) => isFlushed ? file.sync : Effect.void
  // that files were made, renamed or removed is flushed with their directory, where systems have that
  const flushDirectory = Effect.ignore(
    Effect.scoped(Effect.flatMap(fs.open(directory, { flag: "r" }), (file) => file.sync))
  )

  const openLog = Effect.fnUntraced(
    function*(name: string, flag: "r+" | "wx+", size: number, next: number): Effect.fn.Return<Log, PlatformError> {
      const own = yield* Scope.fork(scope)
      const file = yield* Scope.provide(fs.open(pathOf(name), { flag }), own)
      return { name, file, scope: own, size, next, isLittered: false }
    }
  )

  /** Fails where a log does not end as this process knows it to: what another has written there would be lost. */
  const expectEnd = Effect.fnUntraced(function*({ file, isLittered, name, next, size }: Log) {
    if (isLittered) return
    const mark = encode(id, { kind: Kind.end, number: next })
    const found = new Uint8Array(mark.length)
    const count = yield* file.read(found, { position: BigInt(size) })
    if (count === mark.length && found.every((byte, at) => byte === mark[at])) return
    return yield* Effect.fail(systemError({
      _tag: "Busy",
      module: "ReplicaStore",
      method: "commit",
      pathOrDescriptor: pathOf(name),
      description: "another process has written it: a directory is one node's alone"
    }))
  })

  const write = Effect.fnUntraced(function*(log: Log, bytes: Uint8Array) {
    if (log.isLittered) yield* log.file.truncate(log.size)
    log.isLittered = true
    yield* log.file.seek(BigInt(log.size), "start")
    yield* log.file.writeAll(bytes)
    yield* flush(log.file)
    log.isLittered = false
  })

  const listed = Effect.map(fs.readDirectory(directory), (names) =>
    names.flatMap((name) => {
      if (!name.startsWith(prefix)) return []
      const match = /^(\d{15})\.(log|snapshot|tmp)$/.exec(name.slice(prefix.length))
      return match === null ? [] : [{ name, number: Number(match[1]), kind: match[2]! }]
    }))

  /** A file as a whole, part by part: `readFile` takes none that is larger than 2 GiB. */
  const readWhole = Effect.fnUntraced(function*(name: string) {
    const file = yield* fs.open(pathOf(name), { flag: "r" })
    const { size } = yield* file.stat
    const bytes = new Uint8Array(Number(ByteSize.toBigInt(size)))
    let at = 0
    while (at < bytes.length) {
      const count = yield* file.read(bytes.subarray(at, at + readAtOnce))
      if (count === 0) break
      at += count
    }
    return bytes.subarray(0, at)
  }, Effect.scoped)

  return {
    marksEnd: true,
    read: Effect.gen(function*() {
      const pieces = yield* listed
      const read = (kind: string) =>
        Effect.forEach(
          pieces.filter((piece) => piece.kind === kind),
          ({ name, number }) => Effect.map(readWhole(name), (bytes) => ({ name, number, bytes }))
        )
      return { logs: yield* read("log"), snapshots: yield* read("snapshot") }
    }),
    resume: Effect.fnUntraced(function*(name, size, next) {
      log = yield* openLog(name, "r+", size, next)
    }),
    begin: Effect.fnUntraced(function*(number) {
      const before = log
      if (before !== undefined) yield* expectEnd(before)
      const begun = yield* openLog(logName(number), "wx+", 0, number)
      const failed = Effect.andThen(Scope.close(begun.scope, Exit.void), fs.remove(pathOf(logName(number))))
      yield* Effect.onError(
        write(begun, encode(id, { kind: Kind.end, number })),
        () => Effect.ignore(failed)
      )
      if (isFlushed) yield* flushDirectory
      log = begun
      if (before === undefined) return
      // only now: without it the log that is there would seem to be missing
      yield* write(before, encode(id, { kind: Kind.sealed, number }))
      yield* Scope.close(before.scope, Exit.void)
    }),
    append: Effect.fnUntraced(function*(number, payload) {
      const bytes = encode(id, { kind: Kind.batch, number, payload }, { kind: Kind.end, number: number + 1 })
      yield* expectEnd(log!)
      yield* write(log!, bytes)
      log!.size += bytes.length - headerSize
      log!.next = number + 1
    }),
    writeSnapshot: Effect.fnUntraced(function*(number, frames) {
      const temporary = pathOf(`${prefix}${digits(number)}.tmp`)
      let size = 0
      yield* Effect.scoped(Effect.gen(function*() {
        const file = yield* fs.open(temporary, { flag: "w" })
        for (const frame of frames) {
          // what is under way when it is interrupted would go on, into whatever has the closed file's descriptor by then
          yield* Effect.uninterruptible(file.writeAll(frame))
          size += frame.length
        }
        // whether commits are flushed or not: the logs that it takes the place of, which the system may have written long
        // ago, are removed after it
        yield* file.sync
      })).pipe(Effect.onError(() => Effect.ignore(fs.remove(temporary))))
      yield* fs.rename(temporary, pathOf(snapshotName(number)))
      yield* flushDirectory
      return size
    }),
    removeBefore: Effect.fnUntraced(function*(number) {
      const pieces = yield* listed
      const logs = pieces.filter(({ kind }) => kind === "log").toSorted((a, b) => a.number - b.number)
      for (const piece of pieces) {
        // all before the log that the next batch is in
        const isOld = piece.kind === "log"
          ? (logs[logs.indexOf(piece) + 1]?.number ?? Infinity) <= number + 1
          : piece.number < number || piece.kind === "tmp" && piece.number === number
        if (isOld) yield* fs.remove(pathOf(piece.name), { force: true })
      }
    }),
    setAside: (name) => fs.rename(pathOf(name), pathOf(`${name}.damaged`))
  }
})
