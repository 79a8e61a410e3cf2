/** A Unix time in milliseconds as people read it: `2023-11-14T22:13:20Z`. */
export const utc = (millis: number): string => {
  const seconds = Math.floor(millis / 1000)
  const { day, month, year } = civil(Math.floor(seconds / 86_400))
  const ofDay = seconds - Math.floor(seconds / 86_400) * 86_400
  const two = (value: number) => String(value).padStart(2, "0")
  const time = [Math.floor(ofDay / 3600), Math.floor(ofDay / 60) % 60, ofDay % 60].map(two).join(":")
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${time}Z`
}

// Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is their last
const civil = (days: number): { readonly year: number; readonly month: number; readonly day: number } => {
  const since = days + 719_468
  const era = Math.floor(since / 146_097)
  const ofEra = since - era * 146_097
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365
  )
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shifted = Math.floor((5 * ofYear + 2) / 153)
  const month = shifted < 10 ? shifted + 3 : shifted - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: ofYear - Math.floor((153 * shifted + 2) / 5) + 1
  }
}
