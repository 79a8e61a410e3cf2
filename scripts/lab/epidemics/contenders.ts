/** The strategies that `pnpm lab compare` compares. */
import type { StrategySetting } from "./strategies.ts"

export interface Contender {
  /** What plots call it. */
  readonly title: string
  readonly about: string
  readonly setting: (eager: boolean) => StrategySetting
}

/** What can be compared, each with its defaults. */
export const contenders = {
  "push-then-pull": {
    title: "PushThenPull",
    about: "the default",
    setting: (eager) => ({ name: "push-then-pull", options: { eager } })
  },
  "direct-mail": {
    title: "DirectMail",
    about: "the publisher tells all",
    setting: () => ({ name: "direct-mail", options: {} })
  },
  rumor: {
    title: "RumorMongering, push",
    about: "feedback, counter of 4",
    setting: (eager) => ({ name: "rumor-mongering", options: { eager } })
  },
  "rumor-pull": {
    title: "RumorMongering, pull",
    about: "feedback, counter of 2",
    setting: () => ({ name: "rumor-mongering", options: { mode: "pull", stop: { counter: 2 }, eager: false } })
  },
  "median-counter": {
    title: "MedianCounter",
    about: "Karp et al. 2000",
    setting: () => ({ name: "median-counter", options: {} })
  },
  memberlist: {
    title: "Piggyback, as memberlist",
    about: "3 peers a round, each rumor 4 · ceil(log10(n + 1)) times",
    setting: () => ({ name: "piggyback", options: { eager: false } })
  }
} satisfies { readonly [name: string]: Contender }

export type Name = keyof typeof contenders

export const names = Object.keys(contenders) as ReadonlyArray<Name>

/** A contender by its name. */
export const get = (name: Name): Contender => contenders[name]

/** Milliseconds of a round that strategies have by default. */
export const roundMillis = 200
