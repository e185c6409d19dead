import { TemplateFault } from './template-fault.ts';
import { FILTERS, METHODS, TESTS } from './template-syntax.ts';

export const SUBSET =
  `Templates here are columns, texts, numbers, lists, indices, slices, arithmetic, comparisons, range(), if, ` +
  `for and set, ` +
  `the filters ${FILTERS.join(', ')}, the tests defined, ${TESTS.join(', ')} and the methods ${METHODS.join(', ')}.`;

/** Fault for a construct outside the subset, by its name. */
export const outside = (what: string): TemplateFault => new TemplateFault(`${what} is not supported`, SUBSET);

/** The parser's classes are not exported, so nodes are read like foreign values. */
export interface SyntaxNode {
  readonly type: string;
  readonly field: (name: string) => unknown;
}
export const nodeOf = (value: unknown): SyntaxNode => {
  if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string')
    throw outside('an unfinished expression');
  return {
    type: value.type,
    field: (name) => {
      const found: unknown = Reflect.get(value, name);
      return found;
    },
  };
};
export const nodesOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
export const isOneOf = <T extends string>(known: readonly T[], name: string): name is T =>
  known.some((one) => one === name);

/** The name in a node; refuses any other node, with `what` as its description. */
export const nameOf = (value: unknown, what: string): string => {
  const node = nodeOf(value);
  if (node.type !== 'Identifier') throw outside(what);
  return textOf(node.field('value'));
};
