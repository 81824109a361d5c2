// The state of a function, with a sign of its own so that it does not depend on color.

const signs: Record<string, [string, string]> = {
  Active: ['●', 'good'],
  Pending: ['◌', 'doubt'],
  Inactive: ['○', 'doubt'],
  Failed: ['✗', 'bad'],
}

export function StateTag({ state }: { state: string }) {
  const [sign, kind] = signs[state] ?? ['○', '']
  return (
    <span class={'tag ' + kind}>
      <span aria-hidden="true">{sign} </span>
      {state}
    </span>
  )
}
