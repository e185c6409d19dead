import { isList, type PythonDict, type PythonValue } from '../python/python-value.ts';
import type { Template } from './compile-template.ts';
import { evaluate } from './evaluate-expression.ts';
import { TemplateFault } from './template-fault.ts';
import { membersOf } from './template-filters.ts';
import { isTrue } from './template-operators.ts';
import type { Statement } from './template-syntax.ts';
import { meteredText, Scope, STEP, type WorkMeter } from './work-meter.ts';

/** Longer than any model's positions. */
const MAX_OUTPUT_CHARACTERS = 2 ** 20;

/**
 * The text that a template makes of a row, as Jinja would with StrictUndefined. It sees the row and nothing else, and
 * `meter` bounds its work. Throws a TemplateFault without a place.
 */
export const renderTemplate = (template: Template, row: PythonDict, meter: WorkMeter): string => {
  meter.begin();
  const parts: string[] = [];
  let length = 0;
  const print = (text: string): void => {
    length += text.length;
    if (length > MAX_OUTPUT_CHARACTERS)
      throw new TemplateFault(
        `it gives more than ${String(MAX_OUTPUT_CHARACTERS)} characters`,
        'Shorten what it prints.',
      );
    parts.push(text);
  };
  try {
    run(template.body, new Scope(row), meter, print);
  } catch (error) {
    if (error instanceof RangeError)
      throw new TemplateFault('it is nested too deeply', 'Simplify it.', { cause: error });
    throw error;
  }
  return parts.join('');
};

const run = (body: readonly Statement[], scope: Scope, meter: WorkMeter, print: (text: string) => void): void => {
  for (const statement of body) {
    switch (statement.kind) {
      case 'print':
        print(meteredText(evaluate(statement.expression, scope, meter), meter));
        break;
      case 'set':
        scope.set(statement.name, evaluate(statement.value, scope, meter));
        break;
      case 'if':
        run(isTrue(evaluate(statement.condition, scope, meter)) ? statement.yes : statement.no, scope, meter, print);
        break;
      case 'for':
        loop(statement, scope, meter, print);
        break;
    }
  }
};

/** Names that a loop sets are gone after each round, as in Jinja. */
const loop = (
  statement: Extract<Statement, { readonly kind: 'for' }>,
  scope: Scope,
  meter: WorkMeter,
  print: (text: string) => void,
): void => {
  const { names, condition } = statement;
  const rounds = membersOf(evaluate(statement.iterable, scope, meter), meter).flatMap((member) => {
    meter.spend(STEP);
    const inner = new Scope(scope);
    bind(inner, names, member);
    return condition === null || isTrue(evaluate(condition, inner, meter)) ? [inner] : [];
  });
  rounds.forEach((inner, index) => {
    const place: readonly (readonly [string, PythonValue])[] = [
      ['index', index + 1],
      ['index0', index],
      ['first', index === 0],
      ['last', index === rounds.length - 1],
      ['length', rounds.length],
    ];
    inner.set('loop', new Map(place));
    run(statement.body, inner, meter, print);
  });
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
