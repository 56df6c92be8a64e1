// Owns what rules and breakpoints did to an exchange, in order.
import type { RecordedFacts } from '../../../flows/recorded.ts';
import { fragmentOf } from '../route.ts';

export function ChangesTab({ changes }: RecordedFacts) {
  return (
    <table class="plain-table">
      <thead>
        <tr>
          <th scope="col">By</th>
          <th scope="col">In the</th>
          <th scope="col">Did</th>
        </tr>
      </thead>
      <tbody>
        {changes.map(({ rule, stage, what }, at) => (
          <tr key={`${at} ${rule} ${what}`}>
            <td>
              <a href={fragmentOf({ page: rule === 'breakpoint' ? 'breakpoints' : 'rules' })}>{rule}</a>
            </td>
            <td>{stage}</td>
            <td>{what}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
