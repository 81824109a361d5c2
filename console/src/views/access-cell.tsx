// Why a caller may or may not call a URL: the steps of furl check, the ways to allow it, and the policies that decide.

import type { AccessWhy } from '../api'
import { query } from '../client'
import { useLoad } from '../load'
import { Problem, Waiting } from '../parts/states'
import { Fixes } from '../parts/fixes'
import { Text, visible } from '../text'
import { leadTo, place, show } from './access-address'
import { Panel } from './panel'
import { StandingTag } from './standing'
import { short } from './words'

const statuses: Record<string, { sign: string; word: string; kind: string }> = {
  ok: { sign: '✓', word: 'ok', kind: 'good' },
  problem: { sign: '✗', word: 'problem', kind: 'bad' },
}
const unknown = { sign: '?', word: 'unknown', kind: 'doubt' }

export function Why({ caller, url }: { caller: string; url: string }) {
  const { value, error, loading, again } = useLoad<AccessWhy>('v1/access/cell' + query({ caller, url }))
  const why = loading ? undefined : value
  return (
    <Panel title="Why" label={caller + ' ' + url} onClose={() => show({ caller: '', url: '' })}>
      {error && <Problem message={error} again={again} />}
      {!why && !error && <Waiting what="the explanation" />}
      {why && <Explained why={why} />}
    </Panel>
  )
}

function Explained({ why }: { why: AccessWhy }) {
  return (
    <>
      <p class="world-sentence">
        <strong title={visible(why.caller)}>
          <Text>{short(why.caller)}</Text>
        </strong>{' '}
        →{' '}
        <strong title={visible(why.url.function)}>
          <Text>{why.url.name}</Text>
        </strong>{' '}
        <StandingTag standing={why.cell.standing} />
      </p>
      <p class="quiet mono">
        <Text>{why.caller === '*' ? 'everyone, without a signature' : why.caller}</Text>
      </p>
      <ol class="world-steps">
        {why.steps.map((step) => {
          const { sign, word, kind } = statuses[step.status] ?? unknown
          return (
            <li key={step.title} class={kind}>
              <p>
                <span class={'tag ' + kind}>
                  <span aria-hidden="true">{sign} </span>
                  {word}
                </span>{' '}
                <strong>{step.title}</strong>
              </p>
              <p>
                <Text>{step.summary}</Text>
              </p>
              <Lines lines={step.details} />
              {step.fix.length > 0 && (
                <p class="fix">
                  <b>Fix: </b>
                  {step.fix.map((text) => (
                    <span key={text}>
                      <Text>{text}</Text>{' '}
                    </span>
                  ))}
                </p>
              )}
            </li>
          )
        })}
      </ol>
      {why.fixes.length > 0 && (
        <section aria-label="Ways to allow it">
          <h4>To allow it</h4>
          <Fixes fixes={why.fixes} />
        </section>
      )}
      <section aria-label="Policies that decide">
        <h4>Policies that decide</h4>
        {why.policies.length === 0 && <p class="quiet">None of them can be shown here.</p>}
        <ul class="world-policies">
          {why.policies.map((policy) => (
            <li key={policy.id}>
              <Text>{policy.name}</Text> <small class="quiet">{policy.kind}</small>{' '}
              <a href={leadTo({ policy: policy.id })} aria-current={place().policy === policy.id ? 'true' : undefined}>
                What if it changed?
              </a>
            </li>
          ))}
        </ul>
      </section>
    </>
  )
}

function Lines({ lines }: { lines: string[] }) {
  if (lines.length === 0) return null
  return (
    <ul class="details">
      {lines.map((line) => (
        <li key={line}>
          <Text>{line}</Text>
        </li>
      ))}
    </ul>
  )
}
