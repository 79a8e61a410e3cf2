/**
 * What `core` and `testkit` may take for granted of their host beside ECMAScript itself: the few pure globals that Node,
 * Bun, Deno and browsers share. Nothing here tells the time, waits, is random or does I/O; such things come in through
 * services (see `scripts/lint/rooms.ts` for the rules that hold it so).
 */
interface TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number }
}
declare var TextEncoder: { new(): TextEncoder }

interface TextDecoder {
  decode(input?: ArrayBufferView | ArrayBufferLike): string
}
declare var TextDecoder: { new(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }): TextDecoder }

/** Named by Effect's own signatures (`Effect.tryPromise` and others). */
interface AbortSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: "abort", listener: () => void): void
  removeEventListener(type: "abort", listener: () => void): void
}
