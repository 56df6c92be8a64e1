// Owns what stands where the traffic would be while none is kept.

export function NotRecording() {
  return (
    <div class="empty">
      <strong>Nothing is recorded</strong>
      <p>
        The proxy runs with <code>record: off</code>, or <code>--record off</code>. Start it without that, and what passes shows up here.
      </p>
    </div>
  );
}
