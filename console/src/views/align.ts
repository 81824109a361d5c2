// Lays two canonical requests side by side: which lines belong together, and which bytes of each differ.

/** Piece is a part of a line; the bytes of one that differs are not on the other side. */
export interface Piece {
  text: string
  differs: boolean
}
export interface Side {
  number: number // of the line, from 1
  pieces: Piece[]
}
export interface Pair {
  server?: Side
  client?: Side
}

type Range = [number, number]

const most = 400 // lines, of which each is compared with each

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** textOf reads bytes; those of a character that the range cuts are written as \x. */
function textOf(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    return [...bytes].map((b) => (b < 0x80 ? String.fromCharCode(b) : '\\x' + b.toString(16))).join('')
  }
}

/** cut cuts a text into lines, and the lines into pieces that differ and pieces that do not. */
function cut(text: string, ranges: Range[]): Side[] {
  const bytes = new TextEncoder().encode(text)
  const sides: Side[] = []
  let from = 0
  for (let number = 1; from <= bytes.length; number++) {
    const found = bytes.indexOf(10, from)
    const end = found < 0 ? bytes.length : found
    const pieces: Piece[] = []
    let at = from
    for (const [a, b] of ranges) {
      if (b < from || a > end || (a === b && a > end) || (b === from && a < b)) continue
      const start = Math.min(Math.max(a, at), end)
      const stop = Math.min(Math.max(b, start), end)
      if (start > at) pieces.push({ text: textOf(bytes.subarray(at, start)), differs: false })
      const breaks = found >= 0 && a <= end && b > end ? '\n' : ''
      if (stop > start || breaks || a === b)
        pieces.push({ text: textOf(bytes.subarray(start, stop)) + breaks, differs: true })
      at = stop
    }
    if (end > at) pieces.push({ text: textOf(bytes.subarray(at, end)), differs: false })
    sides.push({ number, pieces })
    if (found < 0) break
    from = end + 1
  }
  return sides
}

const lineOf = ({ pieces }: Side) => pieces.map(({ text }) => text.replace('\n', '')).join('')
const nameOf = (line: string) => /^[^:]*:/.exec(line)?.[0]

/** align pairs the lines: those that are the same, then those of headers with the same name, then what stands between. */
export function align(server: string, client: string, differ: { server: Range; client: Range }[]): Pair[] {
  const a = cut(
    server,
    differ.map(({ server }) => server),
  )
  const b = cut(
    client,
    differ.map(({ client }) => client),
  )
  if (a.length > most || b.length > most) return inOrder(a, b)
  const x = a.map(lineOf)
  const y = b.map(lineOf)
  const worth = (i: number, j: number) => {
    if (x[i] === y[j]) return x[i] ? 4 : 2
    const name = nameOf(x[i]!)
    return name && name === nameOf(y[j]!) ? 3 : 0
  }
  const width = b.length + 1
  const best = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) {
      const w = worth(i, j)
      const both = w ? best[(i + 1) * width + j + 1]! + w : 0
      best[i * width + j] = Math.max(best[(i + 1) * width + j]!, best[i * width + j + 1]!, both)
    }
  const pairs: Pair[] = []
  let i = 0
  let j = 0
  let lone: [Side[], Side[]] = [[], []]
  while (i < a.length && j < b.length) {
    const w = worth(i, j)
    if (w && best[i * width + j] === best[(i + 1) * width + j + 1]! + w) {
      pairs.push(...inOrder(...lone), { server: a[i++]!, client: b[j++]! })
      lone = [[], []]
    } else if (best[(i + 1) * width + j]! >= best[i * width + j + 1]!) lone[0].push(a[i++]!)
    else lone[1].push(b[j++]!)
  }
  return [...pairs, ...inOrder([...lone[0], ...a.slice(i)], [...lone[1], ...b.slice(j)])]
}

function inOrder(a: Side[], b: Side[]): Pair[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, n) => ({ server: a[n], client: b[n] }))
}
