export function Detail({ id }: { readonly id: number }) {
  return <p>{id}</p>;
}
