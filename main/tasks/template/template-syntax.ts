import type { PythonValue } from '../python/python-value.ts';

/** The constructs of a template; all others are refused by name when it is compiled. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: PythonValue }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list'; readonly members: readonly Expression[] }
  | { readonly kind: 'dict'; readonly entries: readonly (readonly [key: Expression, value: Expression])[] }
  | { readonly kind: 'attribute'; readonly object: Expression; readonly name: string }
  | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
  | {
      readonly kind: 'slice';
      readonly object: Expression;
      readonly start: Expression | null;
      readonly stop: Expression | null;
      readonly step: Expression | null;
    }
  | {
      readonly kind: 'method';
      readonly object: Expression;
      readonly name: string;
      readonly values: readonly Expression[];
    }
  | { readonly kind: 'range'; readonly values: readonly Expression[] }
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly values: readonly Expression[];
      readonly named: NamedValues;
    }
  | {
      readonly kind: 'chat-filter';
      readonly operand: Expression;
      readonly name: string;
      readonly values: readonly Expression[];
      readonly named: NamedValues;
    }
  | {
      readonly kind: 'filter';
      readonly operand: Expression;
      readonly name: string;
      readonly values: readonly Expression[];
      readonly attribute: string | null;
    }
  | { readonly kind: 'defined'; readonly operand: Expression; readonly isNegated: boolean }
  | { readonly kind: 'test'; readonly operand: Expression; readonly name: string; readonly isNegated: boolean }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'not' | 'minus'; readonly operand: Expression }
  | {
      readonly kind: 'conditional';
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression | null;
    };

type NamedValues = readonly (readonly [name: string, value: Expression])[];

export interface Parameter {
  readonly name: string;
  readonly fallback: Expression | null;
}

export type Statement =
  | { readonly kind: 'capture'; readonly name: string; readonly body: readonly Statement[] }
  | { readonly kind: 'set-member'; readonly object: string; readonly member: string; readonly value: Expression }
  | {
      readonly kind: 'macro';
      readonly name: string;
      readonly parameters: readonly Parameter[];
      readonly body: readonly Statement[];
    }
  | { readonly kind: 'break' | 'continue' }
  | { readonly kind: 'print'; readonly expression: Expression }
  | { readonly kind: 'set'; readonly name: string; readonly value: Expression }
  | {
      readonly kind: 'if';
      readonly condition: Expression;
      readonly yes: readonly Statement[];
      readonly no: readonly Statement[];
    }
  | {
      readonly kind: 'for';
      readonly names: readonly string[];
      readonly iterable: Expression;
      readonly condition: Expression | null;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
    };

export const BINARY_OPERATORS = [
  'and',
  'or',
  'in',
  'not in',
  '==',
  '!=',
  '<',
  '>',
  '<=',
  '>=',
  '+',
  '-',
  '~',
  '*',
  '//',
  '%',
] as const;
export type BinaryOperator = (typeof BINARY_OPERATORS)[number];
export const COMPARISONS: ReadonlySet<BinaryOperator> = new Set<BinaryOperator>([
  'in',
  'not in',
  '==',
  '!=',
  '<',
  '>',
  '<=',
  '>=',
]);

export const FILTERS = [
  'capitalize',
  'count',
  'd',
  'default',
  'first',
  'int',
  'join',
  'last',
  'length',
  'list',
  'lower',
  'map',
  'replace',
  'string',
  'trim',
  'upper',
] as const;
export const TESTS = ['false', 'mapping', 'none', 'number', 'sequence', 'string', 'true'] as const;
/** Additional constructs of chat templates. */
export const CHAT_FILTERS = ['items', 'rejectattr', 'reverse', 'safe', 'selectattr', 'title', 'tojson'] as const;
export const CHAT_TESTS = ['boolean', 'float', 'integer', 'iterable'] as const;
export const METHODS = [
  ...['capitalize', 'count', 'endswith', 'find', 'get', 'index', 'items', 'join', 'keys', 'lower', 'lstrip'],
  ...['replace', 'rstrip', 'split', 'startswith', 'strip', 'title', 'upper', 'values'],
] as const;
