export function BreakpointsPage() {
  return <p>Breakpoints</p>;
}
