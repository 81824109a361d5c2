// Why a signature does not match: the canonical requests of server and client side by side.

import { useMemo } from 'preact/hooks'
import type { Mismatch } from '../api'
import { Copy } from '../parts/copy'
import { Text, visible } from '../text'
import { align, type Pair, type Side } from './align'

export function Difference({ mismatch }: { mismatch: Mismatch }) {
  const { fault, explanation, certainty, server, client, differ } = mismatch
  return (
    <section aria-labelledby="mismatch">
      <h3 id="mismatch">Why the signature does not match</h3>
      {explanation && (
        <p>
          <Text>{explanation}</Text>
        </p>
      )}
      {(fault || certainty) && (
        <dl class="request-facts">
          {fault && (
            <>
              <dt>Fault</dt>
              <dd>{visible(fault)}</dd>
            </>
          )}
          {certainty && (
            <>
              <dt>Certainty</dt>
              <dd>{visible(certainty)}</dd>
            </>
          )}
        </dl>
      )}
      {server && client ? (
        <Both server={server} client={client} differ={differ} />
      ) : (
        <Alone server={server} client={client} />
      )}
    </section>
  )
}

function Both({ server, client, differ }: { server: string; client: string; differ: Mismatch['differ'] }) {
  const pairs = useMemo(() => align(server, client, differ), [server, client, differ])
  return (
    <>
      <table class="sides" role="table">
        <caption>
          The canonical requests, line by line. What differs is <mark>marked</mark>; in it · is a space, → a tab, ↵ the
          end of a line.
        </caption>
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">
              The server made <Copy text={server} label="the canonical request of the server" />
            </th>
            <th role="columnheader" scope="col">
              The client signed <Copy text={client} label="the canonical request of the client" />
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {pairs.map((pair, i) => (
            <tr role="row" key={i} class={differs(pair) ? 'differs' : 'same'}>
              <Line side={pair.server} label="Server" />
              <Line side={pair.client} label="Client" />
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}

function differs({ server, client }: Pair): boolean {
  return !server || !client || [server, client].some(({ pieces }) => pieces.some((piece) => piece.differs))
}

function Line({ side, label }: { side: Side | undefined; label: string }) {
  if (!side)
    return (
      <td role="cell" data-label={label} class="quiet">
        no such line
      </td>
    )
  return (
    <td role="cell" data-label={`${label}, line ${side.number}`}>
      <code>
        {side.pieces.length === 0 && <span class="quiet">(empty line)</span>}
        {side.pieces.map(({ text, differs }, i) => (differs ? <Differing text={text} key={i} /> : visible(text)))}
      </code>
    </td>
  )
}

function Differing({ text }: { text: string }) {
  if (text === '')
    return (
      <mark class="gap">
        <span class="sr">[differs: something is missing here]</span>
      </mark>
    )
  const seen = visible(text).replaceAll(' ', '·').replaceAll('\t', '→').replaceAll('\n', '↵')
  return (
    <mark>
      <span class="sr">[differs: </span>
      {seen}
      <span class="sr">]</span>
    </mark>
  )
}

function Alone({ server, client }: { server?: string; client?: string }) {
  const text = server ?? client
  if (!text) return null
  return (
    <>
      <h4>{server ? 'The canonical request that the server made' : 'The canonical request that the client signed'}</h4>
      {server && (
        <p class="quiet">
          The client did not tell its own. <code>furl call -v</code> sends it, and then both stand here side by side.
        </p>
      )}
      <div class="code">
        <pre tabIndex={0} role="group" aria-label="Canonical request">
          {visible(text)}
        </pre>
        <Copy text={text} label="the canonical request" />
      </div>
    </>
  )
}
