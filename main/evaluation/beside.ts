import type { BesideColumn, BesideDocument } from '../contract/beside.ts';
import type { Plan } from '../contract/plan.ts';
import { expertsThatStay } from './dropped-share.ts';

type Tokens = readonly Pick<BesideColumn['tokens'][number], 'token'>[];

/** Index of the first token in which two texts differ, of those that both have; null: none. */
export const firstDifference = (left: Tokens, right: Tokens): number | null => {
  const at = left.findIndex(({ token }, index) => index < right.length && token !== right[index]?.token);
  return at < 0 ? null : at;
};

/** The given experts of an MoE layer that a plan drops, merges into another one or replaces by a constant. */
export const goneExperts = (plan: Plan, layer: number, experts: readonly number[]): readonly number[] => {
  const stay = new Set(expertsThatStay(plan, layer));
  return experts.filter((expert) => !stay.has(expert));
};

/**
 * A side by side as JSON lines: the prompt, each text, each first difference, each plan at every token. Every line says
 * in `kind` what it is.
 */
export const besideLines = (document: BesideDocument): string => {
  const { columns, differences, trace, ...prompt } = document;
  const lines = [
    { kind: 'prompt', ...prompt },
    ...columns.map(({ name, tokens, ended }) => ({
      kind: 'text',
      name,
      ended,
      text: tokens.map(({ text }) => text).join(''),
      tokens: tokens.map(({ token }) => token),
      pieces: tokens.map(({ text }) => text),
    })),
    ...differences.map((difference, index) => ({
      kind: 'difference',
      name: columns[index + 1]?.name,
      ...(difference ?? { at: null }),
    })),
    ...(trace === undefined ? [] : trace.plans).map((plan, index) => ({
      kind: 'trace',
      name: columns[index + 1]?.name,
      ...plan,
      unpruned: { experts: trace?.experts, probabilities: trace?.probabilities },
    })),
  ];
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
};
