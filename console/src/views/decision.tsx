// What the policies said to each action, and which statements nearly allowed it.

import type { Decision, Miss } from '../api'
import { VerdictTag } from '../parts/verdict'
import { Text } from '../text'

export function Decisions({ decisions }: { decisions: Decision[] }) {
  if (decisions.length === 0) return null
  return (
    <section aria-labelledby="decisions">
      <h3 id="decisions">What the policies said</h3>
      <div class="decisions">
        {decisions.map((decision) => (
          <One decision={decision} key={decision.action} />
        ))}
      </div>
    </section>
  )
}

function One({ decision }: { decision: Decision }) {
  const { action, allowed, summary, asked, allowing, denying, grounds, misses, notes } = decision
  return (
    <section class="card" aria-label={action}>
      <h4>
        <code>{action}</code> <VerdictTag verdict={allowed ? 'ok' : 'refused'} word={allowed ? 'allowed' : 'denied'} />
      </h4>
      <p>
        <Text>{summary}</Text>
      </p>
      <List title="Statements that deny it" texts={denying} />
      <List title="Why these apply" texts={grounds} />
      <List title="Statements that allow it" texts={allowing} />
      <List title="Policies that were asked" texts={asked} />
      {asked.length === 0 && <p class="quiet">No policy was asked: there is none on either side.</p>}
      {misses.length > 0 && <h5>Statements that nearly allow it</h5>}
      {misses.map((miss, i) => (
        <NearMiss miss={miss} key={i} />
      ))}
      <List title="Besides" texts={notes} />
    </section>
  )
}

function List({ title, texts }: { title: string; texts: string[] }) {
  if (texts.length === 0) return null
  return (
    <>
      <h5>{title}</h5>
      <ul>
        {texts.map((text, i) => (
          <li key={i}>
            <Text>{text}</Text>
          </li>
        ))}
      </ul>
    </>
  )
}

function NearMiss({ miss }: { miss: Miss }) {
  return (
    <div class="miss">
      <p>
        <Text>{miss.failures.length > 0 ? miss.statement : miss.text}</Text>
      </p>
      {miss.failures.length > 0 && (
        <table class="world-table stack" aria-label={'What does not match in ' + miss.statement}>
          <thead>
            <tr>
              <th scope="col">What does not match</th>
              <th scope="col">Wanted</th>
              <th scope="col">Got</th>
            </tr>
          </thead>
          <tbody>
            {miss.failures.map((failure, i) => (
              <tr key={i}>
                <th scope="row">
                  <Text>{failure.what}</Text>
                </th>
                <td data-label="Wanted" class="mono">
                  <Text>{failure.wanted}</Text>
                </td>
                <td data-label="Got" class="mono">
                  <Text>{failure.got || 'nothing'}</Text>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  )
}
