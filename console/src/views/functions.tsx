export function Functions() {
  return <h2>Functions</h2>
}
