import { isList, Missing, Namespace, type PythonDict, type PythonValue } from '../python/python-value.ts';
import { memberName } from './chat-functions.ts';
import type { Template } from './compile-template.ts';
import { evaluate } from './evaluate-expression.ts';
import { TemplateFault } from './template-fault.ts';
import { membersOf } from './template-filters.ts';
import { isTrue } from './template-operators.ts';
import type { Statement } from './template-syntax.ts';
import { meteredText, Scope, STEP, TASK_ENVIRONMENT, type TemplateEnvironment, type WorkMeter } from './work-meter.ts';

/** Longer than any model's context. */
const MAX_OUTPUT_CHARACTERS = 2 ** 20;

type Print = (text: string) => void;

/** Collects the output, up to a limit. */
const collector = (): { readonly print: Print; readonly text: () => string } => {
  const parts: string[] = [];
  let length = 0;
  const print = (text: string): void => {
    length += text.length;
    if (length > MAX_OUTPUT_CHARACTERS)
      throw new TemplateFault(`it prints more than ${String(MAX_OUTPUT_CHARACTERS)} characters`, 'Shorten its output.');
    parts.push(text);
  };
  return { print, text: () => parts.join('') };
};

/**
 * Renders a template for a row like Jinja: with StrictUndefined for tasks, leniently for chat templates. It sees only
 * the row, and `meter` bounds its work. Throws a TemplateFault without a location.
 */
export const renderTemplate = (
  template: Template,
  row: PythonDict,
  meter: WorkMeter,
  environment: TemplateEnvironment = TASK_ENVIRONMENT,
): string => {
  meter.begin();
  const { print, text } = collector();
  try {
    run(template.body, new Scope(row, environment), meter, print);
  } catch (error) {
    if (error instanceof RangeError)
      throw new TemplateFault('it is nested too deeply', 'Simplify it.', { cause: error });
    throw error;
  }
  return text();
};

/** Whether a loop continues, ends its round, or ends. */
type Flow = 'on' | 'continue' | 'break';

const run = (body: readonly Statement[], scope: Scope, meter: WorkMeter, print: Print): Flow => {
  for (const statement of body) {
    const flow = runOne(statement, scope, meter, print);
    if (flow !== 'on') return flow;
  }
  return 'on';
};

const runOne = (statement: Statement, scope: Scope, meter: WorkMeter, print: Print): Flow => {
  switch (statement.kind) {
    case 'print':
      print(meteredText(evaluate(statement.expression, scope, meter), meter));
      return 'on';
    case 'set':
      scope.set(statement.name, evaluate(statement.value, scope, meter));
      return 'on';
    case 'set-member': {
      const object = scope.get(statement.object);
      if (!(object instanceof Namespace))
        throw new TemplateFault(
          `it sets a member of "${statement.object}", which is not a namespace`,
          'Create it by namespace().',
        );
      object.members.set(memberName(statement.member), evaluate(statement.value, scope, meter));
      return 'on';
    }
    case 'capture': {
      const captured = collector();
      run(statement.body, new Scope(scope), meter, captured.print);
      scope.set(statement.name, captured.text());
      return 'on';
    }
    case 'macro':
      scope.setMacro(statement.name, macroOf(statement, scope, meter));
      return 'on';
    case 'if':
      return run(
        isTrue(evaluate(statement.condition, scope, meter)) ? statement.yes : statement.no,
        scope,
        meter,
        print,
      );
    case 'for':
      loop(statement, scope, meter, print);
      return 'on';
    case 'break':
    case 'continue':
      meter.spend(STEP);
      return statement.kind;
  }
};

/** A macro sees the names around its definition and its own parameters. */
const macroOf =
  ({ name, parameters, body }: Extract<Statement, { readonly kind: 'macro' }>, scope: Scope, meter: WorkMeter) =>
  (values: readonly PythonValue[], named: ReadonlyMap<string, PythonValue>): string => {
    meter.spend(STEP);
    const unknown = [...named.keys()].find((key) => !parameters.some((parameter) => parameter.name === key));
    if (values.length > parameters.length || unknown !== undefined)
      throw new TemplateFault(
        `the macro ${name}() does not take ` +
          (unknown === undefined ? `${String(values.length)} values` : `the value ${unknown}`),
        'Check the call.',
      );
    const inner = new Scope(scope);
    parameters.forEach((parameter, index) => {
      const given = values[index] ?? named.get(parameter.name);
      if (given !== undefined) inner.set(parameter.name, given);
      else
        inner.set(
          parameter.name,
          parameter.fallback === null ? new Missing(`"${parameter.name}"`) : evaluate(parameter.fallback, inner, meter),
        );
    });
    const { print, text } = collector();
    run(body, inner, meter, print);
    return text();
  };

/** Names set in a loop are gone after each round, as in Jinja. */
const loop = (
  statement: Extract<Statement, { readonly kind: 'for' }>,
  scope: Scope,
  meter: WorkMeter,
  print: (text: string) => void,
): void => {
  const { names, condition } = statement;
  const members: PythonValue[] = [];
  const rounds = membersOf(evaluate(statement.iterable, scope, meter), meter).flatMap((member) => {
    meter.spend(STEP);
    const inner = new Scope(scope);
    bind(inner, names, member);
    if (condition !== null && !isTrue(evaluate(condition, inner, meter))) return [];
    members.push(member);
    return [inner];
  });
  for (const [index, inner] of rounds.entries()) {
    const counts: readonly (readonly [string, PythonValue])[] = [
      ['index', index + 1],
      ['index0', index],
      ['first', index === 0],
      ['last', index === rounds.length - 1],
      ['length', rounds.length],
      ['revindex', rounds.length - index],
      ['revindex0', rounds.length - index - 1],
    ];
    const [before, after] = [members[index - 1], members[index + 1]];
    inner.set(
      'loop',
      new Map<string, PythonValue>([
        ...counts,
        ...(before === undefined ? [] : [['previtem', before] as const]),
        ...(after === undefined ? [] : [['nextitem', after] as const]),
      ]),
    );
    if (run(statement.body, inner, meter, print) === 'break') break;
  }
  if (rounds.length === 0) run(statement.otherwise, new Scope(scope), meter, print);
};

const bind = (scope: Scope, names: readonly string[], member: PythonValue): void => {
  const [only] = names;
  if (names.length === 1 && only !== undefined) {
    scope.set(only, member);
    return;
  }
  if (!isList(member) || member.length !== names.length)
    throw new TemplateFault(
      `a loop over ${names.join(', ')} meets a member that is not a list of ${String(names.length)}`,
      'Check the data.',
    );
  names.forEach((name, index) => scope.set(name, member[index] ?? null));
};
