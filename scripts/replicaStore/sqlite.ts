/**
 * SQLite as Node.js has it, behind Effect's `SqlClient`: as much as the tests of a store in a database need. Applications take
 * a driver package.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError } from "effect/sql/SqlError"
import { makeCompilerSqlite } from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"

const connect = (database: DatabaseSync): Connection => {
  const rows = (sql: string, params: ReadonlyArray<unknown>) =>
    Effect.try({
      try: () => database.prepare(sql).all(...params as ReadonlyArray<SQLInputValue>),
      catch: (cause) => new SqlError({ reason: classifySqliteError(cause) })
    })
  const values = (sql: string, params: ReadonlyArray<unknown>) =>
    Effect.map(rows(sql, params), (rows) => rows.map((row) => Object.values(row)))
  return {
    execute: rows,
    executeRaw: rows,
    executeUnprepared: rows,
    executeValues: values,
    executeValuesUnprepared: values,
    executeStream: (sql, params) => Stream.unwrap(Effect.map(rows(sql, params), Stream.fromIterable))
  }
}

/** A database in a file, which is made if it is not there. */
export const layer = (file: string): Layer.Layer<SqlClient.SqlClient> =>
  Layer.effect(
    SqlClient.SqlClient,
    Effect.gen(function*() {
      const database = yield* Effect.acquireRelease(
        Effect.sync(() => new DatabaseSync(file)),
        (database) => Effect.sync(() => database.close())
      )
      // as driver packages have it: a commit is appended, and flushed with the next checkpoint
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
      const connection = connect(database)
      return yield* SqlClient.make({
        acquirer: Effect.succeed(connection),
        compiler: makeCompilerSqlite(),
        driver: "node:sqlite",
        spanAttributes: []
      })
    })
  ).pipe(Layer.provide(Reactivity.layer))
