// What the policies said to one action: what was asked, what decided, and what nearly allowed it.

import type { Decision, Miss } from '../api'
import { Text } from '../text'

export function DecisionView({ decision, open }: { decision: Decision; open: boolean }) {
  return (
    <details class="decision" open={open || !decision.allowed}>
      <summary>
        {decision.asked.length === 1 ? '1 policy was asked' : `${decision.asked.length} policies were asked`} about{' '}
        <code>{decision.action}</code>
      </summary>
      <List title="Asked" texts={decision.asked} />
      <List title="Statements that deny it" texts={decision.denying} />
      <List title="Why these apply" texts={decision.grounds} />
      <List title="Statements that allow it" texts={decision.allowing} />
      {decision.misses.length > 0 && <Misses misses={decision.misses} />}
      <List title="Besides" texts={decision.notes} />
    </details>
  )
}

function List({ title, texts }: { title: string; texts: string[] }) {
  if (texts.length === 0) return null
  return (
    <>
      <h4>{title}</h4>
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

function Misses({ misses }: { misses: Miss[] }) {
  return (
    <>
      <h4>Statements that nearly allow it</h4>
      {misses.map((miss, i) => (
        <div class="miss" key={i}>
          <p>
            <Text>{miss.failures.length > 0 ? miss.statement : miss.text}</Text>
          </p>
          {miss.failures.length > 0 && (
            <table class="world-table stack">
              <thead>
                <tr>
                  <th scope="col">What does not match</th>
                  <th scope="col">Wanted</th>
                  <th scope="col">Got</th>
                </tr>
              </thead>
              <tbody>
                {miss.failures.map((failure, j) => (
                  <tr key={j}>
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
      ))}
    </>
  )
}
