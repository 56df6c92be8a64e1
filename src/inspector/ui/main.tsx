import { render } from 'preact';
import type { Summary } from '../../flows/recorded.ts';
const a: Summary | null = null;
render(<p>{String(a)}</p>, document.getElementById('app')!);
