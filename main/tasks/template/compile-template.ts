import { parse, tokenize } from '@huggingface/jinja';
import { Decimal } from '../python/python-value.ts';
import { TemplateFault } from './template-fault.ts';
import {
  BINARY_OPERATORS,
  COMPARISONS,
  FILTERS,
  METHODS,
  TESTS,
  type BinaryOperator,
  type Expression,
  type Statement,
} from './template-syntax.ts';

/** Longer than any published template without examples written out; the parser takes quadratic time on white space. */
const MAX_TEMPLATE_CHARACTERS = 16_384;
const SUBSET =
  `Templates here are columns, texts, numbers, lists, indices, slices, arithmetic, comparisons, range(), if, for and set, ` +
  `the filters ${FILTERS.join(', ')}, the tests defined, ${TESTS.join(', ')} and the methods ${METHODS.join(', ')}.`;

export interface Template {
  readonly source: string;
  readonly body: readonly Statement[];
}

/**
 * Parses Jinja as lm-evaluation-harness configures it (no block trimming, the last line end kept) and keeps the subset
 * of template-syntax.ts. Throws a TemplateFault that names what is not in it. Nothing is evaluated.
 */
export const compileTemplate = (source: string): Template => {
  if (source.length > MAX_TEMPLATE_CHARACTERS) {
    throw new TemplateFault(
      `it has ${String(source.length)} characters (limit ${String(MAX_TEMPLATE_CHARACTERS)})`,
      'Shorten it: long texts belong in the data.',
    );
  }
  // The parser drops this tag of chat templates without a word.
  if (/\{%-?\s*(?:end)?generation\b/.test(source)) throw outside('the statement "generation"');
  const text = source.replace(/\r\n?/g, '\n');
  try {
    // It also drops one line end at the end, which lm-evaluation-harness keeps.
    const program = parse(
      tokenize(text.endsWith('\n') ? `${text}\n` : text, { lstrip_blocks: false, trim_blocks: false }),
    );
    return { source, body: statements(program.body) };
  } catch (error) {
    if (error instanceof TemplateFault) throw error;
    const reason =
      error instanceof RangeError
        ? 'it is nested too deeply'
        : `it is not Jinja (${error instanceof Error ? error.message : String(error)})`;
    throw new TemplateFault(reason, SUBSET, { cause: error });
  }
};

const outside = (what: string): TemplateFault => new TemplateFault(`${what} is not supported`, SUBSET);

/** The parser's classes are not exported: a node is read like a foreign value. */
interface SyntaxNode {
  readonly type: string;
  readonly field: (name: string) => unknown;
}
const nodeOf = (value: unknown): SyntaxNode => {
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
const nodesOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const isOneOf = <T extends string>(known: readonly T[], name: string): name is T => known.some((one) => one === name);

const nameOf = (value: unknown, what: string): string => {
  const node = nodeOf(value);
  if (node.type !== 'Identifier') throw outside(what);
  return textOf(node.field('value'));
};

const statements = (body: unknown): readonly Statement[] => nodesOf(body).flatMap((member) => statement(member));

const statement = (value: unknown): readonly Statement[] => {
  const node = nodeOf(value);
  switch (node.type) {
    case 'Comment':
      return [];
    case 'If':
      return [
        {
          kind: 'if',
          condition: expression(node.field('test')),
          yes: statements(node.field('body')),
          no: statements(node.field('alternate')),
        },
      ];
    case 'Set':
      if (node.field('value') === null) throw outside('{% set %} with a block');
      return [
        {
          kind: 'set',
          name: nameOf(node.field('assignee'), '{% set %} of anything but a name'),
          value: expression(node.field('value')),
        },
      ];
    case 'For':
      return [loop(node)];
    case 'Macro':
    case 'CallStatement':
    case 'FilterStatement':
    case 'Break':
    case 'Continue':
      throw outside(`the statement ${node.type}`);
    default:
      return [{ kind: 'print', expression: expression(value) }];
  }
};

const loop = (node: SyntaxNode): Statement => {
  const variable = nodeOf(node.field('loopvar'));
  const targets = variable.type === 'TupleLiteral' ? nodesOf(variable.field('value')) : [node.field('loopvar')];
  const iterable = nodeOf(node.field('iterable'));
  const isSelected = iterable.type === 'SelectExpression';
  return {
    kind: 'for',
    names: targets.map((target) => nameOf(target, 'a loop over anything but names')),
    iterable: expression(isSelected ? iterable.field('lhs') : node.field('iterable')),
    condition: isSelected ? expression(iterable.field('test')) : null,
    body: statements(node.field('body')),
    otherwise: statements(node.field('defaultBlock')),
  };
};

const optional = (value: unknown): Expression | null =>
  value === undefined || value === null ? null : expression(value);

const expression = (value: unknown): Expression => {
  const node = nodeOf(value);
  switch (node.type) {
    case 'StringLiteral':
      return { kind: 'literal', value: textOf(node.field('value')) };
    case 'IntegerLiteral':
    case 'FloatLiteral': {
      const number = Number(node.field('value'));
      if (node.type === 'IntegerLiteral' && !Number.isSafeInteger(number))
        throw outside(`the number ${String(number)}`);
      return { kind: 'literal', value: node.type === 'FloatLiteral' ? new Decimal(number) : number };
    }
    case 'Identifier':
      return identifier(textOf(node.field('value')));
    case 'ArrayLiteral':
      return { kind: 'list', members: nodesOf(node.field('value')).map(expression) };
    case 'ObjectLiteral': {
      const entries = node.field('value');
      if (!(entries instanceof Map)) throw outside('this dict');
      return {
        kind: 'dict',
        entries: Array.from(
          entries,
          ([key, member]: [unknown, unknown]) => [expression(key), expression(member)] as const,
        ),
      };
    }
    case 'MemberExpression':
      return member(node);
    case 'CallExpression':
      return call(node);
    case 'FilterExpression':
      return filter(node);
    case 'TestExpression': {
      const name = nameOf(node.field('test'), 'this test');
      const operand = expression(node.field('operand'));
      const isNegated = node.field('negate') === true;
      if (name === 'defined' || name === 'undefined')
        return { kind: 'defined', operand, isNegated: isNegated !== (name === 'undefined') };
      if (!isOneOf(TESTS, name)) throw outside(`the test "is ${name}"`);
      return { kind: 'test', operand, name, isNegated };
    }
    case 'BinaryExpression':
      return binary(node);
    case 'UnaryExpression': {
      const operator = textOf(nodeOf(node.field('operator')).field('value'));
      if (operator !== 'not' && operator !== '-') throw outside(`the sign ${operator}`);
      return { kind: operator === 'not' ? 'not' : 'minus', operand: expression(node.field('argument')) };
    }
    case 'Ternary':
      return {
        kind: 'conditional',
        condition: expression(node.field('condition')),
        yes: expression(node.field('trueExpr')),
        no: expression(node.field('falseExpr')),
      };
    case 'SelectExpression':
      return {
        kind: 'conditional',
        condition: expression(node.field('test')),
        yes: expression(node.field('lhs')),
        no: null,
      };
    case 'TupleLiteral':
      throw outside('a tuple (write it as a list, in square brackets)');
    default:
      throw outside(node.type);
  }
};

const identifier = (name: string): Expression => {
  switch (name) {
    case 'true':
    case 'True':
      return { kind: 'literal', value: true };
    case 'false':
    case 'False':
      return { kind: 'literal', value: false };
    case 'none':
    case 'None':
      return { kind: 'literal', value: null };
    default:
      return { kind: 'name', name };
  }
};

const member = (node: SyntaxNode): Expression => {
  const object = expression(node.field('object'));
  const property = nodeOf(node.field('property'));
  if (node.field('computed') !== true) {
    if (property.type === 'IntegerLiteral') return { kind: 'index', object, index: expression(node.field('property')) };
    return { kind: 'attribute', object, name: nameOf(node.field('property'), 'this attribute') };
  }
  if (property.type !== 'SliceExpression') return { kind: 'index', object, index: expression(node.field('property')) };
  return {
    kind: 'slice',
    object,
    start: optional(property.field('start')),
    stop: optional(property.field('stop')),
    step: optional(property.field('step')),
  };
};

const call = (node: SyntaxNode): Expression => {
  const callee = nodeOf(node.field('callee'));
  const values = nodesOf(node.field('args'));
  if (callee.type === 'Identifier') {
    const name = textOf(callee.field('value'));
    if (name !== 'range') throw outside(`the function ${name}()`);
    return { kind: 'range', values: values.map(expression) };
  }
  if (callee.type !== 'MemberExpression' || callee.field('computed') === true) throw outside('this call');
  const name = nameOf(callee.field('property'), 'this call');
  if (!isOneOf(METHODS, name)) throw outside(`the method .${name}()`);
  return { kind: 'method', object: expression(callee.field('object')), name, values: values.map(expression) };
};

const filter = (node: SyntaxNode): Expression => {
  const operand = expression(node.field('operand'));
  const applied = nodeOf(node.field('filter'));
  const isCall = applied.type === 'CallExpression';
  const name = nameOf(isCall ? applied.field('callee') : node.field('filter'), 'this filter');
  if (!isOneOf(FILTERS, name)) throw outside(`the filter "${name}"`);
  const values: Expression[] = [];
  let attribute: string | null = null;
  for (const value of isCall ? nodesOf(applied.field('args')) : []) {
    const argument = nodeOf(value);
    if (argument.type !== 'KeywordArgumentExpression') {
      values.push(expression(value));
      continue;
    }
    const named = expression(argument.field('value'));
    const key = nameOf(argument.field('key'), 'this argument');
    if (
      key !== 'attribute' ||
      (name !== 'map' && name !== 'join') ||
      named.kind !== 'literal' ||
      typeof named.value !== 'string' ||
      /[.\d]/.test(named.value)
    ) {
      throw outside(`the argument ${key} of the filter "${name}"`);
    }
    attribute = named.value;
  }
  if (name === 'map' && (attribute === null || values.length > 0))
    throw outside('the filter "map" with anything but attribute="name"');
  return { kind: 'filter', operand, name, values, attribute };
};

const binary = (node: SyntaxNode): Expression => {
  const operator = textOf(nodeOf(node.field('operator')).field('value'));
  if (!isOneOf<BinaryOperator>(BINARY_OPERATORS, operator)) throw outside(`the operator ${operator}`);
  const left = expression(node.field('left'));
  const right = expression(node.field('right'));
  // Python reads a < b < c as a < b and b < c; the parser used here reads (a < b) < c.
  if (COMPARISONS.has(operator) && left.kind === 'binary' && COMPARISONS.has(left.operator))
    throw outside('a chain of comparisons');
  return { kind: 'binary', operator, left, right };
};
