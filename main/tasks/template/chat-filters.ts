import { isDict, isList, Missing, type PythonList, type PythonValue, titled } from '../python/python-value.ts';
import { jsonText } from './json-text.ts';
import { TemplateFault } from './template-fault.ts';
import { membersOf } from './template-filters.ts';
import { equals, isTrue } from './template-operators.ts';
import { meteredText, type WorkMeter } from './work-meter.ts';

const attributeOf = (value: PythonValue, name: string): PythonValue | undefined =>
  isDict(value) ? value.get(name) : undefined;

/** Whether a member passes `selectattr(name, test, value)`. */
const passes = (member: PythonValue, [name, test, wanted]: PythonList, meter: WorkMeter): boolean => {
  if (typeof name !== 'string' || name.includes('.'))
    throw new TemplateFault('selectattr and rejectattr need the name of an attribute', 'Name a key.');
  const found = attributeOf(member, name);
  switch (test) {
    case undefined:
      return found !== undefined && isTrue(found);
    case 'equalto':
    case '==':
    case 'eq':
      return found !== undefined && wanted !== undefined && equals(found, wanted, meter);
    case 'ne':
    case '!=':
      return found === undefined || wanted === undefined || !equals(found, wanted, meter);
    case 'defined':
      return found !== undefined;
    case 'undefined':
      return found === undefined;
    case 'none':
      return found === null;
    case 'in':
      if (wanted === undefined || !isList(wanted))
        throw new TemplateFault('selectattr with "in" needs a list', 'Give a list.');
      return found !== undefined && wanted.some((one) => equals(one, found, meter));
    default:
      throw new TemplateFault(
        `selectattr with the test ${typeof test === 'string' ? `"${test}"` : 'that it names'} is not supported`,
        'Use equalto, ne, in, defined, undefined or none.',
      );
  }
};

/** Applies a filter that only chat templates have. */
export const applyChatFilter = (
  name: string,
  value: PythonValue,
  values: PythonList,
  named: ReadonlyMap<string, PythonValue>,
  meter: WorkMeter,
): PythonValue => {
  if (name !== 'tojson' && named.size > 0)
    throw new TemplateFault(`the filter "${name}" takes no keyword arguments here`, 'Give them by position.');
  const noValue = (): void => {
    if (values.length > 0) throw new TemplateFault(`the filter "${name}" takes no values`, 'Leave the brackets empty.');
  };
  switch (name) {
    case 'tojson':
      noValue();
      return jsonText(value, named, meter);
    case 'items':
      noValue();
      if (value instanceof Missing) return [];
      if (!isDict(value)) throw new TemplateFault('the filter "items" needs a dict', 'Apply it to a dict.');
      meter.spend(value.size);
      return [...value].map(([key, member]) => [key, member]);
    case 'reverse':
      noValue();
      return typeof value === 'string'
        ? Array.from(meteredText(value, meter)).reverse().join('')
        : [...membersOf(value, meter)].reverse();
    case 'safe':
      // Nothing is escaped here, so `safe` has no effect.
      noValue();
      return meteredText(value, meter);
    case 'title':
      noValue();
      return titled(meteredText(value, meter));
    case 'selectattr':
    case 'rejectattr':
      return membersOf(value, meter).filter((member) => passes(member, values, meter) === (name === 'selectattr'));
    default:
      throw new TemplateFault(`the filter "${name}" is not supported`, 'Remove it.');
  }
};
