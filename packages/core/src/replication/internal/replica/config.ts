import type { AntiEntropy, Options, SpaceLimits } from "../../ReplicaMachine.ts"
import { defaultMaxClockSkew } from "../clock.ts"

/** What replicas are told besides whom to talk to; see `Options`. Times are in milliseconds. */
export interface Config {
  readonly antiEntropy: AntiEntropy
  readonly maxClockSkew: number
  readonly retention: number
  readonly stabilityInterval: number
  readonly batchInterval: number
  readonly maxChunk: number
}

const kibibyte = 1024

export const defaultLimits: SpaceLimits = {
  maxKeySize: kibibyte,
  // twice fits a chunk, so that two large entries do not take a question each
  maxValueSize: 256 * kibibyte,
  maxKeys: 1_000_000,
  maxBytes: 256 * kibibyte * kibibyte
}

export const defaultConfig: Config = {
  antiEntropy: { interval: 1000, mode: "pushPull", strategy: "rateless" },
  maxClockSkew: defaultMaxClockSkew,
  retention: 24 * 3600 * 1000,
  stabilityInterval: 250,
  batchInterval: 20,
  maxChunk: 512 * kibibyte
}

export const configOf = (options: Options): Config => ({
  antiEntropy: options.antiEntropy ?? defaultConfig.antiEntropy,
  maxClockSkew: options.maxClockSkew ?? defaultConfig.maxClockSkew,
  retention: options.retention ?? defaultConfig.retention,
  stabilityInterval: options.stabilityInterval ?? defaultConfig.stabilityInterval,
  batchInterval: options.batchInterval ?? defaultConfig.batchInterval,
  maxChunk: options.maxChunk ?? defaultConfig.maxChunk
})
