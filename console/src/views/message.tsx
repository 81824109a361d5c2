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

/** indented writes JSON in lines. Numbers and repeated names stay as they were sent; what is not JSON stays as it is. */
function indented(text: string): string {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return text
  } catch {
    return text
  }
  let out = ''
  let depth = 0
  const line = () => '\n' + '  '.repeat(depth)
  for (const token of text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? []) {
    if (token === '{' || token === '[') {
      depth++
      out += token + line()
    } else if (token === '}' || token === ']') {
      depth--
      out =
        /[{[]\s*$/.test(out.slice(-200)) && /[{[]$/.test(out.trimEnd()) ? out.trimEnd() + token : out + line() + token
    } else if (token === ',') out += ',' + line()
    else if (token === ':') out += ': '
    else out += token
  }
  return out
}
