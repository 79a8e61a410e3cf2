/**
 * Figures as text.
 */

/** Columns side by side: the first aligned left, the others right. */
export const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)))
  const line = (cells: ReadonlyArray<string>) =>
    cells.map((cell, column) => column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))
      .join("  ").trimEnd()
  return [line(header), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n")
}

/** A tree of figures, a line each. */
export const list = (figures: object): string => {
  const lines: Array<readonly [name: string, value: string]> = []
  const visit = (value: unknown, path: ReadonlyArray<string>) => {
    if (typeof value === "object" && value !== null) {
      for (const [key, part] of Object.entries(value)) visit(part, [...path, key])
    } else lines.push([path.join("."), value === null ? "never" : String(value)])
  }
  visit(figures, [])
  const width = Math.max(...lines.map(([name]) => name.length))
  return lines.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join("\n")
}

/** Seconds of milliseconds, for a cell. */
export const seconds = (millis: number | null): string => millis === null ? "never" : (millis / 1000).toFixed(1)

/** A rate, for a cell. */
export const rate = (value: number): string =>
  value === 0 ? "0" : value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toPrecision(2)
