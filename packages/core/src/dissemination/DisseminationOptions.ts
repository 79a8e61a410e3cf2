/**
 * How a node spreads news, whatever its strategies: how long it is held, how much of it, and how often nodes compare
 * what they have heard.
 *
 * **Example** (A node that makes up for outages of up to ten minutes)
 *
 * ```ts import.meta.vitest check
 * import { Gossip } from "@effect-gossip/core"
 * import { DisseminationOptions } from "@effect-gossip/core/dissemination"
 * import { Layer } from "effect"
 *
 * const Node = Gossip.layer({ name: "a", seeds: ["10.0.0.1:7946"] }).pipe(
 *   Layer.provide(DisseminationOptions.layer({ retention: "10 minutes", dedupWindow: "15 minutes" }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { decode, integer, millis } from "../internal/options.ts"
import { InvalidOption } from "../Transport.ts"
import { maxRumorIds } from "../wire/DisseminationMessage.ts"
import { defaults as machineDefaults } from "./DisseminationMachine.ts"
import type { Config as Complete } from "./internal/config.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** How a node spreads news. All nodes of a cluster should have the same. */
export interface Options {
  /**
   * How long after its publication a rumor is held, for those who have missed it: a node that is cut off for less gets what
   * it missed. 1 s to 24 h.
   */
  readonly retention: Duration.Input
  /** Most rumors held; when there are more the oldest go, counted as `RumorsFull`. 1 to 65,536. */
  readonly maxRumors: number
  /** Most bytes of payloads held; when there are more the oldest go. 1 KiB to 1 GiB, and no less than `maxPayloadSize`. */
  readonly maxBytes: number
  /** Most bytes of a payload: larger ones are refused, of whomever they come. 1 B to 64 MiB; less where exchanges are. */
  readonly maxPayloadSize: number
  /**
   * For how long a rumor is known for one that was heard, so that it is not told twice; older ones are refused. Not shorter
   * than `retention`; 1 s to 24 h.
   */
  readonly dedupWindow: Duration.Input
  /** Most rumors known for ones that were heard. When more are heard in a `dedupWindow` it is as much shorter. 1 to 65,536. */
  readonly maxSeen: number
  /**
   * How long to wait at least for a rumor that was announced and asked for, until the next who announced it is asked. Who
   * took longer before is given twice as long as that, up to 2 s. 10 ms to 1 min.
   */
  readonly askTimeout: Duration.Input
  /** Most rumors asked for at a time; 1 to 65,536. */
  readonly maxWanted: number
  /** For how long announcements wait for each other after one has gone; the first goes at once. 0 to 1 s. */
  readonly announceInterval: Duration.Input
  /**
   * Whether, and how, nodes compare what they have heard of late: by which they get what was lost on the way to them, or
   * while they were cut off. `push` sends it, `pull` asks for it, `pushPull` does both.
   */
  readonly antiEntropy: "push" | "pull" | "pushPull" | "off"
  /** Time between comparisons with a peer, while there is something to compare; 10 ms to 1 h. */
  readonly antiEntropyInterval: Duration.Input
  /**
   * Younger rumors are left to their strategy, and not compared; 0 to 1 h, and together with `antiEntropyInterval` no more
   * than `retention`.
   */
  readonly antiEntropySettling: Duration.Input
}

/**
 * The defaults of {@link Options}: news is held for a minute and known for five, nodes compare each second what is older than
 * that, and payloads have up to 1 MiB.
 */
export const defaults: Options = {
  retention: machineDefaults.retention,
  maxRumors: machineDefaults.maxRumors,
  maxBytes: machineDefaults.maxBytes,
  maxPayloadSize: machineDefaults.maxPayloadSize,
  dedupWindow: machineDefaults.dedupWindow,
  maxSeen: machineDefaults.maxSeen,
  askTimeout: machineDefaults.askTimeout,
  maxWanted: machineDefaults.maxWanted,
  announceInterval: machineDefaults.announceInterval,
  antiEntropy: machineDefaults.antiEntropy.mode,
  antiEntropyInterval: machineDefaults.antiEntropy.interval,
  antiEntropySettling: machineDefaults.antiEntropy.settling
}

/** {@link Options} that were checked, with times in milliseconds. */
export type Checked = Complete

const second = 1000
const hour = 3600 * second
const day = 24 * hour
const mebibyte = 1024 * 1024

const AntiEntropyMode = Schema.Literals(["push", "pull", "pushPull", "off"])

