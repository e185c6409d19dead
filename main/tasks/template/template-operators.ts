import {
  compareTexts,
  Decimal,
  isDict,
  isList,
  Missing,
  Namespace,
  Opaque,
  type PythonValue,
} from '../python/python-value.ts';
import { TemplateFault } from './template-fault.ts';
import type { BinaryOperator } from './template-syntax.ts';
import { meteredText, type WorkMeter } from './work-meter.ts';

/** Python's name of a value's type. */
export const typeName = (value: PythonValue): string => {
  if (value === null) return 'None';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'a truth value';
  if (typeof value === 'number') return 'a whole number';
  if (value instanceof Decimal) return 'a decimal number';
  if (value instanceof Opaque) return value.what;
  if (value instanceof Missing) return `${value.what}, which does not exist`;
  if (value instanceof Namespace) return 'a namespace';
  return isList(value) ? 'a list' : 'a dict';
};

export const isTrue = (value: PythonValue): boolean => {
  if (value === null || value instanceof Missing) return false;
  if (typeof value === 'string') return value !== '';
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  if (value instanceof Decimal) return value.value !== 0;
  if (isList(value)) return value.length > 0;
  return isDict(value) ? value.size > 0 : true;
};

/** The number that True, 1 and 1.0 share in Python; null for other values. */
const numberOf = (value: PythonValue): number | null => {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value instanceof Decimal ? value.value : null;
};

export const equals = (a: PythonValue, b: PythonValue, meter: WorkMeter): boolean => {
  meter.spend(1);
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== null && right !== null) return left === right;
  if (typeof a === 'string' && typeof b === 'string') {
    meter.spend(Math.min(a.length, b.length));
    return a === b;
  }
  if (a instanceof Missing && b instanceof Missing) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
  if (isList(a) && isList(b))
    return a.length === b.length && a.every((member, index) => equals(member, b[index] ?? null, meter));
  if (!isDict(a) || !isDict(b)) return a === b;
  return a.size === b.size && [...a].every(([key, member]) => b.has(key) && equals(member, b.get(key) ?? null, meter));
};

export const contains = (container: PythonValue, value: PythonValue, meter: WorkMeter): boolean => {
  if (container instanceof Missing) return false;
  if (isList(container)) return container.some((member) => equals(member, value, meter));
  if (typeof value === 'string' && isDict(container)) return container.has(value);
  if (typeof value === 'string' && typeof container === 'string') {
    meter.spend(container.length);
    return container.includes(value);
  }
  throw new TemplateFault(
    `it looks for ${typeName(value)} in ${typeName(container)}`,
    'Look for text in text or in a dict, or for anything in a list.',
  );
};

const compare = (a: PythonValue, b: PythonValue, operator: string, meter: WorkMeter): number => {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== null && right !== null) return left - right;
  if (typeof a !== 'string' || typeof b !== 'string') throw badOperands(operator, a, b);
  meter.spend(a.length + b.length);
  return compareTexts(a, b);
};

const badOperands = (operator: string, a: PythonValue, b: PythonValue): TemplateFault =>
  new TemplateFault(
    `${operator} between ${typeName(a)} and ${typeName(b)} is not supported`,
    'Use whole numbers, texts or lists.',
  );

const whole = (value: number): number => {
  if (!Number.isSafeInteger(value)) throw new TemplateFault('a number exceeds 2^53', 'Use smaller numbers.');
  return value === 0 ? 0 : value;
};

const repeat = (value: string | readonly PythonValue[], count: number, meter: WorkMeter): PythonValue => {
  const times = value.length === 0 ? 0 : Math.max(0, count);
  meter.spend(value.length * times);
  if (typeof value === 'string') return value.repeat(times);
  return Array.from({ length: times }, () => value).flat();
};

const arithmetic = (operator: BinaryOperator, a: number, b: number): number => {
  switch (operator) {
    case '+':
      return whole(a + b);
    case '-':
      return whole(a - b);
    case '*':
      return whole(a * b);
    case '//':
    case '%': {
      if (b === 0) throw new TemplateFault('it divides by zero', 'Guard the division with an if.');
      // Python's remainder has the divisor's sign, and its quotient is rounded down.
      const rest = a % b;
      const remainder = rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
      return whole(operator === '%' ? remainder : (a - remainder) / b);
    }
    default:
      throw badOperands(operator, a, b);
  }
};

/** Every operator but `and` and `or`, which do not evaluate their right side if the left decides. */
export const applyOperator = (
  operator: Exclude<BinaryOperator, 'and' | 'or'>,
  a: PythonValue,
  b: PythonValue,
  meter: WorkMeter,
): PythonValue => {
  switch (operator) {
    case '==':
      return equals(a, b, meter);
    case '!=':
      return !equals(a, b, meter);
    case 'in':
      return contains(b, a, meter);
    case 'not in':
      return !contains(b, a, meter);
    case '<':
      return compare(a, b, operator, meter) < 0;
    case '>':
      return compare(a, b, operator, meter) > 0;
    case '<=':
      return compare(a, b, operator, meter) <= 0;
    case '>=':
      return compare(a, b, operator, meter) >= 0;
    case '~': {
      return meteredText(a, meter) + meteredText(b, meter);
    }
    default:
      break;
  }
  if (operator === '+' && typeof a === 'string' && typeof b === 'string') {
    meter.spend(a.length + b.length);
    return a + b;
  }
  if (operator === '+' && isList(a) && isList(b)) {
    meter.spend(a.length + b.length);
    return [...a, ...b];
  }
  if (operator === '*' && typeof b === 'number' && (typeof a === 'string' || isList(a))) return repeat(a, b, meter);
  if (typeof a === 'number' && typeof b === 'number') return arithmetic(operator, a, b);
  throw badOperands(operator, a, b);
};
