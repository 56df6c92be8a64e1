export function CachePage() {
  return <p>Cache</p>;
}
