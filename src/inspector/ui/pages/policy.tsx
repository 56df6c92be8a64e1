export function PolicyPage() {
  return <p>Policy</p>;
}
