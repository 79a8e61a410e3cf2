/** Puts a bug in the place of a method, and takes it out again. */

/** Begins to go wrong; what it returns makes it sound again. */
export type Plant = () => () => void

/** Has a method of a class do something else, with the sound one at hand. */
export const method = <T extends object, K extends keyof T & string>(
  prototype: T,
  name: K,
  broken: (sound: T[K]) => T[K]
): Plant =>
() => {
  const sound = Object.getOwnPropertyDescriptor(prototype, name)!
  Object.defineProperty(prototype, name, { ...sound, value: broken(sound.value as T[K]) })
  return () => void Object.defineProperty(prototype, name, sound)
}

/** Has a getter of a class say something else. */
export const getter = <T extends object, K extends keyof T & string>(
  prototype: T,
  name: K,
  broken: (this: T) => T[K]
): Plant =>
() => {
  const sound = Object.getOwnPropertyDescriptor(prototype, name)!
  Object.defineProperty(prototype, name, { ...sound, get: broken })
  return () => void Object.defineProperty(prototype, name, sound)
}

/** Several that are one mistake. */
export const all = (...plants: ReadonlyArray<Plant>): Plant => () => {
  const restores = plants.map((plant) => plant())
  return () => {
    for (const restore of restores.toReversed()) restore()
  }
}

/** Runs something, which is synchronous, while a bug is planted. */
export const during = <A>(plant: Plant, run: () => A): A => {
  const restore = plant()
  try {
    return run()
  } finally {
    restore()
  }
}
