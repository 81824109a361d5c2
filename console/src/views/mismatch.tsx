// Why a signature does not match: the canonical requests of server and client side by side, with the bytes marked that
// differ.

import type { Mismatch } from '../api'
import { visible } from '../text'
import { Text } from '../text'

export function MismatchView({ mismatch }: { mismatch: Mismatch }) {
  const ranges = (side: 'server' | 'client') => mismatch.differ.map((one) => one[side])
  return (
    <div class="mismatch">
      {mismatch.explanation && (
        <p>
          <Text>{mismatch.explanation}</Text>
        </p>
      )}
      {(mismatch.fault || mismatch.certainty) && (
        <p class="quiet">
          {mismatch.fault && <code>{visible(mismatch.fault)}</code>}
          {mismatch.certainty && <> {visible(mismatch.certainty)}</>}
        </p>
      )}
      <div class="mismatch-sides">
        <Side title="Canonical request of the server" text={mismatch.server} ranges={ranges('server')} />
        <Side title="Canonical request of the client" text={mismatch.client} ranges={ranges('client')} />
      </div>
    </div>
  )
}

type Range = [number, number]

function Side({ title, text, ranges }: { title: string; text?: string; ranges: Range[] }) {
  return (
    <section aria-label={title}>
      <h4>{title}</h4>
      {text === undefined || text === '' ? (
        <p class="quiet">It is not known: the client did not tell it, and it could not be found out.</p>
      ) : (
        <ol class="canonical" tabIndex={0} aria-label={title}>
          {lines(text, ranges).map((parts, i) => (
            <li key={i} class={parts.some((part) => part.differs) ? 'differs' : undefined}>
              {parts.map((part, j) =>
                part.differs ? (
                  <mark key={j}>
                    <span class="sr">differs: </span>
                    {shown(part.text)}
                    <span class="sr"> end of difference</span>
                  </mark>
                ) : (
                  <span key={j}>{visible(part.text)}</span>
                ),
              )}
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}

interface Part {
  text: string
  differs: boolean
}

/** shown makes white space visible, which a difference may consist of; where there is nothing, it says so. */
function shown(text: string): string {
  return text === '' ? '∅' : visible(text).replaceAll(' ', '␣').replaceAll('\t', '⇥')
}

// textOf reads UTF-8. A difference may begin or end within a character: then its bytes are shown, which differ, and not the
// same sign on both sides.
function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return [...bytes].map((b) => (b < 0x80 ? String.fromCharCode(b) : '\\x' + b.toString(16))).join('')
  }
}

/** lines cuts a text at its line ends and where a difference, in bytes of UTF-8, begins and ends. */
export function lines(text: string, ranges: Range[]): Part[][] {
  const bytes = new TextEncoder().encode(text)
  const decode = (from: number, to: number) => textOf(bytes.subarray(from, to))
  const result: Part[][] = []
  let from = 0
  for (;;) {
    let end = bytes.indexOf(10, from)
    if (end < 0) end = bytes.length
    const parts: Part[] = []
    let at = from
    for (const [start, stop] of ranges) {
      if (stop < from || start > end || (start < from && stop <= from && start !== stop)) continue
      const a = Math.max(start, at)
      const b = Math.min(stop, end)
      if (b < a) continue
      if (a > at) parts.push({ text: decode(at, a), differs: false })
      parts.push({ text: decode(a, b), differs: true })
      at = b
    }
    if (at < end || parts.length === 0) parts.push({ text: decode(at, end), differs: false })
    result.push(parts)
    if (end >= bytes.length) return result
    from = end + 1
  }
}
