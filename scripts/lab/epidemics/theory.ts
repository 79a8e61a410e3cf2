/**
 * What theory says of epidemics, to be compared with.
 */

export type Mode = "push" | "pull" | "pushPull"

const log = (x: number, base: number) => Math.log(x) / Math.log(base)

/**
 * Rounds until all of `n` know what one knew, where each talks to one other a round and all who know it tell it (a simple
 * epidemic), but for a constant: Pittel 1987 for push, Karp et al. 2000 and Demers et al. 1987 §1.3 for the others.
 */
export const rounds = (mode: Mode, n: number): number => {
  switch (mode) {
    case "push":
      return log(n, 2) + Math.log(n)
    case "pull":
      return log(n, 2) + log(Math.log(n), 2)
    case "pushPull":
      return log(n, 3) + log(Math.log(n), 2)
  }
}

/** The formula of {@link rounds}. */
export const formulas: { readonly [mode in Mode]: string } = {
  push: "log₂n + ln n",
  pull: "log₂n + log₂ln n",
  pushPull: "log₃n + log₂ln n"
}

/** The share that does not know it after a round, where a share `p` did not before it (Demers et al. 1987 §1.3). */
export const next = (mode: Mode, p: number, n: number): number => {
  const notPushed = (1 - 1 / n) ** (n * (1 - p))
  switch (mode) {
    case "push":
      return p * notPushed
    case "pull":
      return p * p
    case "pushPull":
      return p * p * notPushed
  }
}

/** The formula of {@link next}. */
export const recurrences: { readonly [mode in Mode]: string } = {
  push: "p(1 − 1/n)^{n(1−p)}",
  pull: "p²",
  pushPull: "p²(1 − 1/n)^{n(1−p)}"
}

/** The residue of so many payloads a node, where they go to random nodes (Demers et al. 1987 §1.4): s = e^-m. */
export const residueOfTraffic = (traffic: number): number => Math.exp(-traffic)

/**
 * Rounds of push-then-pull, but for a constant (Mercier, Hayez, Matos 2017). The rumor is pushed until n / ln n know it, who
 * double each round. Then either each who does not know it asks one node a round, and the share of these is squared
 * (`always`: as in pull alone); or each who knows it tells ln n others, and nearly all know it in a few rounds more
 * (`announced`).
 */
export const pushThenPullRounds = (pull: "announced" | "always", n: number): number =>
  pull === "always" ? rounds("pull", n) : log(n / Math.log(n), 2)

/** The formula of {@link pushThenPullRounds}. */
export const pushThenPullFormulas = { announced: "log₂(n / ln n)", always: formulas.pull }
