export function ClientsPage() {
  return <p>Clients</p>;
}
