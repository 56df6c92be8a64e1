// Owns what somebody has chosen about how the page looks, kept in this browser. Nothing that was captured is ever kept here.
import { effect, type Signal, signal } from '@preact/signals';

/** A value that is still there after a reload. @param isGood  whether what was kept, by whatever version, can be used */
export function preference<T>(name: string, initial: T, isGood: (value: unknown) => boolean): Signal<T> {
  const kept = signal(read(name, initial, isGood));
  effect(() => {
    const value = kept.value;
    try {
      localStorage.setItem(`sallyport.${name}`, JSON.stringify(value));
    } catch {
      // A browser that keeps nothing loses only this.
    }
  });
  return kept;
}

function read<T>(name: string, initial: T, isGood: (value: unknown) => boolean): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(`sallyport.${name}`) ?? 'null');
    return value !== null && isGood(value) ? (value as T) : initial;
  } catch {
    return initial;
  }
}

export type Theme = 'system' | 'light' | 'dark';

export const theme = preference<Theme>('theme', 'system', (value) => value === 'system' || value === 'light' || value === 'dark');

effect(() => {
  document.documentElement.dataset['theme'] = theme.value;
});
