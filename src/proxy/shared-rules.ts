// Owns rewriting rules and breakpoints as the inspector of a keeper has them: those of its own line, which are those of all workers. A change of the file is
// answered when all have taken it up.
import type { RuleBook } from '../inspector/rule-routes.ts';
import type { Rewriting } from './rewriting.ts';
import type { Workers } from './shared-parts.ts';

export function rulesOfAll(own: Rewriting, workers: Workers): RuleBook {
  return {
    breakpoints: workers.breakpointsWith(own.breakpoints),
    compileMatch: own.compileMatch,
    get rules() {
      return own.rules;
    },
    get file() {
      return own.file;
    },
    get text() {
      return own.text;
    },
    get problems() {
      return own.problems;
    },
    get onChange() {
      return own.onChange;
    },
    set onChange(onChange) {
      own.onChange = onChange;
    },
    touches(rule) {
      const all = [own.touches(rule), workers.counts.touches[rule] ?? null].filter((each) => each !== null);
      if (all.length === 0) return null;
      return { count: all.reduce((sum, { count }) => sum + count, 0), lastMs: Math.max(...all.map(({ lastMs }) => lastMs)) };
    },
    async change(change) {
      const problems = await own.change(change);
      if (problems === null) await workers.followRules();
      return problems;
    },
    keep: (name, content) => own.keep(name, content),
  };
}
