import { parse, tokenize } from '@huggingface/jinja';
import { ExpressionCompiler } from './compile-expression.ts';
import { nameOf, nodeOf, nodesOf, outside, SUBSET, type SyntaxNode } from './syntax-node.ts';
import { TemplateFault } from './template-fault.ts';
import { COMPARISONS, type Statement } from './template-syntax.ts';

/** Longer than any published template without written-out examples; the parser takes quadratic time on white space. */
const MAX_TEMPLATE_CHARACTERS = 16_384;
/** Chat templates contain long descriptions of tools. */
const MAX_CHAT_TEMPLATE_CHARACTERS = 65_536;

export interface Template {
  readonly source: string;
  readonly body: readonly Statement[];
}

/**
 * Parses Jinja as configured by lm-evaluation-harness (no block trimming, the last line end kept), in the subset of
 * template-syntax.ts. Throws a TemplateFault that names constructs outside it. Evaluates nothing.
 */
export const compileTemplate = (source: string): Template => {
  requireLength(source, MAX_TEMPLATE_CHARACTERS);
  // The parser silently drops this tag of chat templates.
  if (/\{%-?\s*(?:end)?generation\b/.test(source)) throw outside('the statement "generation"');
  const text = source.replace(/\r\n?/g, '\n');
  // It also drops one final line end, which lm-evaluation-harness keeps.
  return compiled(source, text.endsWith('\n') ? `${text}\n` : text, false);
};

/**
 * Parses a chat template as configured by transformers: line ends after blocks and white space before them are trimmed,
 * `generation` blocks are replaced by their contents, and namespaces, macros, break and continue are available.
 */
export const compileChatTemplate = (source: string): Template => {
  requireLength(source, MAX_CHAT_TEMPLATE_CHARACTERS);
  if (/\{[%{#]\+|\+[%}#]\}/.test(source)) throw outside('the + sign that keeps white space');
  return compiled(source, source.replace(/\r\n?/g, '\n'), true);
};

const requireLength = (source: string, limit: number): void => {
  if (source.length > limit)
    throw new TemplateFault(
      `it has ${String(source.length)} characters (limit ${String(limit)})`,
      'Shorten it: long texts belong in the data.',
    );
};

const compiled = (source: string, text: string, isChat: boolean): Template => {
  try {
    const tokens = tokenize(text, { lstrip_blocks: isChat, trim_blocks: isChat });
    refuseComparisonChains(tokens);
    const program = parse(tokens);
    return { source, body: new StatementCompiler(isChat).body(program.body) };
  } catch (error) {
    if (error instanceof TemplateFault) throw error;
    const reason =
      error instanceof RangeError
        ? 'it is nested too deeply'
        : `it is not Jinja (${error instanceof Error ? error.message : String(error)})`;
    throw new TemplateFault(reason, SUBSET, { cause: error });
  }
};

class StatementCompiler {
  readonly #isChat: boolean;
  readonly #expressions: ExpressionCompiler;

  constructor(isChat: boolean) {
    this.#isChat = isChat;
    this.#expressions = new ExpressionCompiler(isChat);
  }

  body(program: unknown): readonly Statement[] {
    return this.#statements(program);
  }

  #statements(body: unknown): readonly Statement[] {
    return nodesOf(body).flatMap((member) => this.#statement(member));
  }

  #statement(value: unknown): readonly Statement[] {
    const node = nodeOf(value);
    switch (node.type) {
      case 'Comment':
        return [];
      case 'If':
        return [
          {
            kind: 'if',
            condition: this.#expressions.compile(node.field('test')),
            yes: this.#statements(node.field('body')),
            no: this.#statements(node.field('alternate')),
          },
        ];
      case 'Set':
        return [this.#assignment(node)];
      case 'For':
        return [this.#loop(node)];
      case 'Break':
      case 'Continue':
        if (this.#isChat) return [{ kind: node.type === 'Break' ? 'break' : 'continue' }];
        throw outside(`the statement ${node.type}`);
      case 'Macro':
        if (this.#isChat) return [this.#macro(node)];
        throw outside(`the statement ${node.type}`);
      case 'CallStatement':
      case 'FilterStatement':
        throw outside(`the statement ${node.type}`);
      default:
        return [{ kind: 'print', expression: this.#expressions.compile(value) }];
    }
  }

  #assignment(node: SyntaxNode): Statement {
    const target = nodeOf(node.field('assignee'));
    if (node.field('value') === null) {
      if (!this.#isChat) throw outside('{% set %} with a block');
      return {
        kind: 'capture',
        name: nameOf(node.field('assignee'), '{% set %} of anything but a name'),
        body: this.#statements(node.field('body')),
      };
    }
    const value = this.#expressions.compile(node.field('value'));
    if (!this.#isChat || target.type !== 'MemberExpression' || target.field('computed') === true) {
      return { kind: 'set', name: nameOf(node.field('assignee'), '{% set %} of anything but a name'), value };
    }
    const what = '{% set %} of anything but a name, or a member of a namespace';
    return {
      kind: 'set-member',
      object: nameOf(target.field('object'), what),
      member: nameOf(target.field('property'), what),
      value,
    };
  }

  #macro(node: SyntaxNode): Statement {
    const parameters = nodesOf(node.field('args')).map((parameter) => {
      const argument = nodeOf(parameter);
      if (argument.type !== 'KeywordArgumentExpression')
        return { name: nameOf(parameter, 'this parameter'), fallback: null };
      return {
        name: nameOf(argument.field('key'), 'this parameter'),
        fallback: this.#expressions.compile(argument.field('value')),
      };
    });
    return {
      kind: 'macro',
      name: nameOf(node.field('name'), 'this macro'),
      parameters,
      body: this.#statements(node.field('body')),
    };
  }

  #loop(node: SyntaxNode): Statement {
    const variable = nodeOf(node.field('loopvar'));
    const targets = variable.type === 'TupleLiteral' ? nodesOf(variable.field('value')) : [node.field('loopvar')];
    const iterable = nodeOf(node.field('iterable'));
    const isSelected = iterable.type === 'SelectExpression';
    return {
      kind: 'for',
      names: targets.map((target) => nameOf(target, 'a loop over anything but names')),
      iterable: this.#expressions.compile(isSelected ? iterable.field('lhs') : node.field('iterable')),
      condition: isSelected ? this.#expressions.compile(iterable.field('test')) : null,
      body: this.#statements(node.field('body')),
      otherwise: this.#statements(node.field('defaultBlock')),
    };
  }
}

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
const refuseComparisonChains = (tokens: readonly Token[]): void => {
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
