// What if a policy were another: an edit of its document, and what it would change in the cells in view.

import { useEffect, useRef, useState } from 'preact/hooks'
import type { Access, Policy, WhatIf, WhatIfAnswer } from '../api'
import { query, said, send } from '../client'
import { useLoad } from '../load'
import { server } from '../shell'
import { Problem, Waiting } from '../parts/states'
import { Text } from '../text'
import { leadTo } from './access-address'
import { discard, drafts, keep, written } from './access-drafts'
import { leave } from './access-leave'
import { Save } from './access-save'
import { Changes } from './access-changes'
import { Findings } from './findings'
import { Panel } from './panel'

const pause = 400 // milliseconds without a key until the server is asked

interface Props {
  policy: string
  matrix?: Access
  answer?: WhatIfAnswer
  onAnswer: (answer?: WhatIfAnswer) => void
  onSaved: () => void
}

export function WhatIfPanel(props: Props) {
  const { value, error, again } = useLoad<Policy>('v1/policy' + query({ id: props.policy }))
  return (
    <Panel title="What if" label={props.policy} onClose={() => leave(leadTo({ policy: '' }), props.policy)}>
      {error && <Problem message={error} again={again} />}
      {!value && !error && <Waiting what="the policy" />}
      {value && <Editor {...props} read={value} again={again} />}
    </Panel>
  )
}

function Editor(props: Props & { read: Policy; again: () => void }) {
  const { read, matrix, answer, onAnswer } = props
  const draft = drafts.value.get(read.id) ?? { policy: read, document: written(read) }
  const text = draft.document
  const edited = text !== written(draft.policy)
  const area = useRef<HTMLTextAreaElement>(null)
  const [failure, setFailure] = useState('')
  const [asking, setAsking] = useState(false)

  const check = async (signal?: AbortSignal): Promise<WhatIfAnswer | undefined> => {
    if (!matrix) return
    const body: WhatIf = {
      policy: read.id,
      document: text,
      callers: matrix.callers.map((one) => one.arn),
      urls: matrix.urls.map((one) => one.id),
    }
    try {
      const answer = await send<WhatIfAnswer>('POST', 'v1/access/what-if', body, signal)
      setFailure('')
      onAnswer(answer)
      return answer
    } catch (error) {
      if (signal?.aborted) return
      onAnswer(undefined)
      setFailure(said(error))
    }
  }
  useEffect(() => {
    if (!edited) {
      onAnswer(undefined)
      return
    }
    const ended = new AbortController()
    const timer = setTimeout(() => void check(ended.signal), pause)
    return () => {
      clearTimeout(timer)
      ended.abort()
    }
  }, [text, edited, matrix])

  const selectLine = (line: number) => {
    const field = area.current
    if (!field) return
    const lines = text.split('\n')
    const from = lines.slice(0, line - 1).reduce((all, one) => all + one.length + 1, 0)
    field.focus()
    field.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0))
    field.scrollTop = (field.scrollHeight / lines.length) * Math.max(0, line - 4)
  }
  const fault = answer?.error
  const why = read.why || (server.value?.edit ? '' : 'Start the server with --console=edit to save.')
  return (
    <>
      <p class="world-sentence">
        <strong>
          <Text>{read.name}</Text>
        </strong>{' '}
        {edited ? (
          <span class="tag doubt">
            <span aria-hidden="true">● </span>not saved
          </span>
        ) : (
          <span class="tag">as saved</span>
        )}
      </p>
      {draft.policy.revision !== read.revision && <Conflict read={read} />}
      <label class="world-edit">
        Document
        <textarea
          ref={area}
          value={text}
          rows={18}
          spellcheck={false}
          autocapitalize="off"
          autocomplete="off"
          wrap="off"
          aria-invalid={fault !== undefined}
          aria-describedby="what-if-result"
          onInput={(event) => keep({ policy: draft.policy, document: event.currentTarget.value })}
        />
      </label>
      <p class="bar">
        <button
          type="button"
          disabled={!matrix}
          onClick={async () => {
            const answer = await check()
            if (answer?.error) selectLine(answer.error.line)
          }}
        >
          Check
        </button>
        <button type="button" disabled={!edited} onClick={() => discard(read.id)}>
          Undo all
        </button>
        <button
          type="button"
          class="primary"
          disabled={!edited || !server.value?.edit || !read.editable || fault !== undefined}
          aria-describedby={why ? 'what-if-why' : undefined}
          onClick={async () => {
            const answer = await check() // of what is typed now
            if (answer?.error) selectLine(answer.error.line)
            else setAsking(true)
          }}
        >
          Save…
        </button>
      </p>
      {why && (
        <p class="quiet" id="what-if-why">
          It cannot be saved: <Text>{why}</Text>
        </p>
      )}
      {failure && <Problem message={failure} />}
      <div id="what-if-result" role="status">
        {fault && (
          <p class="bad">
            <span aria-hidden="true">✗ </span>
            <button type="button" class="plain" onClick={() => selectLine(fault.line)}>
              line {fault.line}
            </button>{' '}
            <Text>{fault.text}</Text>
          </p>
        )}
        {!fault && edited && answer && <Changes answer={answer} matrix={matrix} />}
        {!edited && <p class="quiet">Edit the document to see which of the cells in view would change.</p>}
      </div>
      <h4>Lint</h4>
      <Findings lint={edited ? (answer?.lint ?? []) : read.lint} onLine={selectLine} />
      {asking && (
        <Save
          draft={draft}
          answer={answer}
          matrix={matrix}
          onConflict={props.again}
          onClose={() => setAsking(false)}
          onSaved={() => {
            discard(read.id)
            props.again()
            props.onSaved()
          }}
        />
      )}
    </>
  )
}

// Conflict says that somebody else saved the policy since the edit began.
function Conflict({ read }: { read: Policy }) {
  const draft = drafts.value.get(read.id)
  if (!draft) return null
  return (
    <div class="world-conflict" role="alert">
      <p>
        <b>The policy changed since you began.</b> Your edit is still here. Compare it with what is saved now.
      </p>
      <details>
        <summary>What is saved now</summary>
        <pre tabIndex={0} aria-label="What is saved now">
          <Text>{read.document}</Text>
        </pre>
      </details>
      <p class="bar">
        <button type="button" onClick={() => keep({ policy: read, document: draft.document })}>
          Keep my edit
        </button>
        <button type="button" onClick={() => discard(read.id)}>
          Take what is saved
        </button>
      </p>
    </div>
  )
}
