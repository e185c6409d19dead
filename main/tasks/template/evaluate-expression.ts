import {
  Decimal,
  isDict,
  isList,
  Missing,
  Namespace,
  type PythonList,
  type PythonValue,
  sliceIndices,
} from '../python/python-value.ts';
import { applyChatFilter } from './chat-filters.ts';
import { callFunction } from './chat-functions.ts';
import { TemplateFault } from './template-fault.ts';
import { applyFilter } from './template-filters.ts';
import { callMethod } from './template-methods.ts';
import { applyOperator, isTrue, typeName } from './template-operators.ts';
import type { Expression } from './template-syntax.ts';
import { type Scope, STEP, type WorkMeter } from './work-meter.ts';

/** Jinja finds these on a dict before its keys: `row.items` is the method. */
const DICT_METHODS: ReadonlySet<string> = new Set([
  'clear',
  'copy',
  'fromkeys',
  'get',
  'items',
  'keys',
  'pop',
  'popitem',
  'setdefault',
  'update',
  'values',
]);

/** Evaluates an expression. Missing columns are an error, as with Jinja's StrictUndefined. */
export const evaluate = (expression: Expression, scope: Scope, meter: WorkMeter): PythonValue => {
  const value = lookUp(expression, scope, meter);
  if (value === undefined && scope.environment.isLenient) return new Missing(nameOf(expression));
  if (value === undefined)
    throw new TemplateFault(
      `${nameOf(expression)} is not in the row`,
      'Check the name against the columns of the data.',
    );
  return value;
};

/** Undefined for a missing name, key or index, which only `is defined` and `default` accept. */
const lookUp = (expression: Expression, scope: Scope, meter: WorkMeter): PythonValue | undefined => {
  meter.spend(STEP);
  const value = (inner: Expression): PythonValue => evaluate(inner, scope, meter);
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'name':
      return scope.get(expression.name);
    case 'list':
      return expression.members.map(value);
    case 'dict':
      return new Map(expression.entries.map(([key, member]) => [keyOf(value(key)), value(member)]));
    case 'attribute': {
      const object = value(expression.object);
      if (object instanceof Namespace) return object.members.get(expression.name);
      if (object instanceof Missing)
        throw new TemplateFault(`it reads .${expression.name} of ${typeName(object)}`, 'Guard it with an if.');
      if (!isDict(object)) return undefined;
      if (DICT_METHODS.has(expression.name))
        throw new TemplateFault(
          `.${expression.name} of a dict is a method, not a key`,
          `Write ["${expression.name}"] for the key.`,
        );
      return object.get(expression.name);
    }
    case 'index':
      return memberAt(value(expression.object), value(expression.index), meter);
    case 'slice':
      return slice(
        value(expression.object),
        [expression.start, expression.stop, expression.step].map((bound) =>
          boundOf(bound === null ? null : value(bound)),
        ),
        meter,
      );
    case 'method':
      return callMethod(value(expression.object), expression.name, expression.values.map(value), meter);
    case 'range':
      return range(expression.values.map(value), meter);
    case 'call':
      return callFunction(
        expression.name,
        expression.values.map(value),
        new Map(expression.named.map(([name, named]) => [name, value(named)])),
        scope,
        meter,
      );
    case 'chat-filter':
      return applyChatFilter(
        expression.name,
        value(expression.operand),
        expression.values.map(value),
        new Map(expression.named.map(([name, named]) => [name, value(named)])),
        meter,
      );
    case 'filter': {
      const isDefault = expression.name === 'default' || expression.name === 'd';
      const operand = isDefault ? lookUp(expression.operand, scope, meter) : value(expression.operand);
      const values = expression.values.map(value);
      if (isDefault && scope.environment.isLenient) return useDefault(operand, values);
      return operand === undefined
        ? (values[0] ?? '')
        : applyFilter(expression.name, operand, values, expression.attribute, meter);
    }
    case 'defined':
      return isDefined(lookUp(expression.operand, scope, meter)) !== expression.isNegated;
    case 'test':
      return passes(expression.name, value(expression.operand)) !== expression.isNegated;
    case 'not':
      return !isTrue(value(expression.operand));
    case 'minus': {
      const operand = value(expression.operand);
      if (typeof operand !== 'number')
        throw new TemplateFault(`- of ${typeName(operand)} is not supported`, 'Use whole numbers.');
      return 0 - operand;
    }
    case 'conditional':
      if (isTrue(value(expression.condition))) return value(expression.yes);
      return expression.no === null ? undefined : value(expression.no);
    case 'binary': {
      const left = value(expression.left);
      const { operator } = expression;
      if (operator === 'and') return isTrue(left) ? value(expression.right) : left;
      if (operator === 'or') return isTrue(left) ? left : value(expression.right);
      // Jinja binds ~ tighter than + and -, the parser used here does not; between texts both give the same result.
      const isSum =
        expression.left.kind === 'binary' && (expression.left.operator === '+' || expression.left.operator === '-');
      if (operator === '~' && isSum && typeof left !== 'string')
        throw new TemplateFault(
          '~ after a sum of numbers is ambiguous',
          'Write {{ a + b }}{{ c }}, or {{ (a + b) | string ~ c }}.',
        );
      return applyOperator(operator, left, value(expression.right), meter);
    }
  }
};

