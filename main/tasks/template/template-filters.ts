import {
  capitalize,
  Decimal,
  isDict,
  isList,
  Missing,
  type PythonList,
  type PythonValue,
  strip,
} from '../python/python-value.ts';
import { TemplateFault } from './template-fault.ts';
import { joinTexts, replaceText } from './template-methods.ts';
import { typeName } from './template-operators.ts';
import { meteredText, type WorkMeter } from './work-meter.ts';

/** Elements that a loop or a filter iterates over: members, characters or keys. */
export const membersOf = (value: PythonValue, meter: WorkMeter): PythonList => {
  if (typeof value === 'string' || isList(value)) {
    meter.spend(value.length);
    return typeof value === 'string' ? Array.from(value) : value;
  }
  if (value instanceof Missing) return [];
  if (isDict(value)) {
    meter.spend(value.size);
    return [...value.keys()];
  }
  throw new TemplateFault(`it iterates over ${typeName(value)}`, 'Iterate over a list, a text or a dict.');
};

const attributeOf = (value: PythonValue, name: string): PythonValue => {
  const found = isDict(value) ? value.get(name) : undefined;
  if (found === undefined)
    throw new TemplateFault(`${typeName(value)} has no "${name}"`, 'Check the key against the data.');
  return found;
};

/** Python's int(text) and int(number), with Jinja's default value. */
const toInteger = (value: PythonValue, otherwise: PythonValue): PythonValue => {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  const digits = typeof value === 'string' ? strip(value, 'both', null) : '';
  const number =
    value instanceof Decimal ? value.value : /^[+-]?\d+(?:\.\d*)?$/.test(digits) ? Number(digits) : Number.NaN;
  return Number.isSafeInteger(Math.trunc(number)) ? Math.trunc(number) + 0 : otherwise;
};

/** Applies a Jinja filter to an existing value; `attribute` is that of `map` and `join`. */
export const applyFilter = (
  name: string,
  value: PythonValue,
  values: PythonList,
  attribute: string | null,
  meter: WorkMeter,
): PythonValue => {
  const [first, second, third] = values;
  const most = name === 'replace' ? 3 : ['default', 'd', 'int', 'join', 'trim'].includes(name) ? 1 : 0;
  if (values.length > most)
    throw new TemplateFault(`the filter "${name}" takes at most ${String(most)} arguments here`, 'Remove the others.');
  const text = (): string => meteredText(value, meter);
  switch (name) {
    case 'string':
      return text();
    case 'lower':
      return text().toLowerCase();
    case 'upper':
      return text().toUpperCase();
    case 'capitalize':
      return capitalize(text());
    case 'trim':
      return strip(text(), 'both', first === undefined || first === null ? null : meteredText(first, meter));
    case 'replace':
      if (
        typeof first !== 'string' ||
        typeof second !== 'string' ||
        (third !== undefined && typeof third !== 'number')
      ) {
        throw new TemplateFault('the filter "replace" needs two texts', 'Give the old text and the new one.');
      }
      return replaceText(text(), first, second, third ?? null, meter);
    case 'int':
      return toInteger(value, first ?? 0);
    case 'default':
    case 'd':
      return value;
    case 'length':
    case 'count':
      return isDict(value) ? value.size : membersOf(value, meter).length;
    case 'list':
      return membersOf(value, meter);
    case 'first':
    case 'last': {
      const members = membersOf(value, meter);
      const found = members[name === 'first' ? 0 : members.length - 1];
      if (found === undefined) throw new TemplateFault(`it takes the ${name} of an empty list`, 'Check the row.');
      return found;
    }
    case 'map':
    case 'join': {
      const members =
        attribute === null
          ? membersOf(value, meter)
          : membersOf(value, meter).map((member) => attributeOf(member, attribute));
      if (name === 'map') return members;
      return joinTexts(
        members.map((member) => meteredText(member, meter)),
        first === undefined ? '' : meteredText(first, meter),
        meter,
      );
    }
    default:
      throw new TemplateFault(`the filter "${name}" is not supported`, 'Remove it.');
  }
};
