export function Requests() {
  return <h2>Requests</h2>
}
