// How the views write numbers, times and ARNs for people.

/** number is a count with its thousands apart. */
export function number(n: number): string {
  return n.toLocaleString('en-US')
}

/** duration is a time in microseconds. */
export function duration(micros: number): string {
  if (micros < 1000) return micros + ' µs'
  if (micros < 1e6) return (micros / 1000).toFixed(micros < 1e4 ? 1 : 0) + ' ms'
  return (micros / 1e6).toFixed(1) + ' s'
}

/** distance is how far a time is from now: in 5 minutes, 3 days ago. */
export function distance(time: string): string {
  const seconds = (Date.parse(time) - Date.now()) / 1000
  if (Number.isNaN(seconds)) return time
  const units: [Intl.RelativeTimeFormatUnit, number][] = [
    ['day', 86400],
    ['hour', 3600],
    ['minute', 60],
  ]
  const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return words.format(Math.trunc(seconds / size), unit)
  }
  return words.format(Math.trunc(seconds), 'second')
}

/** exact is a time in full. */
export function exact(time: string): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? time : date.toLocaleString()
}

/** short is the end of an ARN, which people know it by: user/alice, function name. */
export function short(arn: string): string {
  if (arn === '*') return 'everyone'
  return arn.split(':').slice(5).join(':') || arn
}
