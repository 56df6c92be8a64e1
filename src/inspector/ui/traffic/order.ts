// Owns the order of the list: the key of a row, with `-` in front for the greatest first. `id` is the order in which exchanges began.
import { signal } from '@preact/signals';

export const order = signal('id');
