import { Decimal } from '../python/python-value.ts';
import { isOneOf, nameOf, nodeOf, nodesOf, outside, textOf, type SyntaxNode } from './syntax-node.ts';
import {
  BINARY_OPERATORS,
  CHAT_FILTERS,
  CHAT_TESTS,
  FILTERS,
  METHODS,
  TESTS,
  type BinaryOperator,
  type Expression,
} from './template-syntax.ts';

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

/** Compiles the parser's nodes to expressions; throws a TemplateFault that names constructs outside the subset. */
export class ExpressionCompiler {
  readonly #isChat: boolean;

  constructor(isChat: boolean) {
    this.#isChat = isChat;
  }

  #optional(value: unknown): Expression | null {
    return value === undefined || value === null ? null : this.compile(value);
  }

  compile(value: unknown): Expression {
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
        return { kind: 'list', members: nodesOf(node.field('value')).map((each) => this.compile(each)) };
      case 'ObjectLiteral': {
        const entries = node.field('value');
        if (!(entries instanceof Map)) throw outside('this dict');
        return {
          kind: 'dict',
          entries: Array.from(
            entries,
            ([key, member]: [unknown, unknown]) => [this.compile(key), this.compile(member)] as const,
          ),
        };
      }
      case 'MemberExpression':
        return this.#member(node);
      case 'CallExpression':
        return this.#call(node);
      case 'FilterExpression':
        return this.#filter(node);
      case 'TestExpression': {
        const name = nameOf(node.field('test'), 'this test');
        const operand = this.compile(node.field('operand'));
        const isNegated = node.field('negate') === true;
        if (name === 'defined' || name === 'undefined')
          return { kind: 'defined', operand, isNegated: isNegated !== (name === 'undefined') };
        if (!isOneOf(TESTS, name) && !(this.#isChat && isOneOf(CHAT_TESTS, name)))
          throw outside(`the test "is ${name}"`);
        return { kind: 'test', operand, name, isNegated };
      }
      case 'BinaryExpression':
        return this.#binary(node);
      case 'UnaryExpression': {
        const operator = textOf(nodeOf(node.field('operator')).field('value'));
        if (operator !== 'not' && operator !== '-') throw outside(`the sign ${operator}`);
        return { kind: operator === 'not' ? 'not' : 'minus', operand: this.compile(node.field('argument')) };
      }
      case 'Ternary':
        return {
          kind: 'conditional',
          condition: this.compile(node.field('condition')),
          yes: this.compile(node.field('trueExpr')),
          no: this.compile(node.field('falseExpr')),
        };
      case 'SelectExpression':
        return {
          kind: 'conditional',
          condition: this.compile(node.field('test')),
          yes: this.compile(node.field('lhs')),
          no: null,
        };
      case 'TupleLiteral':
        throw outside('a tuple (write it as a list, in square brackets)');
      default:
        throw outside(node.type);
    }
  }

  #member(node: SyntaxNode): Expression {
    const object = this.compile(node.field('object'));
    const property = nodeOf(node.field('property'));
    if (node.field('computed') !== true) {
      if (property.type === 'IntegerLiteral')
        return { kind: 'index', object, index: this.compile(node.field('property')) };
      return { kind: 'attribute', object, name: nameOf(node.field('property'), 'this attribute') };
    }
    if (property.type !== 'SliceExpression')
      return { kind: 'index', object, index: this.compile(node.field('property')) };
    return {
      kind: 'slice',
      object,
      start: this.#optional(property.field('start')),
      stop: this.#optional(property.field('stop')),
      step: this.#optional(property.field('step')),
    };
  }

  #call(node: SyntaxNode): Expression {
    const callee = nodeOf(node.field('callee'));
    const values = nodesOf(node.field('args'));
    if (callee.type === 'Identifier') {
      const name = textOf(callee.field('value'));
      if (name === 'range') return { kind: 'range', values: values.map((each) => this.compile(each)) };
      if (!this.#isChat) throw outside(`the function ${name}()`);
      return { kind: 'call', name, ...this.#arguments(values) };
    }
    if (callee.type !== 'MemberExpression' || callee.field('computed') === true) throw outside('this call');
    const name = nameOf(callee.field('property'), 'this call');
    if (!isOneOf(METHODS, name)) throw outside(`the method .${name}()`);
    return {
      kind: 'method',
      object: this.compile(callee.field('object')),
      name,
      values: values.map((each) => this.compile(each)),
    };
  }

  /** Positional and keyword arguments of a call. */
  #arguments(given: readonly unknown[]): {
    readonly values: readonly Expression[];
    readonly named: readonly (readonly [string, Expression])[];
  } {
    const isNamed = (value: unknown): boolean => nodeOf(value).type === 'KeywordArgumentExpression';
    return {
      values: given.filter((value) => !isNamed(value)).map((each) => this.compile(each)),
      named: given.filter(isNamed).map((value) => {
        const node = nodeOf(value);
        return [nameOf(node.field('key'), 'this argument'), this.compile(node.field('value'))];
      }),
    };
  }

  /** The right operand; chat templates may look for a member in a tuple. */
  #container(node: SyntaxNode, operator: BinaryOperator): Expression {
    const right = nodeOf(node.field('right'));
    if (!this.#isChat || right.type !== 'TupleLiteral' || (operator !== 'in' && operator !== 'not in'))
      return this.compile(node.field('right'));
    return { kind: 'list', members: nodesOf(right.field('value')).map((each) => this.compile(each)) };
  }

  #filter(node: SyntaxNode): Expression {
    const operand = this.compile(node.field('operand'));
    const applied = nodeOf(node.field('filter'));
    const isCall = applied.type === 'CallExpression';
    const name = nameOf(isCall ? applied.field('callee') : node.field('filter'), 'this filter');
    if (this.#isChat && isOneOf(CHAT_FILTERS, name))
      return { kind: 'chat-filter', operand, name, ...this.#arguments(isCall ? nodesOf(applied.field('args')) : []) };
    if (!isOneOf(FILTERS, name)) throw outside(`the filter "${name}"`);
    const values: Expression[] = [];
    let attribute: string | null = null;
    for (const value of isCall ? nodesOf(applied.field('args')) : []) {
      const argument = nodeOf(value);
      if (argument.type !== 'KeywordArgumentExpression') {
        values.push(this.compile(value));
        continue;
      }
      const named = this.compile(argument.field('value'));
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
  }

  #binary(node: SyntaxNode): Expression {
    const operator = textOf(nodeOf(node.field('operator')).field('value'));
    if (!isOneOf<BinaryOperator>(BINARY_OPERATORS, operator)) throw outside(`the operator ${operator}`);
    const left = this.compile(node.field('left'));
    const right = this.#container(node, operator);
    return { kind: 'binary', operator, left, right };
  }
}
