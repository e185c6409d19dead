import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import type { ChatMessage, ConversationOrder } from './chat-messages.ts';

// A chat template as transformers renders it: @huggingface/jinja's runtime, refusing where that prints something else
// than Python. It may loop or take any amount of memory: run it in a thread (main/hosts/chat-worker.ts).

type Node = Parameters<Interpreter['evaluate']>[0] & object;
type Value = ReturnType<Interpreter['evaluate']>;

/** What a template prints by itself; the values of other types that are printed have another text in Python. */
const PRINTED_ALIKE = new Set(['StringValue', 'IntegerValue', 'UndefinedValue']);
const WORDS: Readonly<Record<string, string>> = {
  BooleanValue: 'a truth value',
  NullValue: 'none',
  FloatValue: 'a number with a point',
  ArrayValue: 'a list',
  TupleValue: 'a tuple',
  ObjectValue: 'a dict',
  NamespaceValue: 'a namespace',
  FunctionValue: 'a function',
};
const STATEMENTS = new Set([
  ...['Program', 'If', 'For', 'Break', 'Continue', 'Set', 'Macro', 'Comment', 'CallStatement', 'FilterStatement'],
]);
const LISTS = ['body', 'defaultBlock', 'alternate'];
/** Methods and filters that cut at white space: Python's and JavaScript's differ in these characters. */
const CUTTING = new Set(['trim', 'strip', 'lstrip', 'rstrip', 'split']);
const OTHER_SPACE = /[\x1c-\x1f\x85\ufeff]/;
/** A character of two UTF-16 units: one character in Python. */
const WIDE = /[\ud800-\udfff]/;
const COUNTING = new Set(['length', 'count']);
/** Largest range() that Jinja's sandbox allows. */
const MAX_RANGE = 100_000;
/** Expressions and statements inside each other: a macro that calls itself ends here, and not with the stack. */
const MAX_DEPTH = 1000;
/** No prompt is that long. */
const MAX_CHARACTERS = 16 * 2 ** 20;

/** The template itself refused the conversation, by raise_exception(). */
class TemplateRaised extends Error {}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value;
const part = (node: Node, key: string): Node | null => {
  const value: unknown = Reflect.get(node, key);
  return isNode(value) ? value : null;
};
const nameIn = (node: Node | null): string => {
  const value: unknown = node === null ? null : Reflect.get(node, 'value');
  if (typeof value === 'string') return value;
  const callee = node === null ? null : part(node, 'callee');
  return callee === null ? '' : nameIn(callee);
};

/** Checks values that are printed or read where the package and Python differ; which these are, a node's parent says. */
class CheckedInterpreter extends Interpreter {
  readonly #printed = new WeakSet<object>();
  readonly #read = new WeakSet<object>();
  readonly #cut = new WeakSet<object>();
  readonly #counted = new WeakSet<object>();
  #depth = 0;

  override evaluate(node: Node | undefined, environment: Environment): Value {
    if (node !== undefined) this.#lookInto(node, environment);
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new Error('its macros call each other too often');
    const value = super.evaluate(node, environment);
    this.#depth -= 1;
    if (node !== undefined) this.#check(node, value);
    return value;
  }

  #lookInto(node: Node, environment: Environment): void {
    const callee = part(node, 'callee');
    if (node.type === 'CallExpression' && callee?.type === 'Identifier') {
      const name = nameIn(callee);
      if (environment.lookupVariable(name).type === 'UndefinedValue')
        throw new Error(`the function ${name}() is not supported`);
    }
    for (const key of LISTS) {
      const body: unknown = Reflect.get(node, key);
      for (const each of Array.isArray(body) ? body.filter(isNode) : [])
        if (!STATEMENTS.has(each.type)) this.#printed.add(each);
    }
    const object = part(node, 'object');
    if (node.type === 'MemberExpression' && object !== null) {
      const property = part(node, 'property');
      this.#read.add(object);
      if (property?.type === 'SliceExpression') this.#counted.add(object);
      if (CUTTING.has(nameIn(property))) this.#cut.add(object);
    }
    const operand = part(node, 'operand');
    if (node.type === 'FilterExpression' && operand !== null) {
      const filter = nameIn(part(node, 'filter'));
      if (CUTTING.has(filter)) this.#cut.add(operand);
      if (COUNTING.has(filter)) this.#counted.add(operand);
      if (filter === 'string') this.#printed.add(operand);
    }
    const sign: unknown = Reflect.get(node, 'operator');
    if (node.type === 'BinaryExpression' && isNode(sign) && nameIn(sign) === '~')
      for (const side of [part(node, 'left'), part(node, 'right')]) if (side !== null) this.#printed.add(side);
  }

  #check(node: Node, value: Value): void {
    if (this.#printed.has(node) && !PRINTED_ALIKE.has(value.type))
      throw new Error(`it prints ${WORDS[value.type] ?? value.type}, which has another text in Python`);
    if (this.#read.has(node) && value.type === 'UndefinedValue')
      throw new Error('it reads a member of something that is not there');
    if (value.type !== 'StringValue' || typeof value.value !== 'string') return;
    if (value.value.length > MAX_CHARACTERS) throw new Error('it makes a text of more than 16 MiB');
    if (this.#cut.has(node) && OTHER_SPACE.test(value.value))
      throw new Error('it cuts a text with a rare white space, which differs from Python');
    if (this.#counted.has(node) && WIDE.test(value.value))
      throw new Error('it counts the characters of a text in which some take two places, which differs from Python');
  }
}

const range = (...values: readonly unknown[]): readonly number[] => {
  const bounds = values.filter((value) => typeof value === 'number');
  const [start, stop, step] =
    bounds.length === 1 ? [0, bounds[0] ?? 0, 1] : [bounds[0] ?? 0, bounds[1] ?? 0, bounds[2] ?? 1];
  const length = step === 0 ? Number.NaN : Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= MAX_RANGE)) throw new Error(`it asks for a range() of ${length} numbers`);
  return Array.from({ length }, (_, index) => start + index * step);
};

