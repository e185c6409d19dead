import { outside } from './syntax-node.ts';
import { COMPARISONS } from './template-syntax.ts';

interface Token {
  readonly type: string;
  readonly value: string;
}

const OPENING: ReadonlySet<string> = new Set([
  'OpenParen',
  'OpenSquareBracket',
  'OpenCurlyBracket',
  'OpenExpression',
  'OpenStatement',
]);
const CLOSING: ReadonlySet<string> = new Set([
  'CloseParen',
  'CloseSquareBracket',
  'CloseCurlyBracket',
  'CloseExpression',
  'CloseStatement',
]);
/** Tokens that end the operand of a comparison, so that the next comparison is a new one. */
const BOUNDARIES: ReadonlySet<string> = new Set(['and', 'or', 'if', 'elif', 'else', 'for', 'set', ',', ':', '=']);
const OPERATORS: ReadonlySet<string> = COMPARISONS;

/**
 * Refuses a < b < c: Python reads it as a < b and b < c, the parser as (a < b) < c, and its tree does not show whether
 * brackets were written.
 */
export const refuseComparisonChains = (tokens: readonly Token[]): void => {
  const hasCompared: boolean[] = [false];
  for (const { type, value } of tokens) {
    if (OPENING.has(type)) hasCompared.push(false);
    else if (CLOSING.has(type)) hasCompared.pop();
    else if (type === 'StringLiteral' || type === 'Text') continue;
    else if (BOUNDARIES.has(value)) hasCompared[hasCompared.length - 1] = false;
    else if (OPERATORS.has(value)) {
      if (hasCompared.at(-1) === true) throw outside('a chain of comparisons');
      hasCompared[hasCompared.length - 1] = true;
    }
  }
};
