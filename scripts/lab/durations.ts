/**
 * Durations as flags have them: `250ms`, `10s`, `1.5m`, `2h`.
 */
const units: { readonly [unit: string]: number } = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Milliseconds, or `undefined` for what is no duration. */
export const parseMillis = (text: string): number | undefined => {
  const parts = /^(\d+(?:\.\d+)?)\s?(ms|s|m|h)$/.exec(text.trim())
  return parts === null ? undefined : Number(parts[1]) * units[parts[2]!]!
}

/** The shortest way to write it. */
export const formatMillis = (millis: number): string =>
  millis >= 1000 ? `${Number((millis / 1000).toFixed(3))}s` : `${Number(millis.toFixed(3))}ms`