/** Names of days and months in English, as Python gives them without a locale. */
const nameOf = (time: Date, options: Intl.DateTimeFormatOptions): string => time.toLocaleDateString('en-US', options);
const two = (value: number): string => String(value).padStart(2, '0');

const DIRECTIVES: Readonly<Record<string, (time: Date) => string | number>> = {
  d: (time) => time.getDate(),
  m: (time) => time.getMonth() + 1,
  H: (time) => time.getHours(),
  I: (time) => time.getHours() % 12 || 12,
  M: (time) => time.getMinutes(),
  S: (time) => time.getSeconds(),
  y: (time) => time.getFullYear() % 100,
  Y: (time) => String(time.getFullYear()),
  A: (time) => nameOf(time, { weekday: 'long' }),
  a: (time) => nameOf(time, { weekday: 'short' }),
  B: (time) => nameOf(time, { month: 'long' }),
  b: (time) => nameOf(time, { month: 'short' }),
  p: (time) => (time.getHours() < 12 ? 'AM' : 'PM'),
  '%': () => '%',
};

/** Python's strftime in local time, for the directives that chat templates use. */
const strftime = (time: Date, form: unknown): string =>
  String(form).replace(/%(-?)(.?)/gs, (whole: string, dash: string, sign: string) => {
    const value = DIRECTIVES[sign]?.(time);
    if (value === undefined || (dash === '-' && typeof value !== 'number'))
      throw new Error(`the directive ${whole} of strftime_now() is not supported`);
    return typeof value === 'string' || dash === '-' ? String(value) : two(value);
  });

/** What transformers gives to a chat template, beside its messages and special tokens. */
const globals = (now: Date): Readonly<Record<string, unknown>> => ({
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  tools: null,
  documents: null,
  add_generation_prompt: true,
  range,
  strftime_now: (form: unknown) => strftime(now, form),
  raise_exception: (message: unknown) => {
    throw new TemplateRaised(String(message));
  },
});

/** Renders conversations, one after the other, with one template. */
export const conversationRenderer = ({ template, tokens, variables, nowMs }: ConversationOrder) => {
  const program = parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));
  const attempt = (messages: readonly ChatMessage[]): string => {
    const environment = new Environment();
    const given = { ...globals(new Date(nowMs)), ...tokens, ...variables, messages };
    for (const [name, value] of Object.entries(given)) environment.set(name, value);
    const text: unknown = new CheckedInterpreter(environment).run(program).value;
    return String(text);
  };
  /** As in lm-evaluation-harness, a template that refuses the conversation is tried again without the system turn. */
  return (messages: readonly ChatMessage[]): { readonly text: string; readonly isWithoutSystem: boolean } => {
    const others = messages.filter(({ role }) => role !== 'system');
    try {
      return { text: attempt(messages), isWithoutSystem: false };
    } catch (error) {
      if (!(error instanceof TemplateRaised)) throw error;
      if (others.length === messages.length)
        throw new Error(`it refuses the conversation: ${error.message}`, { cause: error });
      try {
        return { text: attempt(others), isWithoutSystem: true };
      } catch (again) {
        if (again instanceof TemplateRaised)
          throw new Error(`it refuses the conversation: ${again.message}`, { cause: again });
        throw again;
      }
    }
  };
};
