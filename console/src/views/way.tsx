// The way of a request through the server: its steps in their order, with those that it did not reach.

import type { Step } from '../api'
import { VerdictTag } from '../parts/verdict'
import { Text } from '../text'
import { duration } from './words'

const all = ['route', 'authenticate', 'authorize', 'event', 'invoke', 'response']

export function Way({ steps, api }: { steps: Step[]; api: boolean }) {
  const found = [...new Set(steps.map(({ step }) => step))]
  const names = api ? found : [...all, ...found.filter((name) => !all.includes(name))]
  return (
    <section aria-labelledby="way">
      <h3 id="way">The way of the request</h3>
      <ol class="way">
        {names.map((name) => (
          <Station key={name} name={name} steps={steps.filter(({ step }) => step === name)} />
        ))}
      </ol>
    </section>
  )
}

const worst = ['failed', 'refused', 'warning', 'ok'] as const

function Station({ name, steps }: { name: string; steps: Step[] }) {
  const verdict = worst.find((verdict) => steps.some((step) => step.verdict === verdict)) ?? 'none'
  return (
    <li class={'station ' + verdict}>
      <h4>{name}</h4>
      {steps.length === 0 && <VerdictTag verdict="none" />}
      {steps.map((step, i) => (
        <div key={i}>
          <VerdictTag verdict={step.verdict} /> <small class="quiet">{duration(step.micros)}</small>
          <p>
            <Text>{step.summary}</Text>
          </p>
          {step.details.length > 0 && !step.decision && <Details step={step} />}
        </div>
      ))}
    </li>
  )
}

// Details are open where a step did not pass, unless a part of the page of its own says the same.
function Details({ step }: { step: Step }) {
  return (
    <details open={step.verdict !== 'ok' && !step.mismatch}>
      <summary>
        Details<span class="sr"> of {step.step}</span>
      </summary>
      <ul>
        {step.details.map((detail, i) => (
          <li key={i} class="lines">
            <Text>{detail}</Text>
          </li>
        ))}
      </ul>
    </details>
  )
}
