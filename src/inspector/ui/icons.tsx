// Owns the pictures: strokes on a grid of 16, in the colour of the text around them. They say nothing on their own: whoever shows one has words too.
const PATHS = {
  traffic: 'M2 4.5h9M2 8h12M2 11.5h7',
  overview: 'M2 13.5h12M4 11V8.5M7 11V4.5M10 11V6.5M13 11V3',
  policy: 'M8 1.8l5 2v4c0 3.2-2.1 5.4-5 6.4-2.9-1-5-3.2-5-6.4v-4zM5.8 8l1.6 1.6L10.4 6.4',
  cache: 'M8 2l6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3',
  rules: 'M10.5 2.5l3 3-8 8H2.500v-3zM8.5 4.500l3 3',
  breakpoints: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.5 6v4M9.5 6v4',
  clients: 'M2 3.500h12v8H2zM6 14h4M8 11.500V14',
  certificates: 'M8 9.500a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM6 9l-1 5 3-1.6 3 1.6-1-5',
  sessions: 'M2 3h12v3H2zM3 6v7h10V6M6.5 8.500h3',
  denied: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM3.8 3.800l8.4 8.4',
  failed: 'M8 2.500l6 11H2zM8 6.500v3.500M8 11.700v.1',
  aborted: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6 6l4 4M10 6l-4 4',
  hit: 'M9 1.800L3.5 9H7.500L6.8 14.2 12.5 6.800H8.500z',
  validated: 'M13.5 8a5.5 5.5 0 1 1-1.7-4M13.5 2v3h-3M5.7 8l1.7 1.700L10.5 6.6',
  opened: 'M3.5 7.500h9v6h-9zM5.5 7.500V5a2.5 2.5 0 0 1 4.8-1M8 10v1.5',
  tunnel: 'M3.5 7.500h9v6h-9zM5.5 7.500V5a2.5 2.5 0 0 1 5 0v2.500M8 10v1.5',
  websocket: 'M5 13V3M2.5 5.500L5 3l2.5 2.500M11 3v10M8.5 10.500L11 13l2.5-2.5',
  forwarded: 'M2.5 8h11M9.5 4l4 4-4 4',
  answered: 'M13.5 8h-11M6.5 4l-4 4 4 4',
  pending: 'M8 2a6 6 0 1 1-6 6',
  replay: 'M13.5 8a5.5 5.5 0 1 1-1.7-4M13.5 2v3h-3',
  edit: 'M10.5 2.500l3 3-8 8H2.500v-3z',
  copy: 'M5.5 5.500h8v8h-8zM10.5 5.500v-3h-8v8h3',
  save: 'M8 2v8M4.5 6.500L8 10l3.5-3.500M2.5 13.500h11',
  close: 'M3.5 3.500l9 9M12.5 3.500l-9 9',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.700L14 14',
  columns: 'M2 3h12v10H2zM6 3v10M10 3v10',
  tree: 'M2.5 2.500v9h4M2.5 6h4M8.5 4.500h5v3h-5zM8.5 10h5v3h-5z',
  down: 'M4 6l4 4 4-4',
  up: 'M4 10l4-4 4 4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4L6 8l4 4',
  more: 'M3.5 8h.1M8 8h.1M12.5 8h.1',
  check: 'M3 8.500l3.5 3.500L13 4.5',
  reveal: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  light:
    'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.500M8 13.500V15M1 8h1.500M13.5 8H15M3 3l1.1 1.100M11.9 11.900L13 13M3 13l1.1-1.100M11.9 4.100L13 3',
  dark: 'M13.5 9.500A6 6 0 0 1 6.5 2.500a6 6 0 1 0 7 7z',
  system: 'M2 3h12v8H2zM5.5 13.500h5',
  keyboard: 'M1.5 4h13v8h-13zM4 6.500h.1M6.5 6.500h.1M9 6.500h.1M11.5 6.500h.1M5 9.500h6',
  plus: 'M8 3v10M3 8h10',
  trash: 'M2.5 4h11M6 4V2.500h4V4M4 4l.7 9.500h6.600L12 4',
  diff: 'M5 2v12M11 2v12M2.5 5h5M5 2.500v5M8.5 11h5',
  filter: 'M2 3h12L9.5 8.500v4.500l-3 1V8.500z',
  follow: 'M8 2v8M4.5 7L8 10.5 11.5 7M3 13.500h10',
  external: 'M9 2.500h4.500V7M13.5 2.500L7 9M11.5 9.500v4h-9v-9h4',
  step: 'M3 3l7 5-7 5zM12.5 3v10',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg class={`icon icon-${name}`} width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** A gate with the way out of it. */
export function Mark({ size = 24 }: { readonly size?: number }) {
  return (
    <svg class="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path class="mark-gate" d="M4 29V14a12 12 0 0 1 24 0v15h-6V14.500a6 6 0 0 0-12 0V29z" />
      <path class="mark-way" d="M16 29V18.500m-3.6 3.400L16 18.300l3.6 3.6" />
    </svg>
  );
}
