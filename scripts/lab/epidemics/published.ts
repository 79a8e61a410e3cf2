/**
 * What was published, to be compared with: Demers et al. 1987, "Epidemic algorithms for replicated database maintenance",
 * §1.4, tables 1 to 3, for 1000 sites.
 */

export interface Row {
  readonly k: number
  readonly residue: number
  readonly traffic: number
  readonly delayAverage: number
  readonly delayLast: number
}

export interface Table {
  readonly number: number
  readonly mode: "push" | "pull"
  readonly interest: "feedback" | "blind"
  readonly stop: "counter" | "coin"
  readonly rows: ReadonlyArray<Row>
}

const row = (k: number, residue: number, traffic: number, delayAverage: number, delayLast: number): Row => ({
  k,
  residue,
  traffic,
  delayAverage,
  delayLast
})

export const nodes = 1000

export const tables: ReadonlyArray<Table> = [
  {
    number: 1,
    mode: "push",
    interest: "feedback",
    stop: "counter",
    rows: [
      row(1, 0.18, 1.7, 11.0, 16.8),
      row(2, 0.037, 3.3, 12.1, 16.9),
      row(3, 0.011, 4.5, 12.5, 17.4),
      row(4, 0.0036, 5.6, 12.7, 17.5),
      row(5, 0.0012, 6.7, 12.8, 17.7)
    ]
  },
  {
    number: 2,
    mode: "push",
    interest: "blind",
    stop: "coin",
    rows: [
      row(1, 0.96, 0.04, 19, 38),
      row(2, 0.20, 1.6, 17, 33),
      row(3, 0.060, 2.8, 15, 32),
      row(4, 0.021, 3.9, 14.1, 32),
      row(5, 0.008, 4.9, 13.8, 32)
    ]
  },
  {
    number: 3,
    mode: "pull",
    interest: "feedback",
    stop: "counter",
    rows: [row(1, 3.1e-2, 2.7, 9.97, 17.6), row(2, 5.8e-4, 4.5, 10.07, 15.4), row(3, 4.0e-6, 6.1, 10.08, 14.0)]
  }
]

/** The row of a setting, with the number of its table, where there is one. */
export const find = (setting: {
  readonly nodes: number
  readonly mode: string
  readonly interest: string
  readonly stop: string
  readonly k: number
}): (Row & { readonly table: number }) | undefined => {
  if (setting.nodes !== nodes) return undefined
  const table = tables.find(({ interest, mode, stop }) =>
    mode === setting.mode && interest === setting.interest && stop === setting.stop
  )
  const found = table?.rows.find(({ k }) => k === setting.k)
  return found === undefined ? undefined : { table: table!.number, ...found }
}
