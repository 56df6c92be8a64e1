// Owns how a terminal is told of quantities: counts with their noun, sizes in octets.

/** `1 rule`, `2 rules`, `1,234 rules` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** `512 B`, `12.4 KiB`, `1.0 GiB` */
export function sizeText(bytes: number): string {
  const [unit, size] = SIZES.find(([, each]) => bytes >= each) ?? (['B', 1] as const);
  return size === 1 ? `${bytes} B` : `${(bytes / size).toFixed(1)} ${unit}`;
}

const SIZES = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
] as const;
