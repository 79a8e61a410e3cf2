/** Contexts and stores that need not come of any history, of few dots, so that they meet. */
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "../../../../src/replication/internal/crdt/context.ts"
import {
  type DotFun,
  dotFun,
  type DotMap,
  dotMap,
  type DotStore
} from "../../../../src/replication/internal/crdt/dotStore.ts"
import type { State } from "../../../../src/replication/internal/crdt/state.ts"
import { between } from "../../../support/arbitraries.ts"

const number = (minimum: number, maximum: number) => Arbitrary.schema(between(minimum, maximum))

/** All dots that there are here. */
export const universe: ReadonlyArray<Context.Dot> = ["a", "b"].flatMap((node) =>
  [0, 1, 2].flatMap((incarnation) => [1, 2, 3, 4, 6].map((counter) => ({ node, incarnation, counter })))
)

/** Some of them, and floors for both nodes. */
export const context: Arbitrary.Arbitrary<Context.Context> = Arbitrary.map(
  Arbitrary.all({
    dots: Arbitrary.array(number(0, universe.length - 1), { maxLength: 20 }),
    floors: Arbitrary.array(number(0, 9), { minLength: 2, maxLength: 2 })
  }),
  ({ dots, floors }) =>
    ["a", "b"].reduce((context, node, i) => {
      // mostly none
      const floor = Math.max(0, floors[i]! - 6)
      return floor === 0 ? context : Context.unite(context, Context.below(node, floor))
    }, Context.of(dots.map((index) => universe[index]!)))
)

export const dotsOf = (context: Context.Context): ReadonlyArray<Context.Dot> =>
  universe.filter((dot) => Context.contains(context, dot))

/** Dots with payloads that merge to the greater. */
export const numbers: DotStore<DotFun<number>> = dotFun<number>({
  join: Math.max,
  isEqual: (a, b) => a === b,
  write: (writer, payload) => writer.number(payload),
  read: (reader) => reader.number()
})

/** Under keys. */
export const maps: DotStore<DotMap<string, DotFun<number>>> = dotMap({ read: (text) => text }, numbers)

const picks = Arbitrary.array(number(0, 29), { minLength: universe.length, maxLength: universe.length })

/** At each dot of the context nothing, or a payload under some of the keys. */
export const state: Arbitrary.Arbitrary<State<DotMap<string, DotFun<number>>>> = Arbitrary.map(
  Arbitrary.all({ context, picks }),
  ({ context, picks }) => ({
    context,
    store: new Map(
      ["x", "y"].flatMap((key, place) => {
        const store = universe.flatMap((dot, i) => {
          const pick = picks[i]!
          const isHeld = Context.contains(context, dot) && ((pick >> place) & 1) === 1
          return isHeld ? [{ dot, payload: 1 + (pick >> 3) }] : []
        })
        return store.length === 0 ? [] : [[key, { key, store }] as const]
      })
    )
  })
)
