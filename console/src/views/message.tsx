// The headers and the body of a request or an answer, as far as they are kept.

import type { Kept } from '../api'
import { Copy } from '../parts/copy'
import { Text } from '../text'
import { number } from './words'

export function Headers({ headers, hidden }: { headers: [string, string][]; hidden?: string[] }) {
  if (headers.length === 0) return <p class="quiet">It has no headers.</p>
  return (
    <details class="headers">
      <summary>
        {headers.length === 1 ? '1 header' : `${headers.length} headers`}
        {hidden && hidden.length > 0 && `, ${hidden.length} with what is secret hidden`}
      </summary>
      <dl class="world-list mono">
        {headers.map(([name, value], i) => (
          <>
            <dt key={i + 'n'}>
              <Text>{name}</Text>
            </dt>
            <dd key={i + 'v'}>
              <Text>{value}</Text>
            </dd>
          </>
        ))}
      </dl>
    </details>
  )
}

export function Body({ body, name }: { body: Kept; name: string }) {
  if (body.bytes === 0) return <p class="quiet">The {name} is empty.</p>
  const notes = [
    `${number(body.bytes)} bytes`,
    body.base64 && 'not text: in base64',
    body.cut && 'only the beginning is kept',
    body.hidden && 'what is secret is hidden',
  ].filter(Boolean)
  const text = body.base64 ? body.text : indented(body.text)
  return (
    <>
      <p class="quiet request-note">{notes.join(', ')}</p>
      {text !== '' && (
        <div class="code">
          <pre tabIndex={0} aria-label={'The ' + name}>
            <Text>{text}</Text>
          </pre>
          <Copy text={body.text} label={'the ' + name} />
        </div>
      )}
    </>
  )
}

/** indented is JSON with a line for each member. Other text stays as it is, and so does what JSON.parse would change. */
function indented(text: string): string {
  if (!/^\s*[[{]/.test(text)) return text
  try {
    if (/\d{16}|"__proto__"/.test(text)) return text // a number that is too long for a double
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
