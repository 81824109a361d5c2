// Sends a request again: as the same or another caller, as it was or edited.

import { useState } from 'preact/hooks'
import { address, link } from '../address'
import type { CallerList, Replay as Wanted, Replayed, RequestDetail } from '../api'
import { query, said, send } from '../client'
import { useLoad } from '../load'
import { useModal } from '../parts/modal'
import { Problem } from '../parts/states'
import { server } from '../shell'
import { Text, visible } from '../text'
import { Body, Headers } from './message'
import { SearchField } from './search'

export function Replay({ detail }: { detail: RequestDetail }) {
  const [open, setOpen] = useState(false)
  if (detail.api) return null
  if (!server.value?.edit) {
    return <small class="quiet">to send it again: furl serve --console=edit</small>
  }
  return (
    <>
      <button type="button" class="primary" onClick={() => setOpen(true)}>
        Send it again …
      </button>
      {open && <Dialog detail={detail} onClose={() => setOpen(false)} />}
    </>
  )
}

function Dialog({ detail, onClose }: { detail: RequestDetail; onClose: () => void }) {
  const dialog = useModal()
  return (
    <dialog class="world-ask replay" ref={dialog} aria-labelledby="replay-title" onClose={onClose}>
      <h3 id="replay-title">Send it again</h3>
      <Form detail={detail} onClose={() => dialog.current?.close()} />
    </dialog>
  )
}

function Form({ detail, onClose }: { detail: RequestDetail; onClose: () => void }) {
  const sent = detail.request
  const whole = detail.replay.possible
  const [caller, setCaller] = useState(detail.replay.callers[0] ?? '')
  const [edited, setEdited] = useState(!whole)
  const [method, setMethod] = useState(detail.method)
  const [target, setTarget] = useState(sent?.target ?? detail.target)
  const [headers, setHeaders] = useState(() => written(sent?.headers ?? [], sent?.hidden ?? []))
  const [body, setBody] = useState(sent && !sent.body.base64 ? sent.body.text : '')
  const [keepBody, setKeepBody] = useState(whole)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState('')
  const [answer, setAnswer] = useState<Replayed>()
  const submit = async (event: Event) => {
    event.preventDefault()
    setError('')
    setAnswer(undefined)
    try {
      const wanted: Wanted = { caller }
      if (edited) Object.assign(wanted, { method, target, headers: read(headers) }, keepBody ? {} : { body })
      setBusy(true)
      setAnswer(await send<Replayed>('POST', 'v1/requests/' + encodeURIComponent(detail.id) + '/replay', wanted))
    } catch (error) {
      setError(said(error))
    }
    setBusy(false)
  }
  return (
    <form onSubmit={submit}>
      {detail.replay.why && (
        <p class="doubt">
          <Text>{detail.replay.why}</Text>
        </p>
      )}
      <Callers chosen={caller} first={detail.replay.callers} onChoose={setCaller} />
      <p>
        <label>
          <input type="checkbox" checked={edited} onChange={(event) => setEdited(event.currentTarget.checked)} /> edited
        </label>
      </p>
      {edited && (
        <div class="replay-fields">
          <label>
            Method <input value={method} onInput={(event) => setMethod(event.currentTarget.value)} />
          </label>
          <label>
            Path and query{' '}
            <input class="mono" value={target} onInput={(event) => setTarget(event.currentTarget.value)} />
          </label>
          <label>
            Headers, one in each line{' '}
            <textarea
              rows={5}
              class="mono"
              value={headers}
              onInput={(event) => setHeaders(event.currentTarget.value)}
            />
          </label>
          <label>
            <input
              type="checkbox"
              checked={!keepBody}
              onChange={(event) => setKeepBody(!event.currentTarget.checked)}
            />{' '}
            another body
          </label>
          {!keepBody && (
            <label>
              Body{' '}
              <textarea rows={6} class="mono" value={body} onInput={(event) => setBody(event.currentTarget.value)} />
            </label>
          )}
        </div>
      )}
      {error && <Problem message={error} />}
      <div role="status">{answer && <Answered answer={answer} />}</div>
      <div class="world-answers">
        <button type="button" onClick={onClose}>
          Close
        </button>
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Sending …' : 'Send'}
        </button>
      </div>
    </form>
  )
}

function Callers(props: { chosen: string; first: string[]; onChoose: (arn: string) => void }) {
  const [search, setSearch] = useState('')
  const { value: found, error } = useLoad<CallerList>(search ? 'v1/callers' + query({ search, limit: 50 }) : '')
  const offered = [...new Set([props.chosen, ...(search ? (found?.callers ?? []) : props.first), ''])]
  return (
    <div class="replay-fields">
      <label>
        As{' '}
        <select value={props.chosen} onChange={(event) => props.onChoose(event.currentTarget.value)}>
          {offered.map((arn) => (
            <option key={arn} value={arn}>
              {arn ? visible(arn) : 'nobody: without a signature'}
            </option>
          ))}
        </select>
      </label>
      <SearchField label="Find a caller" hint="part of an ARN" value={search} onSearch={setSearch} />
      {search && found && (
        <small class="quiet" role="status">
          {found.total === 0 ? 'Nobody matches of whom the server has keys.' : `${found.total} found`}
        </small>
      )}
      {error && <Problem message={error} />}
    </div>
  )
}

function Answered({ answer }: { answer: Replayed }) {
  return (
    <section aria-label="The answer" class="replay-answer">
      <h4>
        The answer: {answer.answer.status}{' '}
        {answer.requestId && <a href={link('requests', answer.requestId, address.value.filter)}>open it</a>}
      </h4>
      <Headers headers={answer.answer.headers} hidden={answer.answer.hidden} />
      <Body body={answer.answer.body} name="body" />
    </section>
  )
}

/** written is what a person edits: the headers, without those whose values are not kept. */
function written(headers: [string, string][], hidden: string[]): string {
  const gone = new Set(hidden.map((name) => name.toLowerCase()))
  const own = /^(host|content-length|connection|authorization|x-amz-date|x-amz-security-token|x-amz-content-sha256)$/i
  return headers
    .filter(([name]) => !gone.has(name.toLowerCase()) && !own.test(name))
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')
}

function read(text: string): [string, string][] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const at = line.indexOf(':')
      if (at <= 0) throw new Error(`"${line}" is no header: write NAME: VALUE`)
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()]
    })
}
