// The way of a request: its steps in their order, each with how it came out, and why below it.

import type { Step } from '../api'
import { VerdictTag } from '../parts/verdict'
import { Text } from '../text'
import { DecisionView } from './decision'
import { MismatchView } from './mismatch'
import { duration } from './words'

const all = ['route', 'authenticate', 'authorize', 'event', 'invoke', 'response']

export function Way({ steps, api }: { steps: Step[]; api: boolean }) {
  const names = api ? [...new Set(steps.map((step) => step.step))] : all
  const others = steps.filter((step) => !names.includes(step.step)).map((step) => step.step)
  return (
    <section aria-label="The way of the request">
      <ol class="way">
        {[...names, ...new Set(others)].map((name) => (
          <Station key={name} name={name} found={steps.filter((step) => step.step === name)} />
        ))}
      </ol>
    </section>
  )
}

const worst = ['failed', 'refused', 'warning', 'ok'] as const

function Station({ name, found }: { name: string; found: Step[] }) {
  const verdict = worst.find((verdict) => found.some((step) => step.verdict === verdict)) ?? 'none'
  const bad = verdict === 'failed' || verdict === 'refused'
  return (
    <li class={'station ' + verdict}>
      <h3>
        {name} <VerdictTag verdict={verdict} />
        {found.length > 0 && <small class="quiet">{duration(found.reduce((sum, step) => sum + step.micros, 0))}</small>}
      </h3>
      {found.map((step, i) => (
        <Found step={step} open={bad} key={i} />
      ))}
    </li>
  )
}

function Found({ step, open }: { step: Step; open: boolean }) {
  return (
    <div class="found">
      <p>
        <Text>{step.summary}</Text>
      </p>
      {step.mismatch && <MismatchView mismatch={step.mismatch} />}
      {step.decision ? <DecisionView decision={step.decision} open={open} /> : <Details details={step.details} />}
    </div>
  )
}

function Details({ details }: { details: string[] }) {
  if (details.length === 0) return null
  return (
    <ul>
      {details.map((detail, i) => (
        <li key={i} class="lines">
          <Text>{detail}</Text>
        </li>
      ))}
    </ul>
  )
}
