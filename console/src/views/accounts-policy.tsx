// A policy, to read: its document and what lint finds. It is read when it is opened.

import { useState } from 'preact/hooks'
import { link } from '../address'
import type { Policy, PolicyRef } from '../api'
import { query } from '../client'
import { useLoad } from '../load'
import { Copy } from '../parts/copy'
import { Problem, Waiting } from '../parts/states'
import { Text } from '../text'
import { Findings } from './findings'

export function PolicyShown({ policy, caller, open }: { policy: PolicyRef; caller: string; open: boolean }) {
  const [wanted, setWanted] = useState(open)
  return (
    <details class="world-policy" open={open} onToggle={(event) => event.currentTarget.open && setWanted(true)}>
      <summary>
        <Text>{policy.name}</Text> <small class="quiet">{policy.kind}</small>
      </summary>
      {wanted && <Document id={policy.id} caller={caller} />}
    </details>
  )
}

function Document({ id, caller }: { id: string; caller: string }) {
  const { value, error, again } = useLoad<Policy>('v1/policy' + query({ id }))
  if (error) return <Problem message={error} again={again} />
  if (!value) return <Waiting what="the policy" />
  return (
    <>
      <pre tabIndex={0} aria-label="Document of the policy">
        <Text>{value.document || 'There is no document yet.'}</Text>
      </pre>
      <p class="world-links">
        <Copy text={value.document} label="Copy the document" />
        <a href={link('access', '', { policy: id, callerSearch: caller })}>What if it changed?</a>
      </p>
      <Findings lint={value.lint} />
    </>
  )
}
