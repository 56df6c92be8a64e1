// Owns facts by name, one below the other; what is not known is left out.

interface FactsProps {
  readonly rows: readonly (readonly [name: string, value: string | readonly string[] | null])[];
}

export function Facts({ rows }: FactsProps) {
  return (
    <dl class="fact-list">
      {rows.map(([name, value]) =>
        value === null || value.length === 0 ? null : (
          <div key={name}>
            <dt>{name}</dt>
            {(typeof value === 'string' ? [value] : value).map((line) => (
              <dd key={line}>{line}</dd>
            ))}
          </div>
        ),
      )}
    </dl>
  );
}
