import {
  capitalize,
  isDict,
  isList,
  type PythonDict,
  type PythonList,
  type PythonValue,
  splitAtSpace,
  strip,
  titled,
} from '../python/python-value.ts';
import { TemplateFault } from './template-fault.ts';
import { equals, typeName } from './template-operators.ts';
import type { WorkMeter } from './work-meter.ts';

/** Replaces text; the length of the result is charged before it is built. */
export const replaceText = (text: string, old: string, by: string, count: number | null, meter: WorkMeter): string => {
  // An empty `old` matches before each character and at the end, as in Python.
  const parts = old === '' ? ['', ...Array.from(text), ''] : text.split(old);
  const times = Math.min(parts.length - 1, count === null || count < 0 ? Infinity : count);
  meter.spend(text.length + parts.length + times * by.length);
  return (
    parts.slice(0, times + 1).join(by) +
    parts
      .slice(times + 1)
      .map((part) => old + part)
      .join('')
  );
};

export const joinTexts = (members: readonly string[], separator: string, meter: WorkMeter): string => {
  meter.spend(members.reduce((sum, member) => sum + member.length + separator.length, 0));
  return members.join(separator);
};

const split = (text: string, separator: PythonValue | undefined, limit: PythonValue | undefined): PythonList => {
  if (separator === undefined || separator === null) {
    if (limit !== undefined)
      throw new TemplateFault(
        '.split() at white space with a limit is not supported',
        'Split without a limit, and take a slice.',
      );
    return splitAtSpace(text);
  }
  if (typeof separator !== 'string' || separator === '')
    throw new TemplateFault('.split() needs a text that is not empty', 'Name the separator.');
  const parts = text.split(separator);
  if (limit === undefined) return parts;
  if (typeof limit !== 'number')
    throw new TemplateFault('.split() needs a whole number as its limit', 'Give a whole number.');
  return limit < 0 || parts.length <= limit + 1
    ? parts
    : [...parts.slice(0, limit), parts.slice(limit).join(separator)];
};

/** Number of code points before an index in UTF-16 units. */
const codePoints = (text: string, unit: number): number => Array.from(text.slice(0, unit)).length;

const textMethod = (text: string, name: string, values: PythonList, meter: WorkMeter): PythonValue | undefined => {
  const [first, second, third] = values;
  const oneText = (): string => {
    if (typeof first !== 'string' || values.length !== 1)
      throw new TemplateFault(`.${name}() of text needs one text`, 'Give one text.');
    return first;
  };
  const noValue = (): void => {
    if (values.length > 0)
      throw new TemplateFault(`.${name}() of text takes no arguments`, 'Leave the brackets empty.');
  };
  meter.spend(text.length);
  switch (name) {
    case 'strip':
    case 'lstrip':
    case 'rstrip':
      return strip(
        text,
        name === 'strip' ? 'both' : name === 'lstrip' ? 'left' : 'right',
        first === undefined || first === null ? null : oneText(),
      );
    case 'lower':
      noValue();
      return text.toLowerCase();
    case 'upper':
      noValue();
      return text.toUpperCase();
    case 'capitalize':
      noValue();
      return capitalize(text);
    case 'title':
      noValue();
      return titled(text);
    case 'split':
      return split(text, first, second);
    case 'join':
      if (
        first === undefined ||
        !isList(first) ||
        values.length !== 1 ||
        !first.every((member) => typeof member === 'string')
      ) {
        throw new TemplateFault('.join() needs one list of texts', 'Give a list of texts.');
      }
      return joinTexts(first, text, meter);
    case 'replace':
      if (
        typeof first !== 'string' ||
        typeof second !== 'string' ||
        (third !== undefined && typeof third !== 'number')
      ) {
        throw new TemplateFault(
          '.replace() needs two texts, and a whole number if anything',
          'Give the old text and the new one.',
        );
      }
      return replaceText(text, first, second, third ?? null, meter);
    case 'startswith':
      return text.startsWith(oneText());
    case 'endswith':
      return text.endsWith(oneText());
    case 'count':
      return oneText() === '' ? Array.from(text).length + 1 : text.split(oneText()).length - 1;
    case 'find':
    case 'index': {
      const unit = text.indexOf(oneText());
      if (unit < 0 && name === 'index')
        throw new TemplateFault(
          `.index() does not find ${JSON.stringify(first)}`,
          'Check the row: the text is missing.',
        );
      return unit < 0 ? -1 : codePoints(text, unit);
    }
    default:
      return undefined;
  }
};

const listMethod = (list: PythonList, name: string, values: PythonList, meter: WorkMeter): PythonValue | undefined => {
  const [sought] = values;
  if (name !== 'index' && name !== 'count') return undefined;
  if (sought === undefined || values.length !== 1)
    throw new TemplateFault(`.${name}() of a list needs one argument`, 'Give one value.');
  if (name === 'count') return list.filter((member) => equals(member, sought, meter)).length;
  const index = list.findIndex((member) => equals(member, sought, meter));
  if (index < 0)
    throw new TemplateFault(
      `.index() does not find ${typeof sought === 'string' ? JSON.stringify(sought) : 'the value'} in the list`,
      'Check the row: the value is missing.',
    );
  return index;
};

const dictMethod = (dict: PythonDict, name: string, values: PythonList, meter: WorkMeter): PythonValue | undefined => {
  meter.spend(dict.size);
  const [key, otherwise = null] = values;
  switch (name) {
    case 'get':
      if (typeof key !== 'string' || values.length > 2)
        throw new TemplateFault('.get() needs one text', 'Give the key.');
      return dict.get(key) ?? otherwise;
    case 'keys':
      return [...dict.keys()];
    case 'values':
      return [...dict.values()];
    case 'items':
      return [...dict].map(([name_, member]) => [name_, member]);
    default:
      return undefined;
  }
};

/** Calls a method of a text, list or dict with Python's meaning; throws a TemplateFault for anything else. */
export const callMethod = (object: PythonValue, name: string, values: PythonList, meter: WorkMeter): PythonValue => {
  let result: PythonValue | undefined;
  if (typeof object === 'string') result = textMethod(object, name, values, meter);
  else if (isList(object)) result = listMethod(object, name, values, meter);
  else if (isDict(object)) result = dictMethod(object, name, values, meter);
  if (result === undefined)
    throw new TemplateFault(
      `${typeName(object)} has no method .${name}() here`,
      'Check the column that it is called on.',
    );
  return result;
};
