// What is confirmed before a policy is saved: which policy, which of its lines, and which calls.

import { useState } from 'preact/hooks'
import type { Access, SavePolicy, WhatIfAnswer } from '../api'
import { Refused, said, send } from '../client'
import { Problem } from '../parts/states'
import { Text } from '../text'
import { type Draft, written } from './access-drafts'
import { Changes } from './access-changes'
import { Ask } from './ask'

export function Save(props: {
  draft: Draft
  answer?: WhatIfAnswer
  matrix?: Access
  onConflict: () => void
  onClose: () => void
  onSaved: () => void
}) {
  const { draft, answer } = props
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState('')
  const save = async () => {
    setBusy(true)
    try {
      const { id, revision } = draft.policy
      await send('PUT', 'v1/policy', { id, revision, document: draft.document } satisfies SavePolicy)
      props.onSaved()
      props.onClose()
    } catch (error) {
      setBusy(false)
      if (error instanceof Refused && error.status === 409) {
        props.onConflict()
        props.onClose()
      } else setFailure(said(error))
    }
  }
  const errors = answer?.lint.filter((one) => one.severity === 'error').length ?? 0
  return (
    <Ask
      title="Save the policy?"
      onCancel={props.onClose}
      answers={[
        {
          text: draft.document.trim() ? 'Save' : 'Remove the policy',
          onClick: () => void save(),
          disabled: busy,
          danger: errors > 0,
        },
      ]}
    >
      <p>
        <strong>
          <Text>{draft.policy.name}</Text>
        </strong>{' '}
        in account {draft.policy.account}
      </p>
      {!draft.document.trim() && <p class="doubt">! The document is empty: saving it removes the policy.</p>}
      <Lines before={written(draft.policy)} after={draft.document} />
      {errors > 0 && (
        <p class="bad">
          <span aria-hidden="true">✗ </span>Lint finds {errors === 1 ? 'an error' : errors + ' errors'} in it.
        </p>
      )}
      {answer && !answer.error && <Changes answer={answer} matrix={props.matrix} most={5} />}
      {failure && <Problem message={failure} />}
    </Ask>
  )
}

// Lines are those that the edit removes and adds, between what is the same at the beginning and at the end.
function Lines({ before, after }: { before: string; after: string }) {
  const old = before.split('\n')
  const now = after.split('\n')
  let from = 0
  while (from < old.length && from < now.length && old[from] === now[from]) from++
  let end = 0
  while (end < old.length - from && end < now.length - from && old.at(-1 - end) === now.at(-1 - end)) end++
  const removed = old.slice(from, old.length - end)
  const added = now.slice(from, now.length - end)
  return (
    <pre class="world-diff" tabIndex={0} aria-label="Lines that change">
      {removed.map((line, i) => (
        <del key={'-' + i}>
          - <Text>{line}</Text>
          {'\n'}
        </del>
      ))}
      {added.map((line, i) => (
        <ins key={'+' + i}>
          + <Text>{line}</Text>
          {'\n'}
        </ins>
      ))}
    </pre>
  )
}
