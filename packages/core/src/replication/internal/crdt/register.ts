/**
 * Registers: what was written, under the dots of the writes that nobody has replaced.
 */
import { of, type Replica } from "./context.ts"
import type { DotFun, Payload } from "./dotStore.ts"
import { nextDot, type State } from "./state.ts"
import type { Held, Values } from "./values.ts"

/** Values as payloads. */
export const payload = <A>(values: Values<A>): Payload<Held<A>> => ({
  join: (a, b) => b.text > a.text ? b : a,
  isEqual: (a, b) => a.text === b.text,
  write: (writer, { text }) => writer.text(text),
  read: (reader) => {
    const text = reader.text()
    return { text, value: values.read(text) }
  }
})

/** The delta of a write that takes the place of all that are there. */
export const write = <P>({ context, store }: State<DotFun<P>>, replica: Replica, payload: P): State<DotFun<P>> => {
  const dot = nextDot(context, replica)
  return { store: [{ dot, payload }], context: of([...store.map(({ dot }) => dot), dot]) }
}