const check = Effect.fnUntraced(function*(options: Options) {
  const count = { minimum: 1, maximum: maxRumorIds }
  const mode = yield* decode("antiEntropy", AntiEntropyMode, options.antiEntropy)
  const interval = yield* millis("antiEntropyInterval", options.antiEntropyInterval, { minimum: 10, maximum: hour })
  const settling = yield* millis("antiEntropySettling", options.antiEntropySettling, { minimum: 0, maximum: hour })
  const checked: Checked = {
    retention: yield* millis("retention", options.retention, { minimum: second, maximum: day }),
    maxRumors: yield* integer("maxRumors", options.maxRumors, count),
    maxBytes: yield* integer("maxBytes", options.maxBytes, { minimum: 1024, maximum: 1024 * mebibyte }),
    maxPayloadSize: yield* integer("maxPayloadSize", options.maxPayloadSize, { minimum: 1, maximum: 64 * mebibyte }),
    dedupWindow: yield* millis("dedupWindow", options.dedupWindow, { minimum: second, maximum: day }),
    maxSeen: yield* integer("maxSeen", options.maxSeen, count),
    askTimeout: yield* millis("askTimeout", options.askTimeout, { minimum: 10, maximum: 60 * second }),
    maxWanted: yield* integer("maxWanted", options.maxWanted, count),
    announceInterval: yield* millis("announceInterval", options.announceInterval, { minimum: 0, maximum: second }),
    antiEntropy: mode === "off" ? undefined : { mode, interval, settling, talksWhenEmpty: mode === "pull" }
  }
  const { dedupWindow, maxBytes, maxPayloadSize, maxRumors, maxSeen, retention } = checked
  if (mode !== "off" && settling + interval > retention) {
    return yield* new InvalidOption({
      option: "antiEntropySettling",
      problem: `${settling} ms, and antiEntropyInterval (${interval} ms) besides, are more than retention ` +
        `(${retention} ms): what was missed would be forgotten before it is compared`
    })
  }
  if (dedupWindow < retention) {
    return yield* new InvalidOption({
      option: "dedupWindow",
      problem: `${dedupWindow} ms are less than retention (${retention} ms): what is held would come twice`
    })
  }
  if (maxSeen < maxRumors) {
    return yield* new InvalidOption({
      option: "maxSeen",
      problem: `${maxSeen} is less than maxRumors (${maxRumors}): what is held would come twice`
    })
  }
  if (maxBytes < maxPayloadSize) {
    return yield* new InvalidOption({
      option: "maxBytes",
      problem: `${maxBytes} bytes are less than maxPayloadSize (${maxPayloadSize} bytes)`
    })
  }
  return checked
})

const checkedDefaults: Checked = { ...machineDefaults }

/** What a node's dissemination is told. */
export const DisseminationOptions = Context.Reference<Checked>(
  "@effect-gossip/core/dissemination/DisseminationOptions",
  { defaultValue: () => checkedDefaults }
)

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/** Has a node spread news with these options; those left out have their {@link defaults}. Fails with `InvalidOption`. */
export const layer = (options: Partial<Options> = {}): Layer.Layer<never, InvalidOption> =>
  Layer.effect(DisseminationOptions, check({ ...defaults, ...options }))

/** {@link layer} with options read from `Config`. */
export const layerConfig = (
  options: Config.Wrap<Partial<Options>> = config
): Layer.Layer<never, InvalidOption | Config.ConfigError> => Layer.unwrap(Effect.map(Config.unwrap(options), layer))

/** Describes {@link Options} for `Config`: each has the name it has there, and its default. */
export const config: Config.Config<Options> = Config.all({
  retention: Config.Duration("retention").pipe(Config.withDefault(defaults.retention)),
  maxRumors: Config.Int("maxRumors").pipe(Config.withDefault(defaults.maxRumors)),
  maxBytes: Config.Int("maxBytes").pipe(Config.withDefault(defaults.maxBytes)),
  maxPayloadSize: Config.Int("maxPayloadSize").pipe(Config.withDefault(defaults.maxPayloadSize)),
  dedupWindow: Config.Duration("dedupWindow").pipe(Config.withDefault(defaults.dedupWindow)),
  maxSeen: Config.Int("maxSeen").pipe(Config.withDefault(defaults.maxSeen)),
  askTimeout: Config.Duration("askTimeout").pipe(Config.withDefault(defaults.askTimeout)),
  maxWanted: Config.Int("maxWanted").pipe(Config.withDefault(defaults.maxWanted)),
  announceInterval: Config.Duration("announceInterval").pipe(Config.withDefault(defaults.announceInterval)),
  antiEntropy: Config.Literals(["push", "pull", "pushPull", "off"], "antiEntropy").pipe(
    Config.withDefault(defaults.antiEntropy)
  ),
  antiEntropyInterval: Config.Duration("antiEntropyInterval").pipe(Config.withDefault(defaults.antiEntropyInterval)),
  antiEntropySettling: Config.Duration("antiEntropySettling").pipe(Config.withDefault(defaults.antiEntropySettling))
})
