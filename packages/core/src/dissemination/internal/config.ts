import type { AntiEntropy, Options } from "../DisseminationMachine.ts"

/** What a node's dissemination is told besides whom to talk to and how; see `Options`. Times are in milliseconds. */
export interface Config {
  readonly retention: number
  readonly maxRumors: number
  readonly maxBytes: number
  readonly maxPayloadSize: number
  readonly dedupWindow: number
  readonly maxSeen: number
  readonly askTimeout: number
  readonly maxWanted: number
  readonly announceInterval: number
  readonly antiEntropy: AntiEntropy | undefined
}

const mebibyte = 1024 * 1024

export const defaultConfig = {
  retention: 60_000,
  maxRumors: 4096,
  maxBytes: 16 * mebibyte,
  maxPayloadSize: mebibyte,
  dedupWindow: 5 * 60_000,
  maxSeen: 65_536,
  // above a round trip between continents, so that a healthy peer is not asked in vain; what it delays is a loss
  askTimeout: 250,
  maxWanted: 4096,
  announceInterval: 8,
  antiEntropy: { interval: 1000, mode: "pushPull", settling: 1000, talksWhenEmpty: false }
} as const satisfies Config

export const configOf = (options: Options): Config => ({
  retention: options.retention ?? defaultConfig.retention,
  maxRumors: options.maxRumors ?? defaultConfig.maxRumors,
  maxBytes: options.maxBytes ?? defaultConfig.maxBytes,
  maxPayloadSize: options.maxPayloadSize ?? defaultConfig.maxPayloadSize,
  dedupWindow: options.dedupWindow ?? defaultConfig.dedupWindow,
  maxSeen: options.maxSeen ?? defaultConfig.maxSeen,
  askTimeout: options.askTimeout ?? defaultConfig.askTimeout,
  maxWanted: options.maxWanted ?? defaultConfig.maxWanted,
  announceInterval: options.announceInterval ?? defaultConfig.announceInterval,
  antiEntropy: "antiEntropy" in options ? options.antiEntropy : defaultConfig.antiEntropy
})