const nameOf = (expression: Expression): string => {
  switch (expression.kind) {
    case 'name':
      return `"${expression.name}"`;
    case 'attribute':
      return `".${expression.name}"`;
    case 'conditional':
      return 'the value of an if without else';
    default:
      return 'the member that it takes';
  }
};

const isDefined = (value: PythonValue | undefined): boolean => value !== undefined && !(value instanceof Missing);

/** Jinja's default(value, boolean): with `true`, false values are replaced too. */
const useDefault = (operand: PythonValue | undefined, [otherwise = '', alsoFalse = false]: PythonList): PythonValue =>
  operand === undefined || operand instanceof Missing || (isTrue(alsoFalse) && !isTrue(operand)) ? otherwise : operand;

const keyOf = (value: PythonValue): string => {
  if (typeof value !== 'string')
    throw new TemplateFault(`${typeName(value)} as the key of a dict is not supported`, 'Use texts as keys.');
  return value;
};

const memberAt = (object: PythonValue, index: PythonValue, meter: WorkMeter): PythonValue | undefined => {
  if (isDict(object)) return typeof index === 'string' ? object.get(index) : undefined;
  if (object instanceof Missing)
    throw new TemplateFault(`it takes a member of ${typeName(object)}`, 'Guard it with an if.');
  const position = typeof index === 'boolean' ? Number(index) : index;
  if (typeof position !== 'number') return undefined;
  if (typeof object === 'string') meter.spend(object.length);
  const members = typeof object === 'string' ? Array.from(object) : isList(object) ? object : [];
  return members[position < 0 ? position + members.length : position];
};

const boundOf = (value: PythonValue): number | null => {
  if (value !== null && typeof value !== 'number')
    throw new TemplateFault(`${typeName(value)} in a slice is not supported`, 'Use whole numbers.');
  return value;
};

const slice = (object: PythonValue, bounds: readonly (number | null)[], meter: WorkMeter): PythonValue => {
  const [start = null, stop = null, step = null] = bounds;
  if (typeof object !== 'string' && !isList(object))
    throw new TemplateFault(`a slice of ${typeName(object)} is not supported`, 'Take a slice of a text or a list.');
  if (step === 0) throw new TemplateFault('the step of a slice is 0', 'Use another step.');
  meter.spend(object.length);
  const taken = (length: number): readonly number[] => sliceIndices(length, start, stop, step ?? 1);
  if (typeof object !== 'string') return taken(object.length).map((index) => object[index] ?? null);
  const characters = Array.from(object);
  return taken(characters.length)
    .map((index) => characters[index] ?? '')
    .join('');
};

const range = (values: PythonList, meter: WorkMeter): PythonList => {
  const numbers = values.map((value) => {
    if (typeof value !== 'number')
      throw new TemplateFault(`range() of ${typeName(value)} is not supported`, 'Use whole numbers.');
    return value;
  });
  const [first = 0, second, step = 1] = numbers;
  if (numbers.length < 1 || numbers.length > 3 || step === 0)
    throw new TemplateFault('range() needs one to three whole numbers, and a step that is not 0', 'Check its values.');
  const [from, to] = second === undefined ? [0, first] : [first, second];
  const count = Math.max(0, Math.ceil((to - from) / step));
  meter.spend(count * STEP);
  return Array.from({ length: count }, (_, index) => from + index * step);
};

const passes = (name: string, value: PythonValue): boolean => {
  switch (name) {
    case 'none':
      return value === null;
    case 'true':
      return value === true;
    case 'false':
      return value === false;
    case 'string':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number' || typeof value === 'boolean' || value instanceof Decimal;
    case 'mapping':
      return isDict(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return typeof value === 'number';
    case 'float':
      return value instanceof Decimal;
    default:
      return typeof value === 'string' || isList(value) || isDict(value);
  }
};
