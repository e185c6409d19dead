import {
  Decimal,
  isDict,
  isList,
  Missing,
  type PythonList,
  pythonRepr,
  type PythonValue,
  titled,
} from '../python/python-value.ts';
import { TemplateFault } from './template-fault.ts';
import { membersOf } from './template-filters.ts';
import { equals, isTrue, typeName } from './template-operators.ts';
import { meteredText, type WorkMeter } from './work-meter.ts';

interface Layout {
  /** Spaces per level, or null for one line. */
  readonly indent: number | null;
  readonly areKeysSorted: boolean;
}

/** Like json.dumps: keeps characters beyond ASCII and escapes control characters as JSON.stringify does. */
const write = (value: PythonValue, layout: Layout, level: number): string => {
  if (value === null) return 'null';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (value instanceof Decimal) return pythonRepr(value);
  const inner = layout.indent === null ? '' : `\n${' '.repeat(layout.indent * (level + 1))}`;
  const end = layout.indent === null ? '' : `\n${' '.repeat(layout.indent * level)}`;
  const joined = (members: readonly string[]): string =>
    inner + members.join(layout.indent === null ? ', ' : `,${inner}`) + end;
  if (isList(value))
    return value.length === 0 ? '[]' : `[${joined(value.map((member) => write(member, layout, level + 1)))}]`;
  if (isDict(value)) {
    const entries = layout.areKeysSorted ? [...value].sort(([a], [b]) => (a < b ? -1 : 1)) : [...value];
    return entries.length === 0
      ? '{}'
      : `{${joined(entries.map(([key, member]) => `${JSON.stringify(key)}: ${write(member, layout, level + 1)}`))}}`;
  }
  throw new TemplateFault(`tojson of ${typeName(value)} is not supported`, 'Print values that JSON supports.');
};

/** tojson as transformers defines it for chat templates: Python's json.dumps without ensure_ascii. */
const jsonText = (value: PythonValue, named: ReadonlyMap<string, PythonValue>, meter: WorkMeter): string => {
  for (const [name] of named) {
    if (!['indent', 'ensure_ascii', 'sort_keys'].includes(name))
      throw new TemplateFault(`tojson with ${name} is not supported`, 'Leave it out.');
  }
  if ((named.get('ensure_ascii') ?? false) !== false)
    throw new TemplateFault('tojson with ensure_ascii is not supported', 'Leave it out.');
  const indent = named.get('indent') ?? null;
  if (indent !== null && (typeof indent !== 'number' || indent < 0 || indent > 16))
    throw new TemplateFault('tojson needs a small whole number as its indent', 'Give the number of spaces.');
  meteredText(value, meter);
  return write(value, { indent, areKeysSorted: named.get('sort_keys') === true }, 0);
};

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
