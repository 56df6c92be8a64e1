// Owns how a terminal is told of counts, with their noun. Sizes are `sizeText` of match/units.ts.

/** `1 rule`, `2 rules`, `1,234 rules` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}
